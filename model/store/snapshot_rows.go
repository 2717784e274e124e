package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"recert/model"
)

// RowChange is what became of a row in a snapshot, against the sealed one before it.
type RowChange string

// The changes. AnyChange asks for all that a snapshot shows, which what is gone is no part of.
const (
	AnyChange    RowChange = ""
	RowNew       RowChange = "new"
	RowChanged   RowChange = "changed"
	RowUnchanged RowChange = "unchanged" // never asked for
	RowGone      RowChange = "gone"
)

// RowsFilter asks for rows of one kind in one snapshot.
type RowsFilter struct {
	Snapshot model.Snapshot // sealed or held; any other shows none
	Kind     model.Kind
	Change   RowChange
	Search   string // in ids and names; "" is everything
	After    string // Cursor of the last row of the page before, with the same filter otherwise
	Limit    int    // 1 to MaxPage
}

// SnapshotRow is one row as a snapshot shows it; one that is gone, as the snapshot before showed it.
type SnapshotRow struct {
	model.Record // a grant with its account and its entitlement too, as far as they are known

	Change RowChange
	Before *model.Record // of a changed row: what was said of it before; nil where nobody knows
	Cursor string
}

// SnapshotRows are rows of a snapshot a page at a time, in an order that stays. What a held snapshot would
// change is told against what is current now.
func (q queries) SnapshotRows(ctx context.Context, f RowsFilter) ([]SnapshotRow, error) {
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	grants := f.Kind == model.KindGrants
	switch {
	case f.Snapshot.State == model.SnapshotSealed && f.Snapshot.PreviousID == nil && (f.Change == RowChanged || f.Change == RowGone):
		return nil, nil // there was nothing before
	case f.Snapshot.State == model.SnapshotSealed && grants:
		return q.sealedGrants(ctx, f)
	case f.Snapshot.State == model.SnapshotSealed:
		return q.sealedRows(ctx, f)
	case f.Snapshot.State == model.SnapshotHeld && grants:
		return q.heldGrants(ctx, f)
	case f.Snapshot.State == model.SnapshotHeld:
		return q.heldRows(ctx, f)
	}
	return nil, nil
}

// previous is the snapshot that a sealed one was compared with; -1, which no snapshot is, where there was none.
func (f *RowsFilter) previous() int64 {
	if f.Snapshot.PreviousID == nil {
		return -1
	}
	return *f.Snapshot.PreviousID
}

// afterKey is the cursor of lists in the order of an integer.
func (f *RowsFilter) afterKey() int64 {
	n, err := strconv.ParseInt(f.After, 10, 64)
	if err != nil {
		return 0 // of another list: this one begins
	}
	return n
}

// matching is the condition for what was typed, in the rows of version v under name n.
func (q queries) matching(kind model.Kind, typed string) (cond string, args []any) {
	if typed == "" {
		return "", nil
	}
	var in []string
	switch kind {
	case model.KindPeople:
		return likeAny([]string{"v.id_fold", "v.name_fold", "v.email_fold"}, typed)
	case model.KindAccounts:
		in = []string{"lower(n.account_id)", "lower(" + q.text("v.data", "username") + ")", "lower(" + q.text("v.data", "display_name") + ")", "lower(" + q.text("v.data", "email") + ")"}
	case model.KindEntitlements:
		in = []string{"lower(n.entitlement_id)", "lower(" + q.text("v.data", "name") + ")"}
	case model.KindGrants:
		panic("grants have no versions")
	}
	cond, args = likeAny(in, typed)
	// All that is looked at stands in the JSON too: most rows are told apart without taking it to pieces.
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(typed)
	return ` AND (v.data IS NULL OR lower(v.data) LIKE ? ESCAPE '\')` + cond, append([]any{like(quoted)}, args...)
}

// ofMatching is the condition that an account or an entitlement of grant g matches what was typed, as a snapshot
// shows them (or Live). The grants are walked by their ids: many match soon, and few after one walk.
func (q queries) ofMatching(alias string, source, snapshot int64, typed string) (cond string, args []any) {
	if typed == "" {
		return "", nil
	}
	var sides []string
	for _, kind := range []model.Kind{model.KindAccounts, model.KindEntitlements} {
		table, key := versionTable(kind)
		names, _ := keyTable(kind)
		at, aargs := asOf("v", snapshot)
		match, margs := q.matching(kind, typed)
		sides = append(sides, fmt.Sprintf("+%s.%s IN (SELECT n.key FROM %s n LEFT JOIN %s v ON v.source_id = n.source_id AND v.%s = n.key AND %s WHERE n.source_id = ?%s)",
			alias, key, names, table, key, at, match))
		args = append(append(append(args, aargs...), source), margs...)
	}
	return " AND (" + strings.Join(sides, " OR ") + ")", args
}

// likeAny is a condition that one of some columns has in it what was typed.
func likeAny(columns []string, typed string) (cond string, args []any) {
	p := like(typed)
	terms := make([]string, len(columns))
	for i, c := range columns {
		terms[i] = c + ` LIKE ? ESCAPE '\'`
		args = append(args, p)
	}
	return " AND (" + strings.Join(terms, " OR ") + ")", args
}

// rowColumns are the columns that readRow takes: of a version, what it was before, and its usage.
const rowColumns = "n.key, n.%s, v.first_snapshot, v.data, %s, %s FROM "

// sealedRows are the rows of a sealed snapshot of a kind other than grants. All of them come by their ids;
// what changed comes by key, from what the snapshot began or the one before ended.
func (q queries) sealedRows(ctx context.Context, f RowsFilter) ([]SnapshotRow, error) {
	table, key := versionTable(f.Kind)
	names, id := keyTable(f.Kind)
	usage, join := usageOf(f.Kind)
	search, sargs := q.matching(f.Kind, f.Search)
	snap, prev := f.Snapshot.ID, f.previous()
	before := fmt.Sprintf(" LEFT JOIN %[1]s w ON w.source_id = v.source_id AND w.last_snapshot = ? AND w.%[2]s = v.%[2]s AND v.first_snapshot = ?", table, key)
	var query string
	var args []any
	switch f.Change {
	case AnyChange, RowUnchanged:
		cond, cargs := asOf("v", snap)
		query = fmt.Sprintf("SELECT "+rowColumns, id, "w.data", usage) + fmt.Sprintf("%s n CROSS JOIN %s v", names, table) + before + join +
			fmt.Sprintf(" WHERE n.source_id = ? AND n.%s > ? AND v.source_id = n.source_id AND v.%s = n.key AND %s%s ORDER BY n.%s LIMIT ?", id, key, cond, search, id)
		args = append(append([]any{prev, snap, f.Snapshot.SourceID, f.After}, cargs...), sargs...)
	case RowNew, RowChanged:
		was := "IS NULL"
		if f.Change == RowChanged {
			was = "IS NOT NULL"
		}
		query = fmt.Sprintf("SELECT "+rowColumns, id, "w.data", usage) + fmt.Sprintf("%s v CROSS JOIN %s n", table, names) + before + join +
			fmt.Sprintf(" WHERE v.source_id = ? AND v.first_snapshot = ? AND v.%[1]s > ? AND n.key = v.%[1]s AND w.%[1]s %[2]s%[3]s ORDER BY v.%[1]s LIMIT ?", key, was, search)
		args = append([]any{prev, snap, f.Snapshot.SourceID, snap, f.afterKey()}, sargs...)
	case RowGone:
		query = fmt.Sprintf("SELECT "+rowColumns, id, "NULL", usage) + fmt.Sprintf("%s v CROSS JOIN %s n", table, names) + join +
			fmt.Sprintf(` WHERE v.source_id = ? AND v.last_snapshot = ? AND v.%[1]s > ? AND n.key = v.%[1]s
 AND NOT EXISTS (SELECT 1 FROM %[2]s x WHERE x.%[1]s = v.%[1]s AND x.first_snapshot = ?)%[3]s ORDER BY v.%[1]s LIMIT ?`, key, table, search)
		args = append([]any{f.Snapshot.SourceID, prev, f.afterKey(), snap}, sargs...)
	}
	return collect(each(ctx, q, f.readRow, query, append(args, f.Limit)...))
}

// usageOf is the column of when an account was last used, with the join that it needs.
func usageOf(kind model.Kind) (column, join string) {
	if kind == model.KindAccounts {
		return "u.last_login_at", " LEFT JOIN account_usage u ON u.account_key = n.key"
	}
	return "NULL", ""
}

// readRow reads a row of a sealed snapshot.
func (f *RowsFilter) readRow(rows *sql.Rows, r *SnapshotRow) error {
	var data, before []byte
	var id string
	var key, first int64
	var used model.Time
	if err := rows.Scan(&key, &id, &first, &data, &before, &used); err != nil {
		return err
	}
	if err := r.fill(f.Kind, id, key, data, before, used); err != nil {
		return err
	}
	switch {
	case f.Change == RowGone:
		r.Change = RowGone
	case first != f.Snapshot.ID:
		r.Change = RowUnchanged
	case r.Before != nil:
		r.Change = RowChanged
	default:
		r.Change = RowNew
	}
	r.Cursor = strconv.FormatInt(key, 10)
	if f.Change == AnyChange {
		r.Cursor = id
	}
	return nil
}

// fill reads what is said of a row now and was said before.
func (r *SnapshotRow) fill(kind model.Kind, id string, key int64, data, before []byte, used model.Time) error {
	if err := decodeRecord(&r.Record, kind, id, key, data); err != nil {
		return err
	}
	r.Account.LastLoginAt = used
	if before == nil {
		return nil
	}
	r.Before = &model.Record{}
	return decodeRecord(r.Before, kind, id, key, before)
}

// decodeRecord reads the JSON of a version; its id is the key's, however it is written there.
func decodeRecord(rec *model.Record, kind model.Kind, id string, key int64, data []byte) (err error) {
	rec.Kind = kind
	switch kind {
	case model.KindPeople:
		err = decode(data, &rec.Person, "person", key)
		rec.Person.PersonID = id
	case model.KindAccounts:
		err = decode(data, &rec.Account, "account", key)
		rec.Account.AccountID = id
	case model.KindEntitlements:
		err = decode(data, &rec.Entitlement, "entitlement", key)
		rec.Entitlement.EntitlementID = id
	case model.KindGrants:
		err = decode(data, &rec.Grant, "grant", key)
	}
	return err
}

// EntitlementNames are the names of entitlements of a source by their ids, as a snapshot shows them (or Live),
// else as they were last. One without a name, or that nobody knows, has no entry.
func (q queries) EntitlementNames(ctx context.Context, sourceID, snapshot int64, ids []string) (map[string]string, error) {
	names := map[string]string{}
	cond, cargs := asOf("v", snapshot)
	for len(ids) > 0 {
		part := ids[:min(len(ids), findKeys)]
		ids = ids[len(part):]
		args := append(append([]any{}, cargs...), sourceID)
		for _, id := range part {
			args = append(args, id)
		}
		rows, err := q.rows(ctx, fmt.Sprintf(`SELECT e.entitlement_id, coalesce(%s, '') FROM entitlements e
 LEFT JOIN entitlement_versions v ON v.entitlement_key = e.key AND v.first_snapshot = coalesce(
  (SELECT max(v.first_snapshot) FROM entitlement_versions v WHERE v.entitlement_key = e.key AND %s),
  (SELECT max(w.first_snapshot) FROM entitlement_versions w WHERE w.entitlement_key = e.key))
 WHERE e.source_id = ? AND e.entitlement_id IN %s`, q.text("v.data", "name"), cond, placeholders(len(part), 1)), args...)
		if err != nil {
			return nil, err
		}
		if err := scanEach(rows, func() error {
			var id, name string
			err := rows.Scan(&id, &name)
			if name != "" {
				names[id] = name
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	return names, nil
}
