package store

import (
	"context"
	"fmt"

	"recert/model"
)

// keyTable is where the natural keys of a kind live. Grants have none of their own.
func keyTable(kind model.Kind) (table, column string) {
	switch kind {
	case model.KindPeople:
		return "people", "person_id"
	case model.KindAccounts:
		return "accounts", "account_id"
	case model.KindEntitlements:
		return "entitlements", "entitlement_id"
	case model.KindGrants:
	}
	panic("no keys of kind " + string(kind))
}

// CountKeys tells how many natural keys of a kind a source ever had.
func (q queries) CountKeys(ctx context.Context, kind model.Kind, sourceID int64) (int64, error) {
	table, _ := keyTable(kind)
	var n int64
	err := q.one(ctx, &n, "", "SELECT count(*) FROM "+table+" WHERE source_id = ?", sourceID)
	return n, err
}

// EachKey calls fn for every natural key of a kind in a source.
func (q queries) EachKey(ctx context.Context, kind model.Kind, sourceID int64, fn func(id string, key int64)) error {
	table, column := keyTable(kind)
	return q.eachKey(ctx, fn, fmt.Sprintf("SELECT %s, key FROM %s WHERE source_id = ?", column, table), sourceID)
}

// findKeys is how many ids one look-up names.
const findKeys = 500

// FindKeys calls fn for each of ids that the source already has.
func (q queries) FindKeys(ctx context.Context, kind model.Kind, sourceID int64, ids []string, fn func(id string, key int64)) error {
	table, column := keyTable(kind)
	for len(ids) > 0 {
		part := ids[:min(len(ids), findKeys)]
		ids = ids[len(part):]
		args := []any{sourceID}
		for _, id := range part {
			args = append(args, id)
		}
		query := fmt.Sprintf("SELECT %s, key FROM %s WHERE source_id = ? AND %s IN %s", column, table, column, placeholders(len(part), 1))
		if err := q.eachKey(ctx, fn, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func (q queries) eachKey(ctx context.Context, fn func(id string, key int64), query string, args ...any) error {
	rows, err := q.rows(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var id string
	var key int64
	for rows.Next() {
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		fn(id, key)
	}
	return rows.Err()
}

// InsertKeys gives new natural keys their integers, in the order of ids. An id that the source has
// already is a Conflict.
func (tx *Tx) InsertKeys(ctx context.Context, kind model.Kind, sourceID int64, ids []string) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	table, column := keyTable(kind)
	keys, err := tx.nextKeys(ctx, table, len(ids))
	if err != nil {
		return nil, fmt.Errorf("number new %s: %w", table, err)
	}
	return keys, tx.fill(ctx, table, []string{"key", "source_id", column}, func(b *Bulk) error {
		for i, id := range ids {
			if err := b.Add(keys[i], sourceID, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// nextKeys reserves n integers. SQLite has one writer, which holds the lock already.
func (tx *Tx) nextKeys(ctx context.Context, table string, n int) ([]int64, error) {
	keys := make([]int64, 0, n)
	if tx.dialect == Postgres {
		err := tx.all(ctx, &keys, "SELECT nextval(pg_get_serial_sequence(?, 'key')) FROM generate_series(1, ?)", table, n)
		return keys, err
	}
	var last int64
	if err := tx.one(ctx, &last, "", "SELECT coalesce(max(key), 0) FROM "+table); err != nil {
		return nil, err
	}
	for i := range n {
		keys = append(keys, last+int64(i)+1)
	}
	return keys, nil
}
