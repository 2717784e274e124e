package store

import (
	"context"
	"database/sql"
	"fmt"

	"recert/model"
)

// AccessFilter asks who has what in one source.
type AccessFilter struct {
	SourceID int64
	Snapshot int64  // of the source; Live is now
	Search   string // in people, accounts and access; "" is everything
	After    int64  // id of the last grant of the page before
	Limit    int    // 1 to MaxPage
}

// AccessRow is one grant with the names that a page shows.
type AccessRow struct {
	Grant

	Account     Account
	Entitlement Entitlement
	PersonKey   int64 // 0 where nobody is known to hold the account now
	Person      model.Person
}

// AccessRows are the grants of a source as a snapshot shows them, by id. Whose account it is is
// what is known now.
func (q queries) AccessRows(ctx context.Context, f AccessFilter) ([]AccessRow, error) {
	limit := f.Limit
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	query, args := selectGrants(f.Snapshot)
	query = query[:len(query)-len(" WHERE ")]
	vcond, vargs := asOf("av", f.Snapshot)
	econd, eargs := asOf("ev", f.Snapshot)
	gcond, gargs := asOf("g", f.Snapshot)
	query = accessColumns(query) + fmt.Sprintf(` JOIN accounts a ON a.key = g.account_key JOIN entitlements e ON e.key = g.entitlement_key
 LEFT JOIN account_versions av ON av.source_id = g.source_id AND av.account_key = g.account_key AND %s
 LEFT JOIN entitlement_versions ev ON ev.source_id = g.source_id AND ev.entitlement_key = g.entitlement_key AND %s
 LEFT JOIN correlations c ON c.account_key = g.account_key
 LEFT JOIN person_versions pv ON pv.person_key = c.person_key AND pv.last_snapshot IS NULL
 WHERE g.source_id = ? AND g.id > ? AND %s`, vcond, econd, gcond)
	args = append(append(append(args, vargs...), eargs...), f.SourceID, f.After)
	args = append(args, gargs...)
	if f.Search != "" {
		p := like(f.Search)
		query += ` AND (pv.name_fold LIKE ? ESCAPE '\' OR pv.id_fold LIKE ? ESCAPE '\' OR lower(a.account_id) LIKE ? ESCAPE '\' OR lower(e.entitlement_id) LIKE ? ESCAPE '\'
 OR lower(` + q.text("av.data", "username") + `) LIKE ? ESCAPE '\' OR lower(` + q.text("av.data", "display_name") + `) LIKE ? ESCAPE '\'
 OR lower(` + q.text("ev.data", "name") + `) LIKE ? ESCAPE '\')`
		args = append(args, p, p, p, p, p, p, p)
	}
	return collect(each(ctx, q, readAccess, query+" ORDER BY g.id LIMIT ?", append(args, limit)...))
}

// accessColumns adds to the columns of a grant those of what it joins.
func accessColumns(query string) string {
	const from = "\nFROM grants g"
	for i := range len(query) - len(from) {
		if query[i:i+len(from)] == from {
			return query[:i] + ", a.account_id, av.data, e.entitlement_id, ev.data, c.person_key, pv.data" + query[i:]
		}
	}
	panic("the query of a grant has no FROM")
}

func readAccess(rows *sql.Rows, r *AccessRow) error {
	var data, account, entitlement, person []byte
	var via, accountID, entitlementID string
	var granted, used model.Time
	var personKey *int64
	if err := rows.Scan(&r.SourceID, &r.ID, &r.AccountKey, &r.EntitlementKey, &via, &granted, &r.FirstSnapshot, &r.LastSnapshot, &data, &used,
		&accountID, &account, &entitlementID, &entitlement, &personKey, &person); err != nil {
		return err
	}
	for _, part := range []struct {
		data []byte
		into any
		what string
	}{{data, &r.Grant.Grant, "grant"}, {account, &r.Account.Account, "account of grant"}, {entitlement, &r.Entitlement.Entitlement, "entitlement of grant"}, {person, &r.Person, "person of grant"}} {
		if err := decode(part.data, part.into, part.what, r.ID); err != nil {
			return err
		}
	}
	r.Via, r.GrantedAt, r.LastUsedAt = via, granted, used
	r.Account.AccountID, r.Entitlement.EntitlementID = accountID, entitlementID
	if personKey != nil {
		r.PersonKey = *personKey
	}
	return nil
}

// text is the SQL for a text of a column that holds JSON; "" where the column is empty.
func (q queries) text(column, field string) string {
	switch q.dialect {
	case Postgres:
		return fmt.Sprintf("coalesce((NULLIF(%s, '')::json)->>'%s', '')", column, field)
	case SQLite:
		return fmt.Sprintf("coalesce(json_extract(NULLIF(%s, ''), '$.%s'), '')", column, field)
	}
	panic("unknown dialect " + string(q.dialect))
}

// UnmatchedAccount is a current account that nobody is known to hold.
type UnmatchedAccount struct {
	Key       int64  `bun:"key"`
	AccountID string `bun:"account_id"`
	Data      string `bun:"data"` // JSON of model.Account; "" where only grants name it
	Reason    string `bun:"reason"`
}

// UnmatchedAccounts are accounts of a source without a person, by key.
func (q queries) UnmatchedAccounts(ctx context.Context, sourceID, after int64, limit int) ([]UnmatchedAccount, error) {
	var out []UnmatchedAccount
	err := q.all(ctx, &out, `SELECT a.key, a.account_id, coalesce(v.data, '') AS data, c.reason FROM correlations c JOIN accounts a ON a.key = c.account_key
 LEFT JOIN account_versions v ON v.source_id = c.source_id AND v.account_key = c.account_key AND v.last_snapshot IS NULL
 WHERE c.source_id = ? AND c.person_key IS NULL AND a.key > ? ORDER BY a.key LIMIT ?`, sourceID, after, limit)
	return out, err
}
