package entra

import (
	"fmt"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// give hands one row on.
func (r *reading) give(rec model.Record, list string) error {
	if err := r.ctx.Err(); err != nil {
		return r.c.fail(connector.Unreachable, "The read was given up", err)
	}
	r.lines[rec.Kind]++
	rec.File, rec.Line = list, r.lines[rec.Kind]
	return r.yield(rec)
}

func status(enabled *bool) string {
	switch {
	case enabled == nil:
		return ""
	case *enabled:
		return "enabled"
	}
	return "disabled"
}

func attrs(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
}

// giveAccounts gives users, then service principals.
func (r *reading) giveAccounts() error {
	privileged := r.admins()
	err := r.users.each(func(id string) error {
		var u user
		if _, err := r.users.load(id, &u); err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /users/delta: the user %q cannot be read", id), nil)
		}
		if u.UPN == "" {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /users/delta: the user %q has no userPrincipalName; the application needs the permission %s", id, needsUsers), nil)
		}
		created, err := model.ParseTime(u.Created)
		if err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /users/delta: when the user %q was made cannot be read", id), nil)
		}
		a := model.Account{
			AccountID: id, Username: u.UPN, DisplayName: u.DisplayName, Email: u.Mail, PersonID: u.EmployeeID, Kind: "human", Status: status(u.Enabled),
			Privileged: privileged[r.index[id]], LastLoginAt: r.seen[r.index[id]], CreatedAt: created,
			Attrs: attrs("user_type", strings.ToLower(u.UserType), "department", u.Department, "title", u.JobTitle, "on_premises_sync", mark(u.Synced)),
		}
		return r.give(model.Record{Kind: model.KindAccounts, Account: a}, "users")
	})
	if err != nil {
		return err
	}
	return r.apps.each(func(id string) error {
		var p app
		if _, err := r.apps.load(id, &p); err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /servicePrincipals/delta: the service principal %q cannot be read", id), nil)
		}
		a := model.Account{
			AccountID: id, Username: p.AppID, DisplayName: p.DisplayName, Kind: "service", Status: status(p.Enabled), Privileged: privileged[r.index[id]],
			Attrs: attrs("user_type", "service_principal", "service_principal_type", p.Type, "owner_organization", p.Owner),
		}
		return r.give(model.Record{Kind: model.KindAccounts, Account: a}, "servicePrincipals")
	})
}

func mark(b *bool) string {
	if yes(b) {
		return "true"
	}
	return ""
}

// admins are those who hold a directory role, by themselves or through a group.
func (r *reading) admins() map[int32]model.Tri {
	out := map[int32]model.Tri{}
	for _, g := range r.grants {
		if r.ents[g.ent].prefix != rolePrefix {
			continue
		}
		out[g.principal] = model.Yes
		if n := r.byGroup[r.ids[g.principal]]; n != nil {
			for _, m := range n.accounts {
				out[m] = model.Yes
			}
		}
	}
	return out
}

// giveEntitlements gives groups, then the app roles and directory roles that somebody holds.
func (r *reading) giveEntitlements() error {
	err := r.groups.each(func(id string) error {
		var g group
		if _, err := r.groups.load(id, &g); err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /groups/delta: the group %q cannot be read", id), nil)
		}
		e := model.Entitlement{
			EntitlementID: id, Name: g.DisplayName, Description: g.Description, Kind: "group",
			Attrs: attrs("group_type", g.kind(), "membership_rule", g.Rule, "on_premises_sync", mark(g.Synced), "visibility", g.Visibility, "other_members", r.byGroup[id].others()),
		}
		if yes(g.RoleAssignable) {
			e.Privileged = model.Yes
			e.Attrs["role_assignable"] = "true"
		}
		return r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, "groups")
	})
	if err != nil {
		return err
	}
	for _, ent := range r.ents {
		e, list, err := r.describe(ent)
		if err != nil {
			return err
		}
		if err := r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, list); err != nil {
			return err
		}
	}
	return nil
}

// describe is the row of an app role or a directory role.
func (r *reading) describe(ent entitlement) (model.Entitlement, string, error) {
	e := model.Entitlement{EntitlementID: ent.prefix + ent.first + ":" + ent.second, Kind: "role"}
	if ent.prefix == rolePrefix {
		d := r.defs[ent.first]
		if d.ID == "" {
			return e, "", r.c.fail(connector.Broken, fmt.Sprintf("A directory role %q is assigned but not defined; read again", ent.first), nil)
		}
		e.Name, e.Description, e.Privileged = d.scopedName(ent.second), d.Description, model.Yes
		e.Attrs = attrs("scope", ent.second)
		return e, "roleAssignments", nil
	}
	var p app
	if found, err := r.apps.load(ent.first, &p); err != nil || !found {
		return e, "", r.c.fail(connector.Broken, fmt.Sprintf("The application %q went away during the read; read again", ent.first), nil)
	}
	e.Name, e.Attrs = p.roleName(ent.second), attrs("application", p.DisplayName)
	return e, "appRoleAssignedTo", nil
}

// giveGrants gives each group's members, those that are in it through inner groups, and the
// assignments of app roles and directory roles.
func (r *reading) giveGrants() error {
	for _, n := range r.nodes {
		if err := r.giveGroup(n); err != nil {
			return err
		}
	}
	for _, a := range r.grants {
		if err := r.giveAssignment(a); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) grant(account int32, g model.Grant, list string) error {
	g.AccountID = r.ids[account]
	if note := r.notes[account]; note != "" {
		g.Attrs = map[string]string{attrNote: note}
	}
	return r.give(model.Record{Kind: model.KindGrants, Grant: g}, list)
}

func (r *reading) giveGroup(n *node) error {
	via := func(n *node, path []string) string {
		if n.rule {
			path = append(slices.Clone(path), viaRule)
		}
		return joinPath(path...)
	}
	for _, i := range n.accounts {
		if err := r.grant(i, model.Grant{EntitlementID: n.id, Via: via(n, nil)}, "groups"); err != nil {
			return err
		}
	}
	w := walk{on: map[*node]bool{n: true}}
	err := w.down(n, func(inner *node) error {
		for _, i := range inner.accounts {
			if err := r.grant(i, model.Grant{EntitlementID: n.id, Via: via(inner, w.path)}, "groups"); err != nil {
				return err
			}
		}
		return nil
	})
	if w.paths > maxPaths {
		return r.c.fail(connector.Broken, fmt.Sprintf("the group %q holds others in more than %d ways; untangle the nested groups", n.id, maxPaths), nil)
	}
	return err
}

// giveAssignment gives an assignment, or one for each direct member of the group that has it:
// Entra ID gives app roles and directory roles to direct members only.
func (r *reading) giveAssignment(a assignment) error {
	ent := r.ents[a.ent]
	g := model.Grant{EntitlementID: ent.prefix + ent.first + ":" + ent.second}
	list := "appRoleAssignedTo"
	if ent.prefix == rolePrefix {
		list = "roleAssignments"
	}
	n := r.byGroup[r.ids[a.principal]]
	if n == nil {
		g.GrantedAt = a.at
		return r.grant(a.principal, g, list)
	}
	g.Via = joinPath(n.id)
	if n.rule {
		g.Via = joinPath(n.id, viaRule)
	}
	for _, i := range n.accounts {
		if err := r.grant(i, g, list); err != nil {
			return err
		}
	}
	return nil
}
