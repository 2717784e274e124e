package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"recert/migrations"
	"recert/model"
)

// migrationLock is an arbitrary number that every Recert of one PostgreSQL database agrees on.
const migrationLock = 7263911

// Migrate brings the schema to this binary's version. Processes that start together migrate
// once: they wait for each other. A schema newer than the binary is refused.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return 0, fmt.Errorf("wait for the migration lock: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	m, err := s.migrator()
	if err != nil {
		return 0, err
	}
	if err := m.Init(ctx); err != nil {
		return 0, fmt.Errorf("prepare migrations: %w", err)
	}
	if err := refuseNewer(ctx, m); err != nil {
		return 0, err
	}
	group, err := m.Migrate(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(group.Migrations), nil
}

// SchemaDigest names the schema that Migrate makes of an empty database: another one has another.
func SchemaDigest(d Dialect) (string, error) { return migrations.Digest(string(d)) }

// CheckSchema fails unless the schema is exactly this binary's.
func (s *Store) CheckSchema(ctx context.Context) error {
	m, err := s.migrator()
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, m); err != nil {
		return err
	}
	ms, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return model.Errorf(model.Invalid, "the database has no schema yet: run recert migrate")
	}
	if n := len(ms.Unapplied()); n > 0 {
		return model.Errorf(model.Invalid, "the schema is %d migrations behind this program: run recert migrate", n)
	}
	return nil
}

func (s *Store) migrator() (*migrate.Migrator, error) {
	ms, err := migrations.For(string(s.dialect))
	if err != nil {
		return nil, err
	}
	if s.dialect == SQLite {
		ms = again(ms)
	}
	// Without the option bun records a migration that failed as applied.
	return migrate.NewMigrator(s.write, ms, migrate.WithMarkAppliedOnSuccess(true)), nil
}

func refuseNewer(ctx context.Context, m *migrate.Migrator) error {
	missing, err := m.MissingMigrations(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if len(missing) > 0 {
		return model.Errorf(model.Invalid, "the database was migrated by a newer Recert (it has %s, which this program does not know): install that version or a later one", missing[0].Name)
	}
	return nil
}

// lockMigrations waits for the lock. On SQLite it is the write lock of a file beside the
// database: the migrations themselves need the database's own.
func (s *Store) lockMigrations(ctx context.Context) (unlock func() error, err error) {
	if s.dialect == Postgres {
		conn, err := s.write.DB.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return func() error {
			_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
			return errors.Join(err, conn.Close())
		}, nil
	}
	if err := private(s.path + "-migrate"); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", sqliteDSN(s.path+"-migrate", false))
	if err != nil {
		return nil, err
	}
	tx, err := bun.NewDB(db, s.write.Dialect()).BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// again lets a migration of SQLite run again that was committed but not yet recorded when the
// program died. Only PostgreSQL knows ADD COLUMN IF NOT EXISTS; a file runs in one transaction, so
// where a column that it adds is there already, all of the file has been done.
func again(ms *migrate.Migrations) *migrate.Migrations {
	out := migrate.NewMigrations()
	for _, m := range ms.Sorted() {
		up := m.Up
		m.Up = func(ctx context.Context, r *migrate.Migrator, m *migrate.Migration) error {
			err := up(ctx, r, m)
			if err != nil && strings.Contains(err.Error(), "duplicate column name") {
				return nil
			}
			return err
		}
		out.Add(m)
	}
	return out
}
