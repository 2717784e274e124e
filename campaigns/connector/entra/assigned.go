package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

var plainRE = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

// lookApp looks at an app role from both ends: what is assigned to the account, and who is assigned
// to the application. It is gone only where both say so.
func (c *Client) lookApp(ctx context.Context, a connector.Access, p *principal, resource, role string) (*look, error) {
	if !plainRE.MatchString(resource) || !plainRE.MatchString(role) {
		return nil, c.fail(connector.Refused, fmt.Sprintf("%q cannot be the id of an app role", a.EntitlementID), nil)
	}
	s, err := c.readApp(ctx, resource)
	if err != nil {
		return nil, err
	}
	if s != nil && s.declares(role) && a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, s.roleName(role)) {
		return saw(connector.WrongTarget, "The app role now has another name than the one reviewed."), nil
	}
	var mine, theirs []appAssignment
	if p.kind != typeGone {
		mine, err = c.assignments(ctx, p.path()+"/appRoleAssignments", url.Values{"$filter": {"resourceId eq " + resource}}, resource, role)
	}
	if err == nil && s != nil {
		theirs, err = c.assignments(ctx, "/servicePrincipals/"+escape(resource)+"/appRoleAssignedTo", url.Values{"$top": {"999"}}, resource, role)
	}
	if err != nil {
		return nil, err
	}
	is := func(x appAssignment) bool { return x.Principal == p.id }
	i, j := slices.IndexFunc(theirs, is), slices.IndexFunc(mine, is)
	if i < 0 && j < 0 {
		return c.lookAppGroup(ctx, p, s, mine, theirs)
	}
	at := appAssignment{}
	if j >= 0 {
		at = mine[j]
	}
	if i >= 0 {
		at = theirs[i]
	}
	l := saw(connector.Present, "The app role is assigned to the account itself.")
	if p.kind != typeGone && (i < 0 || j < 0 || mine[j].ID != theirs[i].ID) {
		l.obs.Detail += doubt
	}
	if l.obs.GrantedAt, err = model.ParseTime(at.Created); err != nil {
		return nil, c.fail(connector.Broken, "When the app role was assigned cannot be read", nil)
	}
	l.obs.Version = at.ID
	l.obs.Last = i >= 0 && len(theirs) == 1
	l.change = request{method: http.MethodDelete, path: "/servicePrincipals/" + escape(resource) + "/appRoleAssignedTo/" + escape(at.ID), needs: "AppRoleAssignment.ReadWrite.All"}
	return l, nil
}

// lookAppGroup looks for a group that gives the app role. Only direct members of a group hold the
// roles that it has.
func (c *Client) lookAppGroup(ctx context.Context, p *principal, s *app, mine, theirs []appAssignment) (*look, error) {
	groups := map[string]bool{}
	for _, x := range slices.Concat(mine, theirs) {
		if x.Kind == "Group" {
			groups[x.Principal] = true
		}
	}
	through, err := c.byGroup(ctx, p, groups)
	switch {
	case err != nil:
		return nil, err
	case through != "":
		return saw(connector.NotDirect, "The app role is not assigned to the account itself, but to %s.", through), nil
	case slices.ContainsFunc(mine, func(x appAssignment) bool { return x.Kind == "Group" }):
		return saw(connector.NotDirect, "The app role is not assigned to the account itself; the account says that a group gives it."+doubt), nil
	case s == nil:
		return saw(connector.Absent, "The application no longer exists."), nil
	}
	return saw(connector.Absent, "The app role is not assigned to the account, neither by itself nor through a group."), nil
}

// byGroup names those of the groups that list the account, or "".
func (c *Client) byGroup(ctx context.Context, p *principal, groups map[string]bool) (string, error) {
	if len(groups) == 0 || p.kind == typeGone {
		return "", nil // a deleted account is in no group
	}
	mine, err := c.memberOf(ctx, p)
	if err != nil {
		return "", err
	}
	var out []string
	for id, name := range mine {
		if groups[id] {
			out = append(out, fmt.Sprintf("the group %q (%s)", name, id))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " and "), nil
}

// readApp reads an application that has app roles; nil is that there is none.
func (c *Client) readApp(ctx context.Context, id string) (*app, error) {
	var s app
	_, found, err := c.get(ctx, request{path: "/servicePrincipals/" + escape(id), query: url.Values{"$select": {"id,appId,displayName,appRoles"}}, needs: needsApps}, &s)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, nil //nolint:nilnil // there is none, and nothing failed
	case s.ID != id:
		return nil, c.fail(connector.Broken, fmt.Sprintf("Graph was asked for the application %q and answered with another object", id), nil)
	}
	return &s, nil
}

// assignments are those of a list that are about one app role.
func (c *Client) assignments(ctx context.Context, path string, q url.Values, resource, role string) (out []appAssignment, err error) {
	r := request{method: http.MethodGet, path: path, query: q, needs: needsApps}
	_, found, err := c.list(ctx, r, func(raw json.RawMessage) error {
		var x appAssignment
		if json.Unmarshal(raw, &x) != nil || x.ID == "" || x.Principal == "" || x.Role == "" || x.Resource == "" {
			return c.fail(connector.Broken, "GET "+path+": an assignment cannot be read", nil)
		}
		if x.Resource == resource && x.Role == role {
			out = append(out, x)
		}
		return nil
	})
	if err == nil && !found {
		err = c.unsure(r)
	}
	return out, err
}

// lookRole looks at a directory role from both ends: who has it, and what the account has. It is
// gone only where both say so.
func (c *Client) lookRole(ctx context.Context, a connector.Access, p *principal, definition, scope string) (*look, error) {
	if !plainRE.MatchString(definition) {
		return nil, c.fail(connector.Refused, fmt.Sprintf("%q cannot be the id of a directory role", a.EntitlementID), nil)
	}
	d, err := c.readRole(ctx, definition)
	if err != nil {
		return nil, err
	}
	if d != nil && a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, d.scopedName(scope)) {
		return saw(connector.WrongTarget, "The directory role now has another name than the one reviewed."), nil
	}
	holders, err := c.roleAssignments(ctx, url.Values{"$filter": {"roleDefinitionId eq " + literal(definition)}, "$expand": {"principal"}}, definition, scope)
	if err != nil {
		return nil, err
	}
	mine, err := c.roleAssignments(ctx, url.Values{"$filter": {"principalId eq " + literal(p.id)}}, definition, scope)
	if err != nil {
		return nil, err
	}
	is := func(x roleAssignment) bool { return x.Principal == p.id }
	i, j := slices.IndexFunc(holders, is), slices.IndexFunc(mine, is)
	if i < 0 && j < 0 {
		return c.lookRoleGroup(ctx, p, d, holders)
	}
	l := saw(connector.Present, "The directory role is assigned to the account itself.")
	var at roleAssignment
	if j >= 0 {
		at = mine[j]
	}
	if i >= 0 {
		at = holders[i]
	}
	if i < 0 || j < 0 {
		l.obs.Detail += doubt
	}
	// The id follows from role, scope and account: a role assigned anew has the same, so it is no version.
	l.obs.Last = i >= 0 && len(holders) == 1
	l.change = request{method: http.MethodDelete, path: rolePath + "/" + escape(at.ID), needs: "RoleManagement.ReadWrite.Directory"}
	return l, nil
}

const rolePath = "/roleManagement/directory/roleAssignments"

// lookRoleGroup looks for a role-assignable group that gives the role.
func (c *Client) lookRoleGroup(ctx context.Context, p *principal, d *roleDefinition, holders []roleAssignment) (*look, error) {
	groups := map[string]bool{}
	for _, x := range holders {
		if x.Expanded == nil || x.Expanded.kind() == typeGroup {
			groups[x.Principal] = true
		}
	}
	through, err := c.byGroup(ctx, p, groups)
	switch {
	case err != nil:
		return nil, err
	case through != "":
		return saw(connector.NotDirect, "The directory role is not assigned to the account itself, but to %s.", through), nil
	case d == nil:
		return saw(connector.Absent, "The directory role no longer exists."), nil
	}
	return saw(connector.Absent, "The directory role is not assigned to the account, neither by itself nor through a group."), nil
}

// readRole reads a directory role's definition; nil is that there is none.
func (c *Client) readRole(ctx context.Context, id string) (*roleDefinition, error) {
	var d roleDefinition
	_, found, err := c.get(ctx, request{path: "/roleManagement/directory/roleDefinitions/" + escape(id), query: url.Values{"$select": {"id,displayName,description"}}, needs: needsRoles}, &d)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, nil //nolint:nilnil // there is none, and nothing failed
	case d.ID != id:
		return nil, c.fail(connector.Broken, fmt.Sprintf("Graph was asked for the directory role %q and answered with another", id), nil)
	}
	return &d, nil
}

// roleAssignments are those of a filtered list that are about one role in one scope.
func (c *Client) roleAssignments(ctx context.Context, q url.Values, definition, scope string) (out []roleAssignment, err error) {
	r := request{path: rolePath, query: q, needs: needsRoles}
	_, found, err := c.list(ctx, r, func(raw json.RawMessage) error {
		var x roleAssignment
		if json.Unmarshal(raw, &x) != nil || x.ID == "" || x.Principal == "" || x.Definition == "" || x.scope() == "" {
			return c.fail(connector.Broken, "GET "+rolePath+": an assignment cannot be read", nil)
		}
		if x.Definition == definition && x.scope() == scope {
			out = append(out, x)
		}
		return nil
	})
	if err == nil && !found {
		err = c.fail(connector.Broken, "GET "+rolePath+" was answered 404; check graph_url", nil)
	}
	return out, err
}
