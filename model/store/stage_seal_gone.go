package store

import (
	"context"
	"database/sql"
	"fmt"

	"recert/model"
)

// GoneIDs calls fn with the id of each live row of a kind that the staged snapshot does not have,
// after CompareRows or CompareGrants; of a grant also with its entitlement_id. It ends early where
// fn gives false.
func (tx *Tx) GoneIDs(ctx context.Context, sourceID, snapshotID int64, kind model.Kind, fn func(id, entitlement string) bool) error {
	var query string
	args := []any{snapshotID}
	switch kind {
	case model.KindGrants:
		query = `SELECT a.account_id, e.entitlement_id FROM stage_deltas d JOIN accounts a ON a.key = d.account_key JOIN entitlements e ON e.key = d.entitlement_key
			LEFT JOIN stage_grants s ON s.snapshot_id = d.snapshot_id AND s.account_key = d.account_key AND s.entitlement_key = d.entitlement_key AND s.via = d.via
			WHERE d.snapshot_id = ? AND s.n IS NULL`
	case model.KindPeople, model.KindAccounts, model.KindEntitlements:
		table, key := versionTable(kind)
		names, id := keyTable(kind)
		query = fmt.Sprintf(`SELECT k.%s, '' FROM %s v JOIN %s k ON k.key = v.%s WHERE v.source_id = ? AND v.last_snapshot IS NULL
			AND NOT EXISTS (SELECT 1 FROM stage_rows s WHERE s.snapshot_id = ? AND s.kind = ? AND s.key = v.%s)`, id, table, names, key, key)
		args = []any{sourceID, snapshotID, string(kind)}
	}
	return tx.untilFalse(ctx, query, args, fn)
}

// CountTakenGrants counts the live grants that the staged snapshot does not have, after CompareGrants,
// because of removals: one that is asked for, or that was proven after the time of which the latest
// sealed snapshot speaks, takes its grant and those that the same account held through that one. A
// path is outermost first: what hangs on a grant ends with its entitlement and its own path.
func (tx *Tx) CountTakenGrants(ctx context.Context, sourceID, snapshotID int64, since model.Time) (n int64, err error) {
	const tail = `(CASE WHEN r.via = '' THEN e.entitlement_id ELSE e.entitlement_id || '>' || r.via END)`
	err = tx.one(ctx, &n, "", `SELECT count(*) FROM stage_deltas d
LEFT JOIN stage_grants s ON s.snapshot_id = d.snapshot_id AND s.account_key = d.account_key AND s.entitlement_key = d.entitlement_key AND s.via = d.via
WHERE d.snapshot_id = ? AND s.n IS NULL AND EXISTS (SELECT 1 FROM remediations r JOIN entitlements e ON e.key = r.entitlement_key
 WHERE r.source_id = ? AND r.account_key = d.account_key AND r.kind = 'remove' AND (r.state = 'sent' OR r.state = 'confirmed' AND r.closed_at > ?)
 AND (r.entitlement_key = d.entitlement_key AND r.via = d.via OR d.via = `+tail+`
  OR length(d.via) > length(`+tail+`) AND substr(d.via, length(d.via) - length(`+tail+`)) = '>' || `+tail+`))`, snapshotID, sourceID, since)
	return n, err
}

// UnlistedAccounts calls fn with each account that is named by a grant and has no row of its own in
// the staged snapshot, which gave accounts; given tells whether it gave grants too. It ends early
// where fn gives false.
func (tx *Tx) UnlistedAccounts(ctx context.Context, sourceID, snapshotID int64, given bool, fn func(id string) bool) error {
	from, args := "stage_grants g JOIN accounts a ON a.key = g.account_key WHERE g.snapshot_id = ?", []any{snapshotID}
	if !given {
		from, args = "grants g JOIN accounts a ON a.key = g.account_key WHERE g.source_id = ? AND g.last_snapshot IS NULL", []any{sourceID}
	}
	query := "SELECT DISTINCT a.account_id, '' FROM " + from + " AND NOT EXISTS (SELECT 1 FROM stage_rows r WHERE r.snapshot_id = ? AND r.kind = 'accounts' AND r.key = g.account_key)"
	return tx.untilFalse(ctx, query, append(args, snapshotID), func(id, _ string) bool { return fn(id) })
}

// untilFalse calls fn with each row of two texts, until it gives false.
func (tx *Tx) untilFalse(ctx context.Context, query string, args []any, fn func(a, b string) bool) error {
	rows, err := tx.rows(ctx, query, args...)
	if err != nil {
		return wrap(err)
	}
	return readUntilFalse(rows, fn)
}

func readUntilFalse(rows *sql.Rows, fn func(a, b string) bool) error {
	more := true
	return scanEach(rows, func() error {
		if !more {
			return nil
		}
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		more = fn(a, b)
		return nil
	})
}
