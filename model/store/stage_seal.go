package store

import (
	"context"
	"errors"
	"fmt"

	"recert/model"
)

// RowCounts are counted each by itself, so that they can be checked against each other.
type RowCounts struct {
	Accepted  int64 `bun:"accepted"`  // staged
	New       int64 `bun:"new_rows"`  // staged, and not live
	Changed   int64 `bun:"changed"`   // staged and live, and different
	Unchanged int64 `bun:"unchanged"` // staged and live, and the same
	Gone      int64 `bun:"gone"`      // live, and not staged
	Previous  int64 `bun:"previous"`  // live
}

// versionTable is where the versions of a kind live.
func versionTable(kind model.Kind) (table, key string) {
	switch kind {
	case model.KindPeople:
		return "person_versions", "person_key"
	case model.KindAccounts:
		return "account_versions", "account_key"
	case model.KindEntitlements:
		return "entitlement_versions", "entitlement_key"
	case model.KindGrants:
	}
	panic("no versions of kind " + string(kind))
}

// CompareRows counts how the staged rows of a kind other than grants differ from the live ones.
func (tx *Tx) CompareRows(ctx context.Context, sourceID, snapshotID int64, kind model.Kind) (RowCounts, error) {
	table, key := versionTable(kind)
	if err := tx.analyze(ctx, "stage_rows"); err != nil {
		return RowCounts{}, err
	}
	var c RowCounts
	err := tx.one(ctx, &c, "", fmt.Sprintf(`SELECT count(*) AS accepted,
 count(CASE WHEN v.hash IS NULL THEN 1 END) AS new_rows,
 count(CASE WHEN v.hash <> s.hash THEN 1 END) AS changed,
 count(CASE WHEN v.hash = s.hash THEN 1 END) AS unchanged,
 0 AS gone, 0 AS previous
FROM stage_rows s LEFT JOIN %s v ON v.source_id = ? AND v.%s = s.key AND v.last_snapshot IS NULL
WHERE s.snapshot_id = ? AND s.kind = ?`, table, key), sourceID, snapshotID, kind)
	if err != nil {
		return c, err
	}
	err = tx.one(ctx, &c.Previous, "", fmt.Sprintf("SELECT count(*) FROM %s WHERE source_id = ? AND last_snapshot IS NULL", table), sourceID)
	if err != nil || c.Previous == 0 {
		return c, err
	}
	err = tx.one(ctx, &c.Gone, "", fmt.Sprintf(`SELECT count(*) FROM %s v WHERE v.source_id = ? AND v.last_snapshot IS NULL
 AND NOT EXISTS (SELECT 1 FROM stage_rows s WHERE s.snapshot_id = ? AND s.kind = ? AND s.key = v.%s)`, table, key), sourceID, snapshotID, kind)
	return c, err
}

// SealRows makes the staged rows of a kind other than grants the live ones: what is gone or
// changed ends with the previous snapshot, what is new or changed begins with this one. previous
// is 0 where there is none.
func (tx *Tx) SealRows(ctx context.Context, sourceID, snapshotID, previous int64, kind model.Kind) error {
	table, key := versionTable(kind)
	if previous != 0 {
		if _, err := tx.exec(ctx, fmt.Sprintf(`UPDATE %s SET last_snapshot = ? WHERE source_id = ? AND last_snapshot IS NULL
 AND NOT EXISTS (SELECT 1 FROM stage_rows s WHERE s.snapshot_id = ? AND s.kind = ? AND s.key = %[1]s.%[2]s AND s.hash = %[1]s.hash)`, table, key),
			previous, sourceID, snapshotID, kind); err != nil {
			return fmt.Errorf("end %s: %w", table, err)
		}
	}
	columns := ""
	if kind == model.KindPeople {
		columns = ", id_fold, name_fold, email_fold, manager_id, status"
	}
	if _, err := tx.exec(ctx, fmt.Sprintf(`INSERT INTO %s (%s, first_snapshot, source_id, hash, data%s)
SELECT s.key, s.snapshot_id, ?, s.hash, s.data%s FROM stage_rows s WHERE s.snapshot_id = ? AND s.kind = ?
 AND NOT EXISTS (SELECT 1 FROM %[1]s v WHERE v.source_id = ? AND v.%[2]s = s.key AND v.last_snapshot IS NULL)
ORDER BY s.key`, table, key, columns, columns), sourceID, snapshotID, kind, sourceID); err != nil {
		return fmt.Errorf("begin %s: %w", table, err)
	}
	if previous == 0 { // the next snapshot is compared with these, maybe before the server looks at them by itself
		if err := tx.analyze(ctx, table); err != nil {
			return err
		}
	}
	if kind != model.KindAccounts {
		return nil
	}
	_, err := tx.exec(ctx, `INSERT INTO account_usage (account_key, last_login_at)
SELECT key, usage_at FROM stage_rows WHERE snapshot_id = ? AND kind = ? AND usage_at IS NOT NULL
ON CONFLICT (account_key) DO UPDATE SET last_login_at = excluded.last_login_at WHERE account_usage.last_login_at <> excluded.last_login_at`,
		snapshotID, kind)
	return err
}

// analyze gives PostgreSQL's planner the size of a table that was just filled.
func (tx *Tx) analyze(ctx context.Context, tables string) error {
	if tx.dialect != Postgres {
		return nil
	}
	_, err := tx.exec(ctx, "ANALYZE "+tables)
	return err
}

// CountLiveRows counts the live versions of a kind other than grants in a source.
func (q queries) CountLiveRows(ctx context.Context, sourceID int64, kind model.Kind) (int64, error) {
	table, _ := versionTable(kind)
	var n int64
	err := q.one(ctx, &n, "", fmt.Sprintf("SELECT count(*) FROM %s WHERE source_id = ? AND last_snapshot IS NULL", table), sourceID)
	return n, err
}

// Cache sizes of SQLite in KiB. Sealing writes to several big trees at once, in different orders:
// with the ordinary cache it would read and write the same pages again and again.
const (
	ordinaryCache = 8 << 10
	sealingCache  = 64 << 10
)

// WithRoom runs fn with as much memory as sealing needs.
func (tx *Tx) WithRoom(ctx context.Context, fn func() error) error {
	if tx.dialect == Postgres {
		// Few statements over many rows: compiling them costs more than it saves.
		if _, err := tx.exec(ctx, "SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"); err != nil {
			return err
		}
		return fn()
	}
	if err := tx.cacheSize(ctx, sealingCache); err != nil {
		return err
	}
	return errors.Join(fn(), tx.cacheSize(context.WithoutCancel(ctx), ordinaryCache))
}

func (tx *Tx) cacheSize(ctx context.Context, kib int) error {
	_, err := tx.exec(ctx, fmt.Sprintf("PRAGMA cache_size = -%d", kib))
	return err
}
