package sqldb

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// company is a world with a schema: sales.orders is owned by owner; readers may SELECT, and alice
// is in readers through team.
type company struct {
	*rolesWorld
	c      *Client
	schema string
}

func newCompany(t *testing.T) *company {
	t.Helper()
	w := newRoles(t)
	k := &company{rolesWorld: w, c: w.client(t, nil), schema: w.prefix + "Sales"}
	for _, n := range []string{"alice", "bob", "dba", "owner"} {
		w.AddAccount(n, n)
	}
	w.AddEntitlement("readers", "readers")
	w.AddEntitlement("team", "team")
	k.run(`CREATE SCHEMA "S" AUTHORIZATION <owner>`)
	k.run(`CREATE TABLE "S".orders (id int, amount int)`)
	k.run(`ALTER TABLE "S".orders OWNER TO <owner>`)
	k.run(`CREATE FUNCTION "S".total(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`)
	k.run(`GRANT SELECT ON "S".orders TO <readers>`)
	k.run(`GRANT <readers> TO <team>`)
	k.run(`GRANT <team> TO <alice>`)
	t.Cleanup(func() { k.run(`DROP SCHEMA "S" CASCADE`) })
	return k
}

// run runs statements as the administrator: "S" is the schema, <x> the role that x stands for.
func (k *company) run(q string) {
	k.t.Helper()
	k.exec(k.in(q))
}

func (k *company) in(q string) string {
	q = strings.ReplaceAll(q, `"S"`, `"`+k.schema+`"`)
	for id := range k.ids {
		if strings.Contains(q, "<"+id+">") {
			q = strings.ReplaceAll(q, "<"+id+">", k.name(id))
		}
	}
	return q
}

// ent is the id of an entitlement, as role, role:admin or a privilege on an object of the schema.
func (k *company) ent(class, what, priv string) string {
	k.t.Helper()
	if class == classRole {
		return thing{class: class, oid: k.oid(what), priv: priv}.String()
	}
	from := map[string]string{
		classRelation: `'%s'::regclass::oid`, classSchema: `'%s'::regnamespace::oid`, classFunction: `'%s'::regprocedure::oid`, classColumn: `'%s'::regclass::oid`,
	}[class]
	column := ""
	if class == classColumn {
		what, column, _ = strings.Cut(what, "/")
	}
	ids := k.texts(`SELECT oid::text FROM pg_database WHERE datname = current_database() UNION ALL SELECT text(` + fmt.Sprintf(from, k.in(what)) + `)`)
	id := class + ":" + ids[0] + "." + ids[1]
	if column != "" {
		id += "." + column
	}
	return id + ":" + priv
}

func (k *company) access(who, entitlement string) connector.Access {
	return connector.Access{AccountID: accountID(k.oid(who)), Username: k.prefix + who, EntitlementID: entitlement}
}

func check(t *testing.T, c *Client, a connector.Access, want connector.Presence, words string) connector.Observation {
	t.Helper()
	obs, err := c.Check(t.Context(), a)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	if obs.Presence != want || !strings.Contains(obs.Detail, words) {
		t.Fatalf("check shows %q (%s), want %q (… %s …)", obs.Presence, obs.Detail, want, words)
	}
	return obs
}

func revoke(t *testing.T, c *Client, a connector.Access, want connector.Outcome) {
	t.Helper()
	got, err := c.Revoke(t.Context(), a, connector.Observation{}, "key")
	if err != nil || got != want {
		t.Fatalf("revoke: %q, %v; want %q", got, err, want)
	}
}

func refused(t *testing.T, err error, kind connector.FailureKind, words string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s (… %s …)", kind, words)
	}
	f := connector.FailureOf(err)
	if f.Kind != kind || !strings.Contains(f.Msg, words) {
		t.Fatalf("%s: %v; want %s (… %s …)", f.Kind, err, kind, words)
	}
	if s := fmt.Sprintf("%v %+v %#v %#v", err, err, f, f.Err); strings.Contains(s, canary) {
		t.Fatalf("an error repeats the password: %s", s)
	}
}

// TestRolesRevoke: what is direct goes, and nothing else.
func TestRolesRevoke(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	orders, total := `"S".orders`, `"S".total(int)`
	for _, c := range []struct{ grant, entitlement, kept string }{
		{`GRANT <readers> TO <bob>`, k.ent(classRole, "readers", ""), ""},
		{`GRANT SELECT ON "S".orders TO <bob>`, k.ent(classRelation, orders, "SELECT"), ""},
		{`GRANT UPDATE (amount) ON "S".orders TO <bob>`, k.ent(classColumn, orders+"/2", "UPDATE"), ""},
		{`GRANT USAGE ON SCHEMA "S" TO <bob>`, k.ent(classSchema, `"S"`, "USAGE"), ""},
		{`GRANT EXECUTE ON FUNCTION "S".total(int) TO <bob>`, k.ent(classFunction, total, "EXECUTE"), ""},
		{`ALTER ROLE <bob> CREATEDB`, "attribute:createdb", ""},
		{`ALTER ROLE <bob> SUPERUSER`, "attribute:superuser", ""},
		{`GRANT CONNECT ON DATABASE postgres TO <bob>`, "database:" + k.texts(`SELECT oid::text FROM pg_database WHERE datname = 'postgres'`)[0] + ":CONNECT", ""},
		{`GRANT <team> TO <bob> WITH ADMIN OPTION`, k.ent(classRole, "team", privAdmin), k.ent(classRole, "team", "")},
	} {
		a := k.access("bob", c.entitlement)
		check0, err := k.c.Check(t.Context(), a)
		if err != nil || check0.Presence == connector.Present {
			t.Fatalf("%s before it is given: %+v, %v", c.entitlement, check0, err)
		}
		k.run(c.grant)
		check(t, k.c, a, connector.Present, "")
		revoke(t, k.c, a, connector.Removed)
		if obs, err := k.c.Check(t.Context(), a); err != nil || obs.Presence == connector.Present {
			t.Fatalf("%s is still there: %+v, %v", c.entitlement, obs, err)
		}
		if c.kept != "" {
			check(t, k.c, k.access("bob", c.kept), connector.Present, "")
		}
		out, err := k.c.Grant(t.Context(), a, "key")
		if err != nil || out != connector.Granted {
			t.Fatalf("restore %s: %q, %v", c.entitlement, out, err)
		}
		check(t, k.c, a, connector.Present, "")
		revoke(t, k.c, a, connector.Removed)
	}
	check(t, k.c, k.access("alice", k.ent(classRole, "team", "")), connector.Present, "")
}

// TestRolesNotDirect: inherited privileges are told apart, and stay.
func TestRolesNotDirect(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	orders := `"S".orders`
	way := k.prefix + "readers > " + k.prefix + "team"
	k.run(`GRANT <dba> TO <team> WITH ADMIN OPTION`)
	for _, c := range []struct{ who, entitlement, words string }{
		{"alice", k.ent(classRelation, orders, "SELECT"), way},
		{"alice", k.ent(classRole, "readers", ""), "through " + k.prefix + "team"},
		{"alice", k.ent(classRole, "dba", privAdmin), "through " + k.prefix + "team"},
		{"alice", k.ent(classColumn, orders+"/1", "SELECT"), "whole table through " + way},
		{"bob", k.ent(classFunction, `"S".total(int)`, "EXECUTE"), "PUBLIC"},
		{"owner", k.ent(classRelation, orders, "DELETE"), "owner"},
	} {
		a := k.access(c.who, c.entitlement)
		obs := check(t, k.c, a, connector.NotDirect, c.words)
		for _, seen := range []connector.Observation{obs, {Presence: connector.Present}} {
			if out, err := k.c.Revoke(t.Context(), a, seen, "key"); err != nil || out != connector.RefusedDirect {
				t.Errorf("%s: %q, %v", c.entitlement, out, err)
			}
		}
	}
	if n := k.Attempts(); n != 0 {
		t.Errorf("%d changes were asked for", n)
	}
	k.run(`ALTER ROLE <bob> SUPERUSER`)
	check(t, k.c, k.access("bob", k.ent(classRelation, orders, "TRUNCATE")), connector.NotDirect, "superuser")
}

// TestRolesRenamed: the new bob keeps what the old bob is to lose.
func TestRolesRenamed(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	k.run(`GRANT <readers> TO <bob>`)
	a := k.access("bob", k.ent(classRole, "readers", ""))
	seen := check(t, k.c, a, connector.Present, "")
	k.RenameAccount("bob", "bob_left")
	k.AddAccount("new bob", "bob")
	k.run(`GRANT <readers> TO <new bob>`)
	check(t, k.c, a, connector.WrongTarget, "another name")
	if out, err := k.c.Revoke(t.Context(), a, seen, "key"); err != nil || out != connector.RefusedTarget {
		t.Fatalf("%q, %v", out, err)
	}
	if !k.Holds("new bob", "readers") || !k.Holds("bob", "readers") {
		t.Fatal("somebody lost the role")
	}
	// Renamed between the look and the change, with the name given to somebody else.
	b := k.access("new bob", k.ent(classRole, "readers", ""))
	b.Username = k.prefix + "bob"
	k.Meanwhile(func() {
		k.RenameAccount("new bob", "bob_left_too")
		k.AddAccount("newest bob", "bob")
		k.run(`GRANT <readers> TO <newest bob>`)
	})
	if out, err := k.c.Revoke(t.Context(), b, connector.Observation{}, "key"); err != nil || out != connector.RefusedTarget {
		t.Fatalf("%q, %v", out, err)
	}
	if !k.Holds("new bob", "readers") || !k.Holds("newest bob", "readers") {
		t.Fatal("somebody lost the role meanwhile")
	}
	if k.Attempts() != 1 || k.Changes() != 0 {
		t.Fatalf("%d changes asked for, %d made", k.Attempts(), k.Changes())
	}
}

// TestRolesRefused: what must not be taken away, or cannot.
func TestRolesRefused(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	orders := `"S".orders`
	_, err := k.c.Revoke(t.Context(), k.access("owner", k.ent(classRelation, orders, privOwner)), connector.Observation{}, "key")
	refused(t, err, connector.Refused, "another owner")
	check(t, k.c, k.access("alice", k.ent(classRelation, orders, privOwner)), connector.Absent, "Somebody else")

	k.run(`GRANT USAGE ON SCHEMA "S" TO <bob>; GRANT SELECT ON "S".orders TO <bob> WITH GRANT OPTION; SET ROLE <bob>; GRANT SELECT ON "S".orders TO <dba>; RESET ROLE`)
	bob, dba := k.access("bob", k.ent(classRelation, orders, "SELECT")), k.access("dba", k.ent(classRelation, orders, "SELECT"))
	_, err = k.c.Revoke(t.Context(), bob, connector.Observation{}, "key")
	refused(t, err, connector.Refused, "passed on to others")
	check(t, k.c, bob, connector.Present, "")
	// A plain REVOKE acts as the owner, and leaves what another has granted.
	revoke(t, k.c, dba, connector.Removed)
	check(t, k.c, dba, connector.Absent, "")
	revoke(t, k.c, bob, connector.Removed)

	k.run(`GRANT SELECT ON "S".orders TO <bob>; GRANT SELECT (id) ON "S".orders TO <bob>`)
	_, err = k.c.Revoke(t.Context(), bob, connector.Observation{}, "key")
	refused(t, err, connector.Refused, "single columns")
	check(t, k.c, k.access("bob", k.ent(classColumn, orders+"/1", "SELECT")), connector.Present, "")

	for _, id := range []string{"g-1", "role:", "role:0", "role:1:x", "role:01", "relation:1.2:SELECT;DROP", "attribute:pope", "column:1.2:SELECT", "function:1.2.3:EXECUTE", ":", "public:x"} {
		_, err = k.c.Revoke(t.Context(), k.access("bob", id), connector.Observation{}, "key")
		refused(t, err, connector.Refused, "no entitlement id")
	}
	_, err = k.c.Check(t.Context(), connector.Access{AccountID: "u-1"})
	refused(t, err, connector.Refused, "no account id")
	_, err = k.c.Check(t.Context(), k.access("bob", "relation:1.2:SELECT"))
	refused(t, err, connector.Refused, "another database")
	_, err = k.c.Revoke(t.Context(), connector.Access{AccountID: "public"}, connector.Observation{}, "key")
	refused(t, err, connector.Refused, "everybody")
}

// TestRolesFailures: the connection, the rights and the password.
func TestRolesFailures(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	k.run(`ALTER ROLE <dba> PASSWORD '` + canary + `'`)
	k.run(`GRANT <team> TO <dba> WITH ADMIN OPTION`)
	k.run(`GRANT <readers> TO <bob>`)
	weak := k.client(t, func(c *Config) { c.URL = strings.Replace(c.URL, "connector@", k.prefix+"dba@", 1) })
	readers := k.access("bob", k.ent(classRole, "readers", ""))
	_, err := weak.Revoke(t.Context(), readers, connector.Observation{}, "key")
	refused(t, err, connector.Denied, "may not do that")
	if !k.Holds("bob", "readers") {
		t.Fatal("it is gone")
	}
	// PostgreSQL answers with a warning only.
	k.run(`GRANT SELECT ON "S".orders TO <bob>; GRANT USAGE ON SCHEMA "S" TO <dba>; GRANT SELECT ON "S".orders TO <dba> WITH GRANT OPTION`)
	_, err = weak.Revoke(t.Context(), k.access("bob", k.ent(classRelation, `"S".orders`, "SELECT")), connector.Observation{}, "key")
	refused(t, err, connector.Denied, "took nothing away")
	check(t, k.c, k.access("bob", k.ent(classRelation, `"S".orders`, "SELECT")), connector.Present, "")
	// With the admin option of one role that one can be taken away.
	revoke(t, weak, k.access("alice", k.ent(classRole, "team", "")), connector.Removed)
	obs := check(t, weak, k.access("dba", k.ent(classRole, "team", "")), connector.Present, "")
	if !obs.Self || !obs.Last {
		t.Errorf("the connector's own last membership: %+v", obs)
	}
	if obs = check(t, k.c, k.access("dba", k.ent(classRole, "team", "")), connector.Present, ""); obs.Self {
		t.Errorf("another's is taken for its own: %+v", obs)
	}

	badPassword := k.client(t, func(c *Config) { c.Password = "wrong" })
	_, err = badPassword.Check(t.Context(), readers)
	refused(t, err, connector.Denied, "password")
	_, err = badPassword.Probe(t.Context())
	refused(t, err, connector.Denied, "password")
	wrongDB := k.client(t, func(c *Config) { c.URL = strings.Replace(c.URL, "/postgres", "/nothing", 1) })
	_, err = wrongDB.Read(t.Context(), func(model.Record) error { return nil })
	refused(t, err, connector.Refused, "nothing")

	down := newClient(t, Config{URL: "postgres://connector@127.0.0.1:1/postgres", Password: canary, Now: k.c.cfg.Now})
	_, err = down.Revoke(t.Context(), readers, connector.Observation{}, "key")
	refused(t, err, connector.Unreachable, "cannot be reached")

	for _, mysql := range []bool{false, true} {
		hung := newClient(t, hungConfig(t, mysql))
		began := time.Now()
		_, err = hung.Check(t.Context(), connector.Access{AccountID: "1", EntitlementID: "role:1"})
		refused(t, err, connector.Unreachable, "")
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("a hung server held us for %v", d)
		}
		_, err = hung.Read(t.Context(), func(model.Record) error { return nil })
		refused(t, err, connector.Unreachable, "")
	}

	k.AddAccount("gone", "gone")
	k.run(`GRANT <readers> TO <gone>`)
	gone := k.access("gone", k.ent(classRole, "readers", ""))
	seen := check(t, k.c, gone, connector.Present, "")
	k.DeleteAccount("gone")
	check(t, k.c, gone, connector.Absent, "no longer exists")
	if out, err := k.c.Revoke(t.Context(), gone, seen, "key"); err != nil || out != connector.AlreadyAbsent {
		t.Errorf("a dropped role: %q, %v", out, err)
	}
}

// hungConfig is of a server that takes connections and says nothing.
func hungConfig(t *testing.T, mysql bool) Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	cfg := Config{URL: fmt.Sprintf("postgres://x@%s/x", l.Addr()), Password: canary, Timeout: 300 * time.Millisecond, Now: func() time.Time { return connectortest.Now }}
	if mysql {
		cfg.URL = fmt.Sprintf("mysql://x@%s/x", l.Addr())
		cfg.Queries = Queries{Grants: "SELECT 1", Check: "SELECT :account_id, :entitlement_id"}
	}
	return cfg
}
