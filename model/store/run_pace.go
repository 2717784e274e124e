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

// moved are the open items of a run that went from reviewer to reviewer at least so many times: its arguments are the
// run, the times, and the run.
const moved = ` FROM (SELECT item_id, COUNT(*) AS moves FROM assignments WHERE run_id = ? GROUP BY item_id HAVING COUNT(*) >= ?) a
	JOIN items i ON i.run_id = ? AND i.id = a.item_id WHERE i.outcome = '' AND i.answer IN ('', 'unsure')`

// MovedItems counts the open items of a run that went from reviewer to reviewer at least so many times.
func (q queries) MovedItems(ctx context.Context, run, times int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*)"+moved, run, times, run)
	return n, err
}

// ItemMoves is how often an item went from reviewer to reviewer.
type ItemMoves struct {
	ItemID int64 `bun:"item_id"`
	Moves  int64 `bun:"moves"`
}

// MostMoved are up to limit of the items that MovedItems counts, those first that moved most.
func (q queries) MostMoved(ctx context.Context, run, times int64, limit int) ([]ItemMoves, error) {
	var out []ItemMoves
	err := q.all(ctx, &out, "SELECT a.item_id, a.moves"+moved+" ORDER BY a.moves DESC, a.item_id LIMIT ?", run, times, run, limit)
	return out, err
}
