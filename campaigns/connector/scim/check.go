package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// look is one clean read of one access, with what a change needs.
type look struct {
	obs  connector.Observation
	path string // of the resource that a revocation changes; "" where it is gone
	body []byte // that resource whole, as it came
	attr string // members, roles or entitlements; "" is the account itself
	id   string // the value in attr that is the access
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
	if a.EntitlementID == "" {
		return c.lookAccount(ctx, a)
	}
	if attr, value := splitValueID(a.EntitlementID); attr != "" {
		return c.lookValue(ctx, a, attr, value)
	}
	return c.lookGroup(ctx, a)
}

// saw makes a look that needs no change.
func saw(p connector.Presence, format string, args ...any) *look {
	return &look{obs: connector.Observation{Presence: p, Detail: fmt.Sprintf(format, args...)}}
}

// lookUser reads the account; the look is not nil where it already settles the matter.
func (c *Client) lookUser(ctx context.Context, a connector.Access) (*userDoc, *look, error) {
	u, err := c.user(ctx, a.AccountID)
	if err != nil {
		return nil, nil, err
	}
	if u == nil {
		return nil, saw(connector.Absent, "The account no longer exists."), nil
	}
	if a.Username != "" && u.UserName == "" {
		return nil, nil, c.fail(connector.Broken, fmt.Sprintf("the user %q has no userName, so nobody can tell whether it is still the same", a.AccountID), nil)
	}
	if a.Username != "" && !strings.EqualFold(a.Username, string(u.UserName)) {
		return u, saw(connector.WrongTarget, "The account id now belongs to another user name than the one reviewed."), nil
	}
	return u, nil, nil
}

func (c *Client) lookAccount(ctx context.Context, a connector.Access) (*look, error) {
	u, done, err := c.lookUser(ctx, a)
	if err != nil || done != nil {
		return done, err
	}
	if u.Active.is == model.No {
		return saw(connector.Absent, "The account is deactivated."), nil
	}
	l := saw(connector.Present, "The account is active.")
	if u.Active.is == model.Unknown {
		// No word on it is not a no: an account counts as closed only when the target says so.
		l.obs.Detail = "The target does not say whether the account is active."
	}
	l.obs.Version, l.path, l.body = u.version, "/Users/"+url.PathEscape(a.AccountID), u.body
	return l, nil
}

func (c *Client) lookValue(ctx context.Context, a connector.Access, attr, value string) (*look, error) {
	u, done, err := c.lookUser(ctx, a)
	if err != nil || done != nil {
		return done, err
	}
	list := u.Roles
	if attr == "entitlements" {
		list = u.Entitlements
	}
	for _, v := range list {
		if string(v.Value) == value {
			l := saw(connector.Present, "The account holds it.")
			l.obs.Version, l.path, l.body = u.version, "/Users/"+url.PathEscape(a.AccountID), u.body
			l.attr, l.id = attr, value
			return l, nil
		}
	}
	return saw(connector.Absent, "The account no longer holds it."), nil
}

func (c *Client) lookGroup(ctx context.Context, a connector.Access) (*look, error) {
	u, done, err := c.lookUser(ctx, a)
	if err != nil || done != nil && done.obs.Presence == connector.WrongTarget {
		return done, err
	}
	g, err := c.group(ctx, a.EntitlementID)
	switch {
	case err != nil:
		return nil, err
	case g == nil:
		return saw(connector.Absent, "The group no longer exists."), nil
	case a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, string(g.DisplayName)):
		return saw(connector.WrongTarget, "The group id now has another name than the one reviewed."), nil
	}
	for _, m := range g.members {
		if string(m.Value) != a.AccountID || m.kind() == typeGroup {
			continue
		}
		l := saw(connector.Present, "The account is a direct member.")
		l.obs.Last = len(g.members) == 1
		if u == nil {
			// Not absent: the group would give it to whoever gets the id next.
			l.obs.Detail = "The account no longer exists, but the group still lists it."
		}
		l.obs.Version, l.path, l.body = g.version, "/Groups/"+url.PathEscape(a.EntitlementID), g.body
		l.attr, l.id = "members", a.AccountID
		return l, nil
	}
	if u == nil {
		return done, nil
	}
	via, err := c.nested(ctx, g, a.AccountID)
	if err != nil {
		return nil, err
	}
	if via != "" {
		return saw(connector.NotDirect, "The account is no direct member; it is in it through %s.", via), nil
	}
	return c.claim(u, g, a), nil
}

// claim is what the account itself says of the group that does not list it.
func (c *Client) claim(u *userDoc, g *groupDoc, a connector.Access) *look {
	for _, m := range u.Groups {
		if string(m.Value) != a.EntitlementID {
			continue
		}
		if m.indirect() {
			return saw(connector.NotDirect, "The group does not list the account, but the account says that it is in it through another group.")
		}
		l := saw(connector.Present, "The group does not list the account, but the account still lists the group.")
		l.obs.Version, l.path, l.body = g.version, "/Groups/"+url.PathEscape(a.EntitlementID), g.body
		l.attr, l.id = "members", a.AccountID
		return l
	}
	return saw(connector.Absent, "The account is not in the group, neither directly nor through another group.")
}

// maxInner bounds how many inner groups one look goes through.
const maxInner = 1_000

// nested looks for account in the groups inside g, and is the path to the first that has it,
// or "".
func (c *Client) nested(ctx context.Context, g *groupDoc, account string) (string, error) {
	type step struct {
		id   string
		path []string
	}
	var known map[string]bool // ids of all groups; read only where members do not say what they are
	inner := func(g *groupDoc, path []string) ([]step, error) {
		var out []step
		for _, m := range g.members {
			id, kind := string(m.Value), m.kind()
			if kind == typeUser {
				continue
			}
			if kind == typeUnknown {
				if known == nil {
					var err error
					if known, err = c.groupIDs(ctx); err != nil {
						return nil, err
					}
				}
				if !known[id] {
					continue
				}
			}
			out = append(out, step{id, append(path[:len(path):len(path)], id)})
		}
		return out, nil
	}
	queue, err := inner(g, nil)
	seen := map[string]bool{string(g.ID): true}
	for ; err == nil && len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if seen[s.id] {
			continue
		}
		if seen[s.id] = true; len(seen) > maxInner {
			return "", c.fail(connector.Broken, fmt.Sprintf("The group %q holds more than %d other groups; untangle the nested groups", g.ID, maxInner), nil)
		}
		var doc *groupDoc
		if doc, err = c.group(ctx, s.id); err != nil || doc == nil {
			continue // a group that is gone gives nobody anything; an error ends the loop
		}
		for _, m := range doc.members {
			if string(m.Value) == account && m.kind() != typeGroup {
				return joinPath(s.path), nil
			}
		}
		var more []step
		more, err = inner(doc, s.path)
		queue = append(queue, more...)
	}
	return "", err
}

// groupIDs are the ids of all groups.
func (c *Client) groupIDs(ctx context.Context) (map[string]bool, error) {
	r := &reading{c: c, ctx: ctx}
	ids := map[string]bool{}
	_, err := r.pages("/Groups", func(raw json.RawMessage) (string, error) {
		var g group
		if err := json.Unmarshal(raw, &g); err != nil {
			return "", c.fail(connector.Broken, "/Groups: a group cannot be read", err)
		}
		ids[string(g.ID)] = true
		return string(g.ID), nil
	})
	return ids, err
}

// userDoc and groupDoc are resources read by their ids, decoded and as they came.
type userDoc struct {
	user
	body    []byte
	version string
}

type groupDoc struct {
	group
	body    []byte
	version string
}

// user reads a user by id; nil is that the target has none.
func (c *Client) user(ctx context.Context, id string) (*userDoc, error) {
	u := &userDoc{}
	a, err := c.resource(ctx, "/Users", id, &u.user)
	if err != nil || a == nil {
		return nil, err
	}
	u.body = a.body
	u.version, err = c.version(a, string(u.ID), id, string(u.Meta.Version))
	return u, err
}

// group reads a group by id; nil is that the target has none.
func (c *Client) group(ctx context.Context, id string) (*groupDoc, error) {
	g := &groupDoc{}
	a, err := c.resource(ctx, "/Groups", id, &g.group)
	if err != nil || a == nil {
		return nil, err
	}
	g.body = a.body
	if err := g.decodeMembers(); err != nil {
		return nil, c.fail(connector.Broken, fmt.Sprintf("the members of the group %q cannot be read", id), err)
	}
	g.version, err = c.version(a, string(g.ID), id, string(g.Meta.Version))
	return g, err
}

// resource reads one resource; the answer is nil where the target has none. A 404 alone is not
// believed: the list beside it must answer as a SCIM service does.
func (c *Client) resource(ctx context.Context, list, id string, into any) (*answer, error) {
	if id == "" || id == "." || id == ".." {
		return nil, c.fail(connector.Refused, fmt.Sprintf("%q cannot be the id of a resource", id), nil)
	}
	a, found, err := c.get(ctx, list+"/"+url.PathEscape(id), nil, into)
	if err != nil {
		return nil, err
	}
	if found {
		return a, nil
	}
	_, err = c.page(ctx, list, 1, 1, nil)
	return nil, err
}

// version checks that the answer is about the id that was asked for, and is its version.
func (c *Client) version(a *answer, got, asked, inMeta string) (string, error) {
	if got != asked {
		return "", c.fail(connector.Broken, fmt.Sprintf("the target was asked for %q and answered with another resource", asked), nil)
	}
	v := a.header.Get("Etag")
	if v == "" || v == "W/"+inMeta {
		// Proxies that compress mark the tag as weak; the service knows its own only.
		v = inMeta
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", c.fail(connector.Broken, fmt.Sprintf("the version of %q cannot be sent in a header", asked), nil)
	}
	return v, nil
}
