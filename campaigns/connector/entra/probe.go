package entra

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// Probe implements connector.Prober: it signs in, counts users, service principals and groups, and
// reads a little of what a read needs further.
func (c *Client) Probe(ctx context.Context) (string, error) {
	tries := []request{
		{path: "/users", query: url.Values{"$select": {userFields}, "$top": {"1"}}, needs: needsUsers},
		{path: "/servicePrincipals", query: url.Values{"$select": {"id,appId,displayName"}, "$top": {"1"}}, needs: needsApps},
		{path: "/groups", query: url.Values{"$select": {"id,displayName"}, "$top": {"1"}}, needs: needsGroups},
		{path: rolePath, query: url.Values{"$filter": {"roleDefinitionId eq " + literal(globalAdministrator)}}, needs: needsRoles},
	}
	if c.cfg.SignInActivity {
		tries = append(tries, request{path: "/users", query: url.Values{"$select": {"id,signInActivity"}, "$top": {"1"}}, needs: needsSignIns})
	}
	for _, r := range tries {
		_, a, found, err := c.get1(ctx, r)
		if err != nil {
			return "", err
		}
		if !found {
			return "", c.status(r, a)
		}
	}
	var counted []string
	for _, of := range []struct{ path, needs, what string }{{"/users", needsUsers, "users"}, {"/servicePrincipals", needsApps, "service principals"}, {"/groups", needsGroups, "groups"}} {
		n, known, err := c.count(ctx, of.path, of.needs)
		if err != nil {
			return "", err
		}
		if known {
			counted = append(counted, fmt.Sprintf("%d %s", n, of.what))
		}
	}
	said := "Microsoft Graph answers."
	if len(counted) > 0 {
		said = "Microsoft Graph answers: the tenant has " + strings.Join(counted, ", ") + "."
	}
	if !c.cfg.SignInActivity {
		said += " Sign-in activity is not read, so when an account was last used stays unknown."
	}
	return said, nil
}

// globalAdministrator is the definition of the role of that name, the same in every tenant.
const globalAdministrator = "62e90394-69f5-4237-9190-012177145e10"
