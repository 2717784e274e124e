package sqldb

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
)

// TestRolesRead: direct, inherited, PUBLIC, owners and admin options are told apart.
func TestRolesRead(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	k.run(`GRANT <readers> TO <dba> WITH ADMIN OPTION; GRANT INSERT ON "S".orders TO <bob> WITH GRANT OPTION; ALTER ROLE <bob> VALID UNTIL '2027-01-02 03:04:05Z' CREATEROLE; ALTER ROLE <dba> NOLOGIN`)
	for expand, everybody := range map[bool]string{false: "", true: "public"} {
		c := k.client(t, func(c *Config) { c.ExpandPublic = expand })
		accounts, names, grants := map[string]model.Account{}, map[string]string{}, map[string]map[string]string{}
		ext, err := c.Read(t.Context(), func(r model.Record) error {
			switch r.Kind {
			case model.KindAccounts:
				accounts[r.Account.AccountID] = r.Account
			case model.KindEntitlements:
				if _, twice := names[r.Entitlement.EntitlementID]; twice {
					t.Errorf("entitlement %s twice", r.Entitlement.EntitlementID)
				}
				names[r.Entitlement.EntitlementID] = r.Entitlement.Name
			case model.KindGrants:
				key := r.Grant.AccountID + " " + r.Grant.EntitlementID + " " + r.Grant.Via
				if _, twice := grants[key]; twice {
					t.Errorf("grant %s twice", key)
				}
				if names[r.Grant.EntitlementID] == "" {
					t.Errorf("grant %s of an entitlement without a name", key)
				}
				grants[key] = map[string]string{}
				for n, v := range r.Grant.Attrs {
					grants[key][n] = v
				}
			case model.KindPeople:
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ext.Totals[model.KindAccounts] != int64(len(accounts)) || strings.Contains(ext.Endpoint, "connector") {
			t.Errorf("extraction %+v", ext)
		}
		bob := accounts[accountID(k.oid("bob"))]
		if bob.ExpiresAt.String() != "2027-01-02T03:04:05Z" || bob.Privileged != model.Yes || bob.Status != "enabled" {
			t.Errorf("bob is %+v", bob)
		}
		if dba := accounts[accountID(k.oid("dba"))]; dba.Status != "disabled" {
			t.Errorf("dba is %+v", dba)
		}
		if _, ok := accounts[accountID(k.oid("readers"))]; ok {
			t.Error("a group is an account")
		}
		orders, total := `"S".orders`, `"S".total(int)`
		role := func(n string) string { return thing{class: classRole, oid: k.oid(n)}.String() }
		for _, g := range []struct{ who, entitlement, via string }{
			{"alice", k.ent(classRelation, orders, "SELECT"), role("readers") + ">" + role("team")},
			{"alice", role("readers"), role("team")}, {"alice", role("team"), ""},
			{"bob", k.ent(classRelation, orders, "INSERT"), ""},
			{"owner", k.ent(classRelation, orders, privOwner), ""}, {"owner", k.ent(classSchema, `"S"`, privOwner), ""},
			{"dba", role("readers"), ""}, {"dba", k.ent(classRole, "readers", privAdmin), ""}, {"dba", k.ent(classRelation, orders, "SELECT"), role("readers")},
		} {
			if _, ok := grants[accountID(k.oid(g.who))+" "+g.entitlement+" "+g.via]; !ok {
				t.Errorf("%s does not hold %s by %q", g.who, g.entitlement, g.via)
			}
			check0 := connector.Access{AccountID: accountID(k.oid(g.who)), Username: accounts[accountID(k.oid(g.who))].Username, EntitlementID: g.entitlement, EntitlementName: names[g.entitlement]}
			want := connector.Present
			if g.via != "" {
				want = connector.NotDirect
			}
			check(t, c, check0, want, "")
		}
		if a := grants[accountID(k.oid("bob"))+" "+k.ent(classRelation, orders, "INSERT")+" "]; a["grant_option"] != "true" || a["grantor"] != k.prefix+"owner" {
			t.Errorf("bob's INSERT: %v", a)
		}
		if _, ok := grants["public "+k.ent(classFunction, total, "EXECUTE")+" "]; !ok {
			t.Error("PUBLIC does not hold EXECUTE")
		}
		if _, ok := grants[accountID(k.oid("bob"))+" "+k.ent(classFunction, total, "EXECUTE")+" public"]; ok != (everybody != "") {
			t.Errorf("bob holds EXECUTE through PUBLIC: %v", ok)
		}
		if n := names[k.ent(classRelation, orders, "SELECT")]; n != `SELECT on "`+k.schema+`".orders` {
			t.Errorf("named %q", n)
		}
	}
	says, err := k.c.Probe(t.Context())
	if err != nil || !strings.Contains(says, "Signed in to PostgreSQL 1") {
		t.Errorf("probe: %q, %v", says, err)
	}
	if _, err := strconv.Atoi(strings.Fields(strings.SplitAfter(says, ": ")[1])[0]); err != nil {
		t.Errorf("probe counts nothing: %q", says)
	}
}

// TestRolesContext: a context that has ended is told.
func TestRolesContext(t *testing.T) {
	t.Parallel()
	c := newRoles(t).client(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Grant(ctx, connector.Access{AccountID: "1", EntitlementID: "role:1"}, "key")
	refused(t, err, connector.Unreachable, "")
}

// TestRolesOddNames: names are quoted wherever they come from.
func TestRolesOddNames(t *testing.T) {
	t.Parallel()
	k := newCompany(t)
	k.AddAccount("odd", `o"d'; DROP ROLE x; --`)
	k.AddEntitlement("odd group", `G "r" \ öup`)
	k.run(`CREATE TABLE "S"."odd ""t"" ; x" ("c ""o"" l" int)`)
	table := k.texts(`SELECT oid::text FROM pg_class WHERE relname = 'odd "t" ; x' AND relnamespace = $1::regnamespace`, `"`+k.schema+`"`)[0]
	k.run(`GRANT <odd group> TO <odd>; GRANT SELECT, INSERT ("c ""o"" l") ON "S"."odd ""t"" ; x" TO <odd>`)
	db := strings.Split(strings.Split(k.ent(classSchema, `"S"`, "USAGE"), ":")[1], ".")[0]
	for _, id := range []string{k.ent(classRole, "odd group", ""), "column:" + db + "." + table + ".1:INSERT", "relation:" + db + "." + table + ":SELECT"} {
		a := k.access("odd", id)
		a.Username = k.prefix + `o"d'; DROP ROLE x; --`
		check(t, k.c, a, connector.Present, "")
		revoke(t, k.c, a, connector.Removed)
		check(t, k.c, a, connector.Absent, "")
		if out, err := k.c.Grant(t.Context(), a, "key"); err != nil || out != connector.Granted {
			t.Fatalf("%s: %q, %v", id, out, err)
		}
		revoke(t, k.c, a, connector.Removed)
	}
}

// TestGrantedBy: from PostgreSQL 16 on, each grantor's grant is taken away in its name.
func TestGrantedBy(t *testing.T) {
	t.Parallel()
	g := &glance{
		account: &role{oid: 20000, name: "bob"}, role: &role{oid: 20001, name: "Readers"}, thing: thing{class: classRole, oid: 20001},
		rows: []edge{{grantor: 10, grantorName: "postgres"}, {grantor: 20002, grantorName: `d"ba`}},
	}
	got := (&session{version: 160004}).revokeRole(g, quoted(g.account))
	want := []string{`REVOKE "Readers" FROM "bob" GRANTED BY "postgres"`, `REVOKE "Readers" FROM "bob" GRANTED BY "d""ba"`}
	if !slices.Equal(got, want) {
		t.Errorf("16: %q, want %q", got, want)
	}
	g.thing.priv = privAdmin
	if got := (&session{version: 150018}).revokeRole(g, quoted(g.account)); !slices.Equal(got, []string{`REVOKE ADMIN OPTION FOR "Readers" FROM "bob"`}) {
		t.Errorf("15: %q", got)
	}
}
