package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"recert/campaigns/connector"
	"recert/model"
)

// member is what a read keeps of a role.
type member struct {
	oid     uint32
	name    string
	login   bool
	account bool
	held    int    // memberships that others have in it
	in      []link // direct members
	attrs   []bool
}

// link is a direct member of a role: an account, or a role that others are in, or both.
type link struct {
	m       *member
	admin   bool
	carries bool // what the role has reaches the member
}

// rolesRead is the state of one read: the roles, and a number for each membership.
type rolesRead struct {
	*session
	ctx      context.Context // of one call of Read
	yield    func(model.Record) error
	lines    map[model.Kind]int64
	out      *connector.Extraction
	accounts []*member
	all      []*member
	byOID    map[uint32]*member
}

func (r *roles) read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	ctx, w, stop := r.watched(ctx)
	defer stop()
	out := connector.Extraction{
		Endpoint: r.addr.endpoint, Query: "roles, memberships, privileges and owners of this database, from the system catalogs",
		Totals: map[model.Kind]int64{}, StartedAt: model.TimeOf(r.cfg.Now()),
	}
	err := r.reading(ctx, r.db, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, false)
		if err != nil {
			return err
		}
		s.w = w
		rd := &rolesRead{session: s, ctx: ctx, yield: yield, lines: map[model.Kind]int64{}, out: &out, byOID: map[uint32]*member{}}
		for _, step := range []func() error{
			rd.memberships, rd.giveAccounts, rd.giveRoles, rd.giveObjects,
			rd.giveMemberships, rd.giveAttributes, rd.givePrivileges, rd.giveOwners,
		} {
			w.wait()
			if err := step(); err != nil {
				return err
			}
		}
		w.wait()
		return nil
	})
	if err != nil {
		return connector.Extraction{}, err
	}
	out.EndedAt = model.TimeOf(r.cfg.Now())
	return out, nil
}

func (r *rolesRead) give(rec model.Record, file string) error {
	r.w.rest()
	defer r.w.wait()
	r.lines[rec.Kind]++
	rec.File, rec.Line = file, r.lines[rec.Kind]
	if err := r.yield(rec); err != nil {
		return err
	}
	if r.ctx.Err() != nil {
		return r.r.explain(r.ctx, "Reading", context.Cause(r.ctx))
	}
	return nil
}

// query runs f for each row of a catalog query.
func (r *rolesRead) query(what, query string, into []any, f func() error) error {
	r.out.Pages++
	r.w.wait()
	rows, err := r.tx.QueryContext(r.ctx, query)
	if err != nil {
		return r.r.explain(r.ctx, "Reading "+what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return r.r.explain(r.ctx, "Reading "+what, err)
		}
		if err := f(); err != nil {
			return err
		}
		r.w.wait()
	}
	if err := rows.Err(); err != nil {
		return r.r.explain(r.ctx, "Reading "+what, err)
	}
	return nil
}

// memberships keeps who is in what.
func (r *rolesRead) memberships() error {
	m := member{attrs: make([]bool, len(attributes))}
	login := false
	into := []any{&m.oid, &m.name, &login}
	for i := range attributes {
		into = append(into, &m.attrs[i])
	}
	public := &member{name: "PUBLIC", account: true, attrs: make([]bool, len(attributes))}
	r.all = append(r.all, public)
	err := r.query("the roles", `SELECT oid::int8, rolname, rolcanlogin, `+attributeColumns()+` FROM pg_catalog.pg_roles ORDER BY oid`, into, func() error {
		one := m
		one.attrs = slices.Clone(m.attrs)
		one.login, one.account = login, login
		r.all = append(r.all, &one)
		r.byOID[one.oid] = &one
		return nil
	})
	if err != nil {
		return err
	}
	r.out.Pages++
	edges, err := r.edges(r.ctx, "")
	if err != nil {
		return err
	}
	for _, e := range edges {
		if r.byOID[e.role] == nil || r.byOID[e.member] == nil {
			return r.r.fail(connector.Broken, fmt.Sprintf("a membership of the role %d in the role %d names a role that does not exist", e.member, e.role), nil)
		}
		r.byOID[e.role].held++
	}
	for _, e := range edges {
		// A role that cannot log in, that nobody is in, and that is in others itself is a closed
		// account: whoever opens it again has everything at once.
		if m := r.byOID[e.member]; m.held == 0 {
			m.account = true
		}
	}
	for _, m := range r.all {
		if m.account {
			r.accounts = append(r.accounts, m)
		}
	}
	r.connect(edges)
	return nil
}

// connect notes the members of each role. From version 16 on the same one may be there once for
// each grantor.
func (r *rolesRead) connect(edges []edge) {
	for i := 0; i < len(edges); {
		e := edges[i]
		for i++; i < len(edges) && edges[i].role == e.role && edges[i].member == e.member; i++ {
			e.admin = e.admin || edges[i].admin
			e.carries = e.carries || edges[i].carries
		}
		outer := r.byOID[e.role]
		outer.in = append(outer.in, link{m: r.byOID[e.member], admin: e.admin, carries: e.carries})
	}
}

// isEntitlement tells whether a role is something to hold: it cannot log in, or somebody is in it.
func (r *rolesRead) isEntitlement(m *member) bool { return m.oid != 0 && (!m.login || m.held > 0) }

func (r *rolesRead) giveAccounts() error {
	const file = "pg_roles"
	public := model.Account{AccountID: publicAccount, Username: "PUBLIC", DisplayName: "Everybody (PUBLIC)", Kind: "shared", Status: "enabled", Privileged: model.No}
	if err := r.give(model.Record{Kind: model.KindAccounts, Account: public}, file); err != nil {
		return err
	}
	given := 1
	var oid uint32
	var name, comment string
	var login, super, create, replication, inherit bool
	var until int64
	limit := 0
	err := r.query("the accounts", `SELECT r.oid::int8, r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolreplication, r.rolinherit, r.rolconnlimit,
		CASE WHEN isfinite(r.rolvaliduntil) THEN (extract(epoch FROM r.rolvaliduntil) * 1000000)::int8 ELSE 0 END,
		coalesce(shobj_description(r.oid, 'pg_authid'), '') FROM pg_catalog.pg_roles r ORDER BY r.oid`,
		[]any{&oid, &name, &login, &super, &create, &replication, &inherit, &limit, &until, &comment}, func() error {
			m := r.byOID[oid]
			if m == nil || !m.account {
				return nil
			}
			given++
			a := model.Account{
				AccountID: accountID(oid), Username: name, Status: "disabled",
				Privileged: model.TriOf(super || create), ExpiresAt: model.Time(until), Attrs: map[string]string{},
			}
			if login {
				a.Status = "enabled"
			}
			if comment != "" {
				a.Attrs["comment"] = comment
			}
			if limit == 0 {
				a.Attrs["connection_limit"] = "0"
			}
			if replication {
				a.Attrs["replication"] = "true"
			}
			if !inherit {
				a.Attrs["inherits"] = "false"
			}
			return r.give(model.Record{Kind: model.KindAccounts, Account: a}, file)
		})
	if err != nil {
		return err
	}
	if given != len(r.accounts) {
		return r.r.fail(connector.Broken, fmt.Sprintf("the server gave %d accounts and then %d; read again", len(r.accounts), given), nil)
	}
	r.out.Totals[model.KindAccounts] = int64(given)
	return nil
}

// giveRoles gives the entitlements that are memberships, admin options and attributes.
func (r *rolesRead) giveRoles() error {
	give := func(e model.Entitlement) error {
		return r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, "pg_roles")
	}
	for _, m := range r.all {
		if !r.isEntitlement(m) {
			continue
		}
		id := thing{class: classRole, oid: m.oid}
		privileged := model.TriOf(m.attrs[0] || m.attrs[attributeOf("createrole")])
		if err := give(model.Entitlement{EntitlementID: id.String(), Name: m.name, Kind: "role", Privileged: privileged}); err != nil {
			return err
		}
		if !slices.ContainsFunc(m.in, func(l link) bool { return l.admin }) {
			continue
		}
		admin := model.Entitlement{
			EntitlementID: thing{class: classRole, oid: m.oid, priv: privAdmin}.String(), Name: adminName(m.name),
			Description: "May give the role to others and take it from them", Kind: "permission", Privileged: model.Yes, LowerID: id.String(),
		}
		if err := give(admin); err != nil {
			return err
		}
	}
	for _, a := range attributes {
		e := model.Entitlement{EntitlementID: thing{class: classAttribute, priv: a.name}.String(), Name: a.display, Kind: "permission", Privileged: model.Yes}
		if a.name == "superuser" {
			e.Risk = "critical"
		}
		if err := give(e); err != nil {
			return err
		}
	}
	if !r.r.cfg.ExpandPublic {
		return nil
	}
	return give(model.Entitlement{EntitlementID: classPublic, Name: "PUBLIC", Description: "Everybody", Kind: "group"})
}
