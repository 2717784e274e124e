package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"

	"recert/model"
)

// Grant is one interval in which an account held an entitlement by one path. What it says is as
// of the snapshot that was asked for; AccountID and EntitlementID are not filled.
type Grant struct {
	model.Grant

	SourceID       int64
	ID             int64 // unique in its source
	AccountKey     int64
	EntitlementKey int64
	FirstSnapshot  int64
	LastSnapshot   *int64 // nil while it is live
}

// grantColumns takes the data of a grant as of a snapshot: what a later one changed in place is
// in grant_changes.
const grantColumns = `SELECT g.source_id, g.id, g.account_key, g.entitlement_key, g.via, g.granted_at, g.first_snapshot, g.last_snapshot, %s, u.last_used_at
FROM grants g LEFT JOIN grant_usage u ON u.source_id = g.source_id AND u.grant_id = g.id WHERE `

func selectGrants(snapshot int64) (query string, args []any) {
	if snapshot == Live {
		return fmt.Sprintf(grantColumns, "g.data"), nil
	}
	return fmt.Sprintf(grantColumns, `coalesce((SELECT c.data FROM grant_changes c WHERE c.source_id = g.source_id AND c.grant_id = g.id
 AND c.last_snapshot >= ? ORDER BY c.last_snapshot LIMIT 1), g.data)`), []any{snapshot}
}

func readGrant(rows *sql.Rows, g *Grant) error {
	var data []byte
	var via string
	var granted, used model.Time
	if err := rows.Scan(&g.SourceID, &g.ID, &g.AccountKey, &g.EntitlementKey, &via, &granted, &g.FirstSnapshot, &g.LastSnapshot, &data, &used); err != nil {
		return err
	}
	if err := decode(data, &g.Grant, "grant", g.ID); err != nil {
		return err
	}
	g.Via, g.GrantedAt, g.LastUsedAt = via, granted, used
	return nil
}

// GrantsAsOf are the grants of a source as a snapshot shows them (or Live), by account,
// entitlement and path.
func (q queries) GrantsAsOf(ctx context.Context, sourceID, snapshot int64) iter.Seq2[Grant, error] {
	return q.grantsWhere(ctx, snapshot, "g.source_id = ?", sourceID)
}

// GrantsOfAccount are the grants of an account as a snapshot shows them (or Live).
func (q queries) GrantsOfAccount(ctx context.Context, sourceID, accountKey, snapshot int64) ([]Grant, error) {
	return collect(q.grantsWhere(ctx, snapshot, "g.source_id = ? AND g.account_key = ?", sourceID, accountKey))
}

// GrantsOfEntitlement are the grants of an entitlement as a snapshot shows them (or Live).
func (q queries) GrantsOfEntitlement(ctx context.Context, sourceID, entitlementKey, snapshot int64) iter.Seq2[Grant, error] {
	return q.grantsWhere(ctx, snapshot, "g.source_id = ? AND g.entitlement_key = ?", sourceID, entitlementKey)
}

// GrantsOfAccess are the paths by which an account holds an entitlement as a snapshot shows them
// (or Live).
func (q queries) GrantsOfAccess(ctx context.Context, sourceID, accountKey, entitlementKey, snapshot int64) ([]Grant, error) {
	return collect(q.grantsWhere(ctx, snapshot, "g.source_id = ? AND g.account_key = ? AND g.entitlement_key = ?", sourceID, accountKey, entitlementKey))
}

// grantsWhere keeps the live and the closed grants of a past snapshot apart: each half has an index
// of its own, and no index serves both.
func (q queries) grantsWhere(ctx context.Context, snapshot int64, where string, args ...any) iter.Seq2[Grant, error] {
	query, head := selectGrants(snapshot)
	query += where
	all := slices.Concat(head, args)
	if snapshot == Live {
		return each(ctx, q, readGrant, query+" AND g.last_snapshot IS NULL ORDER BY g.account_key, g.entitlement_key, g.via", all...)
	}
	all = append(all, snapshot)
	all = append(slices.Concat(all, all), snapshot)
	return each(ctx, q, readGrant, query+" AND g.first_snapshot <= ? AND g.last_snapshot IS NULL UNION ALL "+
		query+" AND g.first_snapshot <= ? AND g.last_snapshot IS NOT NULL AND g.last_snapshot >= ? ORDER BY account_key, entitlement_key, via", all...)
}

// GrantByID is one grant, live or not, as it was last; none is NotFound.
func (q queries) GrantByID(ctx context.Context, sourceID, id int64) (Grant, error) {
	query, _ := selectGrants(Live)
	return first(each(ctx, q, readGrant, query+"g.source_id = ? AND g.id = ?", sourceID, id), "There is no such grant.")
}

// CountGrants counts all grant rows of a source, the closed ones included.
func (q queries) CountGrants(ctx context.Context, sourceID int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT count(*) FROM grants WHERE source_id = ?", sourceID)
	return n, err
}
