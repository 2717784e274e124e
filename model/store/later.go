package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"

	"recert/model"
)

// pending are the statements of a transaction that have not been sent. Where many rows change at once,
// what they cost is mostly the way to the database and the parsing of each statement: they go together,
// prepared, in their order. Every other statement of the transaction, and its commit, sends them first,
// so that nothing can tell them from statements that were sent at once, but that their errors come later.
type pending struct {
	tx       *Tx
	list     []statement
	prepared map[string]*sql.Stmt // with SQLite
	events   eventColumns         // with PostgreSQL
}

type statement struct {
	query string
	args  []any
	rows  int64 // that it must touch
}

// later adds a statement that must touch just one row. It has ? for its arguments and no other
// question mark.
func (tx *Tx) later(query string, args ...any) error {
	for i, a := range args {
		// Both drivers get what database/sql would give them: pgx by itself writes an unknown time as 0.
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		args[i] = v
	}
	tx.pending.list = append(tx.pending.list, statement{query, args, 1})
	return nil
}

// settle sends what waits.
func (q queries) settle(ctx context.Context) error {
	if q.pending == nil || len(q.pending.list)+len(q.pending.events.hash) == 0 {
		return nil
	}
	list := q.pending.list
	if len(q.pending.events.hash) > 0 {
		list = append(list, q.pending.events.statement())
	}
	q.pending.list, q.pending.events = nil, eventColumns{}
	if q.dialect == Postgres {
		return wrap(q.pending.pipeline(ctx, list))
	}
	return wrap(q.pending.each(ctx, list))
}

func (p *pending) pipeline(ctx context.Context, list []statement) (err error) {
	var b pgx.Batch
	for _, s := range list {
		query := numbered(s.query)
		// The connection keeps it, and asks the server once only.
		if _, err := p.tx.raw.Prepare(ctx, query, query); err != nil {
			return err
		}
		b.Queue(query, s.args...)
	}
	res := p.tx.raw.SendBatch(ctx, &b)
	for _, s := range list {
		tag, e := res.Exec()
		if err == nil {
			err = e
		}
		if err == nil {
			err = touched(tag.RowsAffected(), s.rows)
		}
	}
	if e := res.Close(); err == nil {
		err = e
	}
	return err
}

func (p *pending) each(ctx context.Context, list []statement) error {
	for _, s := range list {
		stmt, ok := p.prepared[s.query]
		if !ok {
			var err error
			if stmt, err = p.tx.sql.PrepareContext(ctx, s.query); err != nil {
				return err
			}
			if p.prepared == nil {
				p.prepared = map[string]*sql.Stmt{}
			}
			p.prepared[s.query] = stmt // the end of the transaction closes it
		}
		res, err := stmt.ExecContext(ctx, s.args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if err := touched(n, s.rows); err != nil {
			return err
		}
	}
	return nil
}

func touched(n, want int64) error {
	if n != want {
		return model.Errorf(model.Conflict, "Somebody else changed this in the meantime. Load the page again.")
	}
	return nil
}
