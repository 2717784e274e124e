package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"recert/model"
)

// generation is what all sources say as of t.
func (c *demoCompany) generation(t time.Time) demoGeneration {
	g := demoGeneration{AsOf: t, People: c.people(t), Access: map[string]demoAccess{}}
	for _, s := range demoSystemTable() {
		access := demoAccess{Entitlements: c.entitlements(&s), Grants: c.grantsAt(&s, t)}
		access.Accounts = c.accountsAt(&s, t, access.Grants)
		if s.live {
			access.overSCIM()
		}
		g.Access[s.id] = access
	}
	return g
}

// demoRightID is how a system names one of its rights.
func demoRightID(s *demoSystemData, name string) string {
	if s.live {
		return demoUUID("group", name)
	}
	return name
}

func (c *demoCompany) entitlements(s *demoSystemData) []model.Entitlement {
	out := make([]model.Entitlement, 0, len(s.rights))
	for _, r := range s.rights {
		e := model.Entitlement{
			EntitlementID: demoRightID(s, r.id), Name: r.id, Description: r.about, Kind: r.kind, Risk: r.risk,
			Privileged: model.TriOf(r.privileged), LowerID: r.lower, OwnerID: c.seats[s.owner].id,
		}
		if r.owner != "" {
			e.OwnerID = c.seats[r.owner].id
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b model.Entitlement) int { return strings.Compare(a.EntitlementID, b.EntitlementID) })
	return out
}

// grantsAt are the direct grants as of t, and what the groups among them pass on.
func (c *demoCompany) grantsAt(s *demoSystemData, t time.Time) []model.Grant {
	inside := map[string][]string{} // a group's name -> the groups that it is a member of
	for _, r := range s.rights {
		for _, inner := range r.holds {
			inside[inner] = append(inside[inner], r.id)
		}
	}
	var out []model.Grant
	for _, g := range c.grants {
		if g.system.id != s.id || !g.present(t) {
			continue
		}
		row := model.Grant{
			AccountID: g.acct.AccountID, EntitlementID: demoRightID(s, g.right.id), GrantedAt: model.TimeOf(g.from),
			GrantedBy: g.by, Reason: g.reason, ExpiresAt: model.TimeOf(g.expiry), LastUsedAt: g.usedBefore(t),
		}
		if !g.again.IsZero() && !t.Before(g.again) {
			row.GrantedAt, row.GrantedBy, row.Reason, row.LastUsedAt = model.TimeOf(g.again), "role synchronisation", "", 0
		}
		out = append(out, row)
		passOn(s, inside, row, g.right.id, "", &out)
	}
	slices.SortFunc(out, func(a, b model.Grant) int {
		return cmp.Or(strings.Compare(a.AccountID, b.AccountID), strings.Compare(a.EntitlementID, b.EntitlementID),
			strings.Compare(a.Via, b.Via))
	})
	return out
}

// passOn adds what a member of group holds through it: every group that it is inside of, and
// so on outwards. via is the path from the outermost group that was reached inwards.
func passOn(s *demoSystemData, inside map[string][]string, direct model.Grant, group, via string, out *[]model.Grant) {
	path := demoRightID(s, group)
	if via != "" {
		path += ">" + via
	}
	for _, outer := range inside[group] {
		*out = append(*out, model.Grant{
			AccountID: direct.AccountID, EntitlementID: demoRightID(s, outer), GrantedAt: direct.GrantedAt, Via: path,
		})
		passOn(s, inside, direct, outer, path, out)
	}
}

// usedBefore is the last use as a read at t would have shown it.
func (g *demoGrant) usedBefore(t time.Time) model.Time {
	if g.used.IsZero() || g.used.Before(t) {
		return model.TimeOf(g.used)
	}
	age := time.Duration(demoRand("used", g.acct.AccountID, g.right.id, t.Format(time.DateOnly)).IntN(40*24*60)) * time.Minute
	if used := t.Add(-age); used.After(g.from) {
		return model.TimeOf(used)
	}
	return 0
}

// accountsAt are the accounts as of t: made with their first grant, signed in to when a grant
// of theirs was used.
func (c *demoCompany) accountsAt(s *demoSystemData, t time.Time, grants []model.Grant) []model.Account {
	used := map[string]model.Time{}
	for _, g := range grants {
		used[g.AccountID] = max(used[g.AccountID], g.LastUsedAt)
	}
	created := map[*demoAccount]time.Time{}
	for _, g := range c.grants {
		if at, ok := created[g.acct]; !ok || g.from.Before(at) {
			created[g.acct] = g.from
		}
	}
	var out []model.Account
	for _, a := range c.accts {
		if a.system != s.id || (!a.until.IsZero() && !t.Before(a.until)) {
			continue
		}
		at, ok := created[a]
		if !ok {
			at = a.CreatedAt.Std()
		}
		if at = at.Truncate(time.Hour); t.Before(at) {
			continue
		}
		row := a.Account
		row.CreatedAt, row.LastLoginAt = model.TimeOf(at), used[a.AccountID]
		if p := a.person; p != nil && row.Status == "disabled" && t.Before(p.leave) {
			row.Status = "enabled"
		}
		if p := a.person; p != nil && p.contract == "contractor" && s.id == "atlas" {
			row.ExpiresAt = model.TimeOf(p.end)
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b model.Account) int { return strings.Compare(a.AccountID, b.AccountID) })
	return out
}

// overSCIM leaves what a read over SCIM can carry.
func (a *demoAccess) overSCIM() {
	for i, e := range a.Entitlements {
		a.Entitlements[i] = model.Entitlement{EntitlementID: e.EntitlementID, Name: e.Name, Kind: "group"}
	}
	for i, u := range a.Accounts {
		a.Accounts[i] = model.Account{
			AccountID: u.AccountID, Username: u.Username, DisplayName: u.DisplayName, Email: u.Email,
			Status: u.Status, CreatedAt: u.CreatedAt,
		}
	}
	for i, g := range a.Grants {
		a.Grants[i] = model.Grant{AccountID: g.AccountID, EntitlementID: g.EntitlementID, Via: g.Via}
	}
}

// demoAnswer is how a reviewer of a closed campaign answered.
type demoAnswer struct {
	Answer  string // keep, revoke, unsure, or "" where there was no answer
	Comment string
}

// answer is what the reviewer of one of the two closed campaigns (review 1 or 2, over the
// generation before the one of that number) said. What was answered with revoke is absent from
// the next generation, but for one that nobody took away.
func (c *demoCompany) answer(review int, system, account, entitlement string) demoAnswer {
	for _, g := range c.grants {
		if g.review == review && g.system.id == system && g.acct.AccountID == account && demoRightID(g.system, g.right.id) == entitlement {
			chance := demoRand("comment", system, account, entitlement)
			return demoAnswer{"revoke", chooseDemo(chance, "", "", "Project is over", "Does other work now", "Not used for months")}
		}
	}
	chance := demoRand("answer", string(rune('0'+review)), system, account, entitlement)
	switch n := chance.IntN(100); {
	case n < 2:
		return demoAnswer{Answer: "unsure"}
	case n < 5:
		return demoAnswer{}
	case n < 12:
		return demoAnswer{"keep", chooseDemo(chance, "Needed for the daily work", "Stand-in for a colleague", "Checked with the team")}
	default:
		return demoAnswer{Answer: "keep"}
	}
}
