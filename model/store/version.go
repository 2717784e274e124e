package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"recert/model"
)

// Live stands for a snapshot in a read and means what is current: what the latest sealed snapshot of
// each source says.
const Live int64 = 0

// asOf is the condition on alias for what a snapshot showed, with its arguments. Snapshots of one
// source that are sealed have ids in the order of their as_of.
func asOf(alias string, snapshot int64) (cond string, args []any) {
	if snapshot == Live {
		return alias + ".last_snapshot IS NULL", nil
	}
	return fmt.Sprintf("%[1]s.first_snapshot <= ? AND (%[1]s.last_snapshot IS NULL OR %[1]s.last_snapshot >= ?)", alias), []any{snapshot, snapshot}
}

// each runs a query and gives what scan makes of each row. The query is open while the caller
// loops, so on a Tx the loop must not use the transaction.
func each[T any](ctx context.Context, q queries, scan func(*sql.Rows, *T) error, query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		rows, err := q.rows(ctx, query, args...)
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var v T
			if err := scan(rows, &v); err != nil {
				yield(v, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

// first is the first element of a sequence; none is NotFound with msg.
func first[T any](seq iter.Seq2[T, error], msg string) (T, error) {
	for v, err := range seq {
		return v, err
	}
	var zero T
	return zero, &model.Error{Kind: model.NotFound, Msg: msg}
}

// collect gathers a sequence.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// decode reads the JSON of a version.
func decode(data []byte, dest any, what string, key int64) error {
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, dest); err != nil {
		return fmt.Errorf("read the stored data of %s %d: %w", what, key, err)
	}
	return nil
}
