package evidence_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/campaigns/ingest"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// world is a company with everything that the doctor looks at: made by the product itself.
type world struct {
	*testing.T

	s      *store.Store
	clock  *storetest.Clock
	svc    *campaigns.Service
	in     *ingest.Service
	log    *evidence.Log
	target *fakeTarget
	worker *remediate.Worker
}

// fakeTarget is a system outside: who has what in it, and whether it does what it is asked.
type fakeTarget struct {
	gone map[string]bool // "account entitlement"
	down bool
}

func (f *fakeTarget) Check(_ context.Context, a connector.Access) (connector.Observation, error) {
	if f.down {
		return connector.Observation{}, errors.New("no route to host")
	}
	if f.gone[a.AccountID+" "+a.EntitlementID] {
		return connector.Observation{Presence: connector.Absent}, nil
	}
	return connector.Observation{Presence: connector.Present, Version: "1"}, nil
}

func (f *fakeTarget) Revoke(_ context.Context, a connector.Access, _ connector.Observation, _ string) (connector.Outcome, error) {
	f.gone[a.AccountID+" "+a.EntitlementID] = true
	return connector.Removed, nil
}

func newWorld(t *testing.T, s *store.Store, clock *storetest.Clock) *world {
	t.Helper()
	w := &world{
		T: t, s: s, clock: clock, svc: &campaigns.Service{Store: s}, target: &fakeTarget{gone: map[string]bool{}},
		log: &evidence.Log{Store: s, Log: slog.New(slog.DiscardHandler)},
	}
	w.in = &ingest.Service{Store: s, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{w.svc.AfterSeal}}
	w.worker = &remediate.Worker{
		Store: s, Name: "test", Now: clock.Now, Random: func() float64 { return 0.5 }, Concurrency: 1,
		Targets: func(context.Context, int64) (connector.Target, error) { return w.target, nil },
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// apply declares a document as recert apply does.
func (w *world) apply(kind model.ConfigKind, name string, spec any) {
	w.Helper()
	b, err := json.Marshal(spec)
	w.must(err)
	sum := sha256.Sum256(b)
	w.must(w.s.InTx(w.Context(), func(tx *store.Tx) error {
		action, err := tx.PutConfig(w.Context(), kind, name, string(b), hex.EncodeToString(sum[:]))
		if err != nil {
			return err
		}
		if action != "" {
			if _, err := evidence.Append(w.Context(), tx, evidence.Event{
				Type: evidence.TypeConfigApplied, Object: "config:" + string(kind) + "/" + name, Personal: map[string]string{"actor": "cli"},
				Data: evidence.ConfigApplied{Kind: string(kind), Name: name, Action: action, SHA256: hex.EncodeToString(sum[:])},
			}); err != nil {
				return err
			}
		}
		if src, ok := spec.(model.SourceSpec); ok {
			_, err := tx.PutSource(w.Context(), name, src.Provides, src.Type)
			return err
		}
		return nil
	}))
}

// ingest reads files, given as their lines, an hour later.
func (w *world) ingest(source string, files map[model.Kind]string) ingest.Result {
	w.Helper()
	w.clock.Add(time.Hour)
	req := ingest.Request{Source: source, Origin: ingest.OriginCLI, Actor: "cli"}
	for _, kind := range model.Kinds {
		if text, ok := files[kind]; ok {
			req.Files = append(req.Files, ingest.File{Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(strings.TrimSpace(text) + "\n")), nil
			}})
		}
	}
	res, err := w.in.Run(w.Context(), req)
	w.must(err)
	w.clock.Add(time.Minute)
	return res
}

// person is somebody signed in.
func (w *world) person(id string) model.Actor {
	w.Helper()
	p, err := w.s.PersonByID(w.Context(), id)
	w.must(err)
	return model.Actor{UserID: p.Key, PersonKey: p.Key, PersonID: p.PersonID, Name: p.Name, Email: p.Email}
}

var admin = model.Actor{Name: "Adela Admin", Email: "adela@example.com", Roles: []model.Role{model.Admin}}

func (w *world) launch(name string, change func(*model.CampaignSpec)) model.Run {
	w.Helper()
	spec := model.CampaignSpec{
		Scope:    model.ScopeSpec{Sources: model.Strings{"wiki"}, Where: "entitlement.risk != 'low'"},
		Stages:   []model.StageSpec{{Reviewers: model.Strings{"manager", "account_owner", "source_owner"}, Fallback: "u5", Due: "14d"}},
		TimeZone: "Europe/Berlin",
	}
	change(&spec)
	w.apply(model.ConfigCampaign, name, spec)
	w.clock.Add(time.Minute)
	l, err := w.svc.Launch(w.Context(), admin, name)
	w.must(err)
	return l.Run
}

// item is the item of an account and an entitlement ("" is the account itself).
func (w *world) item(run model.Run, account, entitlement string) model.Item {
	w.Helper()
	rows, err := w.s.ItemRows(w.Context(), run.ID, store.ItemFilter{})
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
	w.Fatalf("%s has no item of %s and %q", run.Name, account, entitlement)
	return model.Item{}
}

func (w *world) answer(run model.Run, who, account, entitlement string, a model.Answer, comment string) {
	w.Helper()
	w.clock.Add(time.Second)
	it := w.item(run, account, entitlement)
	_, err := w.svc.Decide(w.Context(), w.person(who), campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: a, Comment: comment, Version: it.Version})
	w.must(err)
}

func (w *world) signOff(run model.Run, who string) {
	w.Helper()
	w.clock.Add(time.Second)
	_, err := w.svc.SignOff(w.Context(), w.person(who), campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
	w.must(err)
}

func (w *world) close(run model.Run) {
	w.Helper()
	w.clock.Add(time.Minute)
	_, err := w.svc.Pause(w.Context(), admin, run.ID, "The wiki was moved.")
	if err != nil {
		w.Fatal(err)
	}
	if _, err = w.svc.Resume(w.Context(), admin, run.ID, "It is moved.", true); err != nil {
		w.Fatal(err)
	}
	_, err = w.svc.Extend(w.Context(), admin, campaigns.ExtendInput{RunID: run.ID, Due: w.clock.Now().AddDate(0, 0, 30).Format(time.DateOnly), Reason: "Somebody was away."})
	w.must(err)
	w.clock.Add(time.Minute)
	_, err = w.svc.Close(w.Context(), admin, run.ID, "the quarter is over")
	w.must(err)
}

// work lets the worker do what is due.
func (w *world) work() {
	w.Helper()
	w.clock.Add(time.Minute)
	w.must(w.worker.Drain(w.Context()))
}

const people = `
person_id,name,email,manager_id,status
u1,Boss Bosman,boss@example.com,u4,active
u2,Ana Anders,ana@example.com,u1,active
u3,Bob Bates,bob@example.com,u1,active
u4,Cleo Clark,cleo@example.com,,active
u5,Dora Dean,dora@example.com,,active
`

const accounts = `
account_id,username,email,owner_id,kind,status
a-ana,ana,ana@example.com,,human,enabled
a-bob,bob,bob@example.com,,human,enabled
a-boss,boss,boss@example.com,,human,enabled
a-svc,robot,,u2,service,enabled
a-idle,bob2,bob@example.com,,human,enabled
a-bob,bob,bob@example.com,,human,enabled
`

const entitlements = `
entitlement_id,name,risk,kind
readers,Readers,medium,group
writers,Writers,medium,group
admins,Admins,high,group
guests,Guests,low,group
`

const grantsHead = "account_id,entitlement_id,granted_at,via\n"

var grants = []string{
	"a-ana,readers,2025-01-01,", "a-ana,writers,2025-01-01,", "a-ana,guests,2025-01-01,", "a-bob,readers,2025-01-01,", "a-bob,writers,,editors>staff",
	"a-bob,admins,2025-01-01,", "a-boss,admins,2025-01-01,", "a-svc,writers,2025-01-01,", "a-svc,readers,2025-01-01,",
	"a-boss,writers,2025-02-02,", "a-boss,readers,2025-02-02,",
}

// without are the grants without those that begin so.
func without(prefixes ...string) map[model.Kind]string {
	var lines strings.Builder
	lines.WriteString(grantsHead)
	for _, g := range grants {
		keep := true
		for _, p := range prefixes {
			keep = keep && !strings.HasPrefix(g, p)
		}
		if keep {
			lines.WriteString(g + "\n")
		}
	}
	return map[model.Kind]string{model.KindGrants: lines.String()}
}

// live fills the world: a closed run whose removals are proven by a read and by a snapshot, a
// running one that removes at once, snapshots in every state, and a log with several checkpoints.
func (w *world) live() {
	w.Helper()
	w.apply(model.ConfigSource, "hr", model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"})
	w.apply(model.ConfigSource, "wiki", model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Token: "${WIKI_TOKEN}", Correlate: model.Strings{"email"},
		Revoke: model.RevokeSpec{Mode: model.ModeConnector}, ShrinkLimit: "40%",
	})
	w.signedIn()
	w.ingest("hr", map[model.Kind]string{model.KindPeople: people})
	first := without()
	first[model.KindAccounts], first[model.KindEntitlements] = accounts, entitlements
	w.ingest("wiki", first)
	_, err := w.log.Barrier(w.Context())
	w.must(err)

	run := w.launch("first", func(*model.CampaignSpec) {})
	w.answer(run, "u1", "a-ana", "readers", model.Keep, "still in the team")
	w.answer(run, "u1", "a-ana", "writers", model.Keep, "")
	w.answer(run, "u1", "a-ana", "writers", model.Revoke, "left the desk")
	w.answer(run, "u1", "a-bob", "writers", model.Revoke, "")
	w.answer(run, "u1", "a-bob", "admins", model.NotMine, "ask the owner of the wiki")
	w.answer(run, "u4", "a-bob", "admins", model.Revoke, "")
	w.answer(run, "u1", "a-idle", "", model.Revoke, "nobody uses it")
	w.answer(run, "u4", "a-boss", "admins", model.Unsure, "")
	w.ingest("wiki", without("a-bob,readers")) // undecided, and gone
	w.signOff(run, "u1")
	w.work()
	_, err = w.log.Barrier(w.Context())
	w.must(err)
	second := without("a-bob,readers", "a-bob,writers", "a-ana,writers")
	second[model.KindAccounts] = strings.Replace(accounts, "bob2,bob@example.com,,human,enabled", "bob2,bob@example.com,,human,disabled", 1)
	w.ingest("wiki", second)
	w.close(run)
	w.work()
	w.again()
	_, err = w.log.Barrier(w.Context())
	w.must(err)
}

// again is the second run, and the snapshots that do not count.
func (w *world) again() {
	w.Helper()
	held := w.ingest("wiki", without("a-boss", "a-svc"))
	_, err := w.in.Release(w.Context(), admin, held.Snapshot, "the robot and the boss were moved")
	w.must(err)
	back := without("a-ana,writers", "a-bob,writers")
	w.ingest("wiki", back)
	run := w.launch("second", func(s *model.CampaignSpec) { s.Remove, s.UndoFor = campaigns.RemoveDecision, "30s" })
	w.answer(run, "u1", "a-ana", "readers", model.Revoke, "")
	w.answer(run, "u1", "a-ana", "readers", model.NoAnswer, "")
	w.answer(run, "u1", "a-ana", "readers", model.Revoke, "after all")
	w.answer(run, "u1", "a-bob", "readers", model.Revoke, "")
	for _, e := range []string{"admins", "writers", "readers"} {
		w.answer(run, "u4", "a-boss", e, model.Keep, "")
	}
	w.signOff(run, "u4")
	w.target.down = true
	w.work()
	discarded := w.ingest("wiki", without("a-boss", "a-svc"))
	w.must(w.in.Discard(w.Context(), admin, discarded.Snapshot, "an export of half the wiki"))
	w.ingest("wiki", without("a-boss", "a-svc"))
}
