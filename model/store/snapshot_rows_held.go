package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"recert/model"
)

// heldRows are the staged rows of a held snapshot of a kind other than grants, by key, against the live ones.
func (q queries) heldRows(ctx context.Context, f RowsFilter) ([]SnapshotRow, error) {
	table, key := versionTable(f.Kind)
	names, id := keyTable(f.Kind)
	search, sargs := q.matching(f.Kind, f.Search)
	source, after := f.Snapshot.SourceID, f.afterKey()
	var query string
	var args []any
	if f.Change == RowGone {
		usage, join := usageOf(f.Kind)
		query = fmt.Sprintf(`SELECT n.key, n.%[1]s, v.data, v.hash, NULL, NULL, %[2]s FROM %[3]s v CROSS JOIN %[4]s n%[5]s
 WHERE v.source_id = ? AND v.last_snapshot IS NULL AND v.%[6]s > ? AND n.key = v.%[6]s
 AND NOT EXISTS (SELECT 1 FROM stage_rows s WHERE s.snapshot_id = ? AND s.kind = ? AND s.key = v.%[6]s)%[7]s ORDER BY v.%[6]s LIMIT ?`,
			id, usage, table, names, join, key, search)
		args = append([]any{source, after, f.Snapshot.ID, string(f.Kind)}, sargs...)
	} else {
		differs := map[RowChange]string{RowNew: " AND w.hash IS NULL", RowChanged: " AND w.hash <> v.hash"}[f.Change]
		query = fmt.Sprintf(`SELECT n.key, n.%s, v.data, v.hash, w.data, w.hash, v.usage_at FROM stage_rows v CROSS JOIN %s n
 LEFT JOIN %s w ON w.source_id = ? AND w.%s = v.key AND w.last_snapshot IS NULL
 WHERE v.snapshot_id = ? AND v.kind = ? AND v.key > ? AND n.key = v.key%s%s ORDER BY v.key LIMIT ?`, id, names, table, key, differs, search)
		args = append([]any{source, f.Snapshot.ID, string(f.Kind), after}, sargs...)
	}
	return collect(each(ctx, q, f.readHeld, query, append(args, f.Limit)...))
}

// readHeld reads a staged row, or a live one that would be gone.
func (f *RowsFilter) readHeld(rows *sql.Rows, r *SnapshotRow) error {
	var data, hash, before, was []byte
	var id string
	var key int64
	var used model.Time
	if err := rows.Scan(&key, &id, &data, &hash, &before, &was, &used); err != nil {
		return err
	}
	r.Cursor = strconv.FormatInt(key, 10)
	r.Change = f.changeOf(hash, was)
	if r.Change != RowChanged {
		before = nil
	}
	return r.fill(f.Kind, id, key, data, before, used)
}

// changeOf tells what would become of a staged row, by what it says and what is live.
func (f *RowsFilter) changeOf(hash, was []byte) RowChange {
	switch {
	case f.Change == RowGone:
		return RowGone
	case was == nil:
		return RowNew
	case bytes.Equal(hash, was):
		return RowUnchanged
	}
	return RowChanged
}

// heldPage is a page of staged keys k, each with the grant s that is staged for it and the live one g. The rest of
// heldGrant names the two sides, as staged, else as they are live: outside of the page, for a page alone.
const (
	heldPage = `SELECT k.account_key, k.entitlement_key, k.via, s.granted_at AS s_granted_at, s.data AS s_data, s.hash AS s_hash, s.usage_at, g.granted_at, g.data, g.hash
FROM %s k LEFT JOIN stage_grants s ON s.snapshot_id = k.snapshot_id AND s.account_key = k.account_key AND s.entitlement_key = k.entitlement_key AND s.via = k.via
 LEFT JOIN grants g ON g.source_id = ? AND g.account_key = k.account_key AND g.entitlement_key = k.entitlement_key AND g.via = k.via AND g.last_snapshot IS NULL
 WHERE k.snapshot_id = ? AND (k.account_key, k.entitlement_key, k.via) > (?, ?, ?)`
	heldGrant = `SELECT p.account_key, p.entitlement_key, a.account_id, e.entitlement_id, p.via, p.s_granted_at, p.s_data, p.s_hash, p.usage_at,
 p.granted_at, p.data, p.hash, coalesce(sa.data, av.data), coalesce(se.data, ev.data)
FROM (%s ORDER BY k.account_key, k.entitlement_key, k.via LIMIT ?) p JOIN accounts a ON a.key = p.account_key JOIN entitlements e ON e.key = p.entitlement_key
 LEFT JOIN stage_rows sa ON sa.snapshot_id = ? AND sa.kind = 'accounts' AND sa.key = p.account_key
 LEFT JOIN stage_rows se ON se.snapshot_id = ? AND se.kind = 'entitlements' AND se.key = p.entitlement_key
 LEFT JOIN account_versions av ON av.source_id = ? AND av.account_key = p.account_key AND av.last_snapshot IS NULL
 LEFT JOIN entitlement_versions ev ON ev.source_id = ? AND ev.entitlement_key = p.entitlement_key AND ev.last_snapshot IS NULL
ORDER BY p.account_key, p.entitlement_key, p.via`
)

// heldGrants are the staged grants of a held snapshot by their keys, against the live ones. What differs was
// found when the snapshot was compared; nothing was, where nothing was live.
func (q queries) heldGrants(ctx context.Context, f RowsFilter) ([]SnapshotRow, error) {
	source, snap := f.Snapshot.SourceID, f.Snapshot.ID
	from := "stage_grants"
	differs := map[RowChange]string{RowNew: " AND g.id IS NULL", RowChanged: " AND g.hash <> s.hash", RowGone: " AND s.n IS NULL AND g.id IS NOT NULL"}[f.Change]
	if f.Change != AnyChange {
		var live bool
		if err := q.one(ctx, &live, "", "SELECT EXISTS (SELECT 1 FROM grants WHERE source_id = ? AND last_snapshot IS NULL)", source); err != nil {
			return nil, err
		}
		if live {
			from = "stage_deltas"
		} else if f.Change != RowNew {
			return nil, nil
		}
	}
	account, entitlement, via := f.afterGrant()
	search, sargs := q.ofStaged(source, snap, f.Search)
	query := fmt.Sprintf(heldGrant, fmt.Sprintf(heldPage, from)+differs+search)
	args := append([]any{source, snap, account, entitlement, via}, sargs...)
	return collect(each(ctx, q, f.readHeldGrant, query, append(args, f.Limit, snap, snap, source, source)...))
}

// ofStaged is ofMatching for the grants k of a held snapshot: what is typed is looked for in what is staged, and
// in what is live.
func (q queries) ofStaged(source, snapshot int64, typed string) (cond string, args []any) {
	live, args := q.ofMatching("k", source, Live, typed)
	if live == "" {
		return "", nil
	}
	for _, kind := range []model.Kind{model.KindAccounts, model.KindEntitlements} {
		_, key := versionTable(kind)
		names, _ := keyTable(kind)
		match, margs := q.matching(kind, typed)
		live = strings.TrimSuffix(live, ")") + fmt.Sprintf(" OR +k.%s IN (SELECT n.key FROM stage_rows v CROSS JOIN %s n WHERE v.snapshot_id = ? AND v.kind = ? AND n.key = v.key%s))", key, names, match)
		args = append(append(args, snapshot, string(kind)), margs...)
	}
	return live, args
}

// afterGrant reads the cursor of a staged grant: ACCOUNT.ENTITLEMENT.PATH, the first two by their keys.
func (f *RowsFilter) afterGrant() (account, entitlement int64, via string) {
	parts := strings.SplitN(f.After, ".", 3)
	if len(parts) < 3 {
		return 0, 0, ""
	}
	account, err := strconv.ParseInt(parts[0], 10, 64)
	entitlement, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || err2 != nil {
		return 0, 0, ""
	}
	return account, entitlement, parts[2]
}

// readHeldGrant reads a staged grant, or a live one that would be gone.
func (f *RowsFilter) readHeldGrant(rows *sql.Rows, r *SnapshotRow) error {
	var accountKey, entitlementKey int64
	var accountID, entitlementID, via string
	var granted, used, wasGranted model.Time
	var data, hash, was, wasHash, account, entitlement []byte
	if err := rows.Scan(&accountKey, &entitlementKey, &accountID, &entitlementID, &via, &granted, &data, &hash, &used, &wasGranted, &was, &wasHash, &account, &entitlement); err != nil {
		return err
	}
	r.Cursor = fmt.Sprintf("%d.%d.%s", accountKey, entitlementKey, via)
	if r.Change = f.changeOf(hash, wasHash); r.Change == RowGone {
		data, granted = was, wasGranted
	}
	if err := r.fillGrant(accountID, entitlementID, via, accountKey, data, account, entitlement); err != nil {
		return err
	}
	r.Grant.GrantedAt, r.Grant.LastUsedAt = granted, used
	if r.Change == RowChanged {
		return r.beforeGrant(wasGranted, accountKey, was)
	}
	return nil
}
