package store

import (
	"context"
	"fmt"
)

// CompareGrants counts how the staged grants differ from the live ones, and keeps the keys at
// which they differ for SealGrants. A changed granted_at counts as changed here, although it
// makes another grant: the key was there and is there.
func (tx *Tx) CompareGrants(ctx context.Context, sourceID, snapshotID int64) (RowCounts, error) {
	var c RowCounts
	if err := tx.analyze(ctx, "stage_grants"); err != nil {
		return c, err
	}
	if _, err := tx.exec(ctx, "DELETE FROM stage_deltas WHERE snapshot_id = ?", snapshotID); err != nil {
		return c, err
	}
	if err := tx.one(ctx, &c.Accepted, "", "SELECT count(*) FROM stage_grants WHERE snapshot_id = ?", snapshotID); err != nil {
		return c, err
	}
	if err := tx.one(ctx, &c.Previous, "", "SELECT count(*) FROM grants WHERE source_id = ? AND last_snapshot IS NULL", sourceID); err != nil {
		return c, err
	}
	if c.Previous == 0 {
		c.New = c.Accepted // nothing is live: whatever is staged is new
		return c, nil
	}
	if err := tx.findDeltas(ctx, sourceID, snapshotID); err != nil {
		return c, fmt.Errorf("compare grants: %w", err)
	}
	if err := tx.one(ctx, &c.Unchanged, "", tx.sameGrants(), snapshotID, sourceID); err != nil {
		return c, err
	}
	var d RowCounts
	err := tx.one(ctx, &d, "", `SELECT count(*) AS accepted, 0 AS unchanged, 0 AS previous,
 count(CASE WHEN g.id IS NULL THEN 1 END) AS new_rows,
 count(CASE WHEN s.n IS NULL THEN 1 END) AS gone,
 count(CASE WHEN g.id IS NOT NULL AND s.n IS NOT NULL THEN 1 END) AS changed
FROM stage_deltas d
LEFT JOIN stage_grants s ON s.snapshot_id = d.snapshot_id AND s.account_key = d.account_key AND s.entitlement_key = d.entitlement_key AND s.via = d.via
LEFT JOIN grants g ON g.source_id = ? AND g.account_key = d.account_key AND g.entitlement_key = d.entitlement_key AND g.via = d.via AND g.last_snapshot IS NULL
WHERE d.snapshot_id = ?`, sourceID, snapshotID)
	c.New, c.Changed, c.Gone = d.New, d.Changed, d.Gone
	return c, err
}

// findDeltas fills stage_deltas. Each database gets the form that it is fastest at (measured: the
// other one costs it three times as much and more).
func (tx *Tx) findDeltas(ctx context.Context, sourceID, snapshotID int64) error {
	const (
		columns = "account_key, entitlement_key, via, hash"
		staged  = "SELECT " + columns + " FROM stage_grants WHERE snapshot_id = ?"
		live    = "SELECT " + columns + " FROM grants WHERE source_id = ? AND last_snapshot IS NULL"
	)
	if tx.dialect == Postgres {
		if _, err := tx.exec(ctx, `INSERT INTO stage_deltas (snapshot_id, account_key, entitlement_key, via)
SELECT ?, account_key, entitlement_key, via FROM (`+staged+`) s FULL JOIN (`+live+`) g USING (account_key, entitlement_key, via)
WHERE s.hash IS DISTINCT FROM g.hash`, snapshotID, snapshotID, sourceID); err != nil {
			return err
		}
		return tx.analyze(ctx, "stage_deltas")
	}
	const insert = "INSERT OR IGNORE INTO stage_deltas (snapshot_id, account_key, entitlement_key, via) SELECT ?, account_key, entitlement_key, via FROM ("
	if _, err := tx.exec(ctx, insert+staged+" EXCEPT "+live+")", snapshotID, snapshotID, sourceID); err != nil {
		return err
	}
	_, err := tx.exec(ctx, insert+live+" EXCEPT "+staged+")", snapshotID, sourceID, snapshotID)
	return err
}

// sameGrants counts the live grants that are staged and say the same.
func (tx *Tx) sameGrants() string {
	if tx.dialect == Postgres {
		return `SELECT count(*) FROM (SELECT * FROM stage_grants WHERE snapshot_id = ?) s
JOIN grants g USING (account_key, entitlement_key, via, hash) WHERE g.source_id = ? AND g.last_snapshot IS NULL`
	}
	// The order is binding: the staged grants are the ones with the key in front.
	return `SELECT count(*) FROM grants g CROSS JOIN stage_grants s
WHERE s.snapshot_id = ? AND g.source_id = ? AND g.last_snapshot IS NULL
 AND s.account_key = g.account_key AND s.entitlement_key = g.entitlement_key AND s.via = g.via AND s.hash = g.hash`
}

// deltaTables and deltaRows lead from a key that differs to what is staged for it. The order of a
// CROSS JOIN is binding on SQLite.
const (
	deltaTables = "stage_deltas d CROSS JOIN stage_grants s"
	deltaRows   = ` WHERE d.snapshot_id = ? AND s.snapshot_id = d.snapshot_id AND s.account_key = d.account_key AND s.entitlement_key = d.entitlement_key AND s.via = d.via`
)

// liveOf is the live grant of the staged row s.
const liveOf = "g.source_id = ? AND g.account_key = s.account_key AND g.entitlement_key = s.entitlement_key AND g.via = s.via AND g.last_snapshot IS NULL"

// SealGrants makes the staged grants the live ones, after CompareGrants. previous is the snapshot
// that it was compared with, 0 where there is none.
func (tx *Tx) SealGrants(ctx context.Context, sourceID, snapshotID, previous int64, c RowCounts) error {
	var last int64
	if err := tx.one(ctx, &last, "", "SELECT coalesce(max(id), 0) FROM grants WHERE source_id = ?", sourceID); err != nil {
		return err
	}
	from := "stage_grants s WHERE s.snapshot_id = ?"
	if c.Previous != 0 {
		if err := tx.endGrants(ctx, sourceID, snapshotID, previous); err != nil {
			return fmt.Errorf("end grants: %w", err)
		}
		if err := tx.changeGrants(ctx, sourceID, snapshotID, previous); err != nil {
			return fmt.Errorf("change grants: %w", err)
		}
		from = deltaTables + deltaRows + " AND NOT EXISTS (SELECT 1 FROM grants g WHERE " + liveOf + ")"
	}
	args := []any{sourceID, last, snapshotID, snapshotID}
	if c.Previous != 0 {
		args = append(args, sourceID)
	}
	if _, err := tx.exec(ctx, `INSERT INTO grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot)
SELECT ?, ? + s.n, s.account_key, s.entitlement_key, s.via, s.granted_at, s.hash, s.data, ? FROM `+from+`
ORDER BY s.account_key, s.entitlement_key, s.via`, args...); err != nil {
		return fmt.Errorf("begin grants: %w", err)
	}
	if c.Previous == 0 {
		if err := tx.analyze(ctx, "grants"); err != nil {
			return err
		}
	}
	return tx.sealGrantUsage(ctx, sourceID, snapshotID, last, c.Previous == 0)
}

// endGrants closes the grants that are absent or were made anew.
func (tx *Tx) endGrants(ctx context.Context, sourceID, snapshotID, previous int64) error {
	_, err := tx.exec(ctx, `UPDATE grants SET last_snapshot = ? WHERE source_id = ? AND id IN (
SELECT g.id FROM stage_deltas d
JOIN grants g ON g.source_id = ? AND g.account_key = d.account_key AND g.entitlement_key = d.entitlement_key AND g.via = d.via AND g.last_snapshot IS NULL
LEFT JOIN stage_grants s ON s.snapshot_id = d.snapshot_id AND s.account_key = d.account_key AND s.entitlement_key = d.entitlement_key AND s.via = d.via
WHERE d.snapshot_id = ? AND (s.n IS NULL OR s.granted_at IS DISTINCT FROM g.granted_at))`, previous, sourceID, sourceID, snapshotID)
	return err
}

// changeGrants gives the grants that say something else now their new data, and keeps the old.
func (tx *Tx) changeGrants(ctx context.Context, sourceID, snapshotID, previous int64) error {
	if _, err := tx.exec(ctx, `INSERT INTO grant_changes (source_id, grant_id, last_snapshot, hash, data)
SELECT g.source_id, g.id, ?, g.hash, g.data FROM `+deltaTables+" CROSS JOIN grants g"+deltaRows+" AND "+liveOf,
		previous, snapshotID, sourceID); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `UPDATE grants AS g SET hash = s.hash, data = s.data FROM `+deltaTables+deltaRows+" AND "+liveOf, snapshotID, sourceID)
	return err
}

// sealGrantUsage keeps when grants were last used. What the source does not say leaves what it
// said before.
func (tx *Tx) sealGrantUsage(ctx context.Context, sourceID, snapshotID, last int64, first bool) error {
	var any bool
	if err := tx.one(ctx, &any, "", "SELECT EXISTS (SELECT 1 FROM stage_grants WHERE snapshot_id = ? AND usage_at IS NOT NULL)", snapshotID); err != nil || !any {
		return err
	}
	if first {
		_, err := tx.exec(ctx, `INSERT INTO grant_usage (source_id, grant_id, last_used_at)
SELECT ?, ? + n, usage_at FROM stage_grants WHERE snapshot_id = ? AND usage_at IS NOT NULL`, sourceID, last, snapshotID)
		return err
	}
	_, err := tx.exec(ctx, `INSERT INTO grant_usage (source_id, grant_id, last_used_at)
SELECT g.source_id, g.id, s.usage_at FROM stage_grants s
JOIN grants g ON `+liveOf+`
LEFT JOIN grant_usage u ON u.source_id = g.source_id AND u.grant_id = g.id
WHERE s.snapshot_id = ? AND s.usage_at IS NOT NULL AND (u.last_used_at IS NULL OR u.last_used_at <> s.usage_at)
ON CONFLICT (source_id, grant_id) DO UPDATE SET last_used_at = excluded.last_used_at`, sourceID, snapshotID)
	return err
}

// CountLiveGrants counts the live grants of a source.
func (q queries) CountLiveGrants(ctx context.Context, sourceID int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT count(*) FROM grants WHERE source_id = ? AND last_snapshot IS NULL", sourceID)
	return n, err
}
