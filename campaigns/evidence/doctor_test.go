package evidence_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"recert/campaigns/evidence"
	"recert/model/store"
	"recert/model/store/storetest"
)

// template is a database that is filled once and copied for each test.
type template struct {
	dialect store.Dialect
	dsn     string
	clock   storetest.Clock
	mu      sync.Mutex
}

func newTemplate(t *testing.T, d store.Dialect) *template {
	t.Helper()
	tpl := &template{dialect: d, dsn: storetest.DSN(t, d), clock: storetest.Clock{T: storetest.Epoch}}
	s, err := store.Open(t.Context(), tpl.dsn, store.Options{Now: tpl.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	newWorld(t, s, &tpl.clock).live()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return tpl
}

// copy is a database of the test's own.
func (tpl *template) copy(t *testing.T) string {
	t.Helper()
	if tpl.dialect == store.SQLite {
		file := filepath.Join(t.TempDir(), "copy.db")
		b, err := os.ReadFile(strings.TrimPrefix(tpl.dsn, "sqlite:"))
		if err == nil {
			err = os.WriteFile(file, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + file
	}
	address, err := url.Parse(tpl.dsn)
	if err != nil {
		t.Fatal("the server's address is not a URL")
	}
	name := "recert_" + strings.ToLower(rand.Text())
	tpl.mu.Lock()
	defer tpl.mu.Unlock()
	tpl.server(t, "CREATE DATABASE "+name+" TEMPLATE "+strings.TrimPrefix(address.Path, "/"))
	t.Cleanup(func() { tpl.server(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	address.Path = "/" + name
	return address.String()
}

func (tpl *template) server(t *testing.T, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, storetest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// vandal is somebody who may do anything with the database, and leaves no trace elsewhere.
type vandal struct {
	*testing.T

	dialect store.Dialect
	dsn     string
	db      *sql.DB
	clock   *storetest.Clock
}

func (tpl *template) vandal(t *testing.T) *vandal {
	t.Helper()
	clock := tpl.clock
	v := &vandal{T: t, dialect: tpl.dialect, dsn: tpl.copy(t), clock: &clock}
	var err error
	if tpl.dialect == store.SQLite {
		v.db, err = sql.Open("sqlite", strings.Replace(v.dsn, "sqlite:", "file:", 1))
	} else {
		v.db, err = sql.Open("pgx", v.dsn)
	}
	if err != nil {
		t.Fatal(err)
	}
	v.db.SetMaxOpenConns(1)
	t.Cleanup(func() { v.db.Close() })
	if v.dialect == store.Postgres {
		v.exec("SET session_replication_role = replica") // no triggers, no foreign keys
		return v
	}
	for _, name := range v.strings("SELECT name FROM sqlite_master WHERE type = 'trigger'") {
		v.exec("DROP TRIGGER " + name)
	}
	v.exec("PRAGMA foreign_keys = 0")
	return v
}

func (v *vandal) query(q string) string {
	if v.dialect == store.Postgres {
		for i := 1; strings.Contains(q, "?"); i++ {
			q = strings.Replace(q, "?", fmt.Sprintf("$%d", i), 1)
		}
	}
	return q
}

func (v *vandal) exec(q string, args ...any) int64 {
	v.Helper()
	res, err := v.db.ExecContext(v.Context(), v.query(q), args...)
	if err != nil {
		v.Fatalf("%s: %v", q, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		v.Fatal(err)
	}
	return n
}

func (v *vandal) strings(q string, args ...any) []string {
	v.Helper()
	rows, err := v.db.QueryContext(v.Context(), v.query(q), args...)
	if err != nil {
		v.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			v.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		v.Fatal(err)
	}
	return out
}

func (v *vandal) blob(q string, args ...any) []byte {
	v.Helper()
	var b []byte
	if err := v.db.QueryRowContext(v.Context(), v.query(q), args...).Scan(&b); err != nil {
		v.Fatalf("%s: %v", q, err)
	}
	return b
}

// tx is what the product itself does.
func (v *vandal) tx(fn func(*store.Tx) error) {
	v.Helper()
	s := v.open()
	if err := s.InTx(v.Context(), fn); err != nil {
		v.Fatal(err)
	}
}

func (v *vandal) open() *store.Store {
	v.Helper()
	s, err := store.Open(v.Context(), v.dsn, store.Options{Now: v.clock.Now})
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { s.Close() })
	return s
}

// failed are the names of the checks that fail.
func (v *vandal) failed(strict bool) map[string]string {
	v.Helper()
	checks, err := evidence.Doctor(v.Context(), v.open(), strict)
	if err != nil {
		v.Fatal(err)
	}
	if len(checks) != len(evidence.Invariants()) {
		v.Fatalf("%d checks, and %d invariants", len(checks), len(evidence.Invariants()))
	}
	failed := map[string]string{}
	for _, c := range checks {
		if !c.OK {
			failed[c.Check] = c.Detail
		}
	}
	return failed
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tpl := newTemplate(t, d)
			t.Run("untouched", func(t *testing.T) {
				t.Parallel()
				v := tpl.vandal(t)
				for _, strict := range []bool{false, true} {
					for name, detail := range v.failed(strict) {
						t.Errorf("strict %v: %s: %s", strict, name, detail)
					}
				}
			})
			for name, all := range corruptions {
				for i, c := range all {
					t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
						t.Parallel()
						corrupt(t, tpl, name, c)
					})
				}
			}
		})
	}
}

func corrupt(t *testing.T, tpl *template, name string, c corruption) {
	t.Helper()
	v := tpl.vandal(t)
	for _, q := range c.sql {
		if n := v.exec(q); n == 0 && !strings.HasPrefix(q, "DROP") {
			t.Fatalf("%s: changes nothing", q)
		}
	}
	if c.do != nil {
		c.do(v)
	}
	failed := v.failed(c.strict)
	detail, ok := failed[name]
	switch {
	case !ok:
		t.Errorf("%s does not see it; these do: %v", name, failed)
	case strings.HasPrefix(detail, "it could not be checked"):
		t.Errorf("%s: %s", name, detail)
	case c.says != "" && !strings.Contains(detail, c.says):
		t.Errorf("%s says %q, want %q", name, detail, c.says)
	}
	if c.alone && len(failed) > 1 {
		t.Errorf("others fail too: %v", failed)
	}
}

// TestEveryInvariantIsBroken holds the doctor to its tests: no check without a corruption.
func TestEveryInvariantIsBroken(t *testing.T) {
	t.Parallel()
	names := evidence.Invariants()
	for _, name := range names {
		if len(corruptions[name]) == 0 {
			t.Errorf("no test breaks %s", name)
		}
	}
	for name := range corruptions {
		if !slices.Contains(names, name) {
			t.Errorf("there is no check %s", name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("two checks have one name")
	}
}
