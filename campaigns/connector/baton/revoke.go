package baton

import (
	"context"

	"recert/campaigns/connector"
	"recert/model"
)

// Revoke implements connector.Target. Right before the connector is asked, a full sync must show
// that the ids still have the names that were reviewed, and that the grant is a direct one: some
// connectors find the account by its name, and many report success for a grant that they cannot
// take away. What the exit status says is handed on as an outcome and proves nothing.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, _ string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	if o := outcomeOf(seen.Presence); o != "" {
		return o, nil
	}
	l, done, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	defer done()
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	if l.grant == nil {
		return "", c.fail(connector.Refused, "A Baton connector cannot deactivate a whole account; a person has to", nil)
	}
	if err := c.run(ctx, "revoke", "-f", l.file, "--revoke-grant="+l.grant.id); err != nil {
		return "", err
	}
	return connector.Removed, nil
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

// Grant implements connector.Granter.
func (c *Client) Grant(ctx context.Context, a connector.Access, _ string) (connector.Outcome, error) {
	if !c.cfg.CanGrant {
		return "", c.fail(connector.Refused, "The connector is not configured to give access; a person has to", nil)
	}
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	l, done, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	defer done()
	switch {
	case l.obs.Presence == connector.WrongTarget:
		return connector.RefusedTarget, nil
	case l.obs.Presence == connector.Present:
		return connector.AlreadyHeld, nil
	case l.acc == nil:
		return "", c.fail(connector.Refused, "The target has no such account, so nothing can be given to it", nil)
	case l.ent == nil:
		return "", c.fail(connector.Refused, "The target has no such entitlement, so it cannot be given", nil)
	}
	err = c.run(ctx, "grant", "-f", l.file, "--grant-entitlement="+a.EntitlementID, "--grant-principal="+l.id, "--grant-principal-type="+l.typ)
	if err != nil {
		return "", err
	}
	return connector.Granted, nil
}

// AsTarget is the client as a connector.Target, which is a connector.Granter only where the
// connector is configured to give access; nil where only files are read.
func (c *Client) AsTarget() connector.Target {
	switch {
	case len(c.cfg.Command) == 0:
		return nil
	case c.cfg.CanGrant:
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
