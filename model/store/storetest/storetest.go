// Package storetest runs every store test on SQLite and on PostgreSQL, and builds what tests need.
package storetest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"recert/model/store"
)

// Epoch is where the clock of New stands until a test moves it.
var Epoch = time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)

// Clock is an injected clock; a test moves it. It is safe for concurrent use only while nobody moves it.
type Clock struct{ T time.Time }

// Now is the time.
func (c *Clock) Now() time.Time { return c.T }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.T = c.T.Add(d) }

// Each runs fn on a fresh, migrated database of either kind.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store, clock *Clock)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			clock := &Clock{T: Epoch}
			fn(t, Open(t, Migrated(t, d), clock), clock)
		})
	}
}

// Migrated names a database that has the schema already, where that is quicker than to migrate it.
func Migrated(tb testing.TB, d store.Dialect) string {
	tb.Helper()
	if d != store.Postgres {
		return DSN(tb, d)
	}
	template, err := migrated()
	if err != nil {
		tb.Fatal(err)
	}
	return newDatabase(tb, template)
}

// DSN names a fresh, empty database that is gone when the test ends.
func DSN(tb testing.TB, d store.Dialect) string {
	tb.Helper()
	if d == store.Postgres {
		return NewDatabase(tb)
	}
	return "sqlite:" + filepath.Join(tb.TempDir(), "recert.db")
}

// Open opens and migrates; the store is closed when the test ends.
func Open(tb testing.TB, dsn string, clock *Clock) *store.Store {
	tb.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, dsn, store.Options{Now: clock.Now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	if _, err := s.Migrate(ctx); err != nil {
		tb.Fatal(err)
	}
	return s
}
