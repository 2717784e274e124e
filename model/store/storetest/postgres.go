package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresEnv names the server that PostgreSQL tests use; 'make test' sets it.
const postgresEnv = "RECERT_TEST_POSTGRES"

// dropAfter is how long removing a test's database may take.
const dropAfter = 30 * time.Second

// PostgresURL is the URL of a PostgreSQL server on which a test may create databases: the one that
// RECERT_TEST_POSTGRES names, else the one that 'make pg' left running. Without a server the test
// fails; it is never skipped.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	address, err := postgresURL()
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

func postgresURL() (string, error) {
	if address := os.Getenv(postgresEnv); address != "" {
		return address, nil
	}
	file := filepath.Join(os.TempDir(), fmt.Sprintf("recert-test-postgres-%d", os.Getuid()), "url")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("this test needs PostgreSQL: run 'make pg' first, or the whole 'make test', or set %s (%w)", postgresEnv, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// NewDatabase creates an empty database that sorts text by bytes, as the product asks for, and drops
// it when the test ends, with whatever is still connected. It returns the database's URL.
func NewDatabase(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, empty)
}

// empty is the template of a database that sorts text by bytes.
const empty = `template0 ENCODING 'UTF8' LC_COLLATE 'C'`

func newDatabase(tb testing.TB, template string) string {
	tb.Helper()
	server := PostgresURL(tb)
	name := "recert_" + strings.ToLower(rand.Text())
	administer(tb.Context(), tb, server, `CREATE DATABASE `+name+` TEMPLATE `+template)
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), dropAfter)
		defer cancel()
		administer(ctx, tb, server, `DROP DATABASE `+name+` WITH (FORCE)`)
	})
	return addressOf(tb, server, name)
}

// addressOf is the URL of another database of a server.
func addressOf(tb testing.TB, server, name string) string {
	tb.Helper()
	address, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("%s is not a URL", postgresEnv) // the error would repeat the password
	}
	address.Path = "/" + name
	return address.String()
}

// administer runs one statement on the server's own database.
func administer(ctx context.Context, tb testing.TB, server, statement string) {
	tb.Helper()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatalf("PostgreSQL does not answer (is it still running? 'make pg' starts it): %v", err)
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	if err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}
