package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"recert/campaigns/connector"
)

// roles reads and changes the roles and privileges of a PostgreSQL server.
type roles struct{ *Client }

// session is what holds for one transaction.
type session struct {
	r       *roles
	w       *watch            // of a read; may be nil
	names   map[uint32]string // of the roles that memberships are in
	tx      *sql.Tx
	version int    // of the server, as 160003
	db      uint32 // the database that we are in
	self    uint32 // the role that we signed in as
	now     uint32 // the role that we act as, if it is another
}

// begin prepares a transaction: time limits that the server keeps too, and names that are
// written in full.
func (r *roles) begin(ctx context.Context, tx *sql.Tx, limits bool) (*session, error) {
	s := &session{r: r, tx: tx, names: map[uint32]string{}}
	if limits {
		if err := r.limits(ctx, tx); err != nil {
			return nil, err
		}
	}
	path := ""
	err := tx.QueryRowContext(ctx, `
		SELECT set_config('search_path', 'pg_catalog', true), current_setting('server_version_num')::int8,
			(SELECT oid::int8 FROM pg_catalog.pg_database WHERE datname = current_database()),
			(SELECT oid::int8 FROM pg_catalog.pg_roles WHERE rolname = session_user),
			(SELECT oid::int8 FROM pg_catalog.pg_roles WHERE rolname = current_user)`).
		Scan(&path, &s.version, &s.db, &s.self, &s.now)
	if err != nil {
		return nil, r.explain(ctx, "Signing in", err)
	}
	if s.version < 120000 {
		return nil, r.fail(connector.Refused, fmt.Sprintf("The server is PostgreSQL %d; its roles can be read from version 12 on", s.version/10000), nil)
	}
	return s, nil
}

// catalog queries of one class of objects. Each gives oid, sub, owner, xmin, name (as shown),
// word and target (for GRANT and REVOKE), system (belongs to the server itself) and acl.
var objects = map[string]string{
	classDatabase: `SELECT d.oid, 0::int2 AS sub, d.datdba AS owner, d.xmin, quote_ident(d.datname) AS name, 'DATABASE' AS word,
		quote_ident(d.datname) AS target, false AS system, coalesce(d.datacl, acldefault('d', d.datdba)) AS acl
		FROM pg_catalog.pg_database d`,
	classSchema: `SELECT n.oid, 0::int2 AS sub, n.nspowner AS owner, n.xmin, quote_ident(n.nspname) AS name, 'SCHEMA' AS word,
		quote_ident(n.nspname) AS target, ` + system + ` AS system, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
		FROM pg_catalog.pg_namespace n`,
	classRelation: `SELECT c.oid, 0::int2 AS sub, c.relowner AS owner, c.xmin, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
		CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS word, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS target,
		` + system + ` AS system, coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) AS acl
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
	classColumn: `SELECT c.oid, a.attnum AS sub, c.relowner AS owner, a.xmin,
		quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '(' || quote_ident(a.attname) || ')' AS name,
		quote_ident(a.attname) AS word, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS target, ` + system + ` AS system, a.attacl AS acl
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
	classFunction: `SELECT p.oid, 0::int2 AS sub, p.proowner AS owner, p.xmin, p.oid::regprocedure::text AS name, 'ROUTINE' AS word,
		p.oid::regprocedure::text AS target, ` + system + ` AS system, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace`,
}

const system = `(n.nspname LIKE 'pg\_%' OR n.nspname = 'information_schema')`

// objectClasses are the keys of objects, in the order in which they are read.
var objectClasses = []string{classDatabase, classSchema, classRelation, classColumn, classFunction}

// firstUserOID is the first object id that is not the server's own.
const firstUserOID = 16384

// display is the name of an entitlement as a reviewer reads it.
func display(class, priv, object string) string {
	kind := class + " "
	switch {
	case class == classRelation && priv == privOwner:
		kind = "table "
	case class == classRelation, class == classColumn:
		kind = ""
	}
	if priv == privOwner {
		return "Owner of " + kind + object
	}
	return priv + " on " + kind + object
}

func adminName(role string) string { return role + " (admin option)" }

// role is one row of pg_roles.
type role struct {
	oid   uint32
	name  string
	login bool
	attrs []bool // by attributes
}

// role reads a role by its oid; nil is that there is none.
func (s *session) role(ctx context.Context, oid uint32) (*role, error) {
	if oid == 0 {
		return &role{name: "PUBLIC", login: true, attrs: make([]bool, len(attributes))}, nil
	}
	r := &role{oid: oid, attrs: make([]bool, len(attributes))}
	into := []any{&r.name, &r.login}
	for i := range attributes {
		into = append(into, &r.attrs[i])
	}
	rows, err := s.tx.QueryContext(ctx, `SELECT rolname, rolcanlogin, `+attributeColumns()+` FROM pg_catalog.pg_roles WHERE oid = $1::text::oid`, oidText(oid))
	if err != nil {
		return nil, s.r.explain(ctx, "Looking at the role", err)
	}
	defer rows.Close()
	found := rows.Next()
	if found {
		if err := rows.Scan(into...); err != nil {
			return nil, s.r.explain(ctx, "Looking at the role", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, s.r.explain(ctx, "Looking at the role", err)
	}
	if !found {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	return r, nil
}

// edge is one membership: member is in role.
type edge struct {
	role, member uint32
	grantor      uint32
	grantorName  string
	admin        bool
	carries      bool // what role has reaches member: by inheritance, or by SET ROLE
	xmin         string
}

// edges reads memberships. Before version 16, a member can always SET ROLE.
func (s *session) edges(ctx context.Context, where string, args ...any) ([]edge, error) {
	carries := "true"
	if s.version >= 160000 {
		carries = "m.inherit_option OR m.set_option"
	}
	rows, err := s.tx.QueryContext(ctx, `SELECT m.roleid::int8, m.member::int8, m.grantor::int8, coalesce(g.rolname, ''), coalesce(o.rolname, ''), m.admin_option, `+carries+`, m.xmin::text
		FROM pg_catalog.pg_auth_members m LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor LEFT JOIN pg_catalog.pg_roles o ON o.oid = m.roleid `+where+` ORDER BY m.roleid, m.member, m.grantor`, args...)
	if err != nil {
		return nil, s.r.explain(ctx, "Reading the memberships", err)
	}
	defer rows.Close()
	var out []edge
	for rows.Next() {
		var e edge
		name := ""
		if err := rows.Scan(&e.role, &e.member, &e.grantor, &e.grantorName, &name, &e.admin, &e.carries, &e.xmin); err != nil {
			return nil, s.r.explain(ctx, "Reading the memberships", err)
		}
		out = append(out, e)
		s.names[e.role] = name
		s.w.wait()
	}
	if err := rows.Err(); err != nil {
		return nil, s.r.explain(ctx, "Reading the memberships", err)
	}
	return out, nil
}

// above reads every membership on the ways up from a role.
func (s *session) above(ctx context.Context, oid uint32) ([]edge, error) {
	return s.edges(ctx, `WHERE m.member IN (
		WITH RECURSIVE up(oid) AS (SELECT $1::text::oid UNION SELECT x.roleid FROM up JOIN pg_catalog.pg_auth_members x ON x.member = up.oid)
		SELECT oid FROM up)`, oidText(oid))
}

// ways are the shortest ways from an account up to each role that it is in, outermost role
// first; the account itself has the empty way.
func ways(from uint32, edges []edge) map[uint32][]uint32 {
	up := map[uint32][]uint32{}
	for _, e := range edges {
		if e.carries {
			up[e.member] = append(up[e.member], e.role)
		}
	}
	out := map[uint32][]uint32{from: {}}
	for queue := []uint32{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, r := range up[at] {
			if _, seen := out[r]; seen {
				continue
			}
			out[r] = append([]uint32{r}, out[at]...)
			queue = append(queue, r)
		}
	}
	return out
}

// via writes a way as a path of entitlement ids.
func via(way []uint32) string {
	ids := make([]string, len(way))
	for i, oid := range way {
		ids[i] = thing{class: classRole, oid: oid}.String()
	}
	return strings.Join(ids, ">")
}

// words writes a way with the names of the roles, for people.
func (s *session) words(way []uint32) string {
	names := make([]string, len(way))
	for i, oid := range way {
		names[i] = s.names[oid]
	}
	return strings.Join(names, " > ")
}
