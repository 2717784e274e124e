package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"recert/model"
)

// demoCompany is an invented company: who works there and what they may do in six systems, as
// its sources would have said it at three times. It depends on nothing but the day it is made.
type demoCompany struct {
	Systems     []demoSystem
	Generations []demoGeneration // oldest first; the last is now
	Actors      []demoActor      // who can be chosen at sign-in, besides everybody else

	now    time.Time
	pools  []demoNamePool
	staff  []*demoPerson
	seats  map[string]*demoPerson
	grants []*demoGrant
	accts  []*demoAccount
}

// demoSystem is one of the company's systems, as a source that gives access.
type demoSystem struct {
	ID, Name, About string
	OwnerID         string // a person_id
	Live            bool   // read over SCIM, else by files
}

// demoGeneration is what the sources say at one time. Access is by the system's ID.
type demoGeneration struct {
	AsOf   time.Time
	People []model.Person
	Access map[string]demoAccess
}

// demoAccess is what one system says at one time.
type demoAccess struct {
	Accounts     []model.Account
	Entitlements []model.Entitlement
	Grants       []model.Grant
}

// demoActor is a person that a visitor of the demo can be.
type demoActor struct {
	Role                  string // manager, owner, admin, auditor or campaign_manager
	Card                  string // the heading of the actor's card; "" has none and is found by searching
	Does                  string // what there is to do, in a sentence
	PersonID, Name, Title string
	Email                 string
	Groups                []string
}

// demoPerson is a person with a history.
type demoPerson struct {
	id, seat, name, email, title string
	dept                         *demoDept
	team                         string // key, or "" for who reports to the head
	place, contract              string
	boss                         *demoPerson
	leads                        bool
	start                        time.Time
	end                          time.Time // of a leaver, or of a contract; zero is none
	left, gone                   bool      // left: terminated; gone: and no longer listed
	leave                        time.Time // on leave since
	moved                        time.Time // into this seat, from the one in before
	before                       *demoPerson
}

// Ages of the two earlier generations.
const (
	demoDay    = 24 * time.Hour
	demoFirst  = 182 * demoDay
	demoSecond = 91 * demoDay
)

// newDemoCompany makes the company as it is at now: the same for the whole day.
func newDemoCompany(now time.Time) *demoCompany {
	c := &demoCompany{now: now.UTC().Truncate(demoDay), pools: demoNames(), seats: map[string]*demoPerson{}}
	c.hire()
	c.history()
	c.number()
	c.grantAll()
	for _, d := range demoSystemTable() {
		c.Systems = append(c.Systems, demoSystem{ID: d.id, Name: d.name, About: d.about, OwnerID: c.seats[d.owner].id, Live: d.live})
	}
	for _, asOf := range []time.Time{c.now.Add(-demoFirst), c.now.Add(-demoSecond), c.now} {
		c.Generations = append(c.Generations, c.generation(asOf))
	}
	c.Actors = c.actors()
	return c
}

// demoRand is a source of chance of its own for each key, so that one more row in a table moves
// nothing else.
func demoRand(key ...string) *rand.Rand {
	sum := sha256.Sum256([]byte(strings.Join(key, "\x00")))
	return rand.New(rand.NewPCG(demoSeed, binary.BigEndian.Uint64(sum[:8]))) // believable, not secret
}

// demoChance is true in percent of all keys.
func demoChance(percent int, key ...string) bool { return demoRand(key...).IntN(100) < percent }

// demoBetween is a working minute between two times.
func demoBetween(r *rand.Rand, from, to time.Time) time.Time {
	if !to.After(from) {
		return from
	}
	day := demoWeekday(from.Add(time.Duration(r.Int64N(int64(to.Sub(from))))))
	if day.Before(from) {
		day = demoWeekday(from.Add(3 * demoDay))
	}
	return day.Add(7*time.Hour + time.Duration(r.IntN(600))*time.Minute)
}

// demoWeekday is the start of that day, or of the Friday before a weekend.
func demoWeekday(t time.Time) time.Time {
	t = t.Truncate(demoDay)
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.Add(-demoDay)
	}
	return t
}

// hire fills every seat of the chart.
func (c *demoCompany) hire() {
	for _, d := range demoOrg() {
		head := c.seat(&d, d.key, "", d.head, c.seats[d.boss])
		head.leads = true
		for i, s := range d.staff {
			key := s.key
			if key == "" {
				key = fmt.Sprintf("%s#%d", d.key, i+1)
			}
			c.seat(&d, key, "", s.title, head)
		}
		for _, t := range d.teams {
			if t.place != "" {
				d.places = []string{t.place}
			}
			lead := c.seat(&d, t.key, t.key, t.manager, head)
			lead.leads = true
			for i := range t.size {
				key, title := fmt.Sprintf("%s#%d", t.key, i+1), t.titles[i%len(t.titles)]
				if i < len(t.special) {
					key, title = t.special[i].key, t.special[i].title
				}
				c.seat(&d, key, t.key, title, lead)
			}
		}
	}
	c.name()
}

func (c *demoCompany) seat(d *demoDept, key, team, title string, boss *demoPerson) *demoPerson {
	r := demoRand("seat", key)
	p := &demoPerson{
		seat: key, title: title, dept: d, team: team, boss: boss, contract: "permanent",
		place: d.places[r.IntN(len(d.places))],
	}
	// Most people came in the last six years; nobody in the last seven months (see history).
	years := 0.6 + 13*r.Float64()*r.Float64()
	if boss == nil || boss.boss == nil || key == team {
		years += 3
	}
	p.start = demoWeekday(c.now.Add(-time.Duration(years * 365 * float64(demoDay))))
	if r.IntN(100) < 9 {
		p.contract = "part-time"
	}
	c.seats[key] = p
	c.staff = append(c.staff, p)
	return p
}

// name gives everybody a name and an address that nobody else has.
func (c *demoCompany) name() {
	used := map[string]bool{}
	for _, p := range c.staff {
		c.nameOne(p, used)
	}
}

func (c *demoCompany) nameOne(p *demoPerson, used map[string]bool) {
	pools := c.pools
	r := demoRand("name", p.seat)
	for {
		given := pools[r.IntN(len(pools))]
		family := given
		if r.IntN(5) == 0 {
			family = pools[r.IntN(len(pools))]
		}
		first, last := given.given[r.IntN(len(given.given))], family.family[r.IntN(len(family.family))]
		if mail := demoASCII(first) + "." + demoASCII(last); !used[mail] {
			used[mail] = true
			p.name, p.email = first+" "+last, mail+"@"+demoDomain
			return
		}
	}
}

// demoASCII is a name as it stands in an address.
func demoASCII(s string) string {
	plain := strings.NewReplacer("ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "ı", "i", "å", "a", "Å", "A").Replace(s)
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '-' || r == ' ' || r == '\'':
			return -1
		default:
			return unicode.ToLower(r)
		}
	}, norm.NFD.String(plain))
}

// history gives the company a past: people who came, moved, left and are away.
func (c *demoCompany) history() {
	first, second := c.now.Add(-demoFirst), c.now.Add(-demoSecond)
	var plain []*demoPerson // seats that nothing else refers to
	for _, p := range c.staff {
		if !p.leads && strings.Contains(p.seat, "#") && p.team != "" && p.team != demoSeatManager {
			plain = append(plain, p)
		}
	}
	r := demoRand("history")
	r.Shuffle(len(plain), func(i, j int) { plain[i], plain[j] = plain[j], plain[i] })
	take := func(n int) []*demoPerson {
		out := plain[:n]
		plain = plain[n:]
		return out
	}
	used := map[string]bool{}
	for _, p := range c.staff {
		used[strings.TrimSuffix(p.email, "@"+demoDomain)] = true
	}
	for i, p := range take(14) {
		from, to := first, second
		if i%2 == 1 {
			from, to = second, c.now.Add(-10*demoDay)
		}
		p.start = demoBetween(r, from.Add(20*demoDay), to).Truncate(demoDay)
		if i < 8 { // somebody else had the seat
			c.predecessor(p, used)
		}
	}
	for _, p := range take(6) {
		c.move(p, take(1)[0], demoBetween(r, second, c.now.Add(-20*demoDay)).Truncate(demoDay))
	}
	for _, p := range append(take(8), c.seats[demoSeatOnLeave], c.seats[demoSeatManager+"#7"]) {
		p.leave = demoBetween(r, second.Add(-40*demoDay), c.now.Add(-12*demoDay)).Truncate(demoDay)
	}
	for _, p := range []*demoPerson{c.seats[demoSeatLeft], c.seats[demoSeatManager+"#9"], c.seats["eng.cld#3"]} {
		p.left, p.end = true, c.now.Add(-time.Duration(11+r.IntN(25))*demoDay)
	}
	c.contractors(r, plain)
}

// predecessor is who sat in p's seat until shortly before p came.
func (c *demoCompany) predecessor(p *demoPerson, used map[string]bool) {
	q := *p
	q.seat = p.seat + "'"
	q.left, q.gone = true, true
	q.end = p.start.Add(-9 * demoDay)
	q.start = p.start.Add(-time.Duration(500+demoRand("was", p.seat).IntN(1500)) * demoDay).Truncate(demoDay)
	c.nameOne(&q, used)
	c.seats[q.seat] = &q
	c.staff = append(c.staff, &q)
}

// move lets p have worked where other does until at.
func (c *demoCompany) move(p, other *demoPerson, at time.Time) {
	was := *p
	was.title, was.dept, was.team, was.boss, was.place = other.title, other.dept, other.team, other.boss, other.place
	was.seat = other.seat + "?" // nobody's seat: no right is for it alone
	p.moved, p.before = at, &was
}

// contractors gives some people a contract that ends. One of them has ended, and the people
// source does not know better than to call that person active.
func (c *demoCompany) contractors(r *rand.Rand, plain []*demoPerson) {
	n := 0
	for _, p := range plain {
		if k := p.dept.key; n < 22 && p.start.After(c.now.Add(-1300*demoDay)) && p.leave.IsZero() && !p.left && (k == "eng" || k == "it" || k == "cs" || k == "ops") {
			p.contract = "contractor"
			p.end = c.now.Add(time.Duration(15+r.IntN(280)) * demoDay)
			if n == 3 {
				p.end = c.now.Add(-19 * demoDay)
			}
			n++
		}
	}
	p := c.seats[demoSeatManager+"#5"]
	p.contract, p.end = "contractor", c.now.Add(24*demoDay)
}

// number gives ids in the order in which people came.
func (c *demoCompany) number() {
	byStart := slices.Clone(c.staff)
	slices.SortStableFunc(byStart, func(a, b *demoPerson) int { return a.start.Compare(b.start) })
	for i, p := range byStart {
		p.id = fmt.Sprintf("u%d", 1001+i)
	}
	for _, p := range c.staff {
		if p.before != nil {
			p.before.id = p.id
		}
	}
	c.staff = byStart
}

// at is the person as of t, with the seat that was theirs then; false where not listed.
func (p *demoPerson) at(t time.Time) (*demoPerson, bool) {
	if t.Before(p.start) || (p.gone && t.After(p.end)) {
		return nil, false
	}
	if p.before != nil && t.Before(p.moved) {
		return p.before, true
	}
	return p, true
}

// person is the row of a people source as of t.
func (p *demoPerson) person(t time.Time) model.Person {
	out := model.Person{
		PersonID: p.id, Name: p.name, Email: p.email, Title: p.title,
		Department: p.dept.name, CostCenter: "CC-" + strings.ToUpper(p.dept.key), Location: p.place,
		EmploymentType: p.contract, Status: "active", Kind: "human", StartDate: model.TimeOf(p.start),
	}
	if p.boss != nil {
		out.ManagerID = p.boss.id
	}
	last := model.TimeOf(p.end.Add(demoDay - time.Microsecond)) // that day still counts
	if p.contract == "contractor" {
		out.EndDate = last
	}
	switch {
	case p.left && !t.Before(p.end):
		out.Status, out.EndDate = "terminated", last
	case !p.leave.IsZero() && !t.Before(p.leave):
		out.Status = "leave"
	}
	return out
}

// people is the people source as of t.
func (c *demoCompany) people(t time.Time) []model.Person {
	var out []model.Person
	for _, p := range c.staff {
		if q, ok := p.at(t); ok {
			out = append(out, q.person(t))
		}
	}
	for _, s := range demoServices() {
		owner := c.seats[s.owner]
		out = append(out, model.Person{
			PersonID: s.id, Name: s.name, Title: s.about, Department: owner.dept.name, Status: "active", Kind: s.kind,
			OwnerID: owner.id, StartDate: model.TimeOf(c.now.Add(-700 * demoDay)),
		})
	}
	return out
}

// actors are the people that a visitor can be, the most interesting first.
func (c *demoCompany) actors() []demoActor {
	actor := func(role, card, seat, does string, groups ...string) demoActor {
		p := c.seats[seat]
		return demoActor{
			Role: role, Card: card, Does: does, PersonID: p.id, Name: p.name, Title: p.title, Email: p.email,
			Groups: append([]string{"department-" + p.dept.key}, groups...),
		}
	}
	return []demoActor{
		actor("manager", "Manager", demoSeatManager, "Reviews what the people of one team may do"),
		actor("owner", "Owner", demoSeatOwner, "Reviews the accounts of the cloud that no manager answers for"),
		actor("admin", "Admin", demoSeatAdmin, "Sets up sources and campaigns, and sees everything", "recert-admins"),
		actor("auditor", "Auditor", demoSeatAuditor, "Reads everything, changes nothing, takes the evidence away", "internal-audit"),
		actor("campaign_manager", "", demoSeatCampaigns, "Starts and closes campaigns", "iam-team"),
	}
}
