package store

import (
	"context"
	"fmt"

	"recert/model"
)

// RowVersion is what a source said of a row for a while, with the hash that was stored of it.
type RowVersion struct {
	Key           int64      `bun:"key"` // of the person, account, entitlement or grant
	First         int64      `bun:"first"`
	SourceID      int64      `bun:"source_id"`
	ID            string     `bun:"id"`     // as in evidence.RowKey; "" where the key is nobody's
	EntitlementID string     `bun:"ent_id"` // from here to GrantedAt: of a grant
	Via           string     `bun:"via"`
	GrantedAt     model.Time `bun:"granted_at"`
	Hash          []byte     `bun:"hash"`
	Data          string     `bun:"data"`
	// Of a person: the columns by which it is looked up.
	IDFold    string `bun:"id_fold"`
	NameFold  string `bun:"name_fold"`
	EmailFold string `bun:"email_fold"`
	ManagerID string `bun:"manager_id"`
	Status    string `bun:"status"`
}

// RowVersionsAfter is a page of all versions of a kind, what grants said before they changed aside.
func (q queries) RowVersionsAfter(ctx context.Context, kind model.Kind, last RowVersion) ([]RowVersion, error) {
	var rows []RowVersion
	if kind == model.KindGrants {
		err := q.all(ctx, &rows, `SELECT g.source_id, g.id AS key, COALESCE(a.account_id, '') AS id, COALESCE(e.entitlement_id, '') AS ent_id, g.via, g.granted_at, g.hash, g.data
			FROM grants g LEFT JOIN accounts a ON a.key = g.account_key LEFT JOIN entitlements e ON e.key = g.entitlement_key
			WHERE (g.source_id, g.id) > (?, ?) ORDER BY g.source_id, g.id LIMIT ?`, last.SourceID, last.Key, doctorPage)
		return rows, err
	}
	table, key := versionTable(kind)
	names, id := keyTable(kind)
	columns := ""
	if kind == model.KindPeople {
		columns = ", v.id_fold, v.name_fold, v.email_fold, v.manager_id, v.status"
	}
	err := q.all(ctx, &rows, fmt.Sprintf(`SELECT v.source_id, v.%[2]s AS key, v.first_snapshot AS first, COALESCE(k.%[4]s, '') AS id, v.hash, v.data%[5]s
		FROM %[1]s v LEFT JOIN %[3]s k ON k.key = v.%[2]s AND k.source_id = v.source_id
		WHERE (v.%[2]s, v.first_snapshot) > (?, ?) ORDER BY v.%[2]s, v.first_snapshot LIMIT ?`, table, key, names, id, columns), last.Key, last.First, doctorPage)
	return rows, err
}

// GrantChangesAfter is a page of what grants said before they changed; First is the last snapshot
// that showed it.
func (q queries) GrantChangesAfter(ctx context.Context, last RowVersion) ([]RowVersion, error) {
	var rows []RowVersion
	err := q.all(ctx, &rows, `SELECT c.source_id, c.grant_id AS key, c.last_snapshot AS first, COALESCE(a.account_id, '') AS id, COALESCE(e.entitlement_id, '') AS ent_id,
			COALESCE(g.via, '') AS via, g.granted_at, c.hash, c.data
		FROM grant_changes c LEFT JOIN grants g ON g.source_id = c.source_id AND g.id = c.grant_id
		LEFT JOIN accounts a ON a.key = g.account_key LEFT JOIN entitlements e ON e.key = g.entitlement_key
		WHERE (c.source_id, c.grant_id, c.last_snapshot) > (?, ?, ?) ORDER BY c.source_id, c.grant_id, c.last_snapshot LIMIT ?`, last.SourceID, last.Key, last.First, doctorPage)
	return rows, err
}

// RowHashes calls fn with the stored hash of each row of a kind that a snapshot of a source shows,
// in ascending order. The hash is fn's for the call only.
func (q queries) RowHashes(ctx context.Context, kind model.Kind, sourceID, snapshotID int64, fn func(hash []byte)) error {
	const shown = "source_id = ? AND first_snapshot <= ? AND (last_snapshot IS NULL OR last_snapshot >= ?) ORDER BY 1"
	var query string
	args := []any{sourceID, snapshotID, snapshotID}
	if kind == model.KindGrants {
		query = `SELECT COALESCE((SELECT c.hash FROM grant_changes c WHERE c.source_id = g.source_id AND c.grant_id = g.id AND c.last_snapshot >= ?
			ORDER BY c.last_snapshot LIMIT 1), g.hash) FROM grants g WHERE ` + shown
		args = append([]any{snapshotID}, args...)
	} else {
		table, _ := versionTable(kind)
		query = "SELECT hash FROM " + table + " WHERE " + shown
	}
	rows, err := q.rows(ctx, query, args...)
	if err != nil {
		return wrap(err)
	}
	var hash []byte
	return scanEach(rows, func() error {
		if err := rows.Scan(&hash); err != nil {
			return err
		}
		fn(hash)
		return nil
	})
}
