package remediate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// giveWorld is a company that reviews a live wiki: what is ingested is what the wiki shows.
type giveWorld struct {
	*testing.T

	s      *store.Store
	clock  *storetest.Clock
	svc    *campaigns.Service
	in     *ingest.Service
	log    *evidence.Log
	srv    *scimserver.Server
	target connector.Target
	worker *Worker
	run    model.Run
	via    string // a path by which a2 holds writers besides, until it is ""
}

const (
	givePeople = `person_id,name,email,manager_id,status
u1,Boss Bosman,boss@example.com,u4,active
u2,Ana Anders,ana@example.com,u1,active
u3,Bob Bates,bob@example.com,u1,active
u4,Cleo Clark,cleo@example.com,,active
`
	giveEntitlements = `entitlement_id,name,risk,kind,lower_id,owner_id
admins,Admins,high,group,writers,u4
writers,Writers,medium,group,readers,
readers,Readers,medium,group,,u4
`
)

var giveAccounts = []string{"a1", "a2", "a3"}

// newGiveWorld makes a1 (of Ana) and a2 (of Bob) writers, and a3 (of the boss) an admin.
func newGiveWorld(t *testing.T, s *store.Store, clock *storetest.Clock, campaign func(*model.CampaignSpec), source func(*model.SourceSpec)) *giveWorld {
	t.Helper()
	w := &giveWorld{T: t, s: s, clock: clock, svc: &campaigns.Service{Store: s}, log: &evidence.Log{Store: s, Log: slog.New(slog.DiscardHandler)}}
	w.in = &ingest.Service{Store: s, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{w.svc.AfterSeal}}
	w.srv = scimserver.New(scimserver.Config{Token: "canary-token"})
	server := httptest.NewServer(w.srv)
	t.Cleanup(server.Close)
	var err error
	w.target, err = scim.New(scim.Config{URL: server.URL, Token: "canary-token", Now: clock.Now})
	w.must(err)
	w.worker = w.newWorker("w1")
	for i, a := range giveAccounts {
		w.srv.PutUser(scimserver.User{ID: a, UserName: fmt.Sprintf("name%d", i+1), Active: true})
	}
	for id, name := range map[string]string{"admins": "Admins", "writers": "Writers", "readers": "Readers"} {
		w.srv.PutGroup(scimserver.Group{ID: id, DisplayName: name})
	}
	w.must(w.srv.AddMember("writers", "a1"))
	w.must(w.srv.AddMember("writers", "a2"))
	w.must(w.srv.AddMember("admins", "a3"))
	w.srv.PutUser(scimserver.User{ID: "root", UserName: "root", Active: true}) // of whom nobody reviews anything
	w.must(w.srv.AddMember("admins", "root"))

	wiki := model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Correlate: model.Strings{"email"}, Revoke: model.RevokeSpec{Mode: model.ModeConnector}, ShrinkLimit: "100%"}
	if source != nil {
		source(&wiki)
	}
	spec := model.CampaignSpec{
		Scope: model.ScopeSpec{Sources: model.Strings{"wiki"}}, Stages: []model.StageSpec{{Reviewers: model.Strings{"manager", "source_owner"}, Fallback: "u4", Due: "14d"}},
	}
	if campaign != nil {
		campaign(&spec)
	}
	_, err = campaigns.Apply(t.Context(), s, "test", []campaigns.Document{
		{Kind: model.ConfigSource, Name: "hr", Spec: &model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"}, At: "a"},
		{Kind: model.ConfigSource, Name: "wiki", Spec: &wiki, At: "b"}, {Kind: model.ConfigCampaign, Name: "q", Spec: &spec, At: "c"},
	}, false)
	w.must(err)
	w.ingest("hr", map[model.Kind]string{model.KindPeople: givePeople})
	return w
}

// launch reads the wiki and starts the review.
func (w *giveWorld) launch() *giveWorld {
	w.Helper()
	w.read()
	l, err := w.svc.Launch(w.Context(), admin, "q")
	w.must(err)
	w.run = l.Run
	return w
}

func (w *giveWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *giveWorld) newWorker(name string) *Worker {
	return &Worker{
		Store: w.s, Name: name, Now: w.clock.Now, Random: func() float64 { return 0.5 }, Concurrency: 1,
		Targets: func(context.Context, int64) (connector.Target, error) { return w.target, nil },
	}
}

func (w *giveWorld) ingest(source string, files map[model.Kind]string) {
	w.Helper()
	w.clock.Add(time.Hour)
	req := ingest.Request{Source: source, Origin: ingest.OriginCLI, Actor: "cli"}
	for _, kind := range model.Kinds {
		if text, ok := files[kind]; ok {
			req.Files = append(req.Files, ingest.File{Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})
		}
	}
	res, err := w.in.Run(w.Context(), req)
	w.must(err)
	if len(res.Rejects) > 0 {
		w.Fatalf("rejected: %+v", res.Rejects)
	}
	w.clock.Add(time.Minute)
}

// read ingests what the wiki shows now.
func (w *giveWorld) read() {
	w.Helper()
	var accounts, grants strings.Builder
	accounts.WriteString("account_id,username,email,status\n")
	grants.WriteString("account_id,entitlement_id,expires_at,via\n")
	for i, a := range giveAccounts {
		status := "enabled"
		if u, ok := w.srv.User(a); ok && !u.Active {
			status = "disabled"
		}
		fmt.Fprintf(&accounts, "%s,name%d,%s,%s\n", a, i+1, []string{"ana@example.com", "bob@example.com", "boss@example.com"}[i], status)
		for _, g := range []string{"admins", "writers", "readers"} {
			if w.srv.HasMember(g, a) {
				fmt.Fprintf(&grants, "%s,%s,2027-01-31,\n", a, g)
			}
		}
	}
	if w.via != "" {
		fmt.Fprintf(&grants, "a2,writers,,%s\n", w.via)
	}
	w.ingest("wiki", map[model.Kind]string{model.KindAccounts: accounts.String(), model.KindEntitlements: giveEntitlements, model.KindGrants: grants.String()})
}

func (w *giveWorld) person(id string, roles ...model.Role) model.Actor {
	w.Helper()
	p, err := w.s.PersonByID(w.Context(), id)
	w.must(err)
	return model.Actor{UserID: p.Key, PersonKey: p.Key, PersonID: p.PersonID, Name: p.Name, Email: p.Email, Roles: roles}
}

// item is the item of an account and an entitlement; "" is the account itself.
func (w *giveWorld) item(account, entitlement string) model.Item {
	w.Helper()
	rows, err := w.s.ItemRows(w.Context(), w.run.ID, store.ItemFilter{})
	w.must(err)
	for _, r := range rows {
		var s model.Subject
		var e model.Entitlement
		w.must(json.Unmarshal([]byte(r.Subject), &s))
		if r.Entitlement != "" {
			w.must(json.Unmarshal([]byte(r.Entitlement), &e))
		}
		if s.AccountID == account && e.EntitlementID == entitlement {
			return r.Item
		}
	}
	w.Fatalf("there is no item of %s and %q", account, entitlement)
	return model.Item{}
}

func (w *giveWorld) reviewer(account string) model.Actor {
	if account == "a3" {
		return w.person("u4")
	}
	return w.person("u1")
}

func (w *giveWorld) decide(account, entitlement string, a model.Answer, lowerTo string) (*campaigns.Decided, error) {
	w.Helper()
	w.clock.Add(time.Second)
	it := w.item(account, entitlement)
	return w.svc.Decide(w.Context(), w.reviewer(account), campaigns.DecideInput{RunID: w.run.ID, ItemID: it.ID, Answer: a, LowerTo: lowerTo, Version: it.Version})
}

func (w *giveWorld) answer(account, entitlement string, a model.Answer, lowerTo string) {
	w.Helper()
	_, err := w.decide(account, entitlement, a, lowerTo)
	w.must(err)
}

// end closes the review: what was answered goes out.
func (w *giveWorld) end() {
	w.Helper()
	w.clock.Add(time.Minute)
	_, err := w.svc.Close(w.Context(), admin, w.run.ID, "over")
	w.must(err)
}

// work works until nothing is due any more, moving the clock to whatever is due next.
func (w *giveWorld) work(ws ...*Worker) {
	w.Helper()
	if len(ws) == 0 {
		ws = []*Worker{w.worker}
	}
	for range 200 {
		worked := 0
		for _, x := range ws {
			n, err := x.Step(w.Context())
			w.must(err)
			worked += n
		}
		if worked > 0 {
			continue
		}
		now, next := model.TimeOf(w.clock.T), model.Time(0)
		for _, r := range w.rows() {
			if !r.State.Open() || r.State == model.Held || r.Mode == model.ModeManual && r.State == model.Sent {
				continue
			}
			at := max(r.NextAt, now.Add(time.Second))
			if r.LeaseUntil.Known() {
				at = max(at, r.LeaseUntil+1)
			}
			if next == 0 || at < next {
				next = at
			}
		}
		if next == 0 {
			return
		}
		w.clock.T = next.Std()
	}
	w.Fatalf("nothing comes to an end: %s", w.states())
}

func (w *giveWorld) rows() []store.RemediationRow {
	w.Helper()
	rows, err := w.s.Remediations(w.Context(), store.RemediationFilter{Kinds: model.RemediationKinds, Limit: 200})
	w.must(err)
	return rows
}

// states is every remediation, the first one first: kind, account, entitlement and state.
func (w *giveWorld) states() string {
	w.Helper()
	rows := w.rows()
	var out []string
	for i := len(rows) - 1; i >= 0; i-- {
		var a model.Access
		w.must(json.Unmarshal(rows[i].Access, &a))
		what := a.EntitlementID
		if a.Via != "" {
			what += " via " + a.Via
		}
		out = append(out, fmt.Sprintf("%s %s %s %s", rows[i].Kind, a.AccountID, what, rows[i].State))
	}
	return strings.Join(out, "; ")
}

func (w *giveWorld) are(want string) {
	w.Helper()
	if got := w.states(); got != want {
		w.Errorf("the remediations are\n%s, want\n%s", got, want)
		for _, r := range w.rows() {
			w.Logf("%d %s %s: %s", r.ID, r.Kind, r.State, r.Reason)
		}
	}
}

// last is the remediation of a kind that was queued last.
func (w *giveWorld) last(kind model.RemediationKind) store.RemediationRow {
	w.Helper()
	for _, r := range w.rows() {
		if r.Kind == kind {
			return r
		}
	}
	w.Fatalf("there is no %s", kind)
	return store.RemediationRow{}
}

// removed has a1 taken out of writers, proven.
func (w *giveWorld) removed() store.RemediationRow {
	w.Helper()
	w.answer("a1", "writers", model.Revoke, "")
	w.end()
	w.work()
	w.are("remove a1 writers confirmed")
	return w.last(model.KindRemove)
}

// restore asks for a removal's access back.
func (w *giveWorld) restore(removal int64) int64 {
	w.Helper()
	w.clock.Add(time.Minute)
	id, err := Restore(w.Context(), w.s, admin, removal, "Removed by mistake.")
	w.must(err)
	return id
}

// fine has the doctor and the verifier look at everything.
func (w *giveWorld) fine() {
	w.Helper()
	for _, fault := range w.faults() {
		w.Error(fault)
	}
}

func (w *giveWorld) faults() (out []string) {
	w.Helper()
	for _, r := range w.rows() { // by what the wiki really holds
		var a model.Access
		w.must(json.Unmarshal(r.Access, &a))
		if r.Kind.Gives() && r.State == model.Confirmed && a.EntitlementID != "" && a.Via == "" && !w.srv.HasMember(a.EntitlementID, a.AccountID) {
			out = append(out, fmt.Sprintf("%s %d is confirmed, and not there", r.Kind, r.ID))
		}
	}
	_, err := w.log.Barrier(w.Context())
	w.must(err)
	checks, err := evidence.Doctor(w.Context(), w.s, true)
	w.must(err)
	for _, c := range checks {
		if !c.OK {
			out = append(out, c.Check+": "+c.Detail)
		}
	}
	var pkg bytes.Buffer
	if _, err := w.log.Export(w.Context(), "auditor", w.run.Name, evidence.ExportOptions{}, &pkg); err != nil {
		return append(out, "export: "+err.Error())
	}
	rep, err := verify.Reader(w.Context(), bytes.NewReader(pkg.Bytes()), int64(pkg.Len()), verify.Options{}, nil, 0)
	w.must(err)
	if !rep.OK() {
		out = append(out, "package: "+rep.Result)
	}
	if bytes.Contains(pkg.Bytes(), []byte("canary")) {
		out = append(out, "the package holds a secret")
	}
	return out
}

// grants counts how often the target carried a grant out.
func (w *giveWorld) grants() (n int) {
	for _, c := range w.srv.Calls() {
		if c.Mutates() && c.Applied && strings.HasPrefix(c.Key, "give-") {
			n++
		}
	}
	return n
}
