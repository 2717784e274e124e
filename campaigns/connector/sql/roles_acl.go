package sqldb

import (
	"context"
	"slices"
	"strings"

	"recert/campaigns/connector"
)

// object is one object of the database that privileges are about.
type object struct {
	owner   uint32
	xmin    string
	name    string // as shown
	word    string // of GRANT and REVOKE: TABLE, SCHEMA …; of a column its quoted name
	target  string // quoted
	allWays []aclItem
}

// aclItem is one privilege that somebody holds on an object.
type aclItem struct {
	grantee     uint32
	grantor     uint32
	grantorName string
	priv        string
	grantable   bool
	table       bool // of the whole table, where a column is asked for
}

// object reads an object with everything that anybody holds on it; nil is that there is none.
func (s *session) object(ctx context.Context, e thing) (*object, error) {
	rows, err := s.tx.QueryContext(ctx, `SELECT o.owner::int8, o.xmin::text, o.name, o.word, o.target,
		coalesce(x.grantee::int8, -1), coalesce(x.grantor::int8, 0), coalesce(g.rolname, ''), coalesce(x.privilege_type, ''), coalesce(x.is_grantable, false)
		FROM (`+objects[e.class]+`) o LEFT JOIN LATERAL aclexplode(o.acl) x ON true LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantor
		WHERE o.oid = $1::text::oid AND o.sub = $2::int8`, oidText(e.oid), int64(e.sub))
	if err != nil {
		return nil, s.r.explain(ctx, "Looking at the privilege", err)
	}
	defer rows.Close()
	var o *object
	for rows.Next() {
		if o == nil {
			o = &object{}
		}
		var i aclItem
		grantee := int64(0)
		if err := rows.Scan(&o.owner, &o.xmin, &o.name, &o.word, &o.target, &grantee, &i.grantor, &i.grantorName, &i.priv, &i.grantable); err != nil {
			return nil, s.r.explain(ctx, "Looking at the privilege", err)
		}
		if grantee >= 0 {
			i.grantee = uint32(grantee) //nolint:gosec // the server's own type for it has 32 bits
			o.allWays = append(o.allWays, i)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, s.r.explain(ctx, "Looking at the privilege", err)
	}
	return o, nil
}

// lookPrivilege looks at a privilege on an object, or at its ownership.
func (s *session) lookPrivilege(ctx context.Context, g *glance, a connector.Access) error {
	var err error
	if g.object, err = s.object(ctx, g.thing); err != nil {
		return err
	}
	if g.object == nil {
		g.obs = saw(connector.Absent, "The %s no longer exists.", g.thing.class)
		return nil
	}
	if a.EntitlementName != "" && !strings.EqualFold(a.EntitlementName, display(g.thing.class, g.thing.priv, g.object.name)) {
		g.obs = saw(connector.WrongTarget, "The %s has another name now than the one reviewed.", g.thing.class)
		return nil
	}
	edges, err := s.above(ctx, g.account.oid)
	if err != nil {
		return err
	}
	up := ways(g.account.oid, edges)
	if g.thing.priv == privOwner {
		s.judgeOwner(g, up)
		return nil
	}
	for _, i := range g.object.allWays {
		// What the owner holds is the ownership, which is an entitlement of its own.
		if i.priv == g.thing.priv && i.grantee == g.account.oid && i.grantee != g.object.owner {
			g.items = append(g.items, i)
		}
	}
	if len(g.items) > 0 {
		g.obs = saw(connector.Present, "The privilege is granted directly.")
		g.obs.Version = g.object.xmin
		return nil
	}
	return s.judgePrivilege(ctx, g, up)
}

func (s *session) judgeOwner(g *glance, up map[uint32][]uint32) {
	way, ok := up[g.object.owner]
	switch {
	case ok && len(way) == 0:
		g.obs = saw(connector.Present, "The role is the owner.")
		g.obs.Last, g.obs.Version = true, g.object.xmin
	case ok:
		g.obs = saw(connector.NotDirect, "The owner is a role that it is in: %s.", s.words(way))
	default:
		g.obs = saw(connector.Absent, "Somebody else is the owner.")
	}
}

// judgePrivilege looks for every other way to a privilege that is not granted directly.
func (s *session) judgePrivilege(ctx context.Context, g *glance, up map[uint32][]uint32) error {
	all := slices.Clone(g.object.allWays)
	if g.thing.class == classColumn {
		whole, err := s.object(ctx, thing{class: classRelation, db: g.thing.db, oid: g.thing.oid})
		if err != nil {
			return err
		}
		if whole != nil {
			for _, i := range whole.allWays {
				i.table = true
				all = append(all, i)
			}
		}
	}
	switch way, owns := up[g.object.owner]; {
	case owns && len(way) == 0:
		g.obs = saw(connector.NotDirect, "The role has it as the owner.")
		return nil
	case owns:
		g.obs = saw(connector.NotDirect, "It is held through %s, which is the owner.", s.words(way))
		return nil
	case g.account.attrs[0]:
		g.obs = saw(connector.NotDirect, "It is not granted directly, but the role is a superuser and can do everything.")
		return nil
	}
	for _, i := range all {
		if i.priv != g.thing.priv {
			continue
		}
		what := ""
		if i.table {
			what = " for the whole table"
		}
		way, in := up[i.grantee]
		switch {
		case i.grantee == 0 && g.account.oid != 0:
			g.obs = saw(connector.NotDirect, "Everybody has it%s through PUBLIC.", what)
			return nil
		case in && (len(way) > 0 || i.table):
			g.obs = saw(connector.NotDirect, "It is held%s through %s.", what, s.words(way))
			if len(way) == 0 {
				g.obs.Detail = "It is held for the whole table."
			}
			return nil
		}
	}
	g.obs = saw(connector.Absent, "The privilege is not granted, neither directly nor through another role.")
	return nil
}

// columnsToo tells whether the account holds the same privilege on columns of the table, which a
// REVOKE on the table would take away as well.
func (s *session) columnsToo(ctx context.Context, g *glance) (bool, error) {
	var n int
	err := s.tx.QueryRowContext(ctx, `SELECT count(*) FROM pg_catalog.pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
		WHERE a.attrelid = $1::text::oid AND NOT a.attisdropped AND x.grantee = $2::text::oid AND x.privilege_type = $3`,
		oidText(g.thing.oid), oidText(g.account.oid), g.thing.priv).Scan(&n)
	if err != nil {
		return false, s.r.explain(ctx, "Looking at the columns", err)
	}
	return n > 0, nil
}
