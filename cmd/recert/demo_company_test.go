package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/model"
)

var demoTestNow = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// demoTestCompany is the company of demoTestNow. Tests only read it.
var demoTestCompany = sync.OnceValue(func() *demoCompany { return newDemoCompany(demoTestNow) })

// TestDemoCompanyIsStable makes the company many times: what a campaign was about must not
// change between two starts on the same day.
func TestDemoCompanyIsStable(t *testing.T) {
	t.Parallel()
	digest := func(now time.Time) string {
		c := newDemoCompany(now)
		b, err := json.Marshal([]any{c.Generations, c.Systems, c.Actors})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	want := digest(demoTestNow)
	for range 3 {
		if got := digest(demoTestNow.Add(3 * time.Hour)); got != want {
			t.Fatalf("made twice on one day: %s and %s", want, got)
		}
	}
	if digest(demoTestNow.Add(demoDay)) == want {
		t.Error("the next day's company is the same: its dates do not move")
	}
}

func TestDemoOrgTable(t *testing.T) {
	t.Parallel()
	seats := 0
	for _, d := range demoOrg() {
		seats += 1 + len(d.staff)
		for _, team := range d.teams {
			seats += 1 + team.size
			if team.size < 6 || team.size > 12 {
				t.Errorf("the manager of %s has %d people, want 6 to 12", team.name, team.size)
			}
		}
	}
	if seats != 300 {
		t.Errorf("the chart has %d seats, want 300", seats)
	}
}

// TestDemoTables checks what the code that reads the tables takes for granted.
func TestDemoTables(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	keys := map[string]bool{"*": true, "managers": true, "heads": true}
	for seat := range c.seats {
		keys[seat] = true
	}
	systems := map[string]demoSystemData{}
	for _, s := range demoSystemTable() {
		systems[s.id] = s
		for _, r := range s.rights {
			for rule := range strings.FieldsSeq(r.who) {
				key, percent, ok := strings.Cut(rule, "=")
				if n, err := strconv.Atoi(percent); !ok || err != nil || n < 0 || n > 100 || !keys[key] {
					t.Errorf("%s %s: cannot use %q", s.id, r.id, rule)
				}
			}
			if r.owner != "" && c.seats[r.owner] == nil {
				t.Errorf("%s %s: owner %q is no seat", s.id, r.id, r.owner)
			}
			for _, id := range append(slices.Clone(r.holds), r.lower) {
				if id != "" && s.right(id) == nil {
					t.Errorf("%s %s names %q, which the system does not have", s.id, r.id, id)
				}
			}
			if !s.live && (r.about == "" || r.risk == "" || r.kind == "") {
				t.Errorf("%s %s: description, risk or kind is missing", s.id, r.id)
			}
		}
	}
	for _, o := range demoOtherAccounts() {
		s := systems[o.system]
		for _, id := range o.rights {
			if s.right(id) == nil {
				t.Errorf("account %s of %s: no right %q", o.username, o.system, id)
			}
		}
		if o.owner != "" && c.seats[o.owner] == nil {
			t.Errorf("account %s: owner %q is no seat", o.username, o.owner)
		}
	}
}

func TestDemoPeople(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	for n, g := range c.Generations {
		byID := checkDemoKeys(t, g.People, func(p model.Person) string { return p.PersonID })
		checkDemoKeys(t, slices.DeleteFunc(slices.Clone(g.People), func(p model.Person) bool { return p.Kind != "human" }),
			func(p model.Person) string { return p.Email })
		checkDemoKeys(t, g.People, func(p model.Person) string { return p.Name })
		status, kinds, tops := map[string]int{}, map[string]int{}, 0
		for _, p := range g.People {
			status[p.Status]++
			kinds[p.Kind]++
			if p.Kind != "human" {
				if _, ok := byID[p.OwnerID]; !ok {
					t.Errorf("generation %d: %s has no owner", n, p.Name)
				}
				continue
			}
			if !strings.HasSuffix(p.Email, ".example.com") || strings.ToLower(p.Email) != p.Email {
				t.Errorf("%s has the address %q", p.Name, p.Email)
			}
			if p.ManagerID == "" {
				tops++
			}
			seen := map[string]bool{}
			for q := p; q.ManagerID != ""; {
				if seen[q.PersonID] {
					t.Fatalf("generation %d: %s is in a circle of managers", n, q.Name)
				}
				seen[q.PersonID] = true
				boss, ok := byID[q.ManagerID]
				if !ok {
					t.Fatalf("generation %d: %s has the manager %s, who is not listed", n, q.Name, q.ManagerID)
				}
				q = boss
			}
		}
		if tops != 1 {
			t.Errorf("generation %d has %d people without a manager, want 1", n, tops)
		}
		if n == 2 && (kinds["human"] != 300 || kinds["service"] != 8 || kinds["agent"] != 4 || status["terminated"] != 3 || status["leave"] != 10) {
			t.Errorf("now: %v, %v", kinds, status)
		}
		if n < 2 && (kinds["human"] < 290 || kinds["human"] > 305 || status["terminated"] != 0) {
			t.Errorf("generation %d: %v, %v", n, kinds, status)
		}
	}
}

func TestDemoOwners(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	g := c.Generations[2]
	active := map[string]bool{}
	for _, p := range g.People {
		active[p.PersonID] = p.Status == "active" && p.Kind == "human"
	}
	planted := map[string]string{ // object -> its owner, who has left
		"s07":                 c.seats[demoLeftServiceOwner].id,
		"campaign-mails.send": c.seats[demoLeftOwner].id,
		"fair-tablet":         c.seats[demoLeftOwner].id,
	}
	check := func(what, owner string) {
		want, isPlanted := planted[what]
		switch {
		case isPlanted && (owner != want || active[owner]):
			t.Errorf("%s: the planted owner is %s, active: %v", what, owner, active[owner])
		case !isPlanted && !active[owner]:
			t.Errorf("%s: owner %q is not an active person", what, owner)
		}
		delete(planted, what)
	}
	for _, s := range c.Systems {
		check(s.ID, s.OwnerID)
		for _, e := range g.Access[s.ID].Entitlements {
			if !s.Live {
				check(e.Name, e.OwnerID)
			}
		}
		for _, a := range g.Access[s.ID].Accounts {
			if a.OwnerID != "" {
				check(a.Username, a.OwnerID)
			}
		}
	}
	for _, p := range g.People {
		if p.Kind != "human" {
			check(p.PersonID, p.OwnerID)
		}
	}
	if len(planted) > 0 {
		t.Errorf("planted owners that nothing has: %v", planted)
	}
}

// checkDemoKeys indexes rows and fails where two share a key.
func checkDemoKeys[T any](t *testing.T, rows []T, key func(T) string) map[string]T {
	t.Helper()
	out := make(map[string]T, len(rows))
	for _, r := range rows {
		k := key(r)
		if _, ok := out[k]; ok || k == "" {
			t.Errorf("key %q is empty or there twice", k)
		}
		out[k] = r
	}
	return out
}
