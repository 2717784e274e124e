package sqldb

import (
	"errors"
	"fmt"
	"strconv"

	"recert/campaigns/connector"
	"recert/model"
)

// maxPaths bounds the ways in which one role may hold others. Roles in layers have exponentially
// many.
const maxPaths = 20_000

// maxDepth bounds how deep roles are nested.
const maxDepth = 200

var errPaths = errors.New("too many paths")

// walk goes down every path of members. A role that is on the path already is not entered again,
// so cycles end.
type walk struct {
	on    map[*member]bool
	way   []uint32
	paths int
	f     func(account *member, way []uint32) error
}

// holders calls f for each account in m, directly or through roles in it, with the way: m first
// where withIt is set, then the roles in it, outermost first.
func (r *rolesRead) holders(m *member, withIt bool, f func(account *member, way []uint32) error) error {
	w := walk{on: map[*member]bool{}, f: f}
	if withIt {
		w.way = append(w.way, m.oid)
	}
	err := w.down(m, withIt)
	if errors.Is(err, errPaths) {
		return r.r.fail(connector.Broken, fmt.Sprintf("The role %s holds others in more than %d ways, or deeper than %d; untangle the nested roles", m.name, maxPaths, maxDepth), nil)
	}
	return err
}

// down goes through m. Directly in the role that is asked about, a membership counts even where
// it carries nothing.
func (w *walk) down(m *member, needsCarry bool) error {
	w.on[m] = true
	defer delete(w.on, m)
	for _, l := range m.in {
		if needsCarry && !l.carries {
			continue
		}
		if l.m.account {
			if err := w.f(l.m, w.way); err != nil {
				return err
			}
		}
		if !l.carries || w.on[l.m] || len(l.m.in) == 0 {
			continue
		}
		if w.paths++; w.paths > maxPaths || len(w.way) > maxDepth {
			return errPaths
		}
		w.way = append(w.way, l.m.oid)
		if err := w.down(l.m, true); err != nil {
			return err
		}
		w.way = w.way[:len(w.way)-1]
	}
	return nil
}

func (r *rolesRead) grant(account string, e thing, path string, attrs map[string]string) error {
	g := model.Grant{AccountID: account, EntitlementID: e.String(), Via: path, Attrs: attrs}
	return r.give(model.Record{Kind: model.KindGrants, Grant: g}, "pg_"+e.class)
}

// giveMemberships gives who is in which role, directly and through others, and who may give it on.
func (r *rolesRead) giveMemberships() error {
	for _, m := range r.all {
		if len(m.in) == 0 {
			continue
		}
		e := thing{class: classRole, oid: m.oid}
		err := r.holders(m, false, func(account *member, way []uint32) error {
			return r.grant(accountID(account.oid), e, via(way), nil)
		})
		if err != nil {
			return err
		}
		e.priv = privAdmin
		for _, l := range m.in {
			if !l.admin {
				continue
			}
			if l.m.account {
				if err := r.grant(accountID(l.m.oid), e, "", nil); err != nil {
					return err
				}
			}
			err := r.holders(l.m, true, func(account *member, way []uint32) error {
				return r.grant(accountID(account.oid), e, via(way), nil)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// giveAttributes gives what roles are themselves. Members of a superuser become it by SET ROLE.
func (r *rolesRead) giveAttributes() error {
	for _, m := range r.all {
		for i, a := range attributes {
			if !m.attrs[i] {
				continue
			}
			if err := r.held(m, thing{class: classAttribute, priv: a.name}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// held gives an entitlement of a role to the role itself, where it is an account, and to every
// account in it.
func (r *rolesRead) held(m *member, e thing, attrs map[string]string) error {
	if m.account {
		if err := r.grant(accountID(m.oid), e, "", attrs); err != nil {
			return err
		}
	}
	return r.holders(m, true, func(account *member, way []uint32) error {
		return r.grant(accountID(account.oid), e, via(way), attrs)
	})
}

// others is what is read of privileges: not what an owner has by being the owner, and of the
// server's own objects only what somebody granted to a role that is not the server's own.
var others = ` CROSS JOIN LATERAL aclexplode(o.acl) x LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantor
	WHERE x.grantee <> o.owner AND (NOT o.system OR x.grantee >= ` + strconv.Itoa(firstUserOID) + `)`

// thing is an object's entitlement.
func (r *rolesRead) thing(class string, oid uint32, sub int16, priv string) thing {
	e := thing{class: class, db: r.db, oid: oid, sub: sub, priv: priv}
	if class == classDatabase {
		e.db = 0
	}
	return e
}

// giveObjects gives an entitlement for each privilege that somebody holds, and for each object
// that has an owner.
func (r *rolesRead) giveObjects() error {
	var oid uint32
	var sub int16
	var name, priv string
	for _, class := range objectClasses {
		give := func() error {
			e := model.Entitlement{EntitlementID: r.thing(class, oid, sub, priv).String(), Name: display(class, priv, name), Kind: "permission"}
			if priv == privOwner {
				e.Description = "May do everything with it, and give others privileges on it; can be handed on only"
				e.Privileged = model.Yes
			}
			return r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, "pg_"+class)
		}
		err := r.query("the privileges", `SELECT DISTINCT o.oid::int8, o.sub, o.name, x.privilege_type FROM (`+objects[class]+`) o`+others+` ORDER BY 1, 2, 4`,
			[]any{&oid, &sub, &name, &priv}, give)
		if err != nil {
			return err
		}
		if class == classColumn {
			continue // owned with the table
		}
		priv = privOwner
		err = r.query("the objects", `SELECT o.oid::int8, o.name FROM (`+objects[class]+`) o WHERE NOT o.system ORDER BY 1`, []any{&oid, &name}, give)
		if err != nil {
			return err
		}
	}
	return nil
}

// givePrivileges gives who holds each privilege, directly, through roles and through PUBLIC.
func (r *rolesRead) givePrivileges() error {
	var oid, grantee uint32
	var sub int16
	var priv, grantors string
	var grantable bool
	for _, class := range objectClasses {
		err := r.query("the privileges", `SELECT o.oid::int8, o.sub, x.grantee::int8, x.privilege_type, bool_or(x.is_grantable), string_agg(DISTINCT coalesce(g.rolname, x.grantor::text), ', ')
			FROM (`+objects[class]+`) o`+others+` GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 4, 3`,
			[]any{&oid, &sub, &grantee, &priv, &grantable, &grantors}, func() error {
				e := r.thing(class, oid, sub, priv)
				attrs := map[string]string{"grantor": grantors}
				if grantable {
					attrs["grant_option"] = "true"
				}
				if grantee == 0 {
					return r.everybody(e, attrs)
				}
				if m := r.byOID[grantee]; m != nil {
					return r.held(m, e, attrs)
				}
				attrs["note"] = "granted to a role that no longer exists"
				return r.grant(accountID(grantee), e, "", attrs)
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// everybody gives what PUBLIC holds.
func (r *rolesRead) everybody(e thing, attrs map[string]string) error {
	if err := r.grant(publicAccount, e, "", attrs); err != nil || !r.r.cfg.ExpandPublic {
		return err
	}
	for _, m := range r.accounts {
		if m.oid == 0 {
			continue
		}
		if err := r.grant(accountID(m.oid), e, classPublic, attrs); err != nil {
			return err
		}
	}
	return nil
}

// giveOwners gives who owns each object.
func (r *rolesRead) giveOwners() error {
	var oid, owner uint32
	for _, class := range objectClasses {
		if class == classColumn {
			continue
		}
		err := r.query("the owners", `SELECT o.oid::int8, o.owner::int8 FROM (`+objects[class]+`) o WHERE NOT o.system ORDER BY 1`, []any{&oid, &owner}, func() error {
			m := r.byOID[owner]
			if m == nil {
				return r.r.fail(connector.Broken, fmt.Sprintf("the %s %d is owned by a role that does not exist", class, oid), nil)
			}
			return r.held(m, r.thing(class, oid, 0, privOwner), nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
