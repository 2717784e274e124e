package campaigns_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// world is a database that a test fills by plain SQL, so that what it holds is not what our own
// ingest believes.
type world struct {
	tb      testing.TB
	dialect store.Dialect
	db      *sql.DB
	store   *store.Store
	clock   *storetest.Clock
	svc     *campaigns.Service
	grants  int64
}

// each runs fn on a fresh world in either database.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, d))
		})
	}
}

func newWorld(tb testing.TB, d store.Dialect) *world {
	tb.Helper()
	dsn := storetest.Migrated(tb, d)
	clock := &storetest.Clock{T: storetest.Epoch}
	w := &world{tb: tb, dialect: d, clock: clock, store: storetest.Open(tb, dsn, clock)}
	var err error
	if d == store.SQLite {
		w.db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(dsn, "sqlite:")}).EscapedPath()+"?_pragma=busy_timeout(10000)&_pragma=cache_size(-8192)&_pragma=temp_store(MEMORY)")
	} else {
		w.db, err = sql.Open("pgx", dsn)
	}
	if err != nil {
		tb.Fatal(err)
	}
	w.db.SetMaxOpenConns(1)
	tb.Cleanup(func() { w.db.Close() })
	w.svc = &campaigns.Service{Store: w.store}
	return w
}

func (w *world) query(q string) string {
	if w.dialect == store.SQLite {
		return q
	}
	var b strings.Builder
	n := 0
	for _, r := range q {
		if r == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (w *world) exec(q string, args ...any) {
	w.tb.Helper()
	if _, err := w.db.Exec(w.query(q), args...); err != nil {
		w.tb.Fatalf("%s: %v", q, err)
	}
}

func (w *world) id(q string, args ...any) int64 {
	w.tb.Helper()
	var id int64
	if err := w.db.QueryRow(w.query(q), args...).Scan(&id); err != nil {
		w.tb.Fatalf("%s: %v", q, err)
	}
	return id
}

func (w *world) strings(q string, args ...any) []string {
	w.tb.Helper()
	rows, err := w.db.Query(w.query(q), args...)
	if err != nil {
		w.tb.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			w.tb.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		w.tb.Fatal(err)
	}
	return out
}

func (w *world) now() model.Time { return model.TimeOf(w.clock.T) }

// at is the clock at an hour of a day in days from now.
func (w *world) json(v any) string {
	w.tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(b)
}

type source struct {
	w        *world
	id       int64
	name     string
	snapshot int64
}

// source makes a source with its first sealed snapshot.
func (w *world) source(name string, spec model.SourceSpec) *source {
	w.tb.Helper()
	w.exec("INSERT INTO configs (kind, name, spec, sha256, version, updated_at) VALUES ('Source', ?, ?, '', 1, 1)", name, w.json(spec))
	s := &source{w: w, name: name, id: w.id("INSERT INTO sources (name, provides, type, paused, created_at) VALUES (?, ?, 'csv', '', 1) RETURNING id", name, string(spec.Provides))}
	s.seal()
	return s
}

// seal makes a new sealed snapshot, read now; ledger rows are written by launch's caller.
func (s *source) seal() model.Snapshot {
	s.w.tb.Helper()
	now := s.w.now()
	prev := s.snapshot
	s.snapshot = s.w.id(`INSERT INTO snapshots (source_id, as_of, digest, state, previous_id, origin, actor, released_by, reasons, extraction, unmatched, problems,
		rejects, rejects_root, started_at, heartbeat_at, ended_at, sealed_at) VALUES (?, ?, 'd', 'sealed', NULL, 'cli', 'test', '', '[]', '{}', '{}', '{}', 0, '', ?, 1, ?, ?) RETURNING id`,
		s.id, int64(now), int64(now), int64(now), int64(now))
	if prev != 0 { // every kind was given, and every row could be read
		for _, kind := range []model.Kind{model.KindAccounts, model.KindGrants} {
			s.w.exec(ledgerSQL, s.snapshot, string(kind), 0, 0, 0)
		}
	}
	return model.Snapshot{ID: s.snapshot, SourceID: s.id, AsOf: now, StartedAt: now, State: model.SnapshotSealed, PreviousID: &prev}
}

// ledger writes a balanced ledger of what is live in the source.
func (s *source) ledger() {
	n := s.w.id("SELECT COUNT(*) FROM grants WHERE source_id = ? AND last_snapshot IS NULL", s.id)
	s.w.exec(ledgerSQL, s.snapshot, string(model.KindGrants), n, n, n)
}

const ledgerSQL = `INSERT INTO snapshot_kinds (snapshot_id, kind, given, read_rows, accepted, rejected, duplicates, new_rows, changed, unchanged, gone, previous, implied, expected, root)
	VALUES (?, ?, TRUE, ?, ?, 0, 0, ?, 0, 0, 0, 0, 0, NULL, '')
	ON CONFLICT (snapshot_id, kind) DO UPDATE SET read_rows = excluded.read_rows, accepted = excluded.accepted, new_rows = excluded.new_rows`

func (s *source) person(p model.Person) int64 {
	w := s.w
	w.tb.Helper()
	key := w.id("INSERT INTO people (source_id, person_id) VALUES (?, ?) RETURNING key", s.id, p.PersonID)
	w.exec(`INSERT INTO person_versions (person_key, first_snapshot, source_id, hash, data, id_fold, name_fold, email_fold, manager_id, status)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, key, s.snapshot, s.id, []byte("h"), w.json(p), store.Fold(p.PersonID), store.Fold(p.Name), store.Fold(p.Email), p.ManagerID, p.Status)
	return key
}

// setPerson changes what is known of a person.
func (s *source) setPerson(key int64, p model.Person) {
	s.w.exec("UPDATE person_versions SET data = ?, status = ?, manager_id = ? WHERE person_key = ? AND last_snapshot IS NULL", s.w.json(p), p.Status, p.ManagerID, key)
}

// account makes an account tied to a person; 0 is nobody. An account with no id is only named.
func (s *source) account(a model.Account, person int64) int64 {
	w := s.w
	w.tb.Helper()
	key := s.named(a.AccountID, person)
	a.LastLoginAt = 0
	w.exec("INSERT INTO account_versions (account_key, first_snapshot, source_id, hash, data) VALUES (?, ?, ?, ?, ?)", key, s.snapshot, s.id, []byte("h"), w.json(a))
	return key
}

// named makes an account that only grants name.
func (s *source) named(id string, person int64) int64 {
	w := s.w
	w.tb.Helper()
	key := w.id("INSERT INTO accounts (source_id, account_id) VALUES (?, ?) RETURNING key", s.id, id)
	if person != 0 {
		w.exec("INSERT INTO correlations (account_key, source_id, person_key, rule, reason) VALUES (?, ?, ?, 'email', '')", key, s.id, person)
	} else {
		w.exec("INSERT INTO correlations (account_key, source_id, person_key, rule, reason) VALUES (?, ?, NULL, '', 'no person matches')", key, s.id)
	}
	return key
}

func (s *source) entitlement(e model.Entitlement) int64 {
	w := s.w
	w.tb.Helper()
	key := w.id("INSERT INTO entitlements (source_id, entitlement_id) VALUES (?, ?) RETURNING key", s.id, e.EntitlementID)
	w.exec("INSERT INTO entitlement_versions (entitlement_key, first_snapshot, source_id, hash, data) VALUES (?, ?, ?, ?, ?)", key, s.snapshot, s.id, []byte("h"), w.json(e))
	return key
}

// grant makes a live grant and gives its id.
func (s *source) grant(account, entitlement int64, via string, at model.Time) int64 {
	w := s.w
	w.tb.Helper()
	w.grants++
	var granted any
	if at.Known() {
		granted = int64(at)
	}
	w.exec("INSERT INTO grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		s.id, w.grants, account, entitlement, via, granted, []byte("h"), `{"granted_by":"ana","reason":"asked \"nicely\""}`, s.snapshot)
	return w.grants
}

// end closes a grant: the next snapshot does not show it.
func (s *source) end(grant, last int64) {
	s.w.exec("UPDATE grants SET last_snapshot = ? WHERE source_id = ? AND id = ?", last, s.id, grant)
}

// endAccount closes an account.
func (s *source) endAccount(account, last int64) {
	s.w.exec("UPDATE account_versions SET last_snapshot = ? WHERE account_key = ? AND last_snapshot IS NULL", last, account)
}

// sealed tells the service of a new snapshot, as ingest does in the sealing transaction.
func (w *world) sealed(snap model.Snapshot) {
	w.tb.Helper()
	if err := w.store.InTx(w.ctx(), func(tx *store.Tx) error { return w.svc.AfterSeal(w.ctx(), tx, snap) }); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) campaign(name string, spec model.CampaignSpec) {
	w.tb.Helper()
	w.exec("INSERT INTO configs (kind, name, spec, sha256, version, updated_at) VALUES ('Campaign', ?, ?, '', 1, 1)", name, w.json(spec))
}

func (w *world) ctx() context.Context {
	if t, ok := w.tb.(*testing.T); ok {
		return t.Context()
	}
	return context.Background()
}

var admin = model.Actor{Name: "Adela Admin", Email: "adela@example.com", Roles: []model.Role{model.Admin}}

// as is a person signed in without any role.
func as(key int64, id string) model.Actor {
	return model.Actor{UserID: key, PersonKey: key, PersonID: id, Name: id, Email: id + "@example.com"}
}

func mustNot(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantKind(tb testing.TB, err error, kind model.ErrorKind, part string) {
	tb.Helper()
	if err == nil || model.KindOf(err) != kind || !strings.Contains(err.Error(), part) {
		tb.Fatalf("got error %v; want %s with %q", err, kind, part)
	}
}

// office is a small company: boss manages ana and bob, cleo owns the wiki, dora is the fallback.
type office struct {
	*world

	hr, wiki                   *source
	boss, ana, bob, cleo, dora int64
	anaAcc, bobAcc, bossAcc    int64
	svcAcc                     int64 // a service account that ana owns
	idle                       int64 // an account of bob without any grant
	readers, writers, admins   int64
	anaReads, anaWrites        int64
	bobReads, bobWritesByGroup int64
	bossAdmin, svcWrites       int64
}

var granted = model.TimeOf(time.Date(2025, 3, 4, 5, 6, 7, 8000, time.UTC))

func newOffice(w *world) *office {
	w.tb.Helper()
	o := &office{world: w}
	o.hr = w.source("hr", model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"})
	o.boss = o.hr.person(model.Person{PersonID: "u1", Name: "Boss Bosman", Email: "boss@example.com", Status: "active", ManagerID: "u4"})
	o.ana = o.hr.person(model.Person{PersonID: "u2", Name: "Ana Anders", Email: "ana@example.com", Status: "active", ManagerID: "u1", Title: "Clerk", Department: "Sales"})
	o.bob = o.hr.person(model.Person{PersonID: "u3", Name: "Bob Bates", Email: "bob@example.com", ManagerID: "u1"})
	o.cleo = o.hr.person(model.Person{PersonID: "u4", Name: "Cleo Clark", Email: "cleo@example.com", Status: "active"})
	o.dora = o.hr.person(model.Person{PersonID: "u5", Name: "Dora Dean", Email: "dora@example.com", Status: "active"})
	o.hr.ledger()
	o.wiki = w.source("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "scim", Owner: "u4", Revoke: model.RevokeSpec{Mode: "connector"}})
	o.anaAcc = o.wiki.account(model.Account{AccountID: "a-ana", Username: "ana", Kind: "human", Status: "enabled"}, o.ana)
	o.bobAcc = o.wiki.named("a-bob", o.bob)
	o.bossAcc = o.wiki.account(model.Account{AccountID: "a-boss", Username: "boss", Privileged: model.Yes}, o.boss)
	o.svcAcc = o.wiki.account(model.Account{AccountID: "a-svc", Username: "robot", Kind: "service", OwnerID: "U2"}, 0)
	o.idle = o.wiki.account(model.Account{AccountID: "a-idle", Username: "bob2", Status: "enabled"}, o.bob)
	o.readers = o.wiki.entitlement(model.Entitlement{EntitlementID: "readers", Name: "Readers", Risk: "low", Kind: "group"})
	o.writers = o.wiki.entitlement(model.Entitlement{EntitlementID: "writers", Name: "Writers", Description: "Change any page", Kind: "group", OwnerID: "u4", Risk: "medium"})
	o.admins = o.wiki.entitlement(model.Entitlement{EntitlementID: "admins", Name: "Admins", Risk: "high", Privileged: model.Yes, OwnerID: "u1"})
	o.anaReads = o.wiki.grant(o.anaAcc, o.readers, "", granted)
	o.anaWrites = o.wiki.grant(o.anaAcc, o.writers, "", granted)
	o.bobReads = o.wiki.grant(o.bobAcc, o.readers, "", 0)
	o.bobWritesByGroup = o.wiki.grant(o.bobAcc, o.writers, "admins>editors", 0)
	o.bossAdmin = o.wiki.grant(o.bossAcc, o.admins, "", granted)
	o.svcWrites = o.wiki.grant(o.svcAcc, o.writers, "", granted)
	o.wiki.ledger()
	return o
}

func spec(change ...func(*model.CampaignSpec)) model.CampaignSpec {
	s := model.CampaignSpec{
		Scope:    model.ScopeSpec{Sources: model.Strings{"wiki"}},
		Stages:   []model.StageSpec{{Reviewers: model.Strings{"manager", "account_owner", "source_owner"}, Fallback: "u5", Due: "14d"}},
		TimeZone: "Europe/Berlin",
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// launch defines and launches a campaign.
func (o *office) launch(name string, change ...func(*model.CampaignSpec)) model.Run {
	o.tb.Helper()
	o.campaign(name, spec(change...))
	l, err := o.svc.Launch(o.ctx(), admin, name)
	mustNot(o.tb, err)
	return l.Run
}
