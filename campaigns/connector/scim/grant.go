package scim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"recert/campaigns/connector"
)

var (
	_ connector.Granter = (*Client)(nil)
	_ connector.Prober  = (*Client)(nil)
)

// Grant implements connector.Granter: it adds the account to the group, or the role or entitlement
// to the account, or makes the account active again. What is held through another group only is
// not held directly, and is given.
func (c *Client) Grant(ctx context.Context, a connector.Access, key string) (connector.Outcome, error) {
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
	r, refused, err := c.addition(ctx, a)
	if refused != "" || err != nil {
		return refused, err
	}
	r.key = key
	o, err := c.change(ctx, r)
	switch {
	case err != nil:
		return "", err
	case o == connector.Removed: // it was carried out
		return connector.Granted, nil
	case o == connector.Changed:
		return connector.Changed, nil
	}
	return "", c.fail(connector.Refused, "The target does not add this by PATCH; add it by hand", nil)
}

// addition is the request that gives the access, or the outcome that there is nothing to ask: both
// ends must be there, and must be who they were.
func (c *Client) addition(ctx context.Context, a connector.Access) (request, connector.Outcome, error) {
	u, err := c.user(ctx, a.AccountID)
	if err != nil {
		return request{}, "", err
	}
	if u == nil {
		return request{}, "", c.fail(connector.Refused, "The account no longer exists, so nothing can be given to it", nil)
	}
	if a.Username != "" && !strings.EqualFold(a.Username, string(u.UserName)) {
		return request{}, connector.RefusedTarget, nil
	}
	user := "/Users/" + url.PathEscape(a.AccountID)
	if a.EntitlementID == "" {
		return patch(user, u.version, operation{Op: "replace", Path: "active", Value: true}), "", nil
	}
	if attr, value := splitValueID(a.EntitlementID); attr != "" {
		return patch(user, u.version, operation{Op: "add", Path: attr, Value: []map[string]string{{"value": value}}}), "", nil
	}
	g, err := c.group(ctx, a.EntitlementID)
	switch {
	case err != nil:
		return request{}, "", err
	case g == nil:
		return request{}, "", c.fail(connector.Refused, "The group no longer exists, so it cannot be given", nil)
	case a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, string(g.DisplayName)):
		return request{}, connector.RefusedTarget, nil
	}
	return patch("/Groups/"+url.PathEscape(a.EntitlementID), g.version, operation{Op: "add", Path: "members", Value: []map[string]string{{"value": a.AccountID}}}), "", nil
}

func patch(path, version string, op operation) request {
	return request{
		method: http.MethodPatch, path: path, guard: version,
		body: mustJSON(map[string]any{"schemas": []string{patchURN}, "Operations": []operation{op}}),
	}
}

// Probe implements connector.Prober: it reads one user and one group, and how many there are.
func (c *Client) Probe(ctx context.Context) (string, error) {
	var users, groups struct {
		TotalResults *int64 `json:"totalResults"`
	}
	for path, into := range map[string]any{"/Users": &users, "/Groups": &groups} {
		_, found, err := c.get(ctx, path, url.Values{"startIndex": {"1"}, "count": {"1"}}, into)
		if err != nil {
			return "", err
		}
		if !found {
			return "", c.fail(connector.Broken, "There is no "+path+" below the address: is it the base of a SCIM 2.0 service, as https://wiki.example.com/scim/v2?", nil)
		}
	}
	if users.TotalResults == nil || groups.TotalResults == nil {
		return "", c.fail(connector.Broken, "The service does not say how many users and groups it has", nil)
	}
	guards, err := c.guards(ctx)
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("The service answers: it has %d users and %d groups.", *users.TotalResults, *groups.TotalResults)
	if !guards {
		said += " It does not guard changes by versions, so a change that somebody else makes at the same moment is not noticed."
	}
	return said, nil
}
