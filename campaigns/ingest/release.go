package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Release seals a held snapshot on the word of an admin who is not the one who ingested it, under
// whichever identity. It is compared again with the latest sealed snapshot. Kinds of errors: Forbidden for the wrong
// person, Invalid without a reason, Conflict where the snapshot is not held any more or a newer
// one was sealed or is being loaded.
func (s *Service) Release(ctx context.Context, actor model.Actor, snapshotID int64, reason string) (Result, error) {
	reason = strings.TrimSpace(reason)
	err := s.decide(ctx, actor, snapshotID, reason, func(tx *store.Tx, src store.Source, snap model.Snapshot) error {
		same, err := campaigns.SameOne(ctx, tx, snap.Actor, actor)
		if err != nil {
			return err
		}
		if same {
			return model.Errorf(model.Forbidden, "%s ingested this snapshot: another admin must release it.", snap.Actor)
		}
		var reasons []string
		if err := json.Unmarshal([]byte(snap.Reasons), &reasons); err != nil {
			return fmt.Errorf("read why snapshot %d is held: %w", snap.ID, err)
		}
		if !Releasable(reasons) {
			return model.Errorf(model.Conflict, "What is missing in this snapshot may be rows that could not be read: it can only be discarded. %s", mustCorrect)
		}
		newer, err := tx.NewerSnapshot(ctx, src.ID, snap.ID)
		if err != nil {
			return err
		}
		if newer != nil {
			return model.Errorf(model.Conflict, "Snapshot %d as of %s came after this one and is %s: this one can only be discarded.", newer.ID, newer.AsOf, stateName(newer.State))
		}
		last, err := tx.LatestSealed(ctx, src.ID)
		if err != nil {
			return err
		}
		if last != nil && snap.AsOf <= last.AsOf {
			return notAfter(src, snap.AsOf, last)
		}
		snap.PreviousID = nil
		if last != nil {
			snap.PreviousID = &last.ID
		}
		snap.ReleasedBy = actor.Label()
		w := &sealing{Service: s, src: src, snap: snap, from: model.SnapshotHeld, actor: actor.Label()}
		if w.spec, err = tx.SourceSpec(ctx, src.Name); err != nil {
			return err
		}
		if w.ledgers, err = tx.Ledgers(ctx, snap.ID); err != nil {
			return err
		}
		if w.counts, err = compare(ctx, tx, &w.snap, w.ledgers); err != nil {
			return err
		}
		released := evidence.SnapshotReleased{Snapshot: snap.ID, Source: src.Name, Reason: reason}
		if err := appendEvent(ctx, tx, evidence.TypeSnapshotReleased, snap.ID, released, actor.Label()); err != nil {
			return err
		}
		return w.seal(ctx, tx)
	})
	if err != nil {
		return Result{}, err
	}
	if err := s.emptyStage(ctx, snapshotID); err != nil {
		return Result{}, err
	}
	return s.Result(ctx, snapshotID)
}

// Discard puts a held snapshot away for good. Its ledger and rejects stay. Kinds of errors as
// with Release, but the one who ingested it may discard it too.
func (s *Service) Discard(ctx context.Context, actor model.Actor, snapshotID int64, reason string) error {
	reason = strings.TrimSpace(reason)
	return s.decide(ctx, actor, snapshotID, reason, func(tx *store.Tx, src store.Source, snap model.Snapshot) error {
		snap.State = model.SnapshotDiscarded
		if err := tx.UpdateSnapshot(ctx, snap, model.SnapshotHeld); err != nil {
			return err
		}
		if err := tx.EmptyStage(ctx, snap.ID); err != nil {
			return err
		}
		return appendEvent(ctx, tx, evidence.TypeSnapshotDiscarded, snap.ID, evidence.SnapshotDiscarded{Snapshot: snap.ID, Source: src.Name, Reason: reason}, actor.Label())
	})
}

// decide runs fn on a held snapshot for an admin who gives a reason. The command line may do what
// an admin may.
func (s *Service) decide(ctx context.Context, actor model.Actor, id int64, reason string, fn func(*store.Tx, store.Source, model.Snapshot) error) error {
	if actor.UserID != 0 && !actor.Has(model.Admin) {
		return model.Errorf(model.Forbidden, "Only an admin decides about a held snapshot.")
	}
	if reason == "" {
		return model.Errorf(model.Invalid, "Say why: the reason is kept as evidence.")
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		snap, err := tx.Snapshot(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.LockSource(ctx, snap.SourceID); err != nil {
			return err
		}
		if snap, err = tx.Snapshot(ctx, id); err != nil { // again, now that nobody else changes it
			return err
		}
		if snap.State != model.SnapshotHeld {
			return model.Errorf(model.Conflict, "Snapshot %d is %s, not held.", id, stateName(snap.State))
		}
		src, err := tx.SourceByID(ctx, snap.SourceID)
		if err != nil {
			return err
		}
		return tx.WithRoom(ctx, func() error { return fn(tx, src, snap) })
	})
}
