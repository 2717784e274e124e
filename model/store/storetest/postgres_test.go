package storetest_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"recert/model/store/storetest"
)

func TestNewDatabase(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	addresses := map[string]bool{}
	t.Run("at once", func(t *testing.T) {
		for range 4 {
			t.Run("database", func(t *testing.T) {
				t.Parallel()
				address := storetest.NewDatabase(t)
				checkSorting(t, address)
				mu.Lock()
				defer mu.Unlock()
				addresses[address] = true
			})
		}
	})
	if len(addresses) != 4 {
		t.Errorf("four tests have %d databases", len(addresses))
	}
	for address := range addresses {
		if conn, err := pgx.Connect(t.Context(), address); err == nil {
			conn.Close(t.Context())
			t.Error("a database outlives its test")
		}
	}
}

// checkSorting looks whether the database sorts text by bytes.
func checkSorting(t *testing.T, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var collation string
	var bytewise bool
	if err := conn.QueryRow(t.Context(), `SELECT datcollate, 'B' < 'a' FROM pg_database WHERE datname = current_database()`).
		Scan(&collation, &bytewise); err != nil {
		t.Fatal(err)
	}
	if collation != "C" || !bytewise {
		t.Errorf("the database sorts by %q, capital B before small a: %v; want C, true", collation, bytewise)
	}
}
