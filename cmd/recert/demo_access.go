package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// demoAccount is an account with a history.
type demoAccount struct {
	model.Account
	system string
	person *demoPerson // nil where it is not simply one person's
	until  time.Time   // deleted then; zero is never
}

// demoGrant is a direct grant with a history.
type demoGrant struct {
	system *demoSystemData
	acct   *demoAccount
	right  *demoRight
	from   time.Time
	until  time.Time // taken away then; zero is never
	again  time.Time // and given back then; zero is never
	by     string
	reason string
	used   time.Time // zero is unknown
	expiry time.Time
	review int // 1 or 2: the closed campaign that answered "revoke"; 0 is none
}

func (g *demoGrant) present(t time.Time) bool {
	if t.Before(g.from) {
		return false
	}
	return g.until.IsZero() || t.Before(g.until) || (!g.again.IsZero() && !t.Before(g.again))
}

// percent is how many of 100 people like p hold the right.
func (r *demoRight) percent(p *demoPerson) int {
	out := 0
	for rule := range strings.FieldsSeq(r.who) {
		key, percent, _ := strings.Cut(rule, "=")
		match := key == "*" || key == p.dept.key || key == p.team || key == p.seat ||
			key == "managers" && p.leads || key == "heads" && p.leads && p.team == ""
		if match {
			out, _ = strconv.Atoi(percent) // the tables are tested
		}
	}
	return out
}

// grantAll gives everybody what the tables say, and to some what they should not have.
func (c *demoCompany) grantAll() {
	for _, s := range demoSystemTable() {
		accounts := map[string]*demoAccount{}
		for _, p := range c.staff {
			c.grantPerson(&s, p, accounts)
		}
		c.grantOthers(&s)
		if s.usage && s.id != "harbour" {
			c.leftovers(&s, accounts)
		}
		if s.id == "beacon" {
			c.emptyAccounts(&s, accounts)
		}
	}
	c.plant()
}

func (c *demoCompany) grantPerson(s *demoSystemData, p *demoPerson, accounts map[string]*demoAccount) {
	for i := range s.rights {
		r := &s.rights[i]
		if demoChance(r.percent(p), "right", s.id, r.id, p.seat) {
			base := p.start
			if p.before != nil {
				base = p.moved
			}
			c.grant(s, r, p, base, accounts)
			continue
		}
		if p.before != nil && demoChance(r.percent(p.before), "right", s.id, r.id, p.before.seat) {
			g := c.grant(s, r, p.before, p.start, accounts)
			if g.from.After(p.moved) {
				g.from = p.start.Add(9 * time.Hour)
			}
			if g.acct.person = p; s.id == "harbour" && r.risk == "low" || !demoChance(65, "kept", s.id, r.id, p.seat) {
				g.until = p.moved.Add(5 * demoDay) // the rest was forgotten when they moved
			}
		}
	}
}

// grant gives p the right, some time after base.
func (c *demoCompany) grant(s *demoSystemData, r *demoRight, p *demoPerson, base time.Time, accounts map[string]*demoAccount) *demoGrant {
	chance := demoRand("grant", s.id, r.id, p.seat)
	last := c.now.Add(-3 * demoDay)
	if p.left {
		last = p.end.Add(-5 * demoDay)
	}
	g := &demoGrant{system: s, right: r, acct: c.account(s, r, p, accounts)}
	g.from = demoBetween(chance, base, last)
	if soon := base.Add(20 * demoDay); chance.IntN(100) < 70 && soon.Before(last) {
		g.from = demoBetween(chance, base, soon)
	}
	if p.gone {
		g.until = p.end.Add(demoDay)
	}
	if p.contract == "contractor" && chance.IntN(3) == 0 {
		g.expiry = p.end
	}
	g.by, g.reason = c.why(chance, s, r, p, g.from.Sub(base) < 25*demoDay)
	if boss := p.boss; boss != nil && g.by == boss.id && g.from.Before(boss.start) {
		g.by = "" // somebody who is no longer known
	}
	if s.usage {
		g.used = c.usage(chance, p, g.from)
	}
	c.grants = append(c.grants, g)
	return g
}

// why tells who gave a right and for what reason, as far as the system knows.
func (c *demoCompany) why(chance *rand.Rand, s *demoSystemData, r *demoRight, p *demoPerson, early bool) (by, reason string) {
	request := fmt.Sprintf("Request %d", 10_000+chance.IntN(9_000))
	by = c.seats[s.owner].id
	if p.boss != nil && chance.IntN(3) > 0 {
		by = p.boss.id
	}
	if early {
		if r.risk == "low" {
			return "joiner automation", "Joined " + p.unit()
		}
		return by, chooseDemo(chance, "Joined "+p.unit(), request, "Same as a colleague", "")
	}
	return by, chooseDemo(chance, request, request+": covers for a colleague on leave", request+": project Tern", "Project Lantern go-live",
		"Same as a colleague", "Asked by phone", "", "")
}

func chooseDemo(chance *rand.Rand, from ...string) string { return from[chance.IntN(len(from))] }

// unit is the team, or the department of who is in no team.
func (p *demoPerson) unit() string {
	for _, t := range p.dept.teams {
		if t.key == p.team {
			return t.name
		}
	}
	return p.dept.name
}

// usage is when a right was last used: mostly lately, sometimes long ago, sometimes unknown.
func (c *demoCompany) usage(chance *rand.Rand, p *demoPerson, from time.Time) time.Time {
	last := c.now
	if p.left {
		last = p.end
	} else if !p.leave.IsZero() {
		last = p.leave
	}
	switch n := chance.IntN(100); {
	case n < 10:
		return time.Time{}
	case n < 26:
		last = last.Add(-time.Duration(95+chance.IntN(330)) * demoDay)
	default:
		last = last.Add(-time.Duration(30*chance.Float64()*chance.Float64()*24) * time.Hour)
	}
	last = demoWeekday(last.Add(-demoDay)).Add(7*time.Hour + time.Duration(chance.IntN(640))*time.Minute)
	if last.Before(from.Add(time.Hour)) {
		return time.Time{} // never used, and the system does not tell that from not knowing
	}
	return last
}

// account is p's account in s; administrators have a second one for what is privileged.
func (c *demoCompany) account(s *demoSystemData, r *demoRight, p *demoPerson, accounts map[string]*demoAccount) *demoAccount {
	admin := r.privileged && p.dept.key == "it" && (s.id == "harbour" || s.id == "atlas")
	key := fmt.Sprint(p.id, admin)
	if a := accounts[key]; a != nil {
		return a
	}
	a := &demoAccount{system: s.id, person: p}
	local := strings.TrimSuffix(p.email, "@"+demoDomain)
	a.Username, a.DisplayName, a.Email, a.Kind, a.Status = local, p.name, p.email, "human", "enabled"
	a.Privileged = model.TriOf(admin)
	number := strings.TrimPrefix(p.id, "u")
	switch s.id {
	case "harbour":
		a.AccountID, a.PersonID = "h-"+number, p.id
	case "ledger":
		a.AccountID, a.PersonID, a.Username, a.Privileged = "L"+number, p.id, strings.ToUpper(strings.ReplaceAll(local, ".", "")), model.Unknown
	case "atlas":
		a.AccountID = "user/" + local
	case "courier":
		a.AccountID = demoUUID("user", local)
	case "depot":
		a.AccountID = strings.ReplaceAll(local, ".", "-")
		a.Username, a.Privileged = a.AccountID, model.Unknown
	case "beacon":
		a.AccountID, a.PersonID, a.Privileged = "B"+number, p.id, model.Unknown
	}
	if admin {
		a.AccountID, a.Username, a.DisplayName = a.AccountID+"-admin", "adm."+local, p.name+" (administration)"
	}
	if !p.leave.IsZero() && demoChance(40, "disabled", s.id, p.seat) || demoChance(1, "locked", s.id, p.seat) {
		a.Status = "disabled"
	}
	if p.gone {
		a.until = p.end.Add(demoDay)
	}
	accounts[key] = a
	c.accts = append(c.accts, a)
	return a
}

// demoUUID is an id as SCIM servers give them, the same for the same key.
func demoUUID(key ...string) string {
	h := sha256.Sum256([]byte(demoDomain + "\x00" + strings.Join(key, "\x00")))
	return fmt.Sprintf("%x-%x-4%03x-8%03x-%x", h[0:4], h[4:6],
		binary.BigEndian.Uint16(h[6:])&0xfff, binary.BigEndian.Uint16(h[8:])&0xfff, h[10:16])
}

// grantOthers adds the accounts of services and agents, the shared ones and the orphans.
func (c *demoCompany) grantOthers(s *demoSystemData) {
	for _, o := range demoOtherAccounts() {
		if o.system != s.id {
			continue
		}
		chance := demoRand("other", s.id, o.username)
		a := &demoAccount{system: s.id, Account: model.Account{
			AccountID: o.id, Username: o.username, DisplayName: o.display, Email: o.email, PersonID: o.person,
			Kind: o.kind, Status: o.status, Privileged: model.TriOf(o.privileged),
		}}
		if o.id == "" {
			a.AccountID = demoUUID("user", o.username)
		}
		if o.owner != "" {
			a.OwnerID = c.seats[o.owner].id
		}
		c.accts = append(c.accts, a)
		from := c.now.Add(-time.Duration(450+chance.IntN(1200)) * demoDay)
		for _, id := range o.rights {
			g := &demoGrant{system: s, acct: a, right: s.right(id), by: c.seats[s.owner].id, reason: chooseDemo(chance, "Set up with the system", "", "Migration")}
			g.from = demoBetween(chance, from, from.Add(90*demoDay))
			if s.usage && o.idle >= 0 {
				g.used = c.now.Add(-time.Duration(o.idle)*demoDay - time.Duration(30+chance.IntN(300))*time.Minute)
			}
			c.grants = append(c.grants, g)
		}
	}
}

// right finds a right by its id; nil where there is none, which the tests exclude.
func (s *demoSystemData) right(id string) *demoRight {
	for i := range s.rights {
		if s.rights[i].id == id {
			return &s.rights[i]
		}
	}
	return nil
}

// leftovers are rights that the closed campaigns found and had taken away.
func (c *demoCompany) leftovers(s *demoSystemData, accounts map[string]*demoAccount) {
	for review, asOf := range []time.Time{{}, c.now.Add(-demoFirst), c.now.Add(-demoSecond)} {
		if review == 0 {
			continue
		}
		for _, p := range c.staff {
			who, listed := p.at(asOf)
			if !listed || accounts[fmt.Sprint(p.id, false)] == nil || p.start.After(asOf.Add(-60*demoDay)) ||
				!demoChance(22-4*review, "leftover", s.id, p.seat, strconv.Itoa(review)) {
				continue
			}
			chance := demoRand("leftover", s.id, p.seat, strconv.Itoa(review), "which")
			r := &s.rights[chance.IntN(len(s.rights))]
			if r.risk == "critical" || r.percent(who) > 0 || r.percent(p) > 0 || c.holds(p, r) {
				continue
			}
			g := c.grant(s, r, who, p.start, accounts)
			g.from = demoBetween(chance, p.start, asOf.Add(-30*demoDay))
			g.until = asOf.Add(time.Duration(15+chance.IntN(9)) * demoDay)
			g.used = time.Time{}
			if chance.IntN(3) > 0 {
				g.used = demoBetween(chance, g.from, asOf.Add(-20*demoDay))
			}
			g.acct.person, g.review = p, review
		}
	}
}

func (c *demoCompany) holds(p *demoPerson, r *demoRight) bool {
	return slices.ContainsFunc(c.grants, func(g *demoGrant) bool { return g.acct.person == p && g.right.id == r.id })
}

// emptyAccounts are accounts that give nothing: are they still needed?
func (c *demoCompany) emptyAccounts(s *demoSystemData, accounts map[string]*demoAccount) {
	for _, p := range c.staff {
		if accounts[fmt.Sprint(p.id, false)] == nil && p.start.Before(c.now.Add(-400*demoDay)) && demoChance(4, "empty", s.id, p.seat) {
			a := c.account(s, &s.rights[0], p, accounts)
			a.CreatedAt = model.TimeOf(p.start.Add(30 * demoDay))
		}
	}
}

// plant adds what a good review should notice besides what chance gives: one removal that was
// undone behind the review's back, one that was never carried out, and one pair of rights that
// nobody should hold together, in the team of the manager among the actors.
func (c *demoCompany) plant() {
	back, left := false, false
	for _, g := range c.grants {
		switch {
		case g.review == 1 && g.system.id == "depot" && !back:
			g.again, back = c.now.Add(-demoSecond/2), true
		case g.review == 2 && g.system.id == "beacon" && !left:
			g.until, left = time.Time{}, true
		}
	}
	s := demoLedger()
	p := c.seats[demoSeatManager+"#2"]
	accounts := map[string]*demoAccount{}
	for _, a := range c.accts {
		if a.system == s.id && a.person == p {
			accounts[fmt.Sprint(p.id, false)] = a
		}
	}
	for _, id := range []string{"SUPPLIER_EDIT", "AP_APPROVE_50K"} {
		if r := s.right(id); !c.holds(p, r) {
			c.grant(&s, r, p, p.start, accounts)
		}
	}
}
