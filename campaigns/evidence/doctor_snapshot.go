package evidence

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkSnapshots: each snapshot is what its events say, and no event speaks of another one.
func checkSnapshots(ctx context.Context, d *doctor) error {
	sources, err := sourcesByID(ctx, d)
	if err != nil {
		return err
	}
	sealed := int64(0)
	page := func(ctx context.Context, s model.Snapshot) ([]model.Snapshot, error) {
		return d.SnapshotsAfter(ctx, s.ID)
	}
	err = pages(ctx, page, nil, func(s *model.Snapshot) error {
		d.saw(1, "snapshots")
		if s.State == model.SnapshotSealed {
			sealed++
		}
		events, err := d.EventsOf(ctx, "", verify.SnapshotObject(s.ID))
		if err != nil {
			return err
		}
		why, err := snapshotFault(ctx, d, s, sources[s.SourceID], events)
		if err == nil && why != "" {
			d.fault("snapshot %d: %s", s.ID, why)
		}
		return err
	})
	if err != nil {
		return err
	}
	n, err := d.CountEvents(ctx, verify.TypeSnapshotSealed, "")
	if err == nil && n != sealed {
		d.fault("%d snapshots are sealed, and %d were by the events", sealed, n)
	}
	return err
}

func sourcesByID(ctx context.Context, d *doctor) (map[int64]store.Source, error) {
	all, err := d.Sources(ctx)
	m := make(map[int64]store.Source, len(all))
	for _, s := range all {
		m[s.ID] = s
	}
	return m, err
}

// snapshotSaid is what the events of a snapshot say of it.
type snapshotSaid struct {
	sealed    *verify.SnapshotSealed
	held      *verify.SnapshotHeld
	released  bool
	discarded bool
	actors    map[string]string // by type of event; one that is erased, or was never there, is absent
}

// snapshotStory reads the events of a snapshot; why is what is wrong with them.
func snapshotStory(ctx context.Context, d *doctor, events []store.Event) (said snapshotSaid, why string, err error) {
	ids := make([]int64, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	open, err := d.disclosed(ctx, ids)
	if err != nil {
		return said, "", err
	}
	said.actors = map[string]string{}
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			return said, fmt.Sprintf("event %d: %v", e.ID, err), nil
		}
		if actor, ok := open[e.ID]["actor"]; ok {
			said.actors[e.Type] = actor
		}
		switch b := body.(type) {
		case *verify.SnapshotSealed:
			if said.sealed != nil {
				return said, "it was sealed twice", nil
			}
			said.sealed = b
		case *verify.SnapshotHeld:
			said.held = b
		case *verify.SnapshotReleased:
			said.released = true
		case *verify.SnapshotDiscarded:
			said.discarded = true
		}
	}
	return said, "", nil
}

// snapshotFault tells how a snapshot differs from its events; "" is not at all.
func snapshotFault(ctx context.Context, d *doctor, s *model.Snapshot, src store.Source, events []store.Event) (string, error) {
	said, why, err := snapshotStory(ctx, d, events)
	if err != nil || why != "" {
		return why, err
	}
	switch {
	case (s.State == model.SnapshotSealed) != (said.sealed != nil):
		return fmt.Sprintf("it is %s, which its events do not say", s.State), nil
	case s.State == model.SnapshotHeld && (said.held == nil || said.released || said.discarded):
		return "it is held, which its events do not say", nil
	case said.discarded && s.State != model.SnapshotDiscarded:
		return fmt.Sprintf("it is %s, and was discarded by its events", s.State), nil
	case said.sealed != nil && (said.held != nil) != said.released:
		return "it was held, and nobody released it", nil
	case said.released != (s.ReleasedBy != ""):
		return "who released it is not what its events say", nil
	}
	if why := heldFault(s, &said); why != "" {
		return why, nil
	}
	switch {
	case s.State == model.SnapshotHeld:
		if said.held.Digest != s.Digest || said.held.AsOf != verify.Time(s.AsOf) || said.held.Source != src.Name || said.held.RejectsRoot != s.RejectsRoot {
			return "it is not the one that was held", nil
		}
	case said.sealed != nil:
		return sealedFault(ctx, d, s, src, said.sealed)
	}
	return "", nil
}

// heldFault tells whether who brought a snapshot in, why it was held and who released it is what
// its events say.
func heldFault(s *model.Snapshot, said *snapshotSaid) string {
	first := verify.TypeSnapshotSealed
	if said.held != nil {
		first = verify.TypeSnapshotHeld
	} else if said.sealed == nil {
		return "" // it was given up while it was loaded: no event speaks of it
	}
	if by, ok := said.actors[first]; ok && by != s.Actor {
		return "who brought it in is not what its events say"
	}
	if by, ok := said.actors[verify.TypeSnapshotReleased]; ok && by != s.ReleasedBy {
		return "who released it is not what its events say"
	}
	var reasons, want []string
	if err := json.Unmarshal([]byte(s.Reasons), &reasons); err != nil {
		return fmt.Sprintf("why it was held cannot be read: %v", err)
	}
	if said.held != nil {
		want = said.held.Reasons
	}
	if !slices.Equal(reasons, want) {
		return "why it was held is not what its events say"
	}
	return ""
}

// sealedFault tells whether the row, its files and its ledger are what was sealed.
func sealedFault(ctx context.Context, d *doctor, s *model.Snapshot, src store.Source, said *verify.SnapshotSealed) (string, error) {
	ledgers, err := d.Ledgers(ctx, s.ID)
	if err != nil {
		return "", err
	}
	files, err := d.SnapshotFiles(ctx, s.ID)
	if err != nil {
		return "", err
	}
	is := *said
	is.Source, is.Provides, is.AsOf, is.Digest, is.Previous, is.Origin = src.Name, string(src.Provides), verify.Time(s.AsOf), s.Digest, 0, s.Origin
	is.StartedAt, is.EndedAt, is.Rejects, is.RejectsRoot = verify.Time(s.StartedAt), verify.Time(s.EndedAt), s.Rejects, s.RejectsRoot
	if s.PreviousID != nil {
		is.Previous = *s.PreviousID
	}
	is.Kinds, is.Files, is.Unmatched = map[string]verify.KindCount{}, nil, nil
	for _, l := range ledgers {
		if l.Given {
			is.Kinds[string(l.Kind)] = verify.KindCount{
				Read: l.Read, Accepted: l.Accepted, Rejected: l.Rejected, New: l.New, Changed: l.Changed, Unchanged: l.Unchanged,
				Gone: l.Gone, Previous: l.Previous, Duplicates: l.Duplicates, Expected: l.Expected, Root: l.Root,
			}
		}
	}
	for _, f := range files {
		is.Files = append(is.Files, verify.SourceFile{Kind: string(f.Kind), Name: f.Name, SHA256: f.SHA256, Bytes: f.Bytes})
	}
	if err := json.Unmarshal([]byte(s.Unmatched), &is.Unmatched); err != nil {
		return fmt.Sprintf("its unmatched accounts cannot be read: %v", err), nil
	}
	same, err := sameJSON(is, *said)
	if err == nil && !same {
		return "what is stored of it is not what was sealed", nil
	}
	return "", err
}

func sameJSON(a, b any) (bool, error) {
	x, err := verify.Canonical(a)
	if err != nil {
		return false, err
	}
	y, err := verify.Canonical(b)
	return bytes.Equal(x, y), err
}

// checkRejects: the rejected rows of a snapshot are those that its root was made of.
func checkRejects(ctx context.Context, d *doctor) error {
	sources, err := sourcesByID(ctx, d)
	if err != nil {
		return err
	}
	page := func(ctx context.Context, s model.Snapshot) ([]model.Snapshot, error) {
		return d.SnapshotsAfter(ctx, s.ID)
	}
	return pages(ctx, page, nil, func(s *model.Snapshot) error {
		if s.State != model.SnapshotSealed && s.State != model.SnapshotHeld {
			return nil
		}
		var root verify.Root
		rows := func(ctx context.Context, r store.Reject) ([]store.Reject, error) {
			return d.Rejects(ctx, s.ID, r.N, 1000)
		}
		if err := pages(ctx, rows, nil, func(r *store.Reject) error {
			d.saw(1, "rejected rows")
			return d.reject(r, sources[s.SourceID].Name, &root)
		}); err != nil {
			return err
		}
		if sum := root.Sum(); root.Len() != s.Rejects || hex.EncodeToString(sum[:]) != s.RejectsRoot {
			d.fault("the %d rejected rows of snapshot %d are not the %d that it was sealed with", root.Len(), s.ID, s.Rejects)
		}
		return nil
	})
}

func (d *doctor) reject(r *store.Reject, source string, root *verify.Root) error {
	row := verify.Rejection{
		Snapshot: r.SnapshotID, Source: source, Kind: string(r.Kind), File: r.File, Line: r.Line, Column: r.Column,
		Details: verify.RejectDetails{Raw: r.Raw, Reason: r.Reason}, Bound: bound(r.Salt, r.Commitment),
	}
	h, err := row.Hash()
	if err != nil {
		return err
	}
	root.Add(h)
	if len(r.Salt) == 0 { // erased
		return nil
	}
	if b, err := verify.Bind(r.Salt, "details", row.Details); err != nil || b.Commitment != r.Commitment {
		d.fault("rejected row %d of snapshot %d is not the one that was committed to", r.N, r.SnapshotID)
	}
	return nil
}
