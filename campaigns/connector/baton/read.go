package baton

import (
	"context"
	"os"

	"recert/campaigns/connector"
	"recert/model"
)

// open is a full sync: a fresh one where a connector is configured. file is where it lies, and
// done clears away what was needed to read it.
func (c *Client) open(ctx context.Context) (d dump, file string, done func(), err error) {
	if err := c.stopped(ctx); err != nil {
		return nil, "", nil, err
	}
	dir, err := os.MkdirTemp("", "recert-baton-")
	if err != nil {
		return nil, "", nil, c.fail(connector.Unreachable, "No working directory could be made", err)
	}
	done = func() { _ = os.RemoveAll(dir) } // what stays is the machine's to clear away
	var f *c1z
	switch {
	case c.cfg.JSON != nil:
		d, err = c.openJSON(ctx)
	case c.cfg.File != "":
		file = c.cfg.File
		f, err = c.openC1Z(ctx, file, dir)
	default:
		f, file, err = c.sync(ctx, dir)
	}
	if err != nil {
		done()
		return nil, "", nil, err
	}
	if f != nil {
		d, done = f, func() { f.close(); _ = os.RemoveAll(dir) }
	}
	return d, file, done, nil
}

// Read implements connector.Source. Accounts are users, agents, and whatever else holds a
// grant; a grant that is held in several ways is a row for each. Where a file is read, the
// extraction began when the sync in it did.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	ext := connector.Extraction{Endpoint: c.String(), Query: "the latest full sync", Pages: 3, StartedAt: model.TimeOf(c.cfg.Now())}
	d, _, done, err := c.open(ctx)
	if err != nil {
		return connector.Extraction{}, err
	}
	defer done()
	if len(c.cfg.Command) == 0 {
		ext.StartedAt = d.started()
	}
	lines := map[model.Kind]int64{}
	give := func(rec model.Record) error {
		if err := c.stopped(ctx); err != nil {
			return err
		}
		lines[rec.Kind]++
		rec.File, rec.Line = "sync "+string(rec.Kind), lines[rec.Kind]
		return yield(rec)
	}
	s, err := c.scan(ctx, d, visitor{
		account: func(a model.Account) error { return give(model.Record{Kind: model.KindAccounts, Account: a}) },
		entitlement: func(e model.Entitlement) error {
			return give(model.Record{Kind: model.KindEntitlements, Entitlement: e})
		},
		grant: func(g grant, paths []string) error {
			for _, via := range paths {
				row := model.Grant{AccountID: g.principal, EntitlementID: g.entitlement, Via: via, Attrs: map[string]string{}}
				if g.immutable {
					row.Attrs["immutable"] = "true"
				}
				if err := give(model.Record{Kind: model.KindGrants, Grant: row}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return connector.Extraction{}, err
	}
	ext.Totals = map[model.Kind]int64{model.KindEntitlements: s.counts[model.KindEntitlements]}
	if s.counts[model.KindGrants] == lines[model.KindGrants] {
		ext.Totals[model.KindGrants] = s.counts[model.KindGrants]
	}
	ext.EndedAt = model.TimeOf(c.cfg.Now())
	return ext, nil
}
