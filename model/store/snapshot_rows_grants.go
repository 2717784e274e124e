package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"recert/model"
)

// grantRow are the columns that readGrantRow takes, of a page of grants g: each may have the twin w, closed when g
// began, or the change c, and the names of its two sides. What is looked up stands outside of the page, so that it
// is looked up for a page alone.
const grantRow = `SELECT g.id, a.account_id, e.entitlement_id, g.via, g.granted_at, %s, g.first_snapshot, u.last_used_at, av.data, ev.data,
 w.id, w.granted_at, w.data, c.data
FROM (%s ORDER BY g.id LIMIT ?) g LEFT JOIN grants w ON g.first_snapshot = ? AND ` + twin + `
 LEFT JOIN grant_changes c ON c.source_id = g.source_id AND c.grant_id = g.id AND c.last_snapshot = ?
 JOIN accounts a ON a.key = g.account_key JOIN entitlements e ON e.key = g.entitlement_key
 LEFT JOIN account_versions av ON av.source_id = g.source_id AND av.account_key = g.account_key AND %s
 LEFT JOIN entitlement_versions ev ON ev.source_id = g.source_id AND ev.entitlement_key = g.entitlement_key AND %s
 LEFT JOIN grant_usage u ON u.source_id = g.source_id AND u.grant_id = g.id ORDER BY g.id`

// twin is the condition of the grant w that ended where g, which has the same key, began: another granted_at makes
// another grant.
const twin = `w.source_id = g.source_id AND w.account_key = g.account_key AND w.entitlement_key = g.entitlement_key
 AND w.via = g.via AND w.last_snapshot IS NOT NULL AND w.last_snapshot = ?`

// sealedGrants are the grants of a sealed snapshot by id.
func (q queries) sealedGrants(ctx context.Context, f RowsFilter) ([]SnapshotRow, error) {
	snap, prev, source := f.Snapshot.ID, f.previous(), f.Snapshot.SourceID
	shown := snap
	if f.Change == RowGone {
		shown = prev
	}
	page, pargs, err := q.grantPage(ctx, f)
	if err != nil {
		return nil, err
	}
	search, sargs := q.ofMatching("g", source, shown, f.Search)
	data, args := selectGrantData(shown)
	vcond, vargs := asOf("av", shown)
	econd, eargs := asOf("ev", shown)
	args = append(append(append(args, pargs...), sargs...), f.Limit, snap, prev, prev)
	args = append(append(args, vargs...), eargs...)
	return collect(each(ctx, q, f.readGrantRow, fmt.Sprintf(grantRow, data, page+search, vcond, econd), args...))
}

// grantPage selects the grants g of a list by their ids. The ids are in the order of the snapshots, so that those
// of one snapshot are found without an index of their own.
func (q queries) grantPage(ctx context.Context, f RowsFilter) (query string, args []any, err error) {
	snap, prev, source, after := f.Snapshot.ID, f.previous(), f.Snapshot.SourceID, f.afterKey()
	if f.Change == RowGone {
		const same = "x.source_id = g.source_id AND x.account_key = g.account_key AND x.entitlement_key = g.entitlement_key AND x.via = g.via AND x.first_snapshot = ?"
		return "SELECT g.* FROM grants g WHERE g.source_id = ? AND g.last_snapshot IS NOT NULL AND g.last_snapshot = ? AND g.id > ? AND NOT EXISTS (SELECT 1 FROM grants x WHERE " + same +
			" AND x.last_snapshot IS NULL) AND NOT EXISTS (SELECT 1 FROM grants x WHERE " + same + " AND x.last_snapshot IS NOT NULL)", []any{source, prev, after, snap, snap}, nil
	}
	last, err := q.lastGrantOf(ctx, source, snap)
	if err != nil {
		return "", nil, err
	}
	if f.Change == AnyChange || f.Change == RowUnchanged {
		cond, cargs := asOf("g", snap)
		return "SELECT g.* FROM grants g WHERE g.source_id = ? AND g.id > ? AND g.id <= ? AND " + cond, append([]any{source, after, last}, cargs...), nil
	}
	first, err := q.lastGrantOf(ctx, source, snap-1)
	if err != nil {
		return "", nil, err
	}
	if f.Change == RowNew {
		return "SELECT g.* FROM grants g WHERE g.source_id = ? AND g.id > ? AND g.id <= ? AND NOT EXISTS (SELECT 1 FROM grants w WHERE " + twin + ")",
			[]any{source, max(first, after), last, prev}, nil
	}
	// What was changed in place has ids of earlier snapshots.
	return `SELECT g.* FROM (SELECT x.source_id, x.grant_id AS id FROM grant_changes x WHERE x.source_id = ? AND x.last_snapshot = ? AND x.grant_id > ?
 UNION ALL SELECT g.source_id, g.id FROM grants g WHERE g.source_id = ? AND g.id > ? AND g.id <= ? AND EXISTS (SELECT 1 FROM grants w WHERE ` + twin + `)) k
 CROSS JOIN grants g WHERE g.source_id = k.source_id AND g.id = k.id`, []any{source, prev, after, source, max(first, after), last, prev}, nil
}

// selectGrantData is the column of what a grant said as of a snapshot, with its arguments.
func selectGrantData(snapshot int64) (column string, args []any) {
	return `coalesce((SELECT d.data FROM grant_changes d WHERE d.source_id = g.source_id AND d.grant_id = g.id
 AND d.last_snapshot >= ? ORDER BY d.last_snapshot LIMIT 1), g.data)`, []any{snapshot}
}

// lastGrantOf is a number from which on the grants of a source began after a snapshot; those up to it began in
// it or before. Ids grow from snapshot to snapshot, so that it is found by halves.
func (q queries) lastGrantOf(ctx context.Context, sourceID, snapshot int64) (int64, error) {
	type at struct {
		ID    int64 `bun:"id"`
		First int64 `bun:"first_snapshot"`
	}
	find := func(where, order string, args ...any) (*at, error) {
		var found []at
		if err := q.all(ctx, &found, "SELECT id, first_snapshot FROM grants WHERE source_id = ?"+where+" ORDER BY id"+order+" LIMIT 1", append([]any{sourceID}, args...)...); err != nil || len(found) == 0 {
			return nil, err
		}
		return &found[0], nil
	}
	last, err := find("", " DESC")
	if err != nil || last == nil {
		return 0, err
	}
	if last.First <= snapshot {
		return last.ID, nil
	}
	low, high := int64(0), last.ID // the answer is low or above it, and below high
	for low+1 < high {
		middle := low + (high-low)/2
		got, err := find(" AND id <= ?", " DESC", middle)
		switch {
		case err != nil:
			return 0, err
		case got == nil || got.First <= snapshot:
			low = middle
		default:
			high = got.ID
		}
	}
	return low, nil
}

// readGrantRow reads a grant of a sealed snapshot.
func (f *RowsFilter) readGrantRow(rows *sql.Rows, r *SnapshotRow) error {
	var data, account, entitlement, twinData, before []byte
	var accountID, entitlementID, via string
	var granted, used, twinGranted model.Time
	var id, first int64
	var twinID *int64
	if err := rows.Scan(&id, &accountID, &entitlementID, &via, &granted, &data, &first, &used, &account, &entitlement, &twinID, &twinGranted, &twinData, &before); err != nil {
		return err
	}
	if err := r.fillGrant(accountID, entitlementID, via, id, data, account, entitlement); err != nil {
		return err
	}
	r.Grant.GrantedAt, r.Grant.LastUsedAt = granted, used
	r.Cursor = strconv.FormatInt(id, 10)
	switch {
	case f.Change == RowGone:
		r.Change = RowGone
	case first == f.Snapshot.ID && twinID != nil:
		r.Change = RowChanged
		return r.beforeGrant(twinGranted, id, twinData)
	case first == f.Snapshot.ID:
		r.Change = RowNew
	case before != nil:
		r.Change = RowChanged
		return r.beforeGrant(granted, id, before)
	default:
		r.Change = RowUnchanged
	}
	return nil
}

// fillGrant reads what is said of a grant, of its account and of its entitlement.
func (r *SnapshotRow) fillGrant(accountID, entitlementID, via string, id int64, data, account, entitlement []byte) error {
	if err := decodeRecord(&r.Record, model.KindGrants, "", id, data); err != nil {
		return err
	}
	if err := decode(account, &r.Account, "account of grant", id); err != nil {
		return err
	}
	if err := decode(entitlement, &r.Entitlement, "entitlement of grant", id); err != nil {
		return err
	}
	r.Account.AccountID, r.Entitlement.EntitlementID = accountID, entitlementID
	r.Grant.AccountID, r.Grant.EntitlementID, r.Grant.Via = accountID, entitlementID, via
	return nil
}

// beforeGrant keeps what was said of a changed grant before.
func (r *SnapshotRow) beforeGrant(granted model.Time, id int64, data []byte) error {
	r.Before = &model.Record{}
	err := decodeRecord(r.Before, model.KindGrants, "", id, data)
	r.Before.Grant.AccountID, r.Before.Grant.EntitlementID, r.Before.Grant.Via, r.Before.Grant.GrantedAt = r.Grant.AccountID, r.Grant.EntitlementID, r.Grant.Via, granted
	return err
}
