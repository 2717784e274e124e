package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// bulkRows is how many rows one prepared INSERT carries on SQLite: measured best of 1, 20, 100
// and 1,000. bun's per-row reflection costs 1.4 times as much, so bulk loads bypass it.
const bulkRows = 100

// Bulk is a running bulk insert into one table. Add every row, then Close. On PostgreSQL it is
// one COPY, so nothing else may use the transaction between the first Add and Close.
type Bulk struct {
	add  func(row []any) error
	done func() error
	n    int64
}

// Add queues one row; row is copied, so the caller may use it again.
func (b *Bulk) Add(row ...any) error {
	b.n++
	return b.add(row)
}

// Close writes what is left and ends the insert. It gives the number of rows.
func (b *Bulk) Close() (int64, error) { return b.n, b.done() }

// bulk starts an insert into table. Neither table nor columns may come from input.
func (tx *Tx) bulk(ctx context.Context, table string, columns ...string) (*Bulk, error) {
	if err := tx.settle(ctx); err != nil {
		return nil, err
	}
	switch tx.dialect {
	case SQLite:
		return tx.bulkSQLite(ctx, table, columns)
	case Postgres:
		return tx.bulkPostgres(ctx, table, columns), nil
	}
	panic("unknown dialect " + string(tx.dialect))
}

func (tx *Tx) bulkSQLite(ctx context.Context, table string, columns []string) (*Bulk, error) {
	head := fmt.Sprintf("INSERT INTO %q (%s) VALUES ", table, quoteIdents(columns))
	stmt, err := tx.sql.PrepareContext(ctx, head+placeholders(len(columns), bulkRows))
	if err != nil {
		return nil, fmt.Errorf("prepare insert into %s: %w", table, err)
	}
	args := make([]any, 0, len(columns)*bulkRows)
	return &Bulk{
		add: func(row []any) error {
			args = append(args, row...)
			if len(args) < cap(args) {
				return nil
			}
			_, err := stmt.ExecContext(ctx, args...)
			args = args[:0]
			return wrap(err)
		},
		done: func() error {
			var err error
			if len(args) > 0 {
				_, err = tx.sql.ExecContext(ctx, head+placeholders(len(columns), len(args)/len(columns)), args...)
			}
			return wrap(errors.Join(err, stmt.Close()))
		},
	}, nil
}

// copyChunk is how many values go over the channel at once: a channel operation a row would cost
// more than the row.
const copyChunk = 500

func (tx *Tx) bulkPostgres(ctx context.Context, table string, columns []string) *Bulk {
	ctx, cancel := context.WithCancel(ctx)
	src := &copySource{ch: make(chan []any, 2), cols: len(columns)}
	result := make(chan error, 1)
	go func() {
		_, err := tx.raw.CopyFrom(ctx, pgx.Identifier{table}, columns, src)
		cancel() // releases a caller that waits to send
		result <- err
	}()
	chunk := make([]any, 0, len(columns)*copyChunk)
	send := func() error {
		select {
		case src.ch <- chunk:
			chunk = make([]any, 0, len(columns)*copyChunk)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return &Bulk{
		add: func(row []any) error {
			chunk = append(chunk, row...)
			if len(chunk) < cap(chunk) {
				return nil
			}
			return send()
		},
		done: func() error {
			var serr error
			if len(chunk) > 0 {
				serr = send()
			}
			close(src.ch)
			err := <-result
			if err == nil {
				err = serr
			}
			return wrap(err)
		},
	}
}

// copySource feeds CopyFrom from a channel of chunks of whole rows.
type copySource struct {
	ch    chan []any
	chunk []any
	cols  int
}

func (c *copySource) Next() bool {
	if len(c.chunk) > c.cols {
		c.chunk = c.chunk[c.cols:]
		return true
	}
	chunk, ok := <-c.ch
	c.chunk = chunk
	return ok
}

func (c *copySource) Values() ([]any, error) { return c.chunk[:c.cols], nil }
func (c *copySource) Err() error             { return nil }

// rows runs a hot query by the driver alone: bun would scan by reflection and, on PostgreSQL,
// write the arguments into the text and have it planned anew each time. The query uses ? on
// both; the caller closes the rows.
func (q queries) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := q.settle(ctx); err != nil {
		return nil, err
	}
	if q.dialect == Postgres {
		query = numbered(query)
	}
	switch db := q.db.(type) {
	case bun.Tx:
		return db.Tx.QueryContext(ctx, query, args...)
	case *bun.DB:
		return db.DB.QueryContext(ctx, query, args...)
	}
	panic(fmt.Sprintf("rows on %T", q.db))
}

// numbered turns ? into $1, $2, …; the queries that use it hold no ? in a literal.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
