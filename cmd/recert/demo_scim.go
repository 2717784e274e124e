package main

import (
	"strings"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

// newDemoSCIM makes the live target: a SCIM server below basePath that asks for token and holds
// what the system has now, with groups inside groups.
func newDemoSCIM(c *demoCompany, system, basePath, token string, now func() time.Time) *scimserver.Server {
	server := scimserver.New(scimserver.Config{Token: token, BasePath: basePath, MaxPage: 100, Keep: 1000, Now: now})
	access := c.Generations[len(c.Generations)-1].Access[system]
	for _, a := range access.Accounts {
		server.PutUser(scimserver.User{
			ID: a.AccountID, UserName: a.Username, DisplayName: a.DisplayName, Email: a.Email,
			Active: a.Status != "disabled", Created: a.CreatedAt.Std(),
		})
	}
	members := map[string][]string{}
	for _, g := range access.Grants {
		if g.Via == "" {
			members[g.EntitlementID] = append(members[g.EntitlementID], g.AccountID)
		}
	}
	for outer, inner := range c.nested(system) {
		members[outer] = append(members[outer], inner...)
	}
	for _, e := range access.Entitlements {
		server.PutGroup(scimserver.Group{
			ID: e.EntitlementID, DisplayName: e.Name, Members: members[e.EntitlementID], Created: c.oldest(access),
		})
	}
	return server
}

// nested are a system's groups that hold groups, by id.
func (c *demoCompany) nested(system string) map[string][]string {
	out := map[string][]string{}
	for _, s := range demoSystemTable() {
		for _, r := range s.rights {
			if s.id != system {
				continue
			}
			for _, inner := range r.holds {
				id := demoRightID(&s, r.id)
				out[id] = append(out[id], demoRightID(&s, inner))
			}
		}
	}
	return out
}

// oldest is when the first account was made.
func (c *demoCompany) oldest(a demoAccess) time.Time {
	first := c.now
	for _, row := range a.Accounts {
		if at := row.CreatedAt.Std(); row.CreatedAt.Known() && at.Before(first) {
			first = at
		}
	}
	return first
}

// demoUsers are the people that can be chosen at sign-in: the actors first, then every
// other person who works there now.
func (c *demoCompany) demoUsers() []demoUser {
	var users []demoUser
	actors := map[string]bool{}
	for _, a := range c.Actors {
		actors[a.PersonID] = true
		u := demoUser{Subject: a.PersonID, Name: a.Name, Title: a.Title, Email: a.Email, Groups: a.Groups}
		if a.Card != "" {
			u.Role, u.Does = a.Card, a.Does
		}
		users = append(users, u)
	}
	for _, p := range c.Generations[len(c.Generations)-1].People {
		if p.Kind == "human" && p.Status == "active" && !actors[p.PersonID] {
			users = append(users, demoUser{Subject: p.PersonID, Name: p.Name, Title: p.Title, Email: p.Email, Groups: []string{demoDeptGroup(p)}})
		}
	}
	return users
}

// demoDeptGroup is the group of a person's department, as the actors' groups have it.
func demoDeptGroup(p model.Person) string {
	return "department-" + strings.ToLower(strings.TrimPrefix(p.CostCenter, "CC-"))
}
