package store

import (
	"context"

	"recert/model"
)

// UnaskedRemovals gives, by id, up to limit removals in a source for which no system and nobody was asked
// yet; they are locked.
func (tx *Tx) UnaskedRemovals(ctx context.Context, source, after int64, limit int) ([]model.Remediation, error) {
	var rs []model.Remediation
	err := tx.all(ctx, &rs, `SELECT * FROM remediations WHERE source_id = ? AND kind = 'remove' AND mode <> 'manual' AND state IN ('queued', 'held', 'failed')
		AND called_at IS NULL AND id > ? ORDER BY id LIMIT ?`+tx.forUpdate(), source, after, limit)
	return rs, err
}

// PostponeRemoval lets a removal go out at an instant, if it would before, and moves when it is due by as much.
func (tx *Tx) PostponeRemoval(ctx context.Context, r model.Remediation, at model.Time) error {
	if at <= r.NextAt {
		return nil
	}
	due := r.DueAt
	if due.Known() {
		due += at - r.NextAt
	}
	return tx.execOne(ctx, "UPDATE remediations SET next_at = ?, due_at = ? WHERE id = ?", at, due, r.ID)
}
