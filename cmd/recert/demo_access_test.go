package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"recert/model"
)

func TestDemoAccess(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	if len(c.Systems) != 6 {
		t.Errorf("%d systems, want 6", len(c.Systems))
	}
	for n, g := range c.Generations {
		total, inherited := 0, 0
		for _, s := range c.Systems {
			a := g.Access[s.ID]
			accounts := checkDemoKeys(t, a.Accounts, func(r model.Account) string { return r.AccountID })
			checkDemoKeys(t, a.Accounts, func(r model.Account) string { return strings.ToLower(r.Username) })
			entitlements := checkDemoKeys(t, a.Entitlements, func(r model.Entitlement) string { return r.EntitlementID })
			grants := checkDemoKeys(t, a.Grants, func(r model.Grant) string { return r.AccountID + "|" + r.EntitlementID + "|" + r.Via })
			for _, r := range a.Grants {
				_, hasAccount := accounts[r.AccountID]
				_, hasRight := entitlements[r.EntitlementID]
				if !hasAccount || !hasRight {
					t.Fatalf("generation %d, %s: grant of %s to %s names what is not listed", n, s.ID, r.EntitlementID, r.AccountID)
				}
				if asOf := model.TimeOf(g.AsOf); r.GrantedAt > asOf || r.LastUsedAt > asOf || (r.LastUsedAt.Known() && r.LastUsedAt < r.GrantedAt) {
					t.Errorf("generation %d, %s: grant %+v is out of its time", n, s.ID, r)
				}
				for inner := range strings.SplitSeq(r.Via, ">") {
					if r.Via != "" && !hasGroup(grants, r.AccountID, inner) {
						t.Errorf("%s: %s holds %s through %s, which it does not hold", s.ID, r.AccountID, r.EntitlementID, inner)
					}
				}
				if total++; r.Via != "" {
					inherited++
				}
			}
			t.Logf("generation %d %-8s accounts %4d entitlements %3d grants %4d", n, s.ID, len(a.Accounts), len(a.Entitlements), len(a.Grants))
		}
		t.Logf("generation %d: %d grants, %d inherited", n, total, inherited)
		if total < 2500 || total > 4000 || inherited < 300 {
			t.Errorf("generation %d has %d grants, %d of them inherited", n, total, inherited)
		}
	}
}

func hasGroup(grants map[string]model.Grant, account, group string) bool {
	for key := range grants {
		if strings.HasPrefix(key, account+"|"+group+"|") {
			return true
		}
	}
	return false
}

// TestDemoDefects looks for everything that a visitor should be able to find.
func TestDemoDefects(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	g := c.Generations[2]
	people := map[string]model.Person{}
	byMail := map[string]model.Person{}
	for _, p := range g.People {
		people[p.PersonID] = p
		byMail[p.Email] = p
	}
	found := map[string]int{}
	for _, s := range c.Systems {
		held := map[string]int{}
		for _, r := range g.Access[s.ID].Grants {
			held[r.AccountID]++
			if r.Via == "" && !s.Live {
				switch {
				case !r.LastUsedAt.Known():
					found["usage unknown"]++
				case r.LastUsedAt < model.TimeOf(g.AsOf.Add(-90*demoDay)):
					found["not used for long"]++
				}
			}
		}
		for _, a := range g.Access[s.ID].Accounts {
			p, known := people[a.PersonID]
			if a.PersonID == "" && a.Email != "" {
				p, known = byMail[a.Email]
			}
			if !known {
				found["orphan"]++
			}
			if known && p.Status == "terminated" && a.Status == "enabled" && held[a.AccountID] > 0 {
				found["left "+p.PersonID]++
			}
			if held[a.AccountID] == 0 {
				found["empty"]++
			}
			found[a.Kind+" account"]++
			found[a.Status]++
		}
	}
	t.Log(found)
	for what, least := range map[string]int{
		"usage unknown": 100, "not used for long": 100, "orphan": 8, "empty": 2, "service account": 10, "shared account": 5,
		"agent account": 4, "disabled": 5,
	} {
		if found[what] < least {
			t.Errorf("%s: %d, want at least %d", what, found[what], least)
		}
	}
	for _, p := range g.People {
		if p.Status == "terminated" && found["left "+p.PersonID] < 2 {
			t.Errorf("%s has left and has %d accounts with access, want some", p.Name, found["left "+p.PersonID])
		}
	}
}

// TestDemoReviews replays the two closed campaigns: what was answered with revoke is gone from
// the next generation, but for the planted exceptions.
func TestDemoReviews(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	type key struct{ system, account, entitlement string }
	at := make([]map[key]bool, 3)
	for n, g := range c.Generations {
		at[n] = map[key]bool{}
		for system, a := range g.Access {
			for _, r := range a.Grants {
				at[n][key{system, r.AccountID, r.EntitlementID}] = true
			}
		}
	}
	back, stayed := 0, 0
	for review := 1; review <= 2; review++ {
		answers := map[string]int{}
		for k := range at[review-1] {
			a := c.answer(review, k.system, k.account, k.entitlement)
			answers[a.Answer]++
			if a.Answer != "revoke" {
				continue
			}
			if at[review][k] {
				stayed++
			} else if review == 1 && at[2][k] {
				back++
			}
		}
		t.Log(answers)
		if answers["revoke"] < 10 || answers["revoke"] > 60 || answers["unsure"] == 0 || answers[""] == 0 {
			t.Errorf("campaign %d: %v", review, answers)
		}
	}
	if back != 1 || stayed != 1 {
		t.Errorf("%d removals came back and %d were not carried out, want one of each", back, stayed)
	}
}

// TestDemoActors checks that each actor has something to do in a campaign over Ledger, Atlas
// and Courier that managers review, and the systems' owners where there is no manager.
func TestDemoActors(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	g := c.Generations[2]
	people, byMail := map[string]model.Person{}, map[string]model.Person{}
	for _, p := range g.People {
		people[p.PersonID] = p
		if p.Email != "" {
			byMail[p.Email] = p
		}
	}
	items, reports := map[string]int{}, 0
	for _, s := range c.Systems {
		if s.ID != "ledger" && s.ID != "atlas" && s.ID != "courier" {
			continue
		}
		seen := map[string]bool{}
		reviewer := map[string]string{}
		for _, a := range g.Access[s.ID].Accounts {
			p := people[a.PersonID]
			if a.PersonID == "" {
				p = byMail[a.Email]
			}
			if reviewer[a.AccountID] = p.ManagerID; people[p.ManagerID].Status != "active" {
				reviewer[a.AccountID] = s.OwnerID
			}
		}
		for _, r := range g.Access[s.ID].Grants {
			if k := r.AccountID + "|" + r.EntitlementID; !seen[k] {
				seen[k] = true
				items[reviewer[r.AccountID]]++
			}
		}
	}
	for _, p := range g.People {
		if p.ManagerID == c.Actors[0].PersonID {
			reports++
		}
	}
	roles := map[string]demoActor{}
	for _, a := range c.Actors {
		roles[a.Role] = a
		if p := people[a.PersonID]; p.Status != "active" || p.Name != a.Name || p.Email != a.Email {
			t.Errorf("actor %+v is not the person %+v", a, p)
		}
	}
	t.Logf("items: manager %d, owner %d, all %d reviewers", items[roles["manager"].PersonID], items[roles["owner"].PersonID], len(items))
	if n := items[roles["manager"].PersonID]; reports < 8 || reports > 12 || n < 25 || n > 45 {
		t.Errorf("the manager has %d reports and %d items", reports, n)
	}
	if n := items[roles["owner"].PersonID]; n < 10 || n > 45 {
		t.Errorf("the owner has %d items", n)
	}
	if !slices.Contains(roles["admin"].Groups, "recert-admins") || !slices.Contains(roles["auditor"].Groups, "internal-audit") {
		t.Error("the admin or the auditor lacks the group of the role")
	}
}

func TestDemoFiles(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	g := c.Generations[2]
	files, err := g.files("ledger")
	if err != nil {
		t.Fatal(err)
	}
	people, err := g.peopleFile()
	if err != nil {
		t.Fatal(err)
	}
	a := g.Access["ledger"]
	want := map[model.Kind]int{
		model.KindPeople: len(g.People), model.KindAccounts: len(a.Accounts), model.KindEntitlements: len(a.Entitlements), model.KindGrants: len(a.Grants),
	}
	for _, f := range append(files, people) {
		rows, err := csv.NewReader(bytes.NewReader(f.Data)).ReadAll()
		if err != nil || len(rows) != want[f.Kind]+1 {
			t.Errorf("%s: %d rows (%v), want %d and a header", f.Name, len(rows), err, want[f.Kind])
		}
		if f.Kind == model.KindGrants {
			first := model.Grant{AccountID: rows[1][0], EntitlementID: rows[1][1], GrantedBy: rows[1][3], Reason: rows[1][4], Via: rows[1][7]}
			for i, dst := range map[int]*model.Time{2: &first.GrantedAt, 5: &first.ExpiresAt, 6: &first.LastUsedAt} {
				if *dst, err = model.ParseTime(rows[1][i]); err != nil {
					t.Error(err)
				}
			}
			if got := a.Grants[0]; got.AccountID != first.AccountID || cmp.Compare(got.GrantedAt, first.GrantedAt) != 0 || got.Reason != first.Reason {
				t.Errorf("the first grant reads back as %+v, was %+v", first, got)
			}
		}
	}
	if _, err := g.files("nothing"); err == nil {
		t.Error("files of a system that is not there")
	}
}
