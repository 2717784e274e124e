package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"recert/campaigns/connector"
)

// glance is one clean look at one access, with what a change needs.
type glance struct {
	obs     connector.Observation
	account *role
	thing   thing
	role    *role  // the role that the account is a member of
	rows    []edge // the memberships that are the access
	object  *object
	items   []aclItem // the privileges that are the access
}

func (r *roles) check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	g, err := r.glance(ctx, r.db, a)
	if err != nil {
		return connector.Observation{}, err
	}
	return g.obs, nil
}

// glance looks in a transaction of its own.
func (r *roles) glance(ctx context.Context, db *sql.DB, a connector.Access) (*glance, error) {
	var g *glance
	err := r.reading(ctx, db, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, true)
		if err != nil {
			return err
		}
		g, err = s.look(ctx, a)
		return err
	})
	return g, err
}

// look looks at an access by its ids, and compares the names with the reviewed ones.
func (s *session) look(ctx context.Context, a connector.Access) (*glance, error) {
	oid, err := parseAccount(a.AccountID)
	if err != nil {
		return nil, err
	}
	g := &glance{}
	if a.EntitlementID != "" {
		if g.thing, err = parseThing(a.EntitlementID); err != nil {
			return nil, err
		}
		if g.thing.db != 0 && g.thing.db != s.db {
			return nil, s.r.fail(connector.Refused, "The entitlement belongs to another database of the server than the one in url", nil)
		}
	}
	if g.account, err = s.role(ctx, oid); err != nil {
		return nil, err
	}
	switch {
	case g.account == nil:
		g.obs = saw(connector.Absent, "The role no longer exists.")
		return g, nil
	case a.Username != "" && !strings.EqualFold(a.Username, g.account.name):
		g.obs = saw(connector.WrongTarget, "The role has another name now than the one reviewed.")
		return g, nil
	}
	switch g.thing.class {
	case "":
		s.lookAccount(g)
	case classPublic:
		err = s.r.fail(connector.Refused, "Everybody is in PUBLIC; take the privileges from PUBLIC instead", nil)
	case classRole:
		err = s.lookRole(ctx, g, a)
	case classAttribute:
		err = s.lookAttribute(ctx, g, a)
	default:
		err = s.lookPrivilege(ctx, g, a)
	}
	if err != nil {
		return nil, err
	}
	g.obs.Self = oid != 0 && (oid == s.self || oid == s.now)
	return g, nil
}

func (s *session) lookAccount(g *glance) {
	switch {
	case g.account.oid == 0:
		g.obs = saw(connector.Present, "PUBLIC is everybody, and cannot be closed.")
	case g.account.login:
		g.obs = saw(connector.Present, "The role can log in.")
	default:
		g.obs = saw(connector.Absent, "The role can no longer log in.")
	}
}

func (s *session) lookRole(ctx context.Context, g *glance, a connector.Access) error {
	var err error
	if g.role, err = s.role(ctx, g.thing.oid); err != nil {
		return err
	}
	if g.role == nil {
		g.obs = saw(connector.Absent, "The role that was held no longer exists.")
		return nil
	}
	name := g.role.name
	if g.thing.priv == privAdmin {
		name = adminName(name)
	}
	if a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, name) {
		g.obs = saw(connector.WrongTarget, "The role that was held has another name now than the one reviewed.")
		return nil
	}
	all, err := s.edges(ctx, `WHERE m.roleid = $1::text::oid`, oidText(g.role.oid))
	if err != nil {
		return err
	}
	others := 0
	versions := []string{}
	for _, e := range all {
		switch {
		case g.thing.priv == privAdmin && !e.admin:
		case e.member != g.account.oid:
			others++
		default:
			g.rows = append(g.rows, e)
			versions = append(versions, fmt.Sprintf("%s/%d", e.xmin, e.grantor))
		}
	}
	if len(g.rows) > 0 {
		g.obs = saw(connector.Present, "The role is a direct member.")
		if g.thing.priv == privAdmin {
			g.obs.Detail = "The role holds the admin option itself."
		}
		g.obs.Version = strings.Join(versions, ",")
		g.obs.Last = others == 0
		return nil
	}
	edges, err := s.above(ctx, g.account.oid)
	if err != nil {
		return err
	}
	g.obs = saw(connector.Absent, "The role is no member, neither directly nor through another role.")
	up := ways(g.account.oid, edges)
	if g.thing.priv == privAdmin {
		// Whoever is in a role that has the option can use it by SET ROLE.
		for _, e := range all {
			if way := up[e.member]; e.admin && len(way) > 0 {
				g.obs = saw(connector.NotDirect, "The admin option is held through %s.", s.words(way))
			}
		}
		return nil
	}
	if way := up[g.role.oid]; len(way) > 1 {
		g.obs = saw(connector.NotDirect, "The role is no direct member; it is in it through %s.", s.words(way[1:]))
	}
	return nil
}

func (s *session) lookAttribute(ctx context.Context, g *glance, a connector.Access) error {
	i := attributeOf(g.thing.priv)
	if a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, attributes[i].display) {
		g.obs = saw(connector.WrongTarget, "The attribute is named %q, which is not what was reviewed.", attributes[i].display)
		return nil
	}
	if g.account.attrs[i] {
		g.obs = saw(connector.Present, "The role has the attribute.")
		others := 0
		err := s.tx.QueryRowContext(ctx, `SELECT count(*) FROM pg_catalog.pg_roles WHERE rolcanlogin AND oid <> $1::text::oid AND `+attributes[i].column,
			oidText(g.account.oid)).Scan(&others)
		if err != nil {
			return s.r.explain(ctx, "Looking who else has the attribute", err)
		}
		g.obs.Last = others == 0
		return nil
	}
	g.obs = saw(connector.Absent, "The role does not have the attribute, neither itself nor through another role.")
	edges, err := s.above(ctx, g.account.oid)
	if err != nil {
		return err
	}
	for oid, way := range ways(g.account.oid, edges) {
		if len(way) == 0 {
			continue
		}
		over, err := s.role(ctx, oid)
		if err != nil {
			return err
		}
		if over != nil && over.attrs[i] {
			g.obs = saw(connector.NotDirect, "The role can become %s, which has the attribute, by SET ROLE.", s.words(way))
			break
		}
	}
	return nil
}
