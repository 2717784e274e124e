package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"recert/campaigns/connector"
)

// look is one clean read of one access, with what a change needs.
type look struct {
	obs    connector.Observation
	change request // that takes the access away
	refuse string  // why Graph cannot take it away, though it is there; "" where it can
}

// saw makes a look that needs no change.
func saw(p connector.Presence, format string, args ...any) *look {
	return &look{obs: connector.Observation{Presence: p, Detail: fmt.Sprintf(format, args...)}}
}

// doubt is added where two of Graph's answers do not agree: then the access counts as there.
const doubt = " Graph's answers do not agree on it yet."

// principal is the account of a look.
type principal struct {
	id, kind string // typeUser, typeApp, or typeGone
	name     string // userPrincipalName, or the application's id
	enabled  *bool
	synced   bool // from an on-premises directory
	self     bool // the connector itself
}

func (p *principal) path() string {
	if p.kind == typeApp {
		return "/servicePrincipals/" + escape(p.id)
	}
	return "/users/" + escape(p.id)
}

// needs is what reading the account needs.
func (p *principal) needs() string {
	if p.kind == typeApp {
		return needsApps
	}
	return needsUsers
}

// Check implements connector.Target.
func (c *Client) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	l, err := c.look(ctx, a)
	if err != nil {
		return connector.Observation{}, err
	}
	return l.obs, nil
}

func (c *Client) look(ctx context.Context, a connector.Access) (*look, error) {
	p, gone, err := c.principal(ctx, a.AccountID)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return c.lookLeft(ctx, a, gone)
	}
	if a.Username != "" && !strings.EqualFold(a.Username, p.name) {
		return saw(connector.WrongTarget, "The account id now belongs to another user name than the one reviewed."), nil
	}
	var l *look
	switch prefix, first, second := splitID(a.EntitlementID); {
	case a.EntitlementID == "":
		l = lookAccount(p)
	case prefix == appPrefix:
		l, err = c.lookApp(ctx, a, p, first, second)
	case prefix == rolePrefix:
		l, err = c.lookRole(ctx, a, p, first, second)
	default:
		l, err = c.lookGroup(ctx, a, p)
	}
	if err != nil {
		return nil, err
	}
	l.obs.Self = p.self
	return l, nil
}

// lookLeft looks for what a deleted account left behind. It is in no group; but an assignment of a
// role that still names it comes back with the account if that is restored.
func (c *Client) lookLeft(ctx context.Context, a connector.Access, gone string) (*look, error) {
	var l *look
	var err error
	p := &principal{id: a.AccountID, kind: typeGone}
	switch prefix, first, second := splitID(a.EntitlementID); prefix {
	case appPrefix:
		l, err = c.lookApp(ctx, a, p, first, second)
	case rolePrefix:
		l, err = c.lookRole(ctx, a, p, first, second)
	}
	switch {
	case err != nil:
		return nil, err
	case l == nil || l.obs.Presence != connector.Present && l.obs.Presence != connector.WrongTarget:
		return saw(connector.Absent, "%s", gone), nil
	}
	l.obs.Detail = gone + " " + l.obs.Detail
	return l, nil
}

// principal reads an account; nil is that there is none, with what became of it in words.
func (c *Client) principal(ctx context.Context, id string) (p *principal, gone string, err error) {
	if id == "" || id == "." || id == ".." {
		return nil, "", c.fail(connector.Refused, fmt.Sprintf("%q cannot be the id of an account", id), nil)
	}
	other := func() error {
		return c.fail(connector.Broken, fmt.Sprintf("Graph was asked for %q and answered with another object", id), nil)
	}
	var u user
	q := url.Values{"$select": {"id,userPrincipalName,displayName,accountEnabled,onPremisesSyncEnabled"}}
	_, found, err := c.get(ctx, request{path: "/users/" + escape(id), query: q, needs: needsUsers}, &u)
	switch {
	case err != nil:
		return nil, "", err
	case found && u.ID != id:
		return nil, "", other()
	case found && u.UPN == "":
		return nil, "", c.fail(connector.Broken, fmt.Sprintf("the user %q has no userPrincipalName, so nobody can tell whether it is still the same; the application needs the permission %s", id, needsUsers), nil)
	case found:
		return &principal{id: id, kind: typeUser, name: u.UPN, enabled: u.Enabled, synced: yes(u.Synced)}, "", nil
	}
	var s app
	q = url.Values{"$select": {"id,appId,displayName,accountEnabled"}}
	_, found, err = c.get(ctx, request{path: "/servicePrincipals/" + escape(id), query: q, needs: needsApps}, &s)
	switch {
	case err != nil:
		return nil, "", err
	case found && s.ID != id:
		return nil, "", other()
	case found && s.AppID == "":
		return nil, "", c.fail(connector.Broken, fmt.Sprintf("the service principal %q has no appId, so nobody can tell whether it is still the same", id), nil)
	case found:
		return &principal{id: id, kind: typeApp, name: s.AppID, enabled: s.Enabled, self: strings.EqualFold(s.AppID, c.cfg.ClientID)}, "", nil
	}
	return c.deleted(ctx, id)
}

// deleted tells what became of an object that is neither a user nor a service principal.
func (c *Client) deleted(ctx context.Context, id string) (*principal, string, error) {
	var o object
	_, found, err := c.get(ctx, request{path: "/directory/deletedItems/" + escape(id), needs: needsUsers}, &o)
	switch {
	case err != nil:
		return nil, "", err
	case found && o.ID != id:
		return nil, "", c.fail(connector.Broken, fmt.Sprintf("Graph was asked for the deleted object %q and answered with another", id), nil)
	case found:
		return nil, "The account was deleted; for 30 days an administrator can restore it.", nil
	}
	return nil, "The account no longer exists.", nil
}

func lookAccount(p *principal) *look {
	if p.enabled != nil && !*p.enabled {
		return saw(connector.Absent, "The account is disabled.")
	}
	l := saw(connector.Present, "The account is enabled.")
	if p.enabled == nil {
		// No word on it is not a no: an account counts as closed only when the target says so.
		l.obs.Detail = "Graph does not say whether the account is enabled."
	}
	if p.synced {
		l.obs.Detail += " It comes from an on-premises directory."
		l.refuse = "The user comes from an on-premises directory, which Graph cannot change; disable the account there"
	}
	l.change = request{method: http.MethodPatch, path: p.path(), body: mustJSON(map[string]bool{"accountEnabled": false}), needs: "User.EnableDisableAccount.All and User.Read.All"}
	if p.kind == typeApp {
		l.change.needs = "Application.ReadWrite.All"
	}
	return l
}

// readGroup reads a group; nil is that there is none.
func (c *Client) readGroup(ctx context.Context, id string) (*group, error) {
	if id == "" || id == "." || id == ".." {
		return nil, c.fail(connector.Refused, fmt.Sprintf("%q cannot be the id of a group", id), nil)
	}
	var g group
	_, found, err := c.get(ctx, request{path: "/groups/" + escape(id), query: url.Values{"$select": {groupFields}}, needs: needsGroups}, &g)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, nil //nolint:nilnil // there is none, and nothing failed
	case g.ID != id:
		return nil, c.fail(connector.Broken, fmt.Sprintf("Graph was asked for the group %q and answered with another object", id), nil)
	}
	return &g, nil
}

// lookGroup looks at a membership from both ends: what the account is a direct member of, and
// whether Graph counts it to the group by any way. It is gone only where both say so.
func (c *Client) lookGroup(ctx context.Context, a connector.Access, p *principal) (*look, error) {
	g, err := c.readGroup(ctx, a.EntitlementID)
	if err != nil {
		return nil, err
	}
	if g != nil && a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, g.DisplayName) {
		return saw(connector.WrongTarget, "The group id now has another name than the one reviewed."), nil
	}
	mine, err := c.memberOf(ctx, p)
	if err != nil {
		return nil, err
	}
	_, direct := mine[a.EntitlementID]
	if g == nil {
		if direct {
			return saw(connector.Present, "Graph does not find the group, but the account still lists it."+doubt), nil
		}
		return saw(connector.Absent, "The group no longer exists."), nil
	}
	in, err := c.counts(ctx, p, g.ID)
	switch {
	case err != nil:
		return nil, err
	case !direct && !in:
		return saw(connector.Absent, "The account is not in the group, neither directly nor through another group."), nil
	case direct || g.dynamic():
		return c.lookMember(ctx, p, g, direct && in)
	}
	inner, err := c.through(ctx, g.ID, mine)
	switch {
	case err != nil:
		return nil, err
	case inner != "":
		return saw(connector.NotDirect, "The account is no direct member; it is in the group through %s.", inner), nil
	}
	l := saw(connector.Present, "The account does not list the group, but Graph still counts it to the group."+doubt)
	l.change, l.refuse = c.removal(p, g), g.elsewhere()
	return l, nil
}

// lookMember describes a direct membership.
func (c *Client) lookMember(ctx context.Context, p *principal, g *group, agreed bool) (*look, error) {
	if g.dynamic() {
		return saw(connector.NotDirect, "The account is in the group by the group's rule: %s. Change the rule, or what it looks at; members of a dynamic group cannot be removed by hand.", g.Rule), nil
	}
	l := saw(connector.Present, "The account is a direct member.")
	if !agreed {
		l.obs.Detail += doubt
	}
	l.change, l.refuse = c.removal(p, g), g.elsewhere()
	switch {
	case yes(g.Synced):
		l.obs.Detail += " The group comes from an on-premises directory."
	case g.exchange():
		l.obs.Detail += " The group is managed by Exchange."
	}
	others := 0
	q := request{path: "/groups/" + escape(g.ID) + "/members", query: url.Values{"$select": {"id"}, "$top": {"5"}}, needs: needsGroups}
	page, _, found, err := c.get1(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, raw := range page.Value {
		var o object
		if json.Unmarshal(raw, &o) != nil || o.ID == "" {
			return nil, c.fail(connector.Broken, "GET "+q.path+": a member cannot be read", nil)
		}
		if o.ID != p.id {
			others++
		}
	}
	l.obs.Last = found && others == 0 && page.Next == ""
	return l, nil
}

func (c *Client) removal(p *principal, g *group) request {
	r := request{method: http.MethodDelete, path: "/groups/" + escape(g.ID) + "/members/" + escape(p.id) + "/$ref", needs: "GroupMember.ReadWrite.All"}
	if yes(g.RoleAssignable) {
		r.needs += " and RoleManagement.ReadWrite.Directory"
	}
	return r
}

// unsure is the failure of a look whose account or group went away between two reads.
func (c *Client) unsure(r request) error {
	return c.fail(connector.Unreachable, r.what()+" was answered that there is none, right after another answer that there is; Graph's answers do not agree yet", nil)
}

// memberOf are the groups that list the account itself, by id, with their names.
func (c *Client) memberOf(ctx context.Context, p *principal) (map[string]string, error) {
	out := map[string]string{}
	r := request{path: p.path() + "/memberOf", query: url.Values{"$select": {"id,displayName"}, "$top": {"999"}}, needs: p.needs() + " and " + needsGroups}
	_, found, err := c.list(ctx, r, func(raw json.RawMessage) error {
		var o object
		if json.Unmarshal(raw, &o) != nil || o.ID == "" || o.Type == "" {
			return c.fail(connector.Broken, "GET "+r.path+": a group cannot be read", nil)
		}
		if o.kind() == typeGroup {
			out[o.ID] = o.Name
		}
		return nil
	})
	if err == nil && !found {
		err = c.unsure(r)
	}
	return out, err
}

// counts tells whether Graph counts the account to the group, by whatever way.
func (c *Client) counts(ctx context.Context, p *principal, group string) (bool, error) {
	r := request{
		method: http.MethodPost, path: "/directoryObjects/" + escape(p.id) + "/checkMemberGroups",
		body: mustJSON(map[string][]string{"groupIds": {group}}), needs: p.needs() + " and " + needsGroups,
	}
	var in struct {
		Value []string `json:"value"`
	}
	_, found, err := c.get(ctx, r, &in)
	switch {
	case err != nil:
		return false, err
	case !found:
		return false, c.unsure(r)
	case in.Value == nil || len(in.Value) > 1 || len(in.Value) == 1 && in.Value[0] != group:
		return false, c.fail(connector.Broken, r.what()+" was not answered for the group that was asked for", nil)
	}
	return len(in.Value) == 1, nil
}

// through finds a group inside the given one that lists the account, or "".
func (c *Client) through(ctx context.Context, group string, mine map[string]string) (string, error) {
	var found []string
	r := request{
		path: "/groups/" + escape(group) + "/transitiveMembers/microsoft.graph.group", eager: true, needs: needsGroups,
		query: url.Values{"$select": {"id,displayName"}, "$count": {"true"}, "$top": {"999"}},
	}
	_, there, err := c.list(ctx, r, func(raw json.RawMessage) error {
		var o object
		if json.Unmarshal(raw, &o) != nil || o.ID == "" {
			return c.fail(connector.Broken, "GET "+r.path+": a group cannot be read", nil)
		}
		if name, in := mine[o.ID]; in && o.ID != group {
			found = append(found, fmt.Sprintf("the group %q (%s)", name, o.ID))
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case !there:
		return "", c.unsure(r)
	}
	slices.Sort(found)
	return strings.Join(found, " and "), nil
}
