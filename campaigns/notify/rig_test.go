package notify_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"recert/campaigns/notify"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

const base = "https://recert.example.com"

// rig is a database with one run, some people and some removals, and a mail server.
type rig struct {
	tb     testing.TB
	store  *store.Store
	db     *sql.DB
	clock  *storetest.Clock
	smtpd  *smtpd
	source int64
	run    int64
	log    strings.Builder
	items  int64
}

func each(t *testing.T, fn func(t *testing.T, r *rig)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			fn(t, newRig(t, d))
		})
	}
}

func newRig(tb testing.TB, d store.Dialect) *rig {
	tb.Helper()
	dsn := storetest.Migrated(tb, d)
	r := &rig{tb: tb, clock: &storetest.Clock{T: storetest.Epoch}, smtpd: startSMTP(tb)}
	r.store = storetest.Open(tb, dsn, r.clock)
	var err error
	if d == store.SQLite {
		r.db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(dsn, "sqlite:")}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	} else {
		r.db, err = sql.Open("pgx", dsn)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.db.Close() })
	r.tx(func(ctx context.Context, tx *store.Tx) error {
		src, err := tx.PutSource(ctx, "wiki", model.ProvidesAccess, "scim")
		if err != nil {
			return err
		}
		r.source = src.ID
		r.run, err = tx.InsertRun(ctx, model.Run{
			Campaign: "q", Name: "q@2026-10-01", State: model.Running, Spec: `{"title":"Autumn <review>"}`, TimeZone: "Europe/Berlin", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}",
		})
		return err
	})
	return r
}

func (r *rig) ctx() context.Context {
	if t, ok := r.tb.(*testing.T); ok {
		return t.Context()
	}
	return context.Background()
}

func (r *rig) tx(fn func(ctx context.Context, tx *store.Tx) error) {
	r.tb.Helper()
	if err := r.store.InTx(r.ctx(), func(tx *store.Tx) error { return fn(r.ctx(), tx) }); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *rig) json(v any) string {
	r.tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		r.tb.Fatal(err)
	}
	return string(b)
}

// exec runs a statement with arguments written as ?.
func (r *rig) exec(q string, args ...any) {
	r.tb.Helper()
	if r.store.Dialect() == store.Postgres {
		for n := 1; strings.Contains(q, "?"); n++ {
			q = strings.Replace(q, "?", fmt.Sprintf("$%d", n), 1)
		}
	}
	if _, err := r.db.ExecContext(r.ctx(), q, args...); err != nil {
		r.tb.Fatalf("%s: %v", q, err)
	}
}

// person makes a person; the key is the caller's.
func (r *rig) person(key int64, p model.Person) int64 {
	r.tb.Helper()
	r.exec("INSERT INTO people (key, source_id, person_id) VALUES (?, 99, ?)", key, p.PersonID)
	r.exec(`INSERT INTO person_versions (person_key, first_snapshot, source_id, hash, data, id_fold, name_fold, email_fold, manager_id, status)
		VALUES (?, 1, 99, ?, ?, '', '', '', '', 'active')`, key, []byte("h"), r.json(p))
	return key
}

// setPerson changes what is known of a person.
func (r *rig) setPerson(key int64, p model.Person) {
	r.tb.Helper()
	r.exec("UPDATE person_versions SET data = ? WHERE person_key = ?", r.json(p), key)
}

// removal queues a removal; its account and its entitlement are its own.
func (r *rig) removal(s model.Subject, e model.Entitlement, change ...func(*model.Remediation)) int64 {
	r.tb.Helper()
	r.items++
	key := r.items
	r.exec("INSERT INTO run_subjects (run_id, account_key, person_key, value, salt, commitment, search) VALUES (?, ?, NULL, ?, ?, '', '')", r.run, key, r.json(s), []byte("s"))
	r.exec("INSERT INTO run_entitlements (run_id, entitlement_key, value, search) VALUES (?, ?, ?, '')", r.run, key, r.json(e))
	var id int64
	r.tx(func(ctx context.Context, tx *store.Tx) error {
		m := model.Remediation{
			RunID: r.run, ItemID: key, SourceID: r.source, GrantID: key, AccountKey: key, EntitlementKey: &key, Mode: model.ModeConnector,
			Access: []byte("{}"), State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
		}
		for _, c := range change {
			c(&m)
		}
		var err error
		id, err = tx.InsertRemediation(ctx, m)
		return err
	})
	return id
}

// notice tells a person of removals, all in one transaction.
func (r *rig) notice(person int64, removals ...int64) {
	r.tb.Helper()
	r.tx(func(ctx context.Context, tx *store.Tx) error {
		for _, id := range removals {
			if err := tx.AddRemovalNotice(ctx, r.run, person, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// add queues a message to a person, or, with 0, to an address.
func (r *rig) add(kind model.MessageKind, key string, person int64, address string, data model.MessageData) int64 {
	r.tb.Helper()
	var id int64
	r.tx(func(ctx context.Context, tx *store.Tx) error {
		var err error
		id, _, err = tx.AddMessage(ctx, store.NewMessage{Key: key, Kind: kind, RunID: r.run, PersonKey: person, Address: address, Data: data})
		return err
	})
	return id
}

func (r *rig) worker(change ...func(*notify.Worker)) *notify.Worker {
	w := &notify.Worker{
		Store: r.store, Sender: r.smtpd.sender(r.clock.Now), BaseURL: base, Now: r.clock.Now, Concurrency: 1, Random: func() float64 { return 0.5 },
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	for _, c := range change {
		c(w)
	}
	return w
}

func (r *rig) drain(w *notify.Worker) {
	r.tb.Helper()
	if err := w.Drain(r.ctx()); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *rig) message(id int64) store.MessageRow {
	r.tb.Helper()
	m, err := r.store.Message(r.ctx(), id)
	if err != nil {
		r.tb.Fatal(err)
	}
	return m
}

// states is the state of all messages, by id.
func (r *rig) states() string {
	r.tb.Helper()
	ms, err := r.store.Messages(r.ctx(), store.MessageFilter{})
	if err != nil {
		r.tb.Fatal(err)
	}
	var out []string
	for i := range ms {
		out = append(out, string(ms[len(ms)-1-i].State))
	}
	return strings.Join(out, " ")
}

// letters are the mails that the server has.
func (r *rig) letters() []letter {
	r.tb.Helper()
	var out []letter
	for _, m := range r.smtpd.mails() {
		l := open(r.tb, m.raw)
		l.to = m.to
		out = append(out, l)
	}
	return out
}

// later moves the clock.
func (r *rig) later(d time.Duration) { r.clock.Add(d) }

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s lacks %q:\n%s", what, p, text)
		}
	}
}

func lacks(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%s has %q:\n%s", what, p, text)
		}
	}
}
