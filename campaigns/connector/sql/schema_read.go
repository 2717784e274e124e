package sqldb

import (
	"context"
	"database/sql"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// schema reads and changes a database by the queries of its configuration.
type schema struct {
	*Client
	q *compiled
}

func (s *schema) read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	if s.q.grants == nil {
		return connector.Extraction{}, s.fail(connector.Refused, "The source has no query grants, so it cannot be read", nil)
	}
	ctx, w, stop := s.watched(ctx)
	defer stop()
	out := connector.Extraction{
		Endpoint: s.addr.endpoint, Query: s.describe(),
		Totals: map[model.Kind]int64{}, StartedAt: model.TimeOf(s.cfg.Now()),
	}
	err := s.reading(ctx, s.db, func(tx *sql.Tx) error {
		for _, list := range []struct {
			kind model.Kind
			q    *statement
			of   func(r *row) (model.Record, error)
		}{
			{model.KindAccounts, s.q.accounts, accountOf},
			{model.KindEntitlements, s.q.entitlements, entitlementOf},
			{model.KindGrants, s.q.grants, grantOf},
		} {
			if list.q == nil {
				continue
			}
			out.Pages++
			err := s.each(ctx, tx, list.q, connector.Access{}, w, func(r *row) error {
				rec, err := list.of(r)
				if err != nil {
					return err
				}
				rec.Kind, rec.File, rec.Line = list.kind, list.q.what, r.number
				return yield(rec)
			})
			if err != nil {
				return err
			}
			w.wait()
		}
		return nil
	})
	if err != nil {
		return connector.Extraction{}, err
	}
	out.EndedAt = model.TimeOf(s.cfg.Now())
	return out, nil
}

// describe is the text of the queries that read.
func (s *schema) describe() string {
	var out []string
	for _, q := range []*statement{s.q.accounts, s.q.entitlements, s.q.grants} {
		if q != nil {
			out = append(out, q.what+": "+q.text)
		}
	}
	return strings.Join(out, "\n")
}

// filler takes the values of a row; the first error stays.
type filler struct {
	r    *row
	used map[string]bool
	err  error
}

func fill(r *row) *filler { return &filler{r: r, used: map[string]bool{}} }

// needs is that a column must be there; its value may still be empty, and is then rejected by
// name where it is taken in.
func (f *filler) needs(columns ...string) {
	for _, c := range columns {
		if f.err == nil && !f.r.has(c) {
			f.err = &connector.Failure{Kind: connector.Refused, Msg: "The query " + f.r.what + " gives no column " + c + "; name it so with AS"}
		}
	}
}

func (f *filler) text(column string, into *string) {
	f.used[column] = true
	if f.err == nil {
		*into, f.err = f.r.text(column)
	}
}

func (f *filler) truth(column string, into *model.Tri) {
	f.used[column] = true
	if f.err == nil {
		*into, f.err = f.r.truth(column)
	}
}

func (f *filler) time(column string, end bool, into *model.Time) {
	f.used[column] = true
	if f.err == nil {
		*into, f.err = f.r.instant(column, end)
	}
}

// attrs are the columns that nothing else took; nil where there are none.
func (f *filler) attrs() map[string]string {
	var out map[string]string
	for i, name := range f.r.columns {
		if f.used[name] || f.r.values[i] == nil || f.err != nil {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name], f.err = f.r.textAt(i)
	}
	return out
}

func accountOf(r *row) (model.Record, error) {
	f := fill(r)
	f.needs("account_id")
	var a model.Account
	f.text("account_id", &a.AccountID)
	f.text("username", &a.Username)
	f.text("display_name", &a.DisplayName)
	f.text("email", &a.Email)
	f.text("person_id", &a.PersonID)
	f.text("owner_id", &a.OwnerID)
	f.text("kind", &a.Kind)
	f.text("status", &a.Status)
	f.truth("privileged", &a.Privileged)
	f.time("last_login_at", false, &a.LastLoginAt)
	f.time("created_at", false, &a.CreatedAt)
	f.time("expires_at", true, &a.ExpiresAt)
	a.Attrs = f.attrs()
	return model.Record{Account: a}, f.err
}

func entitlementOf(r *row) (model.Record, error) {
	f := fill(r)
	f.needs("entitlement_id")
	var e model.Entitlement
	f.text("entitlement_id", &e.EntitlementID)
	f.text("name", &e.Name)
	f.text("description", &e.Description)
	f.text("kind", &e.Kind)
	f.text("risk", &e.Risk)
	f.text("owner_id", &e.OwnerID)
	f.truth("privileged", &e.Privileged)
	f.text("lower_id", &e.LowerID)
	e.Attrs = f.attrs()
	return model.Record{Entitlement: e}, f.err
}

func grantOf(r *row) (model.Record, error) {
	f := fill(r)
	f.needs("account_id", "entitlement_id")
	var g model.Grant
	f.text("account_id", &g.AccountID)
	f.text("entitlement_id", &g.EntitlementID)
	f.time("granted_at", false, &g.GrantedAt)
	f.text("granted_by", &g.GrantedBy)
	f.text("reason", &g.Reason)
	f.time("expires_at", true, &g.ExpiresAt)
	f.time("last_used_at", false, &g.LastUsedAt)
	f.text("via", &g.Via)
	g.Attrs = f.attrs()
	return model.Record{Grant: g}, f.err
}
