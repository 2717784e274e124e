package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// lease is how long a loading snapshot is taken for alive after its last sign of life. A process
// that lives gives one every beat.
const (
	lease = 60 * time.Second
	beat  = 15 * time.Second
)

// Service ingests. It may be used by several goroutines at once; of one source, one ingest runs
// at a time, whatever the process.
type Service struct {
	Store *store.Store
	// AfterSeal is run in the transaction that seals a snapshot, after everything else in it. An
	// error of it undoes the seal.
	AfterSeal []func(ctx context.Context, tx *store.Tx, snap model.Snapshot) error

	chunkRows, cachedKeys int // for tests; 0 is the constant of that name
}

// Origins of a snapshot.
const (
	OriginCLI    = "cli"
	OriginUpload = "upload"
	OriginLive   = "live"
)

// Request is one ingest: of files, or of a live system.
type Request struct {
	Source string
	// AsOf is when the source looked like this; zero is when the read began.
	AsOf time.Time
	// Expect holds independent control totals: the rows that a kind must have, rejected ones
	// included. A difference holds the snapshot.
	Expect map[model.Kind]int64
	Files  []File           // one a kind; a kind that is not given is carried forward
	Live   connector.Source // instead of Files: gives every kind of the source
	Origin string           // OriginCLI, OriginUpload or OriginLive
	Actor  string           // who ingests, as model.Actor.Label gives it
	// Progress is called from time to time, never at once from two goroutines; nil is fine.
	Progress func(Progress)
}

// File is one file of a Request.
type File struct {
	Kind model.Kind
	Name string // decides the form, and stands in rejects
	Open func() (io.ReadCloser, error)
	// Layout is how to read it where that is not as the source declares; nil is as declared.
	Layout *Layout
}

// Progress tells how far an ingest is.
type Progress struct {
	Kind model.Kind
	Rows int64 // of this kind so far, rejected ones included
	Done bool  // everything is read; the snapshot is being compared and sealed
}

// mainKind is the kind whose counts stand for the whole snapshot.
func mainKind(p model.Provides) model.Kind {
	if p == model.ProvidesPeople {
		return model.KindPeople
	}
	return model.KindGrants
}

// job is one run of Run.
type job struct {
	*Service

	req    Request
	src    store.Source
	spec   model.SourceSpec
	layout Layout
	limit  int64 // of shrinking, in millionths
	given  []model.Kind
	files  []File // in reading order
	snap   model.Snapshot
	stager *stager

	stats      map[model.Kind]*kindStats
	extraction connector.Extraction
	infos      []store.SnapshotFile
}

// kindStats is what reading one kind gave.
type kindStats struct {
	read, accepted, rejected, duplicates int64
	expected                             *int64
	total                                *int64 // the source's own count
	unread                               unreadRows
}

// Run reads a source and seals or holds a snapshot of it. The same content at the same as_of
// gives the snapshot that is there already and changes nothing.
//
// An error means that nothing that anybody sees has changed. Kinds: Invalid for a request or a
// file that cannot be taken, NotFound for an unknown source, Conflict where another ingest of the
// source is running.
func (s *Service) Run(ctx context.Context, req Request) (Result, error) {
	j := &job{Service: s, req: req, stats: map[model.Kind]*kindStats{}}
	if err := j.prepare(ctx); err != nil {
		return Result{}, err
	}
	if err := j.begin(ctx); err != nil {
		return Result{}, err
	}
	if err := j.read(ctx); err != nil {
		return Result{}, j.abandon(ctx, err)
	}
	j.progress(Progress{Done: true})
	id, existing, err := j.finish(ctx)
	if err != nil {
		return Result{}, j.abandon(ctx, err)
	}
	res, err := s.Result(ctx, id)
	res.Existing = existing
	return res, err
}

// prepare checks the request before anything is stored.
func (j *job) prepare(ctx context.Context) error {
	var err error
	if j.src, err = j.Store.Source(ctx, j.req.Source); err != nil {
		return err
	}
	if j.spec, err = j.Store.SourceSpec(ctx, j.req.Source); err != nil {
		return err
	}
	if j.limit, err = ParseShrinkLimit(j.spec.ShrinkLimit); err != nil {
		return err
	}
	if _, err := parseRules(j.spec.Correlate); err != nil {
		return err
	}
	settings, err := j.Store.Settings(ctx)
	if err != nil {
		return err
	}
	if j.layout, err = LayoutOf(j.spec, settings); err != nil {
		return err
	}
	if err := j.sortFiles(); err != nil {
		return err
	}
	for kind := range j.req.Expect {
		if !slices.Contains(j.given, kind) {
			return model.Errorf(model.Invalid, "a count of %s is expected, but no %s are given", kind, kind)
		}
	}
	for _, kind := range j.given {
		j.stats[kind] = &kindStats{}
		if n, ok := j.req.Expect[kind]; ok {
			j.stats[kind].expected = &n
		}
	}
	return nil
}

// sortFiles puts the files in reading order and sets given.
func (j *job) sortFiles() error {
	kinds := j.src.Provides.Kinds()
	if j.req.Live != nil {
		if len(j.req.Files) > 0 {
			return model.Errorf(model.Invalid, "an ingest reads files or the live system, not both")
		}
		j.given = kinds
		return nil
	}
	if len(j.req.Files) == 0 {
		return model.Errorf(model.Invalid, "nothing to ingest: give files as KIND=FILE, the kinds of source %s being %v", j.src.Name, kinds)
	}
	for _, f := range j.req.Files {
		if !slices.Contains(kinds, f.Kind) {
			return model.Errorf(model.Invalid, "source %s provides %s: it has no %s, only %v", j.src.Name, j.src.Provides, f.Kind, kinds)
		}
	}
	for _, kind := range kinds {
		n := len(j.files)
		for _, f := range j.req.Files {
			if f.Kind == kind {
				j.files = append(j.files, f)
			}
		}
		switch len(j.files) - n {
		case 0:
		case 1:
			j.given = append(j.given, kind)
		default:
			return model.Errorf(model.Invalid, "%s are given twice: put them into one file", kind)
		}
	}
	return nil
}

// begin makes the snapshot's row, after it cleared away what a dead process left.
func (j *job) begin(ctx context.Context) error {
	var dead int64
	err := j.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.LockSource(ctx, j.src.ID); err != nil {
			return err
		}
		var err error
		if dead, err = clearDead(ctx, tx, j.src); err != nil {
			return err
		}
		started := tx.Now
		asOf := started
		if !j.req.AsOf.IsZero() {
			asOf = model.TimeOf(j.req.AsOf)
		}
		if err := checkAsOf(ctx, tx, j.src, asOf); err != nil {
			return err
		}
		j.snap = model.Snapshot{
			SourceID: j.src.ID, AsOf: asOf, State: model.SnapshotLoading, Origin: j.req.Origin, Actor: j.req.Actor,
			Reasons: "[]", Extraction: "{}", Unmatched: "{}", Problems: "{}", StartedAt: started,
		}
		j.snap.ID, err = tx.InsertSnapshot(ctx, j.snap)
		return err
	})
	if err != nil {
		return err
	}
	stale, err := j.Store.StaleStages(ctx)
	if err != nil {
		return j.abandon(ctx, err)
	}
	if dead != 0 && !slices.Contains(stale, dead) {
		stale = append(stale, dead)
	}
	for _, id := range stale {
		if err := j.Store.InTx(ctx, func(tx *store.Tx) error { return tx.EmptyStage(ctx, id) }); err != nil {
			return j.abandon(ctx, err)
		}
	}
	return nil
}

// clearDead discards a snapshot of the source whose process gives no sign of life; one that lives
// is a Conflict.
func clearDead(ctx context.Context, tx *store.Tx, src store.Source) (id int64, err error) {
	old, err := tx.LoadingSnapshot(ctx, src.ID)
	if err != nil || old == nil {
		return 0, err
	}
	if until := old.HeartbeatAt.Add(lease); tx.Now < until {
		return 0, model.Errorf(model.Conflict, "an ingest of source %s has been running since %s: wait for it to end. If its process was killed, try again after %s", src.Name, old.StartedAt, until)
	}
	old.State = model.SnapshotDiscarded
	old.EndedAt = tx.Now
	old.Reasons = jsonText([]string{"the process that loaded it ended before it was done"})
	return old.ID, tx.UpdateSnapshot(ctx, *old, model.SnapshotLoading)
}

// DiscardDead discards what processes that ended left half loaded, in all sources: for the start
// of a server. It gives the number of snapshots.
func (s *Service) DiscardDead(ctx context.Context) (int, error) {
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, src := range sources {
		var dead int64
		err := s.Store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.LockSource(ctx, src.ID); err != nil {
				return err
			}
			var err error
			if dead, err = clearDead(ctx, tx, src); err != nil || dead == 0 {
				return err
			}
			return tx.EmptyStage(ctx, dead)
		})
		switch {
		case model.KindOf(err) == model.Conflict: // it lives
		case err != nil:
			return n, err
		case dead != 0:
			n++
		}
	}
	return n, nil
}

// checkAsOf refuses a time that is not after the latest sealed snapshot's, unless it may be the
// same snapshot again, which only its content can tell.
func checkAsOf(ctx context.Context, tx *store.Tx, src store.Source, asOf model.Time) error {
	last, err := tx.LatestSealed(ctx, src.ID)
	if err != nil || last == nil || asOf > last.AsOf {
		return err
	}
	same, err := tx.SnapshotAt(ctx, src.ID, asOf, "")
	if err != nil || same != nil {
		return err
	}
	return notAfter(src, asOf, last)
}

func notAfter(src store.Source, asOf model.Time, last *model.Snapshot) error {
	return model.Errorf(model.Invalid, "the snapshot of source %s as of %s is not after the latest sealed one, as of %s: history is not rewritten. Give a later --as-of", src.Name, asOf, last.AsOf)
}

// abandon discards the snapshot because of err, which it gives back.
func (j *job) abandon(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease)
	defer cancel()
	derr := j.Store.InTx(ctx, func(tx *store.Tx) error {
		snap, err2 := tx.Snapshot(ctx, j.snap.ID)
		if err2 != nil || snap.State != model.SnapshotLoading {
			return err2 // somebody took us for dead and cleared up already
		}
		snap.State = model.SnapshotDiscarded
		snap.EndedAt = tx.Now
		snap.Reasons = jsonText([]string{model.Message(err)})
		if err2 := tx.UpdateSnapshot(ctx, snap, model.SnapshotLoading); err2 != nil {
			return err2
		}
		return tx.EmptyStage(ctx, j.snap.ID)
	})
	if derr != nil {
		return errors.Join(err, fmt.Errorf("discard snapshot %d: %w", j.snap.ID, derr))
	}
	return err
}

func (j *job) progress(p Progress) {
	if j.req.Progress != nil {
		j.req.Progress(p)
	}
}
