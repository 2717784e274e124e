package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// hot is all for a statement that is sent very often: on PostgreSQL a connection has it parsed and planned
// once. Its lists are arguments that among and notAmong compare with, so that its text is always the same.
// It has ? for its arguments and no other question mark.
func (tx *Tx) hot(ctx context.Context, dest any, query string, args ...any) error {
	if err := tx.settle(ctx); err != nil {
		return err
	}
	for i, a := range args {
		var err error
		if args[i], err = tx.argument(a); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	if tx.dialect == Postgres {
		query = numbered(query)
		if _, err := tx.raw.Prepare(ctx, query, query); err != nil {
			return wrap(err)
		}
	}
	rows, err := tx.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	if err := tx.pool.ScanRows(ctx, rows, dest); err != nil {
		return wrap(err)
	}
	return wrap(rows.Err())
}

// argument is a value as the driver takes it: of a list, an array, or with SQLite its JSON.
func (tx *Tx) argument(a any) (any, error) {
	switch a.(type) {
	case []int64, []string:
		if tx.dialect == Postgres {
			return a, nil
		}
		b, err := json.Marshal(a)
		return string(b), err
	}
	return driver.DefaultParameterConverter.ConvertValue(a)
}

// among is the condition that a value is one of a list, the argument.
func (q queries) among() string {
	if q.dialect == Postgres {
		return "= ANY(?)"
	}
	return "IN (SELECT value FROM json_each(?))"
}

// each makes rows of a list, the argument: o.value is what is in it. How many there are is not known where
// such a statement is planned, so what belongs to each is best looked up by a subquery of its own: a join
// may come to read a whole table.
func (q queries) each(kind string) string {
	if q.dialect == Postgres {
		return "unnest(CAST(? AS " + kind + "[])) AS o(value)"
	}
	return "json_each(?) AS o"
}

// notAmong is the contrary of among.
func (q queries) notAmong() string {
	if q.dialect == Postgres {
		return "<> ALL(?)"
	}
	return "NOT IN (SELECT value FROM json_each(?))"
}
