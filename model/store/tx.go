package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"recert/model"
)

// queries are the reads that Store and Tx share.
type queries struct {
	db      bun.IDB
	dialect Dialect
	pending *pending // of a transaction
}

// Tx writes, and reads what it wrote. Now is the same for every row of it.
type Tx struct {
	queries
	Now  model.Time
	pool *bun.DB   // that the transaction is of
	raw  *pgx.Conn // under a PostgreSQL transaction, for COPY; nil with SQLite
	sql  *sql.Tx

	// What was read, or locked, for many changes at once.
	once         map[string]any
	claims       map[int64]*claim      // removals that are locked
	heads        map[eventPlace]string // hashes of the last events
	entitlements map[int64]string
	braked       map[int64]bool // sources whose brake is locked
}

// retries bounds how often a transaction that lost a race on PostgreSQL is run again.
const retries = 5

// InTx runs fn in one transaction, committed when it returns nil. On PostgreSQL fn runs again
// after a serialization failure or a deadlock, so it must have no effect outside the database.
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	var err error
	for range retries {
		if err = s.inTx(ctx, fn); !retryable(err) {
			return err
		}
	}
	return err
}

// Dry runs fn in a transaction that is always rolled back: to show what it would do.
func (s *Store) Dry(ctx context.Context, fn func(*Tx) error) error {
	err := s.inTx(ctx, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

var errDry = errors.New("dry run")

func (s *Store) inTx(ctx context.Context, fn func(*Tx) error) (err error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// database/sql rolls a transaction back behind our back when the context that began it ends, maybe while we
	// use the connection under it. So only the beginning ends with ctx; after that each statement does.
	begun, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	stop := context.AfterFunc(ctx, release)
	btx, err := conn.BeginTx(begun, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if !done { // also when fn panics
			// A statement that ctx ended may have taken the connection with it.
			if rerr := btx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) && ctx.Err() == nil {
				err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
			}
		}
	}()
	if !stop() {
		return ctx.Err()
	}
	tx := &Tx{queries: queries{db: btx, dialect: s.dialect, pending: &pending{}}, sql: btx.Tx, pool: s.write}
	tx.pending.tx = tx
	if s.dialect == Postgres {
		if err := conn.Raw(func(dc any) error {
			c, ok := dc.(*stdlib.Conn)
			if !ok {
				return fmt.Errorf("unexpected driver connection %T", dc)
			}
			tx.raw = c.Conn()
			return nil
		}); err != nil {
			return err
		}
	}
	if tx.Now, err = s.txNow(ctx, btx); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.settle(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := btx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	return nil
}

func (s *Store) txNow(ctx context.Context, btx bun.Tx) (model.Time, error) {
	if s.now != nil {
		return model.TimeOf(s.now()), nil
	}
	var now time.Time
	if err := btx.NewRaw("SELECT clock_timestamp()").Scan(ctx, &now); err != nil {
		return 0, fmt.Errorf("read the server's clock: %w", err)
	}
	return model.TimeOf(now), nil
}

func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// exec runs a statement and gives the number of rows that it touched.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := tx.settle(ctx); err != nil {
		return 0, err
	}
	res, err := tx.db.NewRaw(query, args...).Exec(ctx)
	if err != nil {
		return 0, wrap(err)
	}
	return res.RowsAffected()
}

// execOne is exec for a change that must touch just one row; none is a conflict.
func (tx *Tx) execOne(ctx context.Context, query string, args ...any) error {
	n, err := tx.exec(ctx, query, args...)
	if err != nil {
		return err
	}
	return touched(n, 1)
}

// insertID inserts one row and gives its generated key.
func (tx *Tx) insertID(ctx context.Context, query string, args ...any) (int64, error) {
	if err := tx.settle(ctx); err != nil {
		return 0, err
	}
	var id int64
	err := tx.db.NewRaw(query, args...).Scan(ctx, &id)
	return id, wrap(err)
}

// one scans exactly one row; none is NotFound with msg.
func (q queries) one(ctx context.Context, dest any, msg, query string, args ...any) error {
	if err := q.settle(ctx); err != nil {
		return err
	}
	err := q.db.NewRaw(query, args...).Scan(ctx, dest)
	if errors.Is(err, sql.ErrNoRows) {
		return &model.Error{Kind: model.NotFound, Msg: msg}
	}
	return wrap(err)
}

// all scans every row into dest, a pointer to a slice.
func (q queries) all(ctx context.Context, dest any, query string, args ...any) error {
	if err := q.settle(ctx); err != nil {
		return err
	}
	return wrap(q.db.NewRaw(query, args...).Scan(ctx, dest))
}
