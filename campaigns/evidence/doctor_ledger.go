package evidence

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// eachSnapshot calls fn for every snapshot, by id.
func eachSnapshot(ctx context.Context, d *doctor, fn func(*model.Snapshot) error) error {
	page := func(ctx context.Context, s model.Snapshot) ([]model.Snapshot, error) {
		return d.SnapshotsAfter(ctx, s.ID)
	}
	return pages(ctx, page, nil, fn)
}

// bounds are where intervals begin and end.
type bounds struct{ begun, ended map[store.Bound]int64 }

// live counts the intervals of a source that a snapshot shows: what began up to it less what ended
// before it. One pass over the intervals serves all snapshots.
func (b bounds) live(source, snapshot int64) int64 {
	var n int64
	for at, c := range b.begun {
		if at.SourceID == source && at.Snapshot <= snapshot {
			n += c
		}
	}
	for at, c := range b.ended {
		if at.SourceID == source && at.Snapshot < snapshot {
			n -= c
		}
	}
	return n
}

func readBounds(ctx context.Context, d *doctor) (map[model.Kind]bounds, error) {
	all := map[model.Kind]bounds{}
	for _, kind := range model.Kinds {
		begun, ended, err := d.Bounds(ctx, kind)
		if err != nil {
			return nil, err
		}
		all[kind] = bounds{begun, ended}
	}
	return all, nil
}

// checkLedgers: each population ledger balances, and what was live at a snapshot, and at the one
// before it, is what its ledger says.
func checkLedgers(ctx context.Context, d *doctor) error {
	if err := d.rule(ctx, store.RuleBalance); err != nil {
		return err
	}
	all, err := readBounds(ctx, d)
	if err != nil {
		return err
	}
	return eachSnapshot(ctx, d, func(s *model.Snapshot) error {
		if s.State != model.SnapshotSealed {
			return nil
		}
		d.saw(1, "sealed snapshots")
		ledgers, err := d.Ledgers(ctx, s.ID)
		for _, l := range ledgers {
			var was int64
			if s.PreviousID != nil {
				was = all[l.Kind].live(s.SourceID, *s.PreviousID)
			}
			live := all[l.Kind].live(s.SourceID, s.ID)
			switch {
			case l.Given && (live != l.Accepted || was != l.Previous):
				d.fault("snapshot %d has %d %s after %d, its ledger says %d after %d", s.ID, live, l.Kind, was, l.Accepted, l.Previous)
			case !l.Given && live != was:
				d.fault("snapshot %d has %d %s, and should have carried %d forward", s.ID, live, l.Kind, was)
			}
		}
		return err
	})
}

// checkSealedOnly: what is loading, held or discarded has no effect that anybody can see.
func checkSealedOnly(ctx context.Context, d *doctor) error {
	if err := d.rule(ctx, store.RuleSealedOnly); err != nil {
		return err
	}
	sealed := map[store.Bound]bool{}
	if err := eachSnapshot(ctx, d, func(s *model.Snapshot) error {
		sealed[store.Bound{SourceID: s.SourceID, Snapshot: s.ID}] = s.State == model.SnapshotSealed
		return nil
	}); err != nil {
		return err
	}
	all, err := readBounds(ctx, d)
	if err != nil {
		return err
	}
	compare := func(kind model.Kind, at map[store.Bound]int64) {
		for b, n := range at {
			d.saw(int(n), "ends of intervals")
			if !sealed[b] {
				d.fault("%d %s of source %d begin or end with snapshot %d, which is not sealed", n, kind, b.SourceID, b.Snapshot)
			}
		}
	}
	for _, kind := range model.Kinds {
		compare(kind, all[kind].begun)
		compare(kind, all[kind].ended)
	}
	changes, err := d.ChangeBounds(ctx)
	compare(model.KindGrants, changes)
	return err
}
