package store

import (
	"context"

	"github.com/uptrace/bun"

	"recert/model"
)

// ItemLowers are the remediations of some items of a run that give the weaker access, by item and id.
func (q queries) ItemLowers(ctx context.Context, run int64, items []int64) ([]model.Remediation, error) {
	if len(items) == 0 {
		return nil, nil
	}
	var rs []model.Remediation
	err := q.all(ctx, &rs, "SELECT * FROM remediations WHERE run_id = ? AND item_id IN (?) AND kind = 'lower' ORDER BY item_id, id", run, bun.List(items))
	return rs, err
}

// RestoreOf is what gives back what a removal took, unless that was cancelled. ok is false where nobody
// asked for it.
func (q queries) RestoreOf(ctx context.Context, removal int64) (r model.Remediation, ok bool, err error) {
	var rs []model.Remediation
	err = q.all(ctx, &rs, "SELECT * FROM remediations WHERE for_id = ? AND kind = 'restore' AND state <> 'cancelled'", removal)
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// RemediationsFor are the remediations that follow from another one, by id.
func (q queries) RemediationsFor(ctx context.Context, id int64) ([]model.Remediation, error) {
	var rs []model.Remediation
	err := q.all(ctx, &rs, "SELECT * FROM remediations WHERE for_id = ? ORDER BY id", id)
	return rs, err
}

// HandOver leaves to a person what no connector can give. r.State, r.CalledAt and the rest were
// written by FinishRemediation.
func (tx *Tx) HandOver(ctx context.Context, r model.Remediation) error {
	return tx.execOne(ctx, "UPDATE remediations SET mode = 'manual' WHERE id = ? AND fence = ? AND kind IN ('restore', 'lower')", r.ID, r.Fence)
}

// CancelRestore ends what was to give an access back, unless a worker has it right now, or its call may
// yet take effect: then ok is false.
func (tx *Tx) CancelRestore(ctx context.Context, id int64, reason string) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = 'cancelled', reason = ?, closed_at = ?, in_doubt_since = NULL, lease_until = NULL, fence = fence + 1
		WHERE id = ? AND kind = 'restore' AND state IN ('queued', 'held', 'sent', 'failed') AND (lease_until IS NULL OR lease_until < ?)
		AND (in_doubt_since IS NULL OR state = 'failed')`, reason, tx.Now, id, tx.Now)
	return n == 1, err
}

// RestoreRemediation says that what a removal took was given back, for a reason. ok is false where the
// removal was not proven, or no longer is.
func (tx *Tx) RestoreRemediation(ctx context.Context, id int64, reason string) (ok bool, err error) {
	if err := tx.EndSpell(ctx, id); err != nil {
		if model.KindOf(err) == model.Conflict {
			return false, nil // it is not proven
		}
		return false, err
	}
	n, err := tx.exec(ctx, "UPDATE remediations SET state = 'restored', reason = ?, closed_at = ?, fence = fence + 1 WHERE id = ? AND kind = 'remove' AND state = 'confirmed'",
		reason, tx.Now, id)
	return n == 1, err
}
