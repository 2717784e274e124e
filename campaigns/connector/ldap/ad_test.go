package ldap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// native lets the connector use what Active Directory has by itself.
func native(c *Config) {
	c.AccountIDAttr, c.GroupIDAttr, c.UsernameAttr, c.GroupNameAttr = "", "", "", ""
}

// guid is the objectGUID of what the world knows by id, as the connector writes it.
func (w *world) guid(dn string) string {
	w.t.Helper()
	list := w.find(dn, "(objectClass=*)", "objectGUID")
	for _, e := range list {
		if strings.EqualFold(e.DN, dn) {
			return formatGUID(e.GetRawAttributeValue("objectGUID"))
		}
	}
	w.t.Fatalf("%s is not there", dn)
	return ""
}

func (w *world) name(id string) string {
	w.t.Helper()
	return first(w.find(w.dn(id), "(objectClass=*)", "sAMAccountName")[0], "sAMAccountName")
}

func TestDomainMember(t *testing.T) {
	t.Parallel()
	w, c := newDomain(t, native)
	w.fill()
	a := connector.Access{AccountID: w.guid(w.dn("u-1")), Username: w.name("u-1"), EntitlementID: w.guid(w.dn("g-1")), EntitlementName: w.name("g-1")}
	obs := check(t, c, a, connector.Present)
	if obs.Version == "" || obs.Last || obs.Self {
		t.Errorf("seen as %+v", obs)
	}
	got := read(t, c)
	if acc := got.accounts[a.AccountID]; acc.Username != a.Username || acc.Status != "enabled" || !acc.CreatedAt.Known() {
		t.Errorf("account %+v", acc)
	}
	wantKeys(t, got, a.AccountID+" "+a.EntitlementID+" ", w.guid(w.dn("u-2"))+" "+a.EntitlementID+" ")
	// The group moves between the look and the change: its id still finds it.
	w.Meanwhile(func() {
		w.must(w.conn.ModifyDN(goldap.NewModifyDNRequest(w.dn("g-1"), "cn=moved", true, "")))
		w.note("g-1", "cn=moved,"+w.groups())
	})
	revoke(t, c, a, obs, connector.Removed)
	w.holds("u-1", "g-1", false)
	w.holds("u-2", "g-1", true)
	// The last member of a group may go.
	a.AccountID, a.Username, a.EntitlementName = w.guid(w.dn("u-2")), "", ""
	obs = check(t, c, a, connector.Present)
	if !obs.Last {
		t.Error("nobody says that it is the last member")
	}
	revoke(t, c, a, obs, connector.Removed)
	w.holds("u-2", "g-1", false)
	_, err := c.Check(t.Context(), connector.Access{AccountID: "no-guid"})
	failure(t, err, connector.Refused, "objectGUID")
}

// TestDomainGuard: a group that changed since the look is left alone; a member that somebody
// else took out, or put in, in the very moment is not an error.
func TestDomainGuard(t *testing.T) {
	t.Parallel()
	w, c := newDomain(t, nil)
	w.fill()
	w.AddAccount("u-3", "carol")
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
	seen := check(t, c, a, connector.Present)
	w.Grant("u-1", "g-1")
	revoke(t, c, a, seen, connector.Changed)
	w.holds("u-1", "g-1", true)
	if w.Attempts() != 0 {
		t.Error("a change was sent")
	}
	w.Meanwhile(func() { w.Ungrant("u-1", "g-1") })
	revoke(t, c, a, check(t, c, a, connector.Present), connector.AlreadyAbsent)
	a.AccountID = "u-3"
	w.Meanwhile(func() { w.Grant("u-3", "g-1") })
	if o, err := c.Grant(t.Context(), a, "give-1"); err != nil || o != connector.AlreadyHeld {
		t.Errorf("grant: %q, %v", o, err)
	}
	// Flags of an account that somebody changes in the moment are not written over.
	b := connector.Access{AccountID: "u-2"}
	w.Meanwhile(func() { w.set("u-2", "userAccountControl", "66080") })
	revoke(t, c, b, check(t, c, b, connector.Present), connector.Changed)
	if v := first(w.find(w.dn("u-2"), "(objectClass=*)", "userAccountControl")[0], "userAccountControl"); v != "66080" {
		t.Errorf("the account's flags are %s", v)
	}
	revoke(t, c, b, check(t, c, b, connector.Present), connector.Removed)
	if v := first(w.find(w.dn("u-2"), "(objectClass=*)", "userAccountControl")[0], "userAccountControl"); v != "66082" {
		t.Errorf("the account's flags are %s", v)
	}
	if o, err := c.Grant(t.Context(), b, "give-2"); err != nil || o != connector.Granted {
		t.Errorf("enabling: %q, %v", o, err)
	}
	check(t, c, b, connector.Present)
}

func TestDomainAccounts(t *testing.T) {
	t.Parallel()
	w, c := newDomain(t, nil)
	for _, id := range []string{"off", "expired", "never", "seen"} {
		w.AddAccount(id, id)
	}
	w.set("off", "userAccountControl", "546")
	w.set("expired", "accountExpires", "133170048000000000")
	w.set("never", "accountExpires", "9223372036854775807")
	w.set("seen", "userAccountControl", "546")
	password := utf16.Encode([]rune(`"` + canary + `-U1"`))
	raw := make([]byte, 2*len(password))
	for i, u := range password {
		binary.LittleEndian.PutUint16(raw[2*i:], u)
	}
	w.set("seen", "unicodePwd", string(raw))
	w.set("seen", "userAccountControl", "512")
	conn, err := dialUntil(sambaAddress, w.dn("seen"), canary+"-U1", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	got := read(t, c).accounts
	for id, want := range map[string]string{"off": "disabled", "expired": "enabled", "never": "enabled", "seen": "enabled"} {
		if got[id].Status != want {
			t.Errorf("%s is %q, want %q", id, got[id].Status, want)
		}
	}
	if got["expired"].ExpiresAt.String() != "2023-01-01T00:00:00Z" || got["never"].ExpiresAt.Known() {
		t.Errorf("they expire %v and %v", got["expired"].ExpiresAt, got["never"].ExpiresAt)
	}
	if at := got["seen"].LastLoginAt; at < model.TimeOf(time.Now().Add(-time.Hour)) || got["never"].LastLoginAt.Known() {
		t.Errorf("they signed in at %v and %v", at, got["never"].LastLoginAt)
	}
	check(t, c, connector.Access{AccountID: "off"}, connector.Absent)
	check(t, c, connector.Access{AccountID: "expired"}, connector.Present)
	// An ordinary user may look, and change nothing.
	w.fill()
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
	c.Close()
	c.cfg.BindDN, c.cfg.Password = w.dn("seen"), canary+"-U1"
	_, err = c.Revoke(t.Context(), a, connector.Observation{}, "rev-1")
	failure(t, err, connector.Denied)
	w.holds("u-1", "g-1", true)
	c.Close()
	c.cfg.Password = canary
	_, err = c.Check(t.Context(), a)
	failure(t, err, connector.Denied)
}

// TestWholeDomain reads everything that a new domain has: primary groups, nested groups, and
// principals that are no accounts.
func TestWholeDomain(t *testing.T) {
	t.Parallel()
	if _, err := activeDirectory(); err != nil {
		t.Fatal(err)
	}
	w, c := newDomain(t, func(c *Config) {
		native(c)
		c.BaseDN, c.AccountBase, c.GroupBase, c.PageSize = domain, "CN=Users,"+domain, domain, 100
		c.GroupFilter = "(&(objectClass=group)(!(info=*)))" // not those that other tests make and delete meanwhile
	})
	got := read(t, c)
	guid := func(dn string) string { return w.guid(dn + "," + domain) }
	admin, users, admins := guid("CN=Administrator,CN=Users"), guid("CN=Domain Users,CN=Users"), guid("CN=Domain Admins,CN=Users")
	local := guid("CN=Users,CN=Builtin")
	for _, key := range []string{
		admin + " " + admins + " ",
		admin + " " + users + " primaryGroupID",
		admin + " " + local + " " + users + ">primaryGroupID",
		admin + " " + guid("CN=Administrators,CN=Builtin") + " " + admins,
	} {
		if _, ok := got.grants[key]; !ok {
			t.Errorf("grant %q did not come", key)
		}
	}
	foreign := 0
	for _, g := range got.grants {
		if g.Attrs[attrNote] == noteForeign && g.EntitlementID == local {
			foreign++ // authenticated users, and interactive ones
		}
	}
	if foreign != 2 {
		t.Errorf("%d principals of elsewhere came in the group Users, want 2", foreign)
	}
	if got.accounts[admin].Username != "Administrator" || got.accounts[admin].Privileged != model.Yes || got.groups[admins].Name != "Domain Admins" {
		t.Errorf("came as %+v and %+v", got.accounts[admin], got.groups[admins])
	}
	a := connector.Access{AccountID: admin, Username: "Administrator", EntitlementID: users, EntitlementName: "Domain Users"}
	if obs := check(t, c, a, connector.NotDirect); !strings.Contains(obs.Detail, "primaryGroupID") || !obs.Self {
		t.Errorf("seen as %+v", obs)
	}
	revoke(t, c, a, connector.Observation{}, connector.RefusedDirect)
	a.EntitlementID, a.EntitlementName = local, ""
	check(t, c, a, connector.NotDirect)
	if w.Attempts() != 0 {
		t.Error("a change was sent")
	}
	for _, name := range []string{`AD\administrator`, "administrator@ad.example.test"} {
		c.Close()
		c.cfg.BindDN = name
		c.own = normDN(name)
		if obs := check(t, c, a, connector.NotDirect); !obs.Self {
			t.Errorf("%s is not known to be the connector's own account", name)
		}
	}
}

// TestRanges: a group whose members come in parts is read whole, or not at all.
func TestRanges(t *testing.T) {
	t.Parallel()
	w, c := newDomain(t, nil)
	w.proxy.most = 10
	w.fill()
	want := []string{"u-1 g-1 ", "u-2 g-1 "}
	for i := range 27 {
		id := "r-" + strconv.Itoa(i)
		w.AddAccount(id, id)
		w.Grant(id, "g-1")
		want = append(want, id+" g-1 ")
	}
	wantKeys(t, read(t, c), want...)
	for _, id := range []string{"u-1", "r-0", "r-26"} {
		a := connector.Access{AccountID: id, EntitlementID: "g-1"}
		if obs := check(t, c, a, connector.Present); obs.Last {
			t.Errorf("%s counts as the last of many", id)
		}
		revoke(t, c, a, connector.Observation{}, connector.Removed)
		check(t, c, a, connector.Absent)
	}
	// A part that does not come.
	w.Inject(connectortest.Fault{Kind: connectortest.DropRequest, On: connectortest.Reads})
	readFails(t, c, connector.Unreachable)
	w.ClearFaults()
	w.proxy.mu.Lock()
	w.proxy.lossy = true
	w.proxy.mu.Unlock()
	readFails(t, c, connector.Broken, "values")
}

func TestParts(t *testing.T) {
	t.Parallel()
	many := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strconv.Itoa(i)
		}
		return out
	}
	for _, c := range []struct {
		attr string
		n    int
		want string
	}{
		{"member", 3, "3 3 whole"}, {"Member", 3, "3 3 whole"}, {"member;range=0-1499", 1500, "1500 1500"},
		{"member;range=1500-*", 100, "100 1600 whole"}, {"member;Range=0-1499", 1499, "error"}, {"member;range=x-9", 1, "error"},
		{"member;range=0-", 1, "error"}, {"member;range=-5-9", 15, "error"},
	} {
		e := &goldap.Entry{Attributes: []*goldap.EntryAttribute{{Name: "member"}, goldap.NewEntryAttribute(c.attr, many(c.n))}}
		if !strings.Contains(c.attr, ";") {
			e.Attributes = e.Attributes[1:]
		}
		p, err := parts(e, "member")
		got := fmt.Sprint(len(p.vals), " ", p.next)
		if !strings.Contains(c.attr, ";") {
			got = fmt.Sprint(len(p.vals), " ", len(p.vals))
		}
		if p.last {
			got += " whole"
		}
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s with %d values: %s, want %s", c.attr, c.n, got, c.want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	b := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const guid = "00112233-4455-6677-8899-aabbccddeeff"
	if got := formatGUID(b); got != guid {
		t.Errorf("formatGUID = %s", got)
	}
	if back, ok := parseGUID(strings.ToUpper(guid)); !ok || !bytes.Equal(back, b) {
		t.Errorf("parseGUID = %x, %v", back, ok)
	}
	for _, bad := range []string{"", "x", "00112233-4455-6677-8899-aabbccddeefg", "001122334-455-6677-8899-aabbccddeeff"} {
		if _, ok := parseGUID(bad); ok {
			t.Errorf("%q passes for a GUID", bad)
		}
	}
	sid := []byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}
	if got, ok := formatSID(sid); !ok || got != "S-1-5-32-544" {
		t.Errorf("formatSID = %s", got)
	}
	if _, ok := formatSID(sid[:15]); ok {
		t.Error("half a SID passes for one")
	}
	for a, b := range map[string]string{
		"CN=Ann Lee , OU=People,DC=x": "cn=ann  lee,ou=people,dc=X", `cn=a\,b,dc=x`: `CN=a\2cb,dc=x`, "ou=x+cn=y,dc=z": "cn=y+ou=x,dc=z",
	} {
		if normDN(a) != normDN(b) {
			t.Errorf("%q and %q differ: %q, %q", a, b, normDN(a), normDN(b))
		}
	}
	if normDN(`cn=a\,b,dc=x`) == normDN("cn=a,b=x,dc=x") || normDN("cn=a,dc=x") == normDN("cn=a,dc=xy") {
		t.Error("two entries look the same")
	}
}

// TestHugeGroup is a group of more members than a domain controller gives at once: attributes
// of the schema, of which every domain has enough.
func TestHugeGroup(t *testing.T) {
	t.Parallel()
	w, c := newDomain(t, func(c *Config) { c.MaxAnswer = 4 << 20 })
	w.proxy.most = 1500
	w.fill()
	list := w.find("CN=Schema,CN=Configuration,"+domain, "(objectClass=attributeSchema)", "1.1")
	if len(list) < 1100 {
		t.Fatalf("the schema has %d attributes only", len(list))
	}
	list = append(list, w.find("CN=DisplaySpecifiers,CN=Configuration,"+domain, "(objectClass=displaySpecifier)", "1.1")[:500]...)
	req := goldap.NewModifyRequest(w.dn("g-1"), nil)
	dns := make([]string, len(list))
	for i, e := range list {
		dns[i] = e.DN
	}
	req.Add("member", dns)
	if err := w.conn.Modify(req); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c); len(got.keys) != 2+len(list) {
		t.Errorf("%d grants came, want %d", len(got.keys), 2+len(list))
	}
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
	revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
	w.holds("u-1", "g-1", false)
	w.holds("u-2", "g-1", true)
}
