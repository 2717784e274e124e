package store

import (
	"context"

	"recert/model"
)

// DueKeep is an item that was kept until a date.
type DueKeep struct {
	model.Item

	Until    string `bun:"until"`
	TimeZone string `bun:"time_zone"` // of its run
}

// DueKeeps gives up to limit items after another one, by run and id, whose final answer is a keep
// until a date before day (YYYY-MM-DD) and whose keep has not ended.
func (q queries) DueKeeps(ctx context.Context, day string, after DueKeep, limit int) ([]DueKeep, error) {
	var out []DueKeep
	err := q.all(ctx, &out, `SELECT i.*, d.until, u.time_zone FROM decisions d JOIN items i ON i.run_id = d.run_id AND i.id = d.item_id JOIN runs u ON u.id = d.run_id
		WHERE d.until <> '' AND d.until < ? AND d.answer = 'keep' AND i.answer = 'keep' AND i.outcome = 'keep' AND (d.run_id, d.item_id) > (?, ?)
		AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.run_id = d.run_id AND o.item_id = d.item_id AND o.version > d.version)
		AND NOT EXISTS (SELECT 1 FROM ended_keeps k WHERE k.run_id = d.run_id AND k.item_id = d.item_id)
		ORDER BY d.run_id, d.item_id LIMIT ?`, day, after.RunID, after.ID, limit)
	return out, err
}

// CountKeepsUntil counts what a reviewer in a run keeps until a date, and gives the first of these dates
// (YYYY-MM-DD), "" where there is none.
func (q queries) CountKeepsUntil(ctx context.Context, run, reviewer int64) (n int64, first string, err error) {
	var row struct {
		N     int64  `bun:"n"`
		First string `bun:"first"`
	}
	err = q.one(ctx, &row, "", `SELECT COUNT(*) AS n, COALESCE(MIN(d.until), '') AS first FROM items i JOIN decisions d ON d.run_id = i.run_id AND d.item_id = i.id
		WHERE i.run_id = ? AND i.reviewer_key = ? AND i.answer = 'keep' AND i.outcome <> 'gone' AND d.until <> '' AND d.answer = 'keep'
		AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.run_id = d.run_id AND o.item_id = d.item_id AND o.version > d.version)`, run, reviewer)
	return row.N, row.First, err
}

// LaterItems are the items of later runs about the same access of the same account.
func (q queries) LaterItems(ctx context.Context, it model.Item) ([]model.Item, error) {
	var out []model.Item
	err := q.all(ctx, &out, `SELECT * FROM items WHERE source_id = ? AND account_key = ? AND entitlement_key IS NOT DISTINCT FROM ? AND run_id > ? ORDER BY run_id, id`,
		it.SourceID, it.AccountKey, it.EntitlementKey, it.RunID)
	return out, err
}

// EndKeep writes down that a keep has ended. first is false where somebody did before.
func (tx *Tx) EndKeep(ctx context.Context, k model.EndedKeep) (first bool, err error) {
	n, err := tx.exec(ctx, "INSERT INTO ended_keeps (run_id, item_id, result, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", k.RunID, k.ItemID, k.Result, tx.Now)
	return n == 1, err
}
