package execconn

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"recert/campaigns/connector"
)

const longestVersion = 1 << 10 // bytes

// Check implements connector.Target.
func (c *Client) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	obs, _, err := c.look(ctx, a)
	return obs, err
}

// look asks the program about one access. What it answers is believed only where it is about
// what was asked, and where the names are still those that were reviewed.
func (c *Client) look(ctx context.Context, a connector.Access) (connector.Observation, *checkAnswer, error) {
	none := connector.Observation{}
	if a.AccountID == "" {
		return none, nil, c.fail(connector.Refused, "The access has no account id", nil)
	}
	var ans checkAnswer
	if err := c.ask(ctx, request{Command: cmdCheck, Access: accessOf(a)}, &ans); err != nil {
		return none, nil, err
	}
	broken := func(format string, args ...any) (connector.Observation, *checkAnswer, error) {
		return none, nil, c.fail(connector.Broken, "The program's answer to check "+fmt.Sprintf(format, args...), nil)
	}
	switch {
	case ans.AccountID == nil || ans.EntitlementID == nil:
		return broken("does not repeat account_id and entitlement_id, so nobody can tell what it is about")
	case *ans.AccountID != a.AccountID || *ans.EntitlementID != a.EntitlementID:
		return broken("is about another access than the one that was asked for")
	case len(ans.Version) > longestVersion || strings.ContainsFunc(ans.Version, unicode.IsControl):
		return broken("has a version that is longer than %d bytes or holds control characters", longestVersion)
	}
	obs := connector.Observation{
		Presence: ans.Presence, GrantedAt: ans.GrantedAt, Version: ans.Version, Last: ans.Last, Self: ans.Self,
		Detail: c.show(ans.Detail),
	}
	words, known := presences[ans.Presence]
	switch {
	case !known:
		return broken("has none of the presences present, absent, not_direct and wrong_target")
	case obs.Detail == "":
		obs.Detail = words
	}
	if ans.Presence == connector.WrongTarget {
		return obs, &ans, nil
	}
	held := ans.Presence != connector.Absent
	for _, n := range []struct {
		field, what, reviewed string
		now                   name
	}{
		{"username", "account", a.Username, ans.Username},
		{"entitlement_name", "entitlement", a.EntitlementName, ans.EntitlementName},
	} {
		switch {
		case n.reviewed == "" || n.now.gone:
		case n.now.said && !strings.EqualFold(n.now.is, n.reviewed):
			obs.Presence = connector.WrongTarget
			obs.Detail = "The " + n.what + "'s id now belongs to another name than the one reviewed."
			return obs, &ans, nil
		case held && !n.now.said:
			return broken("has no %s, so nobody can tell whether the %s is still the one reviewed", n.field, n.what)
		}
	}
	return obs, &ans, nil
}

// presences are what a program may say, and the words for it where it has none of its own.
var presences = map[connector.Presence]string{
	connector.Present:     "The account holds it.",
	connector.Absent:      "The account does not hold it.",
	connector.NotDirect:   "The account holds it, but not directly.",
	connector.WrongTarget: "The id now names somebody or something else.",
}

// Probe implements connector.Prober: the program signs in, and says what it found.
func (c *Client) Probe(ctx context.Context) (string, error) {
	var ans probeAnswer
	if err := c.ask(ctx, request{Command: cmdProbe}, &ans); err != nil {
		return "", err
	}
	if found := c.show(ans.Detail); found != "" {
		return found, nil
	}
	return "The program answers.", nil
}
