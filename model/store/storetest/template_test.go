package storetest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestTemplate: processes that begin together make one template; what is old, or half made, goes, and what
// another schema's tests may still copy stays.
func TestTemplate(t *testing.T) {
	t.Parallel()
	server := PostgresURL(t)
	names := map[string]string{}
	for _, n := range []string{"ours", "old", "used", "unknown"} {
		names[n] = templates + "test_" + strings.ToLower(rand.Text())
	}
	for n, used := range map[string]string{"old": "1000", "used": "99999999999", "unknown": ""} {
		administer(t.Context(), t, server, "CREATE DATABASE "+names[n]+" TEMPLATE "+empty)
		if used != "" {
			administer(t.Context(), t, server, "COMMENT ON DATABASE "+names[n]+" IS '"+used+"'")
		}
	}
	t.Cleanup(func() {
		for _, n := range names {
			administer(context.Background(), t, server, "DROP DATABASE IF EXISTS "+n)
		}
	})
	var made atomic.Int64
	fill := func(ctx context.Context, address string) error {
		made.Add(1)
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "CREATE TABLE filled (n integer)"); err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			name, err := template(t.Context(), server, names["ours"], fill)
			if err != nil || name != names["ours"] {
				t.Errorf("%q, %v", name, err)
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("five at once made it %d times", n)
	}
	conn, err := pgx.Connect(t.Context(), newDatabase(t, names["ours"]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT n FROM filled"); err != nil {
		t.Errorf("a copy: %v", err)
	}
	for n, want := range map[string]bool{"ours": true, "old": false, "used": true, "unknown": true} {
		var there bool
		if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", names[n]).Scan(&there); err != nil || there != want {
			t.Errorf("%s is there: %v (%v), want %v", n, there, err, want)
		}
	}
	// A process that dies while it makes one leaves what the next one drops.
	broken := func(context.Context, string) error { return context.Canceled }
	other := templates + "test_" + strings.ToLower(rand.Text())
	names["other"] = other
	if _, err := template(t.Context(), server, other, broken); err == nil {
		t.Error("a template that was not filled is one")
	}
	if _, err := template(t.Context(), server, other, fill); err != nil {
		t.Error(err)
	}
	if n := made.Load(); n != 2 {
		t.Errorf("it was made %d times", n)
	}
}
