package campaigns_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// company is an organisation that chance made.
type company struct {
	*world

	r       *rand.Rand
	hr      *source
	people  []int64 // by index; the person_id is u and the index
	sources []*source
	run     model.Run
}

// TestCompanies: whatever the organisation, the scope and the rules, every grant is asked about once or left out
// with a reason, nobody reviews own access, of several who launch at once one does, and every item ends with an
// outcome.
func TestCompanies(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("%s/%d", d, seed), func(t *testing.T) {
				t.Parallel()
				c := newCompany(newWorld(t, d), rand.New(rand.NewPCG(seed, 4)))
				spec := c.spec()
				if !c.launch(spec) {
					return
				}
				c.once()
				c.bars(spec)
				for range 120 {
					c.step()
				}
				c.bars(spec)
				c.end()
			})
		}
	}
}

// one chooses.
func one[T any](c *company, of ...T) T { return of[c.r.IntN(len(of))] }

// anybody is a person_id, that of nobody, or none.
func (c *company) anybody() string {
	if c.r.IntN(5) == 0 {
		return one(c, "", "", "nobody")
	}
	return "u" + strconv.Itoa(c.r.IntN(len(c.people)+1))
}

func newCompany(w *world, r *rand.Rand) *company {
	c := &company{world: w, r: r, people: make([]int64, 3+r.IntN(20))}
	c.hr = w.source("hr", model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"})
	for i := range c.people {
		c.people[i] = c.hr.person(model.Person{
			PersonID: "u" + strconv.Itoa(i), Name: "Person " + strconv.Itoa(i), ManagerID: c.anybody(), Department: one(c, "", "Sales", "IT"),
			Status: one(c, "", "active", "active", "active", "leave", "terminated"), Kind: one(c, "", "human", "human", "service"), OwnerID: c.anybody(),
		})
	}
	c.people = append(c.people, c.hr.person(model.Person{PersonID: "u" + strconv.Itoa(len(c.people)), Name: "Last Resort", Status: "active"}))
	c.hr.ledger()
	for i := range 1 + r.IntN(2) {
		s := w.source("s"+strconv.Itoa(i), model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: c.anybody()})
		c.sources = append(c.sources, s)
		c.access(s)
	}
	return c
}

// access gives a source its accounts, entitlements and grants.
func (c *company) access(s *source) {
	var accounts, entitlements []int64
	for i := range 4 + c.r.IntN(20) {
		person := int64(0)
		if c.r.IntN(5) > 0 {
			person = c.people[c.r.IntN(len(c.people)-1)] // who is the last resort has no access
		}
		if c.r.IntN(6) == 0 {
			accounts = append(accounts, s.named("a"+strconv.Itoa(i), person))
			continue
		}
		accounts = append(accounts, s.account(model.Account{AccountID: "a" + strconv.Itoa(i), Kind: one(c, "", "human", "service"), OwnerID: c.anybody(), Privileged: one(c, model.Yes, model.No, model.Unknown)}, person))
	}
	for i := range 1 + c.r.IntN(5) {
		entitlements = append(entitlements, s.entitlement(model.Entitlement{EntitlementID: "e" + strconv.Itoa(i), Name: "E", OwnerID: c.anybody(), Risk: one(c, "", "low", "high")}))
	}
	for _, a := range accounts {
		for _, e := range entitlements {
			for _, via := range one(c, nil, nil, []string{""}, []string{"g"}, []string{"", "g>h", "g"}) {
				g := s.grant(a, e, via, one(c, 0, granted))
				if c.r.IntN(9) == 0 {
					s.end(g, s.snapshot)
				}
			}
		}
	}
	s.ledger()
}

func (c *company) spec() model.CampaignSpec {
	rules := model.Strings{"manager", "source_owner", "entitlement_owner", "account_owner", c.anybody() + "x", "entitlement.risk == 'high' ? source.owner : person.manager_id"}
	c.r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
	s := model.CampaignSpec{
		Scope:  model.ScopeSpec{Sources: model.Strings{"s0"}, Where: one(c, "", "", "entitlement.risk != 'low'", "account.kind == 'human' || !account.matched", "person.department == 'Sales'", "grant.direct")},
		Stages: []model.StageSpec{{Reviewers: rules[:1+c.r.IntN(4)], Due: "14d"}},
		Swaps:  one(c, "", "prevent"), OnNoAnswer: one(c, "keep", "revoke", "escalate"), Remove: one(c, "sign_off", "decision"),
	}
	if s.OnNoAnswer == "escalate" {
		s.Closer = "u" + strconv.Itoa(len(c.people)-1)
	}
	return s
}

// launch has three admins launch at once. What is refused because nobody may review something is launched with
// somebody who may; false is that nothing is in scope.
func (c *company) launch(spec model.CampaignSpec) bool {
	c.tb.Helper()
	c.campaign("q", spec)
	v, err := c.svc.Preview(c.ctx(), "q", campaigns.PreviewOptions{Rows: -1})
	mustNot(c.tb, err)
	if len(v.Blocked) > 0 {
		_, err := c.svc.Launch(c.ctx(), admin, "q")
		wantKind(c.tb, err, model.Invalid, "cannot be launched")
		if v.Items == 0 {
			return false
		}
		if v.WithoutReviewer == 0 {
			c.tb.Fatalf("blocked by %q", v.Blocked)
		}
		spec.Stages[0].Fallback = "u" + strconv.Itoa(len(c.people)-1)
		c.exec("UPDATE configs SET spec = ? WHERE name = 'q'", c.json(spec))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var launched []model.Run
	for range 3 {
		wg.Go(func() {
			l, err := c.svc.Launch(c.ctx(), admin, "q")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				launched = append(launched, l.Run)
			case model.KindOf(err) != model.Conflict:
				c.tb.Error(err)
			}
		})
	}
	wg.Wait()
	if len(launched) != 1 {
		c.tb.Fatalf("launched %d times", len(launched))
	}
	c.run = launched[0]
	return true
}

// once holds the items and the exclusions against the grants and accounts of the source.
func (c *company) once() {
	c.tb.Helper()
	var got []string
	for _, facts := range c.strings("SELECT facts FROM items WHERE run_id = ? AND entitlement_key IS NOT NULL", c.run.ID) {
		var f model.Facts
		mustNot(c.tb, json.Unmarshal([]byte(facts), &f))
		if len(f.Paths) == 0 {
			c.tb.Errorf("an item of no grant: %s", facts)
		}
		for _, p := range f.Paths {
			got = append(got, strconv.FormatInt(p.GrantID, 10))
		}
	}
	got = append(got, c.strings("SELECT CAST(grant_id AS TEXT) FROM excluded WHERE run_id = ? AND grant_id IS NOT NULL AND reason <> ''", c.run.ID)...)
	want := c.strings("SELECT CAST(id AS TEXT) FROM grants WHERE source_id = ? AND last_snapshot IS NULL", c.sources[0].id)
	c.same("grants", got, want)
	got = c.strings("SELECT CAST(account_key AS TEXT) FROM items WHERE run_id = ? AND entitlement_key IS NULL", c.run.ID)
	got = append(got, c.strings("SELECT CAST(account_key AS TEXT) FROM excluded WHERE run_id = ? AND grant_id IS NULL AND reason <> ''", c.run.ID)...)
	want = c.strings(`SELECT CAST(v.account_key AS TEXT) FROM account_versions v WHERE v.source_id = ? AND v.last_snapshot IS NULL
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.source_id = v.source_id AND g.account_key = v.account_key AND g.last_snapshot IS NULL)`, c.sources[0].id)
	c.same("accounts without a grant", got, want)
}

func (c *company) same(what string, got, want []string) {
	c.tb.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.tb.Errorf("%s: asked about or excluded are %v, there are %v", what, got, want)
	}
}

// bars looks for those who review what they may not.
func (c *company) bars(spec model.CampaignSpec) {
	c.tb.Helper()
	if n := c.id("SELECT COUNT(*) FROM items i JOIN correlations c ON c.account_key = i.account_key WHERE i.run_id = ? AND c.person_key = i.reviewer_key", c.run.ID); n != 0 {
		c.tb.Errorf("%d items are with whose access they are", n)
	}
	crossed := c.id("SELECT COUNT(*) FROM items a JOIN items b ON b.run_id = a.run_id AND b.reviewer_key = a.person_key AND b.person_key = a.reviewer_key WHERE a.run_id = ?", c.run.ID)
	if crossed != 0 && spec.Swaps == "prevent" {
		c.tb.Errorf("%d times two people review each other", crossed)
	}
	for _, v := range c.strings(`SELECT DISTINCT v.data FROM items i JOIN person_versions v ON v.person_key = i.reviewer_key WHERE i.run_id = ?`, c.run.ID) {
		if strings.Contains(v, `"terminated"`) || strings.Contains(v, `"leave"`) || strings.Contains(v, `"service"`) {
			c.tb.Errorf("asked is %s", v)
		}
	}
}

// step is something that somebody does; that it may be refused is part of it.
func (c *company) step() {
	c.tb.Helper()
	parts := c.ids("SELECT person_key FROM run_reviewers WHERE run_id = ? ORDER BY person_key", c.run.ID)
	key := parts[c.r.IntN(len(parts))]
	id := "u" + strconv.Itoa(slices.Index(c.people, key))
	items := c.ids("SELECT id FROM items WHERE run_id = ? AND reviewer_key = ? ORDER BY id", c.run.ID, key)
	var err error
	switch do := c.r.IntN(30); {
	case do == 0:
		_, err = c.svc.SignOff(c.ctx(), as(key, id), campaigns.SignOffInput{RunID: c.run.ID, Statement: campaigns.DefaultStatement})
	case do == 1:
		_, err = c.svc.HandOver(c.ctx(), admin, campaigns.HandOverInput{RunID: c.run.ID, From: id, To: c.anybody(), Reason: "chance"})
	case len(items) > 0:
		item := items[c.r.IntN(len(items))]
		version := c.id("SELECT version FROM items WHERE run_id = ? AND id = ?", c.run.ID, item)
		_, err = c.svc.Decide(c.ctx(), as(key, id), campaigns.DecideInput{
			RunID: c.run.ID, ItemID: item, Answer: one(c, model.Keep, model.Keep, model.Revoke, model.Unsure, model.NotMine, model.NoAnswer), Comment: "chance", Version: version,
		})
	}
	switch model.KindOf(err) {
	case model.Invalid, model.Conflict, model.Forbidden, model.NotFound:
	default:
		mustNot(c.tb, err)
	}
	c.clock.T = c.clock.T.Add(time.Minute)
}

// end lets the time run out.
func (c *company) end() {
	c.tb.Helper()
	for range 3 {
		c.clock.T = c.clock.T.AddDate(0, 0, 30)
		_, err := c.svc.Escalate(c.ctx())
		mustNot(c.tb, err)
	}
	done, err := c.svc.Close(c.ctx(), admin, c.run.ID, "the end")
	mustNot(c.tb, err)
	if done.Run.State != model.Closed {
		c.tb.Fatalf("it is %s: %s", done.Run.State, done.Explanation)
	}
	n := done.Counts
	if open := c.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND outcome IN ('', 'none', 'unsure')", c.run.ID); open != 0 {
		c.tb.Errorf("%d items have no outcome", open)
	}
	if n.Items != n.Kept+n.Revoked+n.Reduced+n.Unsure+n.Unanswered+n.Gone || n.Items != c.run.Items {
		c.tb.Errorf("the counts of %d items are %+v", c.run.Items, n)
	}
	c.checkCounts(c.run.ID)
	c.healthy()
}
