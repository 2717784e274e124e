package store

import (
	"context"

	"recert/model"
)

// HourCount is how many items of a run needed no answer any more from an hour on.
type HourCount struct {
	Hour int64 `bun:"hour"` // since 1970
	N    int64 `bun:"n"`
}

// At is the end of the hour.
func (h HourCount) At() model.Time { return model.Time((h.Hour + 1) * hour) }

const hour = 3_600_000_000 // in the units of model.Time

// SettledByHour counts the items of a run by the hour in which the answer was given that stands, or in which the
// snapshot was sealed that does not show their access any more; in order.
func (q queries) SettledByHour(ctx context.Context, run int64) ([]HourCount, error) {
	var out []HourCount
	err := q.all(ctx, &out, `SELECT hour, CAST(SUM(n) AS BIGINT) AS n FROM (
			SELECT decided_at / ? AS hour, COUNT(*) AS n FROM items WHERE run_id = ? AND decided_at IS NOT NULL GROUP BY 1
			UNION ALL SELECT s.sealed_at / ? AS hour, COUNT(*) AS n FROM items i JOIN snapshots s ON s.id = i.gone_snapshot WHERE i.run_id = ? AND i.gone_snapshot IS NOT NULL GROUP BY 1
		) t GROUP BY hour ORDER BY hour`, hour, run, hour, run)
	return out, err
}

// MovedItems counts the open items of a run that went from reviewer to reviewer at least so many times.
func (q queries) MovedItems(ctx context.Context, run, times int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, `SELECT COUNT(*) FROM (SELECT item_id FROM assignments WHERE run_id = ? GROUP BY item_id HAVING COUNT(*) >= ?) a
		JOIN items i ON i.run_id = ? AND i.id = a.item_id WHERE i.outcome = '' AND i.answer IN ('', 'unsure')`, run, times, run)
	return n, err
}
