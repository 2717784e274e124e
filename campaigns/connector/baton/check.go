package baton

import (
	"context"
	"fmt"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// look is one access in one fresh sync.
type look struct {
	obs   connector.Observation
	grant *grant // the direct one, where there is one
	file  string // the sync
	acc   *model.Account
	ent   *model.Entitlement
	typ   string // of the account's resource, and its id
	id    string
}

// Check implements connector.Target: a full sync of its own, and what it shows.
func (c *Client) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	l, done, err := c.look(ctx, a)
	if err != nil {
		return connector.Observation{}, err
	}
	done()
	return l.obs, nil
}

// look reads everything, so that a sync which left rows out is noticed, and keeps what is about
// the access.
func (c *Client) look(ctx context.Context, a connector.Access) (*look, func(), error) {
	if len(c.cfg.Command) == 0 {
		return nil, nil, c.fail(connector.Refused, "Only a file is configured, not the connector that wrote it; a person has to look and to remove it", nil)
	}
	if a.AccountID == "" {
		return nil, nil, c.fail(connector.Refused, "The access has no account id", nil)
	}
	d, file, done, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	l := &look{file: file}
	var held []grant
	holders := 0
	_, err = c.scan(ctx, d, visitor{
		account: func(acc model.Account) error {
			if acc.AccountID == a.AccountID {
				l.acc = &acc
			}
			return nil
		},
		entitlement: func(e model.Entitlement) error {
			if e.EntitlementID == a.EntitlementID {
				l.ent = &e
			}
			return nil
		},
		grant: func(g grant, _ []string) error {
			if g.entitlement != a.EntitlementID {
				return nil
			}
			if g.direct() {
				holders++
			}
			if g.principal == a.AccountID {
				held = append(held, g)
			}
			return nil
		},
	})
	if err != nil {
		done()
		return nil, nil, err
	}
	l.judge(a, held)
	l.obs.Last = l.obs.Presence == connector.Present && a.EntitlementID != "" && holders == 1
	l.obs.Self = c.cfg.Self != "" && c.cfg.Self == a.AccountID
	return l, done, nil
}

// judge says what the sync shows of the access.
func (l *look) judge(a connector.Access, held []grant) {
	saw := func(p connector.Presence, detail string) { l.obs = connector.Observation{Presence: p, Detail: detail} }
	switch {
	case l.acc == nil:
		saw(connector.Absent, "The account no longer exists.")
		return
	case a.Username != "" && !strings.EqualFold(a.Username, l.acc.Username):
		saw(connector.WrongTarget, "The account id now belongs to another name than the one reviewed.")
		return
	}
	l.typ = l.acc.Attrs["resource_type"]
	l.id = strings.TrimPrefix(a.AccountID, l.typ+":")
	switch {
	case a.EntitlementID == "" && l.acc.Status == "disabled":
		saw(connector.Absent, "The account is deactivated.")
	case a.EntitlementID == "":
		saw(connector.Present, "The account exists, and is not said to be deactivated.")
	case l.ent == nil:
		saw(connector.Absent, "The entitlement no longer exists.")
	case a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, l.ent.Name):
		saw(connector.WrongTarget, "The entitlement id now has another name than the one reviewed.")
	case len(held) == 0:
		saw(connector.Absent, "A full sync does not show the access, neither directly nor through something else.")
	default:
		saw(connector.NotDirect, "The account holds it, but only through something else, or in a way that the connector says cannot be changed.")
		for _, g := range held {
			if g.direct() {
				saw(connector.Present, "A full sync shows that the account holds it directly.")
				l.grant = &g
				return
			}
		}
	}
}

// Probe implements connector.Prober: a sync is the only thing that a connector can be asked for.
func (c *Client) Probe(ctx context.Context) (string, error) {
	d, _, done, err := c.open(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	s, err := c.scan(ctx, d, visitor{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("A full sync that began at %s has %d accounts, %d entitlements and %d grants.", d.started(),
		s.counts[model.KindAccounts], s.counts[model.KindEntitlements], s.counts[model.KindGrants]), nil
}
