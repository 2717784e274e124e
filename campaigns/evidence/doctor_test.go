package evidence_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// template is a database that is filled once and copied for each test.
type template struct {
	dialect store.Dialect
	dsn     string
	clock   storetest.Clock
	tables  []string // of PostgreSQL
	indexes []string // that tests drop
}

func newTemplate(t *testing.T, d store.Dialect) *template {
	t.Helper()
	return newTemplateOf(t, d, (*world).live)
}

// newTemplateOf is newTemplate with another way to fill it.
func newTemplateOf(t *testing.T, d store.Dialect, fill func(*world)) *template {
	t.Helper()
	tpl := &template{dialect: d, dsn: storetest.DSN(t, d), clock: storetest.Clock{T: storetest.Epoch}}
	s, err := store.Open(t.Context(), tpl.dsn, store.Options{Now: tpl.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(newWorld(t, s, &tpl.clock))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d == store.Postgres {
		tpl.keep(t)
	}
	return tpl
}

// copy is a database of the test's own. Copying one on PostgreSQL takes seconds, so its tests run
// one after the other on one database, which each of them leaves as it was.
func (tpl *template) copy(t *testing.T) string {
	t.Helper()
	if tpl.dialect == store.Postgres {
		t.Cleanup(func() { tpl.restore(t) })
		return tpl.dsn
	}
	t.Parallel()
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

// postgres runs fn on a connection that no trigger and no foreign key stops.
func (tpl *template) postgres(t *testing.T, fn func(ctx context.Context, c *pgx.Conn) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, tpl.dsn)
	if err == nil {
		_, err = c.Exec(ctx, "SET session_replication_role = replica")
		err = errors.Join(err, fn(ctx, c), c.Close(ctx))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// keep stores all tables aside.
func (tpl *template) keep(t *testing.T) {
	t.Helper()
	tpl.postgres(t, func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
		if err != nil {
			return err
		}
		if tpl.tables, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		if rows, err = c.Query(ctx, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE '%live'"); err != nil {
			return err
		}
		if tpl.indexes, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		var sql strings.Builder
		sql.WriteString("CREATE SCHEMA kept;")
		for _, table := range tpl.tables {
			fmt.Fprintf(&sql, "CREATE TABLE kept.%[1]s AS SELECT * FROM public.%[1]s;", table)
		}
		_, err = c.Exec(ctx, sql.String())
		return err
	})
}

func (tpl *template) restore(t *testing.T) {
	t.Helper()
	tpl.postgres(t, func(ctx context.Context, c *pgx.Conn) error {
		var sql strings.Builder
		for _, table := range tpl.tables {
			fmt.Fprintf(&sql, "DELETE FROM public.%[1]s; INSERT INTO public.%[1]s SELECT * FROM kept.%[1]s;", table)
		}
		for _, def := range tpl.indexes {
			sql.WriteString(strings.Replace(def, "INDEX", "INDEX IF NOT EXISTS", 1) + ";")
		}
		_, err := c.Exec(ctx, sql.String(), pgx.QueryExecModeSimpleProtocol)
		return err
	})
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
						corrupt(t, tpl, name, c, i == 0)
					})
				}
			}
		})
	}
}

// corrupt breaks a copy and looks what the doctor says: of all its checks where whole is set, else
// of the one that is meant.
func corrupt(t *testing.T, tpl *template, name string, c corruption, whole bool) {
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
	failed := map[string]string{}
	if whole {
		failed = v.failed(c.strict)
	} else if check, err := evidence.CheckOne(t.Context(), v.open(), name, c.strict); err != nil {
		t.Fatal(err)
	} else if !check.OK {
		failed[name] = check.Detail
	}
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

// TestDoctorWhileOthersWrite: what is being written meanwhile is no false alarm.
func TestDoctorWhileOthersWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newWorld(t, s, clock)
		w.live()
		run, err := s.RunByName(t.Context(), "second")
		w.must(err)
		it, who := w.item(run, "a-svc", "writers"), w.person("u2")
		ctx, stop := context.WithCancel(t.Context())
		var written atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ; ctx.Err() == nil; written.Add(1) {
				answer := model.Keep
				if written.Load()%2 == 1 {
					answer = model.NoAnswer
				}
				d, err := w.svc.Decide(t.Context(), who, campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: answer, Version: it.Version})
				if err != nil {
					t.Error(err)
					return
				}
				it = d.Item
				if _, err := w.log.Barrier(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for i := 0; i < 2 || written.Load() < 3 && i < 100 && !t.Failed(); i++ {
			checks, err := evidence.Doctor(t.Context(), s, true)
			w.must(err)
			for _, c := range checks {
				if !c.OK {
					t.Errorf("%s: %s", c.Check, c.Detail)
				}
			}
		}
		stop()
		<-ended
		if n := written.Load(); n < 3 {
			t.Errorf("only %d answers were given meanwhile", n)
		}
	})
}
