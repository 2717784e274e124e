package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the "sqlite" driver

	"recert/model"
)

// Store reads. It holds the pools; Close them.
type Store struct {
	queries
	write *bun.DB // the one writer of SQLite; the shared pool of PostgreSQL
	now   func() time.Time
	path  string // SQLite's file; "" with PostgreSQL
}

// Options of Open.
type Options struct {
	// Now is the clock of every transaction. Nil takes the machine's on SQLite and the server's
	// on PostgreSQL, which replicas share.
	Now func() time.Time
}

// Open opens the database that dsn names: "sqlite:FILE" or "postgres://…". It does not migrate.
func Open(ctx context.Context, dsn string, opt Options) (*Store, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"), opt)
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return openPostgres(ctx, dsn, opt)
	}
	return nil, model.Errorf(model.Invalid, "the database must be sqlite:FILE or postgres://…")
}

// sqliteDSN puts the pragmas where every pooled connection gets them, busy_timeout first: setting
// the journal mode already needs the lock. FULL, because an acknowledged decision must survive a
// power cut.
func sqliteDSN(path string, reader bool) string {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout(10000)")
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_pragma", "cache_size(-8192)")
	q.Add("_pragma", "temp_store(MEMORY)")
	if reader {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func openSQLite(ctx context.Context, path string, opt Options) (*Store, error) {
	if path == "" {
		return nil, model.Errorf(model.Invalid, "sqlite: needs a file name, as in sqlite:recert.db")
	}
	if dir := filepath.Dir(path); dir != "." {
		if _, err := os.Stat(dir); err != nil {
			return nil, model.Errorf(model.Invalid, "the folder %s of the database does not exist", dir)
		}
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	w, err := sql.Open("sqlite", sqliteDSN(path, false))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	w.SetMaxOpenConns(1)
	if err := w.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), w.Close())
	}
	r, err := sql.Open("sqlite", sqliteDSN(path, true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), w.Close())
	}
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4) // opening one sets every pragma anew
	now := opt.Now
	if now == nil {
		now = machineClock
	}
	s := &Store{write: bun.NewDB(w, sqlitedialect.New()), now: now, path: path}
	s.queries = queries{db: bun.NewDB(r, sqlitedialect.New()), dialect: SQLite}
	return s, nil
}

// private makes a new database file that nobody else on the machine may read: the log's signing key may be in
// it. The files beside it get its permissions from SQLite. One that is there keeps its own.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func openPostgres(ctx context.Context, dsn string, opt Options) (*Store, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The driver's message may hold the password.
		return nil, model.Errorf(model.Invalid, "the PostgreSQL address cannot be read; it looks like postgres://user:password@host:5432/database")
	}
	// bun writes arguments into the text, so a statement cache would only grow.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.RuntimeParams["application_name"] = "recert"
	cfg.RuntimeParams["timezone"] = "UTC"
	// bun escapes quotes by doubling them alone.
	cfg.RuntimeParams["standard_conforming_strings"] = "on"
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16) // opening one is a process of the server's and a handshake
	db.SetConnMaxLifetime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL at %s: %w", cfg.Host, err), db.Close())
	}
	s := &Store{write: bun.NewDB(db, pgdialect.New()), now: opt.Now}
	s.queries = queries{db: s.write, dialect: Postgres}
	return s, nil
}

// Close closes the pools.
func (s *Store) Close() error {
	if s.dialect == SQLite {
		return errors.Join(s.pool().Close(), s.write.Close())
	}
	return s.write.Close()
}

func (s *Store) pool() *bun.DB { return s.db.(*bun.DB) } //nolint:errcheck,forcetypeassert // a Store's db is always a pool

// Path is the SQLite file, or "" with PostgreSQL.
func (s *Store) Path() string { return s.path }

// Now is the store's clock outside a transaction: for showing, never for a row.
func (s *Store) Now() time.Time {
	if s.now == nil {
		return machineClock()
	}
	return s.now().UTC().Truncate(time.Microsecond)
}
