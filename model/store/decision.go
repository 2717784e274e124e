package store

import (
	"context"

	"github.com/uptrace/bun"

	"recert/model"
)

// DecisionByKey is the answer that was given with an idempotency key; ok is false where there is none.
func (q queries) DecisionByKey(ctx context.Context, run, item int64, key string) (d model.Decision, ok bool, err error) {
	var ds []model.Decision
	err = q.all(ctx, &ds, "SELECT * FROM decisions WHERE run_id = ? AND item_id = ? AND idem_key = ?", run, item, key)
	if err != nil || len(ds) == 0 {
		return d, false, err
	}
	return ds[0], true, nil
}

// Decisions are all answers to some items of a run, by item and version.
func (q queries) Decisions(ctx context.Context, run int64, items []int64) ([]model.Decision, error) {
	if len(items) == 0 {
		return nil, nil
	}
	var ds []model.Decision
	err := q.all(ctx, &ds, "SELECT * FROM decisions WHERE run_id = ? AND item_id IN (?) ORDER BY item_id, version", run, bun.List(items))
	return ds, err
}

// InsertDecision stores an answer.
func (tx *Tx) InsertDecision(ctx context.Context, d model.Decision) error {
	return tx.execOne(ctx, `INSERT INTO decisions (run_id, item_id, version, reviewer_key, answer, until, lower_to, comment, idem_key, event_id, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.RunID, d.ItemID, d.Version, d.ReviewerKey, d.Answer, d.Until, d.LowerTo, d.Comment, d.IdemKey, d.EventID, d.At)
}

// Assignments are the moves of an item between reviewers, in order.
func (q queries) Assignments(ctx context.Context, run, item int64) ([]model.Assignment, error) {
	var as []model.Assignment
	err := q.all(ctx, &as, "SELECT * FROM assignments WHERE run_id = ? AND item_id = ? ORDER BY n", run, item)
	return as, err
}

// InsertAssignment stores a move.
func (tx *Tx) InsertAssignment(ctx context.Context, a model.Assignment) error {
	return tx.execOne(ctx, "INSERT INTO assignments (run_id, item_id, n, from_key, to_key, basis, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.RunID, a.ItemID, a.N, a.FromKey, a.ToKey, a.Basis, a.Reason, a.At)
}
