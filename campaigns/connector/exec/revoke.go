package execconn

import (
	"context"
	"errors"
	"slices"

	"recert/campaigns/connector"
	"recert/model"
)

// Revoke implements connector.Target. It looks first, and the program is asked for the change
// only where the look shows what seen showed. An access with a path (Via) is never taken away:
// it hangs on something else.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	if o := outcomeOf(seen.Presence); o != "" {
		return o, nil
	}
	now, _, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(now.Presence); o != "" {
		return o, nil
	}
	guard := or(seen.Version, now.Version)
	if now.Version != guard || seen.GrantedAt.Known() && now.GrantedAt > seen.GrantedAt {
		return connector.Changed, nil
	}
	return c.change(ctx, request{
		Command: cmdRevoke, Access: accessOf(a), Key: key,
		Seen: &wireSeen{Presence: connector.Present, Version: guard, GrantedAt: now.GrantedAt},
	}, connector.Removed, connector.AlreadyAbsent, connector.Changed, connector.RefusedDirect, connector.RefusedTarget, connector.TaskOpened)
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

// Grant implements connector.Granter. An account or an entitlement that check does not name
// counts as not there, and nothing is given to it.
func (c *Client) Grant(ctx context.Context, a connector.Access, key string) (connector.Outcome, error) {
	if !c.cfg.CanGrant {
		return "", c.fail(connector.Refused, "The program is not configured to give access; a person has to", nil)
	}
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	now, ans, err := c.look(ctx, a)
	switch {
	case err != nil:
		return "", err
	case now.Presence == connector.WrongTarget:
		return connector.RefusedTarget, nil
	case now.Presence == connector.Present:
		return connector.AlreadyHeld, nil
	case !ans.Username.said || ans.Username.gone:
		return "", c.fail(connector.Refused, "The target has no such account, so nothing can be given to it", nil)
	case a.EntitlementID != "" && (!ans.EntitlementName.said || ans.EntitlementName.gone):
		return "", c.fail(connector.Refused, "The target has no such entitlement, so it cannot be given", nil)
	}
	return c.change(ctx, request{Command: cmdGrant, Access: accessOf(a), Key: key},
		connector.Granted, connector.AlreadyHeld, connector.RefusedTarget, connector.TaskOpened)
}

// change asks for one change, once.
func (c *Client) change(ctx context.Context, r request, known ...connector.Outcome) (connector.Outcome, error) {
	var ans changeAnswer
	if err := c.ask(ctx, r, &ans); err != nil {
		return "", err
	}
	if !slices.Contains(known, ans.Outcome) {
		return "", c.fail(connector.Broken, "The program's answer to "+r.Command+" has an outcome that the command does not have", errors.New(c.show(string(ans.Outcome))))
	}
	return ans.Outcome, nil
}

// AsTarget is the client as a connector.Target that is a connector.Granter only where the
// program is configured to give access.
func (c *Client) AsTarget() connector.Target {
	if c.cfg.CanGrant {
		return c
	}
	return withoutGrant{c, c, c}
}

type withoutGrant struct {
	connector.Target
	source
	prober
}

// source and prober are what withoutGrant embeds beside the Target.
type source interface {
	Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error)
}

type prober interface {
	Probe(ctx context.Context) (string, error)
}
