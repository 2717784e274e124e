package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"recert/model/store"
)

// Names of databases that others are copied from, and of those that are to become one.
const (
	templates = "recert_template_"
	makings   = "recert_making_"
)

// templateLock is an arbitrary number that all processes with tests agree on.
const templateLock = 7263912

// unusedFor is after how many seconds a template that no process began with is dropped: one of an older
// schema may still be copied by tests that run longer.
const unusedFor = 3600

// migrated is the template of this process.
var migrated = sync.OnceValues(func() (string, error) {
	server, err := postgresURL()
	if err != nil {
		return "", err
	}
	digest, err := store.SchemaDigest(store.Postgres)
	if err != nil {
		return "", err
	}
	return template(context.Background(), server, templates+digest[:24], migrate)
})

// template gives a database of a name that others are copied from, and makes it where there is none: to
// migrate each test's own takes longer than most tests. It stays for the processes to come. Those of other
// schemas are dropped when nobody has begun with them for a while, and so is what a killed process left.
func template(ctx context.Context, server, name string, fill func(ctx context.Context, address string) error) (_ string, err error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }() // which gives the lock back
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return "", err
	}
	if err := sweep(ctx, conn, name); err != nil {
		return "", err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return "", err
	}
	if there {
		return name, touch(ctx, conn, name)
	}
	making := makings + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+making+" TEMPLATE "+empty); err != nil {
		return "", err
	}
	address, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	address.Path = "/" + making
	if err := errors.Join(fill(ctx, address.String()), touch(ctx, conn, making)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+name)
	return name, err
}

// sweep drops what nobody needs any more; the lock is held, so nobody makes anything.
func sweep(ctx context.Context, conn *pgx.Conn, name string) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM (SELECT datname, COALESCE(shobj_description(oid, 'pg_database'), '') AS used FROM pg_database) d
		WHERE starts_with(datname, $1) OR (starts_with(datname, $2) AND datname <> $3
		AND CASE WHEN used ~ '^[0-9]{1,15}$' THEN used::bigint < extract(epoch FROM now()) - $4 ELSE false END)`, makings, templates, name, unusedFor)
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, n := range old {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{n}.Sanitize()+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop %s: %w", n, err)
		}
	}
	return nil
}

// touch writes down that a process begins with a template now.
func touch(ctx context.Context, conn *pgx.Conn, name string) error {
	var now string
	if err := conn.QueryRow(ctx, "SELECT floor(extract(epoch FROM now()))::bigint::text").Scan(&now); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "COMMENT ON DATABASE "+name+" IS '"+now+"'")
	return err
}

// migrate makes the schema in an empty database.
func migrate(ctx context.Context, address string) error {
	s, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return err
	}
	_, err = s.Migrate(ctx)
	return errors.Join(err, s.Close())
}
