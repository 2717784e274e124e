package store

import (
	"context"

	"recert/model"
)

// HourCount is how many more items of a run needed no answer at the end of an hour than at its beginning.
type HourCount struct {
	Hour int64 `bun:"hour"` // since 1970
	N    int64 `bun:"n"`
}

// At is the end of the hour.
func (h HourCount) At() model.Time { return model.Time((h.Hour + 1) * hour) }

const hour = 3_600_000_000 // in the units of model.Time

// SettledByHour counts the items of a run that were answered, or gone, in each hour, less those whose answer was taken
// back in it; in order.
func (q queries) SettledByHour(ctx context.Context, run int64) ([]HourCount, error) {
	var out []HourCount
	err := q.all(ctx, &out, "SELECT hour, CAST(SUM(n) AS BIGINT) AS n FROM run_pace WHERE run_id = ? GROUP BY hour ORDER BY hour", run)
	return out, err
}

// addPace counts items of a reviewer as settled in this hour.
func (tx *Tx) addPace(ctx context.Context, run, person, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := tx.exec(ctx, "INSERT INTO run_pace (run_id, hour, person_key, n) VALUES (?, ?, ?, ?) ON CONFLICT (run_id, hour, person_key) DO UPDATE SET n = run_pace.n + excluded.n",
		run, int64(tx.Now)/hour, person, n)
	return err
}

// MovedItems counts the open items of a run that went from reviewer to reviewer at least so many times.
func (q queries) MovedItems(ctx context.Context, run, times int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, `SELECT COUNT(*) FROM (SELECT item_id FROM assignments WHERE run_id = ? GROUP BY item_id HAVING COUNT(*) >= ?) a
		JOIN items i ON i.run_id = ? AND i.id = a.item_id WHERE i.outcome = '' AND i.answer IN ('', 'unsure')`, run, times, run)
	return n, err
}

// StuckItem is an open item that went from reviewer to reviewer.
type StuckItem struct {
	ItemRow

	Reviewer string `bun:"reviewer"` // canonical JSON of model.ReviewerValue: who is asked now
	Moves    int64  `bun:"moves"`
}

// StuckItems are up to limit of the items that MovedItems counts, those first that moved most.
func (q queries) StuckItems(ctx context.Context, run, times int64, limit int) ([]StuckItem, error) {
	var out []StuckItem
	err := q.all(ctx, &out, `SELECT i.*, src.name AS source, s.value AS subject, COALESCE(e.value, '') AS entitlement, v.value AS reviewer, a.moves
		FROM (SELECT item_id, COUNT(*) AS moves FROM assignments WHERE run_id = ? GROUP BY item_id HAVING COUNT(*) >= ?) a
		JOIN items i ON i.run_id = ? AND i.id = a.item_id
		JOIN sources src ON src.id = i.source_id
		JOIN run_reviewers v ON v.run_id = i.run_id AND v.person_key = i.reviewer_key
		JOIN run_subjects s ON s.run_id = i.run_id AND s.account_key = i.account_key
		LEFT JOIN run_entitlements e ON e.run_id = i.run_id AND e.entitlement_key = i.entitlement_key
		WHERE i.outcome = '' AND i.answer IN ('', 'unsure') ORDER BY a.moves DESC, i.id LIMIT ?`, run, times, run, limit)
	return out, err
}
