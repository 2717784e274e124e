package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
	"recert/web/auth"
	"recert/web/webtest"
)

const base = "https://recert.example"

// uhoh stands in every text that comes from outside: it must never become markup.
const uhoh = `<em>UHOH</em>"'&`

// world is a whole site on a real database.
type world struct {
	t       *testing.T
	store   *store.Store
	clock   *storetest.Clock
	svc     *campaigns.Service
	ing     *ingest.Service
	log     *evidence.Log
	site    *site
	logs    *logBuffer
	secrets map[string]string // that were typed into forms
	sample  connector.Sample  // that the test of a connection reads
}

// logBuffer is what the site logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// each runs fn on an empty site over either database.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) { fn(t, newWorld(t, s, clock, nil)) })
}

// sqliteWorld is an empty site on SQLite, for what does not touch the database's own ways.
func sqliteWorld(t *testing.T) *world {
	t.Helper()
	clock := &storetest.Clock{T: storetest.Epoch}
	return newWorld(t, storetest.Open(t, storetest.DSN(t, store.SQLite), clock), clock, nil)
}

func newWorld(t *testing.T, s *store.Store, clock *storetest.Clock, provider *auth.Provider) *world {
	t.Helper()
	w := &world{secrets: map[string]string{}, t: t, store: s, clock: clock, logs: &logBuffer{}}
	log := slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.svc = &campaigns.Service{Store: s}
	w.ing = &ingest.Service{Store: s, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{w.svc.AfterSeal}}
	w.log = &evidence.Log{Store: s, Log: log}
	ended, end := context.WithCancel(t.Context()) // a stream tells where it begins, and ends
	end()
	var err error
	w.site, err = newSite(Config{
		Store: s, Campaigns: w.svc, Ingest: w.ing, Evidence: w.log, Provider: provider, BaseURL: base, Demo: true, Version: "v0.0.0-test", Log: log, Now: clock.Now,
		Ending: ended, Probe: w.probe, SealSecret: w.seal,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client() *webtest.Client { return webtest.New(w.t, w.site.handler(), base) }

// people of the world. Manager and staff: u2 has u4, u5 and the one with the strange name; u3 has u6.
const hrCSV = `person_id,name,email,manager_id,title,status,department
u1,Cora Vance,cora@example.com,,Head of everything,active,Board
u2,Ana Ferreira,ana@example.com,u1,Team lead,active,Payments
u3,Bo Lindqvist,bo@example.com,u1,Team lead,active,Platform
u4,Dev Patel,dev@example.com,u2,Engineer,active,Payments
u5,Eli Roth,eli@example.com,u2,Engineer,leave,Payments
u6,Fay Chen,fay@example.com,u3,Engineer,active,Platform
u8,UHOH,uhoh@example.com,u2,UHOH,active,UHOH
`

const accountsCSV = `account_id,username,email,person_id,kind,status,privileged
a2,ana,,u2,human,enabled,
a3,bo,,u3,human,enabled,
a4,dev,,u4,human,enabled,true
a5,eli,,u5,human,disabled,
a6,fay,,u6,human,enabled,
a8,UHOH,,u8,human,enabled,
bot,bot,,,service,enabled,
`

const entitlementsCSV = `entitlement_id,name,description,risk,owner_id
editors,Editors,Change every page,high,u3
readers,Readers,Read every page,low,u3
uhoh,UHOH,UHOH,medium,u3
`

const grantsCSV = `account_id,entitlement_id,granted_at,granted_by,reason,last_used_at,via
a2,readers,2026-01-02,,,,
a3,editors,2026-01-02,,,,
a4,editors,2026-01-02,UHOH,UHOH,2026-02-01,
a4,readers,2026-01-02,,,2026-09-30,
a5,readers,2026-01-02,,,,staff>readers
a6,editors,2026-01-02,,,,
a8,uhoh,2026-01-02,,,,
bot,readers,2026-01-02,,,,
`

// hurt puts the injection string where UHOH stands.
func hurt(text string) string {
	return strings.ReplaceAll(text, "UHOH", `"`+strings.ReplaceAll(uhoh, `"`, `""`)+`"`)
}

func (w *world) apply(docs ...campaigns.Document) {
	w.t.Helper()
	if _, err := campaigns.Apply(w.t.Context(), w.store, "test", docs, false); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ingest(actor, source string, files map[model.Kind]string) ingest.Result {
	w.t.Helper()
	req := ingest.Request{Source: source, Origin: ingest.OriginCLI, Actor: actor}
	for kind, text := range files {
		req.Files = append(req.Files, ingest.File{Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})
	}
	res, err := w.ing.Run(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(res.Rejects) > 0 {
		w.t.Fatalf("rejected: %+v", res.Rejects)
	}
	return res
}

// ingestLater reads more files of the wiki, a second later.
func (w *world) ingestLater(files map[model.Kind]string) ingest.Result {
	w.t.Helper()
	w.later(time.Second)
	return w.ingest("loader", "wiki", files)
}

// fill gives the world its sources and their first snapshots.
func (w *world) fill() {
	w.t.Helper()
	w.apply(
		campaigns.Document{Kind: model.ConfigSource, Name: "hr", Spec: &model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"}, At: "a"},
		campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u3"}, At: "b"},
		campaigns.Document{Kind: model.ConfigCampaign, Name: "quarterly", Spec: w.spec(), At: "c"},
	)
	w.ingest("loader", "hr", map[model.Kind]string{model.KindPeople: hurt(hrCSV)})
	w.ingest("loader", "wiki", map[model.Kind]string{
		model.KindAccounts: hurt(accountsCSV), model.KindEntitlements: hurt(entitlementsCSV), model.KindGrants: hurt(grantsCSV),
	})
}

func (w *world) spec() *model.CampaignSpec {
	return &model.CampaignSpec{
		Title: "Q4 review " + uhoh, Purpose: "Because " + uhoh, Scope: model.ScopeSpec{Sources: model.Strings{"wiki"}},
		Stages: []model.StageSpec{{Reviewers: model.Strings{"manager", "source_owner"}, Fallback: "u1", Due: "14d"}},
	}
}

// launch starts a run, and gives it.
func (w *world) launch() model.Run {
	w.t.Helper()
	l, err := w.svc.Launch(w.t.Context(), model.Actor{Name: "Launcher", Roles: []model.Role{model.Admin}}, "quarterly")
	if err != nil {
		w.t.Fatal(err)
	}
	return l.Run
}

// person is the key of a person.
func (w *world) person(id string) *int64 {
	w.t.Helper()
	p, err := w.store.PersonByID(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return &p.Key
}

// as is a client of a person with roles; id "" is a user who is nobody in the people's data.
func (w *world) as(id string, roles ...model.Role) *webtest.Client {
	w.t.Helper()
	c := w.client()
	sub := id
	var key *int64
	if id == "" {
		sub = "nobody-" + store.JoinRoles(roles)
	} else if strings.HasPrefix(id, "u") {
		key = w.person(id)
	}
	c.SignIn(w.store, webtest.UserOf(sub, "Name of "+sub, key, roles...))
	return c
}

// item is the number of the first item of a reviewer.
func (w *world) items(run model.Run, reviewer string) []store.ItemRow {
	w.t.Helper()
	rows, err := w.store.ItemRows(w.t.Context(), run.ID, store.ItemFilter{Reviewer: *w.person(reviewer)})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

func (w *world) later(d time.Duration) { w.clock.Add(d) }
