package entra

import (
	"context"
	"net/http"
	"strings"

	"recert/campaigns/connector"
)

// Revoke implements connector.Target. It looks first, and changes nothing where the access is not
// there, is not held directly, or names somebody else, or where the assignment is another one than
// the one in seen. An access with a path (Via) is never taken away: it hangs on a group or a rule,
// and a direct membership beside it is another access.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, _ string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	if o := outcomeOf(seen.Presence); o != "" {
		return o, nil
	}
	l, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	guard := seen.Version
	if guard == "" {
		guard = l.obs.Version
	}
	switch {
	case l.refuse != "":
		return "", c.fail(connector.Refused, l.refuse, nil)
	case l.obs.Version != guard:
		return connector.Changed, nil
	case l.change.method == "":
		return "", c.fail(connector.Unreachable, "Graph's answers on the access do not agree yet; nothing was changed", nil)
	}
	r, err := c.do(ctx, l.change)
	switch {
	case err != nil:
		return "", err
	case r.status >= 200 && r.status < 300:
		return connector.Removed, nil
	case !r.notFound():
		return "", c.status(l.change, r)
	}
	// It went away between the look and the change. What is there now tells whether it was made anew.
	now, err := c.look(ctx, a)
	switch {
	case err != nil:
		return "", err
	case now.obs.Presence == connector.Present && now.obs.Version != l.obs.Version:
		return connector.Changed, nil
	}
	return connector.AlreadyAbsent, nil
}

// outcomeOf is what a revocation reports where a look shows nothing to take away, or "".
func outcomeOf(p connector.Presence) connector.Outcome {
	switch p {
	case connector.Absent:
		return connector.AlreadyAbsent
	case connector.NotDirect:
		return connector.RefusedDirect
	case connector.WrongTarget:
		return connector.RefusedTarget
	case connector.Present:
	}
	return ""
}

// Grant implements connector.Granter: it puts the account into the group, assigns the app role or
// the directory role, or enables the account. What is held through a group only is not held
// directly, and is given.
func (c *Client) Grant(ctx context.Context, a connector.Access, _ string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	l, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	switch l.obs.Presence {
	case connector.Present:
		return connector.AlreadyHeld, nil
	case connector.WrongTarget:
		return connector.RefusedTarget, nil
	case connector.Absent, connector.NotDirect:
	}
	// The account may have gone since the look, or be gone and hold nothing.
	p, gone, err := c.principal(ctx, a.AccountID)
	if err != nil {
		return "", err
	}
	if p == nil {
		return "", c.fail(connector.Refused, gone+" Nothing can be given to it", nil)
	}
	add, err := c.addition(ctx, a, p)
	if err != nil {
		return "", err
	}
	r, err := c.do(ctx, add)
	switch {
	case err != nil:
		return "", err
	case r.status >= 200 && r.status < 300:
		return connector.Granted, nil
	case r.notFound():
		return "", c.fail(connector.Refused, "Graph no longer finds the account, or what it was to be given", nil)
	}
	return "", c.status(add, r)
}

// addition is the request that gives the access; what is given must be there. Names were compared
// by the look before.
func (c *Client) addition(ctx context.Context, a connector.Access, p *principal) (request, error) {
	prefix, first, second := splitID(a.EntitlementID)
	switch {
	case a.EntitlementID == "":
		if p.synced {
			return request{}, c.fail(connector.Refused, "The user comes from an on-premises directory, which Graph cannot change; enable the account there", nil)
		}
		r := lookAccount(p).change
		r.method, r.path, r.body = http.MethodPatch, p.path(), mustJSON(map[string]bool{"accountEnabled": true})
		if r.needs == "" {
			r.needs = "User.EnableDisableAccount.All, or Application.ReadWrite.All for a service principal,"
		}
		return r, nil
	case prefix == appPrefix:
		s, err := c.readApp(ctx, first)
		if err != nil {
			return request{}, err
		}
		if s == nil {
			return request{}, c.fail(connector.Refused, "The application no longer exists, so its role cannot be given", nil)
		}
		return request{
			method: http.MethodPost, path: "/servicePrincipals/" + escape(first) + "/appRoleAssignedTo", needs: "AppRoleAssignment.ReadWrite.All",
			body: mustJSON(map[string]string{"principalId": p.id, "resourceId": first, "appRoleId": second}),
		}, nil
	case prefix == rolePrefix:
		if strings.HasPrefix(second, appScope) {
			return request{}, c.fail(connector.Refused, "The role holds in a scope of an application, where Graph does not give it in this way; give it by hand", nil)
		}
		d, err := c.readRole(ctx, first)
		if err != nil {
			return request{}, err
		}
		if d == nil {
			return request{}, c.fail(connector.Refused, "The directory role no longer exists, so it cannot be given", nil)
		}
		return request{method: http.MethodPost, path: rolePath, needs: "RoleManagement.ReadWrite.Directory", body: mustJSON(map[string]string{
			"@odata.type": "#microsoft.graph.unifiedRoleAssignment", "roleDefinitionId": first, "principalId": p.id, "directoryScopeId": second,
		})}, nil
	}
	return c.addMember(ctx, a, p)
}

func (c *Client) addMember(ctx context.Context, a connector.Access, p *principal) (request, error) {
	g, err := c.readGroup(ctx, a.EntitlementID)
	if err != nil {
		return request{}, err
	}
	switch {
	case g == nil:
		return request{}, c.fail(connector.Refused, "The group no longer exists, so it cannot be given", nil)
	case g.dynamic():
		return request{}, c.fail(connector.Refused, "The group's rule makes its members ("+g.Rule+"); nobody can be put into it by hand", nil)
	case g.elsewhere() != "":
		return request{}, c.fail(connector.Refused, g.elsewhere(), nil)
	}
	r := request{
		method: http.MethodPost, path: "/groups/" + escape(g.ID) + "/members/$ref", needs: c.removal(p, g).needs,
		body: mustJSON(map[string]string{"@odata.id": c.base.String() + "/directoryObjects/" + escape(p.id)}),
	}
	return r, nil
}
