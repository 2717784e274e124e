package evidence

import (
	"archive/zip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// ExportOptions say which package of a run is wanted.
type ExportOptions struct {
	// Checkpoint is the size of a signed checkpoint; 0 is the first one that holds every event of
	// the run: exporting does not move it, another removal that is proven does.
	Checkpoint int64
	// Previous is an earlier package: the new one proves that the log goes on from its checkpoint.
	// Without it, the proof goes on from the previous run's.
	Previous string
	TempDir  string // "" is the system's
}

// Export writes the evidence package of a run to w and logs that it did. The same run and
// checkpoint give the same bytes. An error means that nothing of w may be used.
func (l *Log) Export(ctx context.Context, actor, name string, opt ExportOptions, w io.Writer) (verify.Written, error) {
	run, err := l.Store.RunByName(ctx, name)
	if err != nil {
		return verify.Written{}, err
	}
	cp, err := l.exportCheckpoint(ctx, run, opt.Checkpoint)
	if err != nil {
		return verify.Written{}, err
	}
	p, err := l.pack(ctx, run, cp, opt)
	if err != nil {
		return verify.Written{}, fmt.Errorf("package of %s: %w", run.Name, err)
	}
	done, err := p.Write(ctx, w)
	if err != nil {
		return done, fmt.Errorf("package of %s: %w", run.Name, err)
	}
	err = l.Store.InTx(ctx, func(tx *store.Tx) error {
		_, err := Append(ctx, tx, verify.Event{
			Type: verify.TypePackageExported, Object: "package:" + done.SHA256[:16],
			Data:     verify.PackageExported{Run: run.Name, Checkpoint: cp.Size, SHA256: done.SHA256},
			Personal: map[string]string{"actor": actor},
		})
		return err
	})
	return done, err
}

// exportCheckpoint is the checkpoint of a package: the one of the size that is asked for, else
// the first that holds all that has happened in the run.
func (l *Log) exportCheckpoint(ctx context.Context, run model.Run, size int64) (store.Checkpoint, error) {
	if _, err := l.Barrier(ctx); err != nil {
		return store.Checkpoint{}, err
	}
	if size != 0 {
		return l.Store.CheckpointAt(ctx, size)
	}
	return l.runCheckpoint(ctx, run, 1<<62)
}

// runCheckpoint is the first checkpoint that holds every event of a run below an index.
func (l *Log) runCheckpoint(ctx context.Context, run model.Run, below int64) (store.Checkpoint, error) {
	idx, err := l.Store.LastLogIndex(ctx, run.Name, below)
	if err != nil {
		return store.Checkpoint{}, err
	}
	return l.Store.CheckpointAfter(ctx, idx)
}

func (l *Log) pack(ctx context.Context, run model.Run, cp store.Checkpoint, opt ExportOptions) (*verify.Package, error) {
	objects, sources, err := l.runSnapshots(ctx, run, cp.Size)
	if err != nil {
		return nil, err
	}
	hashes := hashReader{ctx: ctx, q: l.Store}
	consistency, err := l.consistency(ctx, run, cp, opt.Previous, hashes)
	if err != nil {
		return nil, err
	}
	return &verify.Package{
		Leaves:     l.lines(ctx, store.PackageFilter{Run: run.Name, Objects: objects, Since: run.LaunchedAt, Size: cp.Size}),
		Items:      l.items(ctx, run.ID),
		Excluded:   l.excluded(ctx, run.ID),
		Rejected:   l.rejected(ctx, sources),
		Checkpoint: []byte(cp.Note), Consistency: consistency, Hashes: hashes, TempDir: opt.TempDir,
	}, nil
}

// runSnapshots gives the snapshots that a run was launched on, in the order of its launch, and
// the objects of all that its events name.
func (l *Log) runSnapshots(ctx context.Context, run model.Run, size int64) ([]string, []verify.SourceSnapshot, error) {
	leaves, err := l.Store.RunLeaves(ctx, run.Name, []string{verify.TypeCampaignLaunched, verify.TypeItemGone, verify.TypeRevocationState}, size)
	if err != nil {
		return nil, nil, err
	}
	var objects []string
	var sources []verify.SourceSnapshot
	seen := map[int64]bool{0: true}
	add := func(id int64) {
		if !seen[id] {
			seen[id] = true
			objects = append(objects, verify.SnapshotObject(id))
		}
	}
	for _, leaf := range leaves {
		_, body, err := verify.ParseLeaf(leaf)
		if err != nil {
			return nil, nil, err
		}
		switch b := body.(type) {
		case *verify.CampaignLaunched:
			sources = b.Sources
			for _, s := range b.Sources {
				add(s.Snapshot)
			}
		case *verify.ItemGone:
			add(b.Snapshot)
		case *verify.RevocationState:
			add(b.Snapshot)
		}
	}
	if sources == nil {
		return nil, nil, model.Errorf(model.Invalid, "the checkpoint of %d events was signed before %s was launched", size, run.Name)
	}
	return objects, sources, nil
}

func (l *Log) lines(ctx context.Context, f store.PackageFilter) iter.Seq2[*verify.LogLine, error] {
	return func(yield func(*verify.LogLine, error) bool) {
		for after := int64(-1); ; {
			events, err := l.Store.PackageEvents(ctx, f, after, 1000)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(events) == 0 {
				return
			}
			open, err := l.disclosures(ctx, events)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range events {
				if !yield(&verify.LogLine{Index: e.Idx, Leaf: e.Leaf, Disclosures: open[e.ID]}, nil) {
					return
				}
				after = e.Idx
			}
		}
	}
}

func (l *Log) disclosures(ctx context.Context, events []store.LoggedEvent) (map[int64][]verify.Disclosure, error) {
	ids := make([]int64, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	rows, err := l.Store.DisclosuresOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	open := make(map[int64][]verify.Disclosure, len(events))
	for _, d := range rows {
		open[d.EventID] = append(open[d.EventID], verify.Disclosure{Field: d.Field, Salt: d.Salt, Value: d.Value})
	}
	return open, nil
}

func (l *Log) items(ctx context.Context, run int64) iter.Seq2[*verify.Item, error] {
	return mapSeq(l.Store.Population(ctx, run), func(r *store.PopulationRow) (*verify.Item, error) {
		parts := ItemParts{ID: r.ID, Source: r.Source, Basis: r.Basis, TextHash: r.TextHash,
			SubjectBound:  bound(r.SubjectSalt, r.SubjectCommitment),
			ReviewerBound: bound(r.ReviewerSalt, r.ReviewerCommitment)}
		err := errors.Join(
			decode("subject", r.Subject, &parts.Subject), decode("entitlement", r.Entitlement, &parts.Entitlement),
			decode("facts", r.Facts, &parts.Facts), decode("reviewer", r.Reviewer, &parts.Reviewer))
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", r.ID, err)
		}
		it := ItemRecord(&parts)
		return &it, nil
	})
}

func (l *Log) excluded(ctx context.Context, run int64) iter.Seq2[*verify.Exclusion, error] {
	return mapSeq(l.Store.Excluded(ctx, run), func(r *store.ExcludedRow) (*verify.Exclusion, error) {
		var s model.Subject
		var e model.Entitlement
		if err := errors.Join(decode("subject", r.Subject, &s), decode("entitlement", r.Entitlement, &e)); err != nil {
			return nil, fmt.Errorf("excluded row %d: %w", r.N, err)
		}
		x := ExclusionRecord(r.Source, s, bound(r.Salt, r.Commitment), e, r.Via, r.Reason)
		return &x, nil
	})
}

func (l *Log) rejected(ctx context.Context, sources []verify.SourceSnapshot) iter.Seq2[*verify.Rejection, error] {
	return func(yield func(*verify.Rejection, error) bool) {
		for _, s := range sources {
			for after := int64(0); ; {
				rows, err := l.Store.Rejects(ctx, s.Snapshot, after, 1000)
				if err != nil {
					yield(nil, err)
					return
				}
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					if !yield(&verify.Rejection{
						Snapshot: s.Snapshot, Source: s.Source, Kind: string(r.Kind), File: r.File, Line: r.Line, Column: r.Column,
						Details: verify.RejectDetails{Raw: r.Raw, Reason: r.Reason}, Bound: bound(r.Salt, r.Commitment),
					}, nil) {
						return
					}
					after = r.N
				}
			}
		}
	}
}

// consistency proves that the log goes on from the previous package's checkpoint; empty where
// there is none.
func (l *Log) consistency(ctx context.Context, run model.Run, cp store.Checkpoint, file string, hashes tlog.HashReader) ([]byte, error) {
	_, vkey, err := l.Key(ctx)
	if err != nil {
		return nil, err
	}
	before, err := l.previousCheckpoint(ctx, run, cp, file)
	if err != nil || before == "" {
		return nil, err
	}
	old, err := verify.OpenCheckpoint([]byte(before), vkey)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "the previous package is not of this log: %v", err)
	}
	if old.Size > cp.Size {
		return nil, model.Errorf(model.Invalid, "the previous package reaches to %d events, this one only to %d: export it anew, or give --checkpoint", old.Size, cp.Size)
	}
	if old.Size == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(cp.Size, old.Size, hashes)
	if err != nil {
		return nil, fmt.Errorf("prove that the log goes on: %w", err)
	}
	return verify.FormatConsistency(proof, []byte(before)), nil
}

// previousCheckpoint is that of the given package, else that of the previous run as far as the
// log had come then; "" where there is none.
func (l *Log) previousCheckpoint(ctx context.Context, run model.Run, cp store.Checkpoint, file string) (string, error) {
	if file != "" {
		return packageCheckpoint(file)
	}
	prev, err := l.Store.PreviousRun(ctx, run)
	if model.KindOf(err) == model.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	old, err := l.runCheckpoint(ctx, prev, cp.Size)
	return old.Note, err
}

// packageCheckpoint reads the checkpoint out of a package.
func packageCheckpoint(file string) (note string, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return "", model.Errorf(model.Invalid, "the previous package %s cannot be read: %v", file, err)
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	f, err := z.Open("log/checkpoint")
	if err != nil {
		return "", model.Errorf(model.Invalid, "%s is no evidence package: it has no log/checkpoint", file)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := io.ReadAll(io.LimitReader(f, 1<<16))
	return string(b), err
}

// ExportFile is Export into a file: it appears under its name when it is whole.
func (l *Log) ExportFile(ctx context.Context, actor, name string, opt ExportOptions, file string) (done verify.Written, err error) {
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return done, model.Errorf(model.Invalid, "cannot write the package: %v", err)
	}
	done, err = l.Export(ctx, actor, name, opt, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return done, errors.Join(err, os.Remove(part))
	}
	return done, os.Rename(part, file)
}

// bound is a stored commitment; without its salt it is erased.
func bound(salt []byte, commitment string) verify.Bound {
	return verify.Bound{Salt: hex.EncodeToString(salt), Commitment: commitment}
}

// decode reads stored canonical JSON; "" is the zero value.
func decode(what, text string, v any) error {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("read its %s: %w", what, err)
	}
	return nil
}

func mapSeq[A, B any](seq iter.Seq2[*A, error], fn func(*A) (*B, error)) iter.Seq2[*B, error] {
	return func(yield func(*B, error) bool) {
		for a, err := range seq {
			var b *B
			if err == nil {
				b, err = fn(a)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
