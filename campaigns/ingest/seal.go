package ingest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"recert/model"
	"recert/model/store"
)

// finish compares what was staged with the latest sealed snapshot and seals or holds it, all in
// one transaction. It gives the snapshot's id, and whether it was there already.
func (j *job) finish(ctx context.Context) (id int64, existing bool, err error) {
	roots := map[model.Kind]string{}
	for _, kind := range j.given {
		roots[kind] = j.stager.digest.root(kind)
	}
	digest := j.stager.digest.sum(roots)
	j.stager.seen, j.stager.digest = nil, nil // their memory is needed no more
	sealed := false
	err = j.Store.InTx(ctx, func(tx *store.Tx) error {
		id, existing, sealed = j.snap.ID, false, false
		if err := tx.LockSource(ctx, j.src.ID); err != nil {
			return err
		}
		if err := tx.Heartbeat(ctx, j.snap.ID); err != nil {
			return err
		}
		same, err := tx.SnapshotAt(ctx, j.src.ID, j.snap.AsOf, digest)
		if err != nil {
			return err
		}
		if same != nil {
			id, existing = same.ID, true
			if err := tx.EmptyStage(ctx, j.snap.ID); err != nil {
				return err
			}
			return tx.DropSnapshot(ctx, j.snap.ID)
		}
		last, err := tx.LatestSealed(ctx, j.src.ID)
		if err != nil {
			return err
		}
		if last != nil && j.snap.AsOf <= last.AsOf {
			return notAfter(j.src, j.snap.AsOf, last)
		}
		return tx.WithRoom(ctx, func() error {
			sealed, err = j.settle(ctx, tx, digest, roots, last)
			return err
		})
	})
	if err != nil || !sealed {
		return id, existing, err
	}
	return id, existing, j.emptyStage(ctx, id)
}

// emptyStage frees what a sealed snapshot had staged. It is a transaction of its own, so that
// nobody waits for it; what a crash leaves, the next ingest removes.
func (s *Service) emptyStage(ctx context.Context, id int64) error {
	if err := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.EmptyStage(ctx, id) }); err != nil {
		return fmt.Errorf("snapshot %d is sealed, but its staged rows could not be removed: %w", id, err)
	}
	return nil
}

// settle seals or holds the snapshot and tells which.
func (j *job) settle(ctx context.Context, tx *store.Tx, digest string, roots map[model.Kind]string, last *model.Snapshot) (sealed bool, err error) {
	ledgers := make([]model.Ledger, 0, len(j.given))
	for _, kind := range j.given {
		s := j.stats[kind]
		ledgers = append(ledgers, model.Ledger{
			SnapshotID: j.snap.ID, Kind: kind, Given: true, Read: s.read, Accepted: s.accepted, Rejected: s.rejected,
			Duplicates: s.duplicates, Expected: s.expected, Root: roots[kind],
		})
	}
	counts, err := compare(ctx, tx, &j.snap, ledgers)
	if err != nil {
		return false, err
	}
	for _, f := range j.infos {
		if err := tx.InsertSnapshotFile(ctx, f); err != nil {
			return false, err
		}
	}
	snap := j.snap
	snap.Digest = digest
	snap.EndedAt = tx.Now
	snap.Rejects = j.stager.n
	root := j.stager.root.Sum()
	snap.RejectsRoot = hex.EncodeToString(root[:])
	if j.extraction.StartedAt.Known() {
		snap.StartedAt = min(snap.StartedAt, j.extraction.StartedAt)
	}
	snap.Extraction = jsonText(j.extraction)
	if last != nil {
		snap.PreviousID = &last.ID
	}
	taken, err := j.taken(ctx, tx, ledgers, last)
	if err != nil {
		return false, err
	}
	reasons := j.reasons(ledgers, taken)
	unread, err := j.unread(ctx, tx, ledgers)
	if err != nil {
		return false, err
	}
	reasons = append(reasons, unread...)
	snap.Reasons = jsonText(slices.Concat([]string{}, reasons)) // [] rather than null
	w := &sealing{Service: j.Service, src: j.src, spec: j.spec, snap: snap, from: model.SnapshotLoading, ledgers: ledgers, counts: counts, actor: j.req.Actor}
	if len(reasons) > 0 {
		return false, w.hold(ctx, tx, reasons)
	}
	return true, w.seal(ctx, tx)
}

// compare completes the ledgers with counts that the database makes each by itself, and refuses
// ledgers that do not balance.
func compare(ctx context.Context, tx *store.Tx, snap *model.Snapshot, ledgers []model.Ledger) (map[model.Kind]store.RowCounts, error) {
	counts := map[model.Kind]store.RowCounts{}
	for i := range ledgers {
		l := &ledgers[i]
		var c store.RowCounts
		var err error
		if l.Kind == model.KindGrants {
			c, err = tx.CompareGrants(ctx, snap.SourceID, snap.ID)
		} else {
			c, err = tx.CompareRows(ctx, snap.SourceID, snap.ID, l.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("compare %s with the previous snapshot: %w", l.Kind, err)
		}
		rejected, err := tx.CountRejects(ctx, snap.ID, l.Kind)
		if err != nil {
			return nil, err
		}
		l.New, l.Changed, l.Unchanged, l.Gone, l.Previous = c.New, c.Changed, c.Unchanged, c.Gone, c.Previous
		if !l.Balanced() || c.Accepted != l.Accepted || rejected != l.Rejected {
			return nil, model.Errorf(model.Internal, "the ledger of %s does not balance (%d accepted rows and %d rejected ones are stored): %+v", l.Kind, c.Accepted, rejected, *l)
		}
		counts[l.Kind] = c
	}
	return counts, nil
}

// maxAhead is how far an as_of may lie ahead without a question.
const maxAhead = 31 * 24 * time.Hour

// shrinks tells whether more rows of a kind are gone than the source's limit lets go.
func (j *job) shrinks(l model.Ledger, gone int64) bool { return gone*million > j.limit*l.Previous }

// taken is how many of the grants that are gone were taken by removals: nobody is to be surprised by
// what was asked for. It is counted only where it could matter.
func (j *job) taken(ctx context.Context, tx *store.Tx, ledgers []model.Ledger, last *model.Snapshot) (int64, error) {
	for _, l := range ledgers {
		if l.Kind == model.KindGrants && last != nil && j.shrinks(l, l.Gone) {
			return tx.CountTakenGrants(ctx, j.src.ID, j.snap.ID, last.AsOf)
		}
	}
	return 0, nil
}

// reasons are the sentences for which the snapshot must wait for an admin. taken is how many of the
// grants that are gone were removed on purpose.
func (j *job) reasons(ledgers []model.Ledger, taken int64) []string {
	var out []string
	if ahead := j.snap.AsOf.Std().Sub(j.snap.StartedAt.Std()); ahead > maxAhead {
		out = append(out, fmt.Sprintf("It speaks of %s, which is %d days ahead: no earlier snapshot could follow it.", j.snap.AsOf, int(ahead.Hours()/24)))
	}
	for _, l := range ledgers {
		s, gone, besides := j.stats[l.Kind], l.Gone, ""
		if l.Kind == model.KindGrants && taken > 0 {
			gone, besides = l.Gone-taken, fmt.Sprintf(" (besides %d that were to be removed)", taken)
		}
		if s.expected != nil && *s.expected != l.Read {
			out = append(out, fmt.Sprintf("%d %s were expected and %d were read.", *s.expected, l.Kind, l.Read))
		}
		if s.total != nil && *s.total != l.Read {
			out = append(out, fmt.Sprintf("The source says that it has %d %s, and %d were read.", *s.total, l.Kind, l.Read))
		}
		switch {
		case l.Accepted == 0 && l.Read > 0:
			out = append(out, fmt.Sprintf("None of the %d %s could be taken: all were rejected.", l.Read, l.Kind))
		case l.Accepted == 0 && l.Previous > 0:
			out = append(out, fmt.Sprintf("There are no %s, and the previous snapshot had %d.", l.Kind, l.Previous))
		case j.shrinks(l, gone):
			out = append(out, fmt.Sprintf("%d of the %d %s of the previous snapshot are gone%s: %s, and the limit is %s.",
				gone, l.Previous, l.Kind, besides, percent(gone*100*100/l.Previous), percent(j.limit/100)))
		}
	}
	return out
}

// percent writes hundredths of a percent.
func percent(n int64) string {
	if n%100 == 0 {
		return fmt.Sprintf("%d %%", n/100)
	}
	return fmt.Sprintf("%d.%02d %%", n/100, n%100)
}

// sealing is what sealing and holding need, whether after loading or at a release.
type sealing struct {
	*Service

	src     store.Source
	spec    model.SourceSpec
	snap    model.Snapshot
	from    model.SnapshotState
	ledgers []model.Ledger
	counts  map[model.Kind]store.RowCounts
	actor   string
}

// hold keeps the snapshot staged until an admin says what to do.
func (w *sealing) hold(ctx context.Context, tx *store.Tx, reasons []string) error {
	w.snap.State = model.SnapshotHeld
	if err := tx.PutLedgers(ctx, w.snap.ID, w.ledgers); err != nil {
		return err
	}
	if err := tx.UpdateSnapshot(ctx, w.snap, w.from); err != nil {
		return err
	}
	return w.heldEvent(ctx, tx, reasons)
}

// seal makes the staged rows the live ones, works out which person each account belongs to, and
// stores everything that belongs to a sealed snapshot.
func (w *sealing) seal(ctx context.Context, tx *store.Tx) error {
	previous := int64(0)
	if w.snap.PreviousID != nil {
		previous = *w.snap.PreviousID
	}
	for _, l := range w.ledgers {
		if err := w.apply(ctx, tx, previous, l); err != nil {
			return err
		}
	}
	if previous != 0 && w.src.Provides == model.ProvidesAccess {
		if err := tx.DeleteCorrelations(ctx, w.src.ID, w.snap.ID, previous); err != nil {
			return fmt.Errorf("forget the accounts that are gone: %w", err)
		}
	}
	f, err := correlateAfter(ctx, tx, w.src, w.spec)
	if err != nil {
		return fmt.Errorf("find the person of each account: %w", err)
	}
	if err := w.completeLedgers(ctx, tx, f.implied); err != nil {
		return err
	}
	if err := tx.PutLedgers(ctx, w.snap.ID, w.ledgers); err != nil {
		return err
	}
	w.snap.Unmatched, w.snap.Problems = jsonText(f.unmatched), jsonText(f.problems.list())
	w.snap.State = model.SnapshotSealed
	w.snap.SealedAt = tx.Now
	if err := tx.UpdateSnapshot(ctx, w.snap, w.from); err != nil {
		return err
	}
	if err := w.sealedEvent(ctx, tx, f.unmatched); err != nil {
		return err
	}
	for _, hook := range w.AfterSeal {
		if err := hook(ctx, tx, w.snap); err != nil {
			return err
		}
	}
	return nil
}

// apply makes the staged rows of one kind the live ones, and counts again what is live then.
func (w *sealing) apply(ctx context.Context, tx *store.Tx, previous int64, l model.Ledger) error {
	var live int64
	var err error
	if l.Kind == model.KindGrants {
		if err := tx.SealGrants(ctx, w.src.ID, w.snap.ID, previous, w.counts[l.Kind]); err != nil {
			return err
		}
		live, err = tx.CountLiveGrants(ctx, w.src.ID)
	} else {
		if err := tx.SealRows(ctx, w.src.ID, w.snap.ID, previous, l.Kind); err != nil {
			return err
		}
		live, err = tx.CountLiveRows(ctx, w.src.ID, l.Kind)
	}
	if err == nil && live != l.Accepted {
		return model.Errorf(model.Internal, "after sealing there are %d live %s of source %s, and %d were accepted", live, l.Kind, w.src.Name, l.Accepted)
	}
	return err
}

// completeLedgers adds the kinds that were not given, and how many only grants name; accounts is
// that of accounts.
func (w *sealing) completeLedgers(ctx context.Context, tx *store.Tx, accounts int64) error {
	for _, kind := range w.src.Provides.Kinds() {
		if !slices.ContainsFunc(w.ledgers, func(l model.Ledger) bool { return l.Kind == kind }) {
			w.ledgers = append(w.ledgers, model.Ledger{SnapshotID: w.snap.ID, Kind: kind})
		}
	}
	for i := range w.ledgers {
		switch l := &w.ledgers[i]; l.Kind {
		case model.KindAccounts:
			l.Implied = accounts
		case model.KindEntitlements:
			var err error
			if l.Implied, err = tx.CountImpliedEntitlements(ctx, w.src.ID); err != nil {
				return err
			}
		case model.KindPeople, model.KindGrants:
		}
	}
	return nil
}
