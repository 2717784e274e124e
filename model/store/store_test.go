package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// each is storetest.Each with a way behind the store's back.
func each(t *testing.T, fn func(t *testing.T, s *store.Store, raw *sql.DB)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dsn := storetest.DSN(t, d)
			s := storetest.Open(t, dsn, &storetest.Clock{T: storetest.Epoch})
			driver, name := "pgx", dsn
			if d == store.SQLite {
				driver, name = "sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite:")+"?_pragma=busy_timeout(10000)"
			}
			raw, err := sql.Open(driver, name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := raw.Close(); err != nil {
					t.Error(err)
				}
			})
			fn(t, s, raw)
		})
	}
}

// TestMigrateTogether starts several processes' worth of stores on one empty database at once.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			dsn := storetest.DSN(t, d)
			applied := make([]int, 4)
			errs := make([]error, len(applied))
			var wg sync.WaitGroup
			for i := range applied {
				wg.Go(func() {
					s, err := store.Open(ctx, dsn, store.Options{})
					if err != nil {
						errs[i] = err
						return
					}
					applied[i], errs[i] = s.Migrate(ctx)
					errs[i] = errors.Join(errs[i], s.CheckSchema(ctx), s.Close())
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			slices.Sort(applied)
			if last := len(applied) - 1; applied[last] == 0 || slices.Max(applied[:last]) != 0 {
				t.Errorf("migrations applied by each: %v; want one that did them all", applied)
			}
		})
	}
}

// TestNewerSchema refuses a database that a later version has migrated, and one without a schema.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, raw *sql.DB) {
		ctx := t.Context()
		if _, err := raw.ExecContext(ctx, "INSERT INTO bun_migrations (name, group_id) VALUES ('9999', 99)"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Migrate(ctx)
		if model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), "newer Recert") {
			t.Errorf("migrate: %v", err)
		}
		if err := s.CheckSchema(ctx); model.KindOf(err) != model.Invalid {
			t.Errorf("check: %v", err)
		}
	})
}

func TestEmptyDatabaseHasNoSchema(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(t.Context(), storetest.DSN(t, d), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.CheckSchema(t.Context()); err == nil {
				t.Error("an empty database passes for a migrated one")
			}
		})
	}
}

// TestAppendOnly tries to change and to delete what may only grow.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, raw *sql.DB) {
		ctx := t.Context()
		err := s.InTx(ctx, func(tx *store.Tx) error {
			id, err := tx.InsertEvent(ctx, store.Event{Type: "t", Object: "o", Leaf: []byte("{}"), Hash: make([]byte, 32), At: tx.Now}, nil)
			if err != nil {
				return err
			}
			if err := tx.AppendLog(ctx, 0, []store.UnsequencedEvent{{ID: id}}, 0, [][]byte{make([]byte, 32)}); err != nil {
				return err
			}
			return tx.InsertCheckpoint(ctx, 1, "note")
		})
		if err != nil {
			t.Fatal(err)
		}
		for table, set := range map[string]string{"events": "type = 'x'", "log_entries": "idx = 7", "log_nodes": "idx = 7", "checkpoints": "note = 'x'"} {
			for _, query := range []string{"UPDATE " + table + " SET " + set, "DELETE FROM " + table} {
				if _, err := raw.ExecContext(ctx, query); err == nil || !strings.Contains(err.Error(), "append-only") {
					t.Errorf("%s: %v", query, err)
				}
			}
		}
	})
}

// TestTransactions keeps nothing of a transaction that failed, panicked or was dry.
func TestTransactions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := t.Context()
		put := func(tx *store.Tx) error {
			_, err := tx.PutSource(ctx, "hr", model.ProvidesPeople, "csv")
			return err
		}
		fault := errors.New("fault")
		if err := s.InTx(ctx, func(tx *store.Tx) error { return errors.Join(put(tx), fault) }); !errors.Is(err, fault) {
			t.Errorf("a failing transaction: %v", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = s.InTx(ctx, func(tx *store.Tx) error {
				if err := put(tx); err != nil {
					t.Error(err)
				}
				panic("fault")
			})
		}()
		if err := s.Dry(ctx, put); err != nil {
			t.Error(err)
		}
		if _, err := s.Source(ctx, "hr"); model.KindOf(err) != model.NotFound {
			t.Errorf("something stayed: %v", err)
		}
		if err := s.InTx(ctx, put); err != nil {
			t.Fatal(err)
		}
		src, err := s.Source(ctx, "hr")
		if err != nil || src.CreatedAt != model.TimeOf(clock.Now()) {
			t.Errorf("source %+v, %v; want the transaction's time", src, err)
		}
	})
}

// TestDialectsAgree compares tables and columns of the two schemas.
func TestDialectsAgree(t *testing.T) {
	t.Parallel()
	columns := map[store.Dialect][]string{}
	var mu sync.Mutex
	t.Run("read", func(t *testing.T) {
		each(t, func(t *testing.T, s *store.Store, raw *sql.DB) {
			query := "SELECT m.name || '.' || p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
			if s.Dialect() == store.Postgres {
				query = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
			}
			rows, err := raw.QueryContext(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			mu.Lock()
			defer mu.Unlock()
			for rows.Next() {
				var c string
				if err := rows.Scan(&c); err != nil {
					t.Fatal(err)
				}
				columns[s.Dialect()] = append(columns[s.Dialect()], c)
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		})
	})
	lite, pg := columns[store.SQLite], columns[store.Postgres]
	if len(lite) < 100 {
		t.Fatalf("only %d columns: the query is wrong", len(lite))
	}
	for _, c := range lite {
		if !slices.Contains(pg, c) {
			t.Errorf("%s is in SQLite only", c)
		}
	}
	for _, c := range pg {
		if !slices.Contains(lite, c) {
			t.Errorf("%s is in PostgreSQL only", c)
		}
	}
}

// TestOpenRefuses gives one clear message and never the password.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"", "recert.db", "mysql://x", "sqlite:", "sqlite:/no/such/folder/recert.db", "postgres://u:canary@127.0.0.1:1/none?sslmode=disable&connect_timeout=1", "postgres://u:canary@[bad"} {
		_, err := store.Open(context.Background(), dsn, store.Options{})
		if err == nil {
			t.Errorf("%q was opened", dsn)
			continue
		}
		if strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("%q: the error shows the password: %v", dsn, err)
		}
	}
}

// TestFilesArePrivate: nobody else on the machine may read a database, or what SQLite keeps beside it.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "x.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
