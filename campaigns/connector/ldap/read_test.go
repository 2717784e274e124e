package ldap

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/model"
)

// rows is a whole read.
type rows struct {
	accounts map[string]model.Account
	groups   map[string]model.Entitlement
	grants   map[string]model.Grant // by account, group and path
	keys     []string               // of grants
}

func read(t *testing.T, c *Client) rows {
	t.Helper()
	r := rows{accounts: map[string]model.Account{}, groups: map[string]model.Entitlement{}, grants: map[string]model.Grant{}}
	_, err := c.Read(t.Context(), func(rec model.Record) error {
		switch rec.Kind {
		case model.KindAccounts:
			r.accounts[rec.Account.AccountID] = rec.Account
		case model.KindEntitlements:
			r.groups[rec.Entitlement.EntitlementID] = rec.Entitlement
		case model.KindGrants, model.KindPeople:
			key := rec.Grant.AccountID + " " + rec.Grant.EntitlementID + " " + rec.Grant.Via
			if _, twice := r.grants[key]; twice {
				t.Errorf("grant %s came twice", key)
			}
			r.grants[key] = rec.Grant
			r.keys = append(r.keys, key)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	slices.Sort(r.keys)
	return r
}

func readFails(t *testing.T, c *Client, kind connector.FailureKind, words ...string) {
	t.Helper()
	_, err := c.Read(t.Context(), func(model.Record) error { return nil })
	failure(t, err, kind, words...)
}

func wantKeys(t *testing.T, got rows, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got.keys, want) {
		t.Errorf("grants:\n got %q\nwant %q", got.keys, want)
	}
}

// add puts a raw value into a group.
func (w *world) put(group, attr, value string) {
	w.t.Helper()
	req := goldap.NewModifyRequest(w.dn(group), nil)
	req.Add(attr, []string{value})
	w.must(w.conn.Modify(req))
}

func TestAccountRows(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, func(c *Config) { byUUID(c); c.PersonAttr = "employeeNumber" })
	for _, id := range []string{"locked", "waiting", "expired", "never"} {
		w.AddAccount(id, id)
		req := goldap.NewModifyRequest(w.dn(id), nil)
		req.Add("objectClass", []string{"shadowAccount"})
		req.Add("mail", []string{id + "@example.test"})
		w.must(w.conn.Modify(req))
	}
	w.set("locked", "pwdAccountLockedTime", lockedForever)
	w.set("waiting", "pwdAccountLockedTime", "20260301000000Z")
	w.set("expired", "shadowExpire", "20000")
	w.set("never", "shadowExpire", "-1")
	got := read(t, c)
	for id, want := range map[string]struct{ status, locked, expires string }{
		"locked":  {"disabled", lockedForever, ""},
		"waiting": {"enabled", "20260301000000Z", ""},
		"expired": {"enabled", "", "2024-10-04T00:00:00Z"},
		"never":   {"enabled", "", ""},
	} {
		a := got.accounts[w.uuid(id)]
		if a.Status != want.status || a.Attrs["locked_at"] != want.locked || a.ExpiresAt.String() != want.expires {
			t.Errorf("%s came as %+v", id, a)
		}
		if a.Username != id || a.DisplayName != "The "+id || a.Email != id+"@example.test" || a.PersonID != id || a.Attrs["dn"] != w.dn(id) || !a.CreatedAt.Known() {
			t.Errorf("%s came as %+v", id, a)
		}
	}
	// A whole account: what is disabled is closed; what has expired is not known to be.
	check(t, c, connector.Access{AccountID: w.uuid("locked")}, connector.Absent)
	check(t, c, connector.Access{AccountID: w.uuid("waiting")}, connector.Present)
	if obs := check(t, c, connector.Access{AccountID: w.uuid("expired")}, connector.Present); !strings.Contains(obs.Detail, "expired") {
		t.Errorf("seen as %+v", obs)
	}
	revoke(t, c, connector.Access{AccountID: w.uuid("waiting")}, connector.Observation{}, connector.Removed)
	check(t, c, connector.Access{AccountID: w.uuid("waiting")}, connector.Absent)
	// And back.
	for _, want := range []connector.Outcome{connector.Granted, connector.AlreadyHeld} {
		if o, err := c.Grant(t.Context(), connector.Access{AccountID: w.uuid("waiting")}, "give-1"); err != nil || o != want {
			t.Errorf("enabling reports %q, %v", o, err)
		}
	}
}

// TestWithoutDisabling: where no attribute disables accounts, nothing is sent.
func TestWithoutDisabling(t *testing.T) {
	t.Parallel()
	w, c, _ := filled(t, ofNames, func(c *Config) { c.DisableAttr = "-" })
	_, err := c.Revoke(t.Context(), connector.Access{AccountID: "u-1"}, connector.Observation{}, "rev-1")
	failure(t, err, connector.Refused, "by hand")
	if a := read(t, c).accounts["u-1"]; a.Status != "" || w.Attempts() != 0 {
		t.Errorf("came as %+v after %d changes", a, w.Attempts())
	}
	_, c, _ = filled(t, ofNames, func(c *Config) { c.DisableAttr, c.DisableValue = "employeeType", "left" })
	revoke(t, c, connector.Access{AccountID: "u-1"}, connector.Observation{}, connector.Removed)
	if got := read(t, c).accounts; got["u-1"].Status != "disabled" || got["u-2"].Status != "enabled" {
		t.Errorf("came as %+v", got)
	}
}

// TestStrangeMembers: what a group holds that is no account is read as what is known of it.
func TestStrangeMembers(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, nil)
	w.fill()
	gone := "cn=gone," + w.people()
	w.put("g-1", "member", gone)
	w.put("g-1", "member", w.base) // an entry that is no account and has no id of one
	got := read(t, c)
	wantKeys(t, got, "u-1 g-1 ", "u-2 g-1 ", "dn:"+gone+" g-1 ", "dn:"+w.base+" g-1 ")
	if n := got.grants["dn:"+gone+" g-1 "].Attrs[attrNote]; n != noteGone {
		t.Errorf("note %q", n)
	}
	if n := got.grants["dn:"+w.base+" g-1 "].Attrs[attrNote]; n != noteUnlisted {
		t.Errorf("note %q", n)
	}
	// What has no entry can be taken out; what has one by now is somebody else.
	for _, dn := range []string{gone, w.base} {
		a := connector.Access{AccountID: "dn:" + dn, EntitlementID: "g-1"}
		revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
		check(t, c, a, connector.Absent)
	}
	w.put("g-1", "member", gone)
	w.must(add(w.conn, gone, map[string][]string{"objectClass": {"inetOrgPerson"}, "cn": {"gone"}, "sn": {"x"}, "employeeNumber": {"u-7"}}))
	a := connector.Access{AccountID: "dn:" + gone, EntitlementID: "g-1"}
	revoke(t, c, a, check(t, c, a, connector.WrongTarget), connector.RefusedTarget)

	// A group whose members are not read would hide everybody in it.
	w.must(add(w.conn, "cn=hidden,"+w.base, map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"hidden"}, "member": {w.dn("u-2")}}))
	w.put("g-1", "member", "cn=hidden,"+w.base)
	readFails(t, c, connector.Broken, "cn=hidden")
}

func TestUserNames(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofPOSIX, nil)
	w.fill()
	w.put("g-1", "memberUid", "nobody")
	got := read(t, c)
	wantKeys(t, got, "u-1 g-1 ", "u-2 g-1 ", "uid:nobody g-1 ")
	if n := got.grants["uid:nobody g-1 "].Attrs[attrNote]; n != noteNoName {
		t.Errorf("note %q", n)
	}
	a := connector.Access{AccountID: "uid:nobody", EntitlementID: "g-1"}
	check(t, c, a, connector.Present)
	w.AddAccount("u-7", "nobody")
	check(t, c, a, connector.WrongTarget)
	// A deleted account whose name the group still holds would give the access to the next one.
	alice := connector.Access{AccountID: "u-1", Username: "alice", EntitlementID: "g-1"}
	w.must(w.conn.Del(goldap.NewDelRequest(w.dn("u-1"), nil)))
	if obs := check(t, c, alice, connector.Present); !strings.Contains(obs.Detail, "no such account") {
		t.Errorf("seen as %+v", obs)
	}
	w.AddAccount("u-8", "alice") // whose access it is now
	check(t, c, alice, connector.Absent)
	revoke(t, c, alice, connector.Observation{}, connector.AlreadyAbsent)
	w.holds("u-8", "g-1", true)
	w.AddAccount("u-9", "alice")
	readFails(t, c, connector.Broken, "two accounts")
}

// TestPrimaryGroup: gidNumber puts an account into a group that does not list it.
func TestPrimaryGroup(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofPOSIX, nil)
	w.fill()
	gid := first(w.find(w.dn("g-1"), "(objectClass=*)", "gidNumber")[0], "gidNumber")
	w.must(add(w.conn, "cn=px,"+w.people(), map[string][]string{
		"objectClass": {"inetOrgPerson", "posixAccount"}, "cn": {"px"}, "sn": {"px"}, "uid": {"px"}, "employeeNumber": {"u-px"},
		"uidNumber": {"1"}, "gidNumber": {gid}, "homeDirectory": {"/"},
	}))
	wantKeys(t, read(t, c), "u-1 g-1 ", "u-2 g-1 ", "u-px g-1 gidNumber")
	a := connector.Access{AccountID: "u-px", EntitlementID: "g-1"}
	revoke(t, c, a, check(t, c, a, connector.NotDirect), connector.RefusedDirect)
	if w.Attempts() != 0 {
		t.Error("a change was sent")
	}
}

// TestTwoAttributes: an account in two attributes of a group holds it once, and goes from both.
func TestTwoAttributes(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofUnique, nil)
	w.fill()
	w.put("g-1", "uniqueMember", w.dn("u-1")+"#'0101'B")
	wantKeys(t, read(t, c), "u-1 g-1 ", "u-2 g-1 ")
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
	revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
	revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
	check(t, c, a, connector.Absent)
	wantKeys(t, read(t, c), "u-2 g-1 ")
}

// TestLimits: a list that a limit of the server cuts short is no list.
func TestLimits(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, func(c *Config) { c.BindDN, c.PageSize = limitedDN, 3 })
	for i := range 12 {
		w.AddAccount("u-"+strconv.Itoa(i), "user"+strconv.Itoa(i))
	}
	readFails(t, c, connector.Broken, "limit")
}

// TestReferral: a tree that another server holds fails a read, unless it is left out.
func TestReferral(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, nil)
	w.fill()
	req := goldap.NewAddRequest("ou=elsewhere,"+w.people(), []goldap.Control{goldap.NewControlManageDsaIT(true)})
	req.Attribute("objectClass", []string{"referral", "extensibleObject"})
	req.Attribute("ou", []string{"elsewhere"})
	req.Attribute("ref", []string{"ldap://127.0.0.1:1/ou=elsewhere," + w.people()})
	w.must(w.conn.Add(req))
	readFails(t, c, connector.Broken, "another server", "ou=elsewhere")
	c.cfg.IgnoreReferrals = true
	wantKeys(t, read(t, c), "u-1 g-1 ", "u-2 g-1 ")
}

func TestProbe(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, nil)
	_, err := c.Probe(t.Context())
	failure(t, err, connector.Refused, "no account")
	w.fill()
	said, err := c.Probe(t.Context())
	if err != nil || !strings.Contains(said, "LDAP directory") || !strings.Contains(said, w.dn("u-1")) || !strings.Contains(said, "guarded") {
		t.Errorf("probe says %q, %v", said, err)
	}
	_, c = newWorld(t, ofNames, func(c *Config) { c.AccountBase = "ou=nowhere," + c.BaseDN })
	_, err = c.Probe(t.Context())
	failure(t, err, connector.Refused, "ou=nowhere")
	_, c = newWorld(t, ofNames, func(c *Config) { c.AccountIDAttr = "telexNumber"; c.AccountBase, c.AccountFilter = c.BaseDN, "(ou=*)" })
	_, err = c.Probe(t.Context())
	failure(t, err, connector.Refused, "telexNumber")
}

// TestMemberOf: what an account says of itself is seen, and cannot be taken away there.
func TestMemberOf(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, nil)
	w.fill()
	w.AddAccount("u-3", "carol")
	req := goldap.NewModifyRequest(w.dn("u-3"), nil)
	req.Add("objectClass", []string{"extensibleObject"})
	req.Add("memberOf", []string{w.dn("g-1"), "cn=unread," + w.base})
	w.must(w.conn.Modify(req))
	got := read(t, c)
	wantKeys(t, got, "u-1 g-1 ", "u-2 g-1 ", "u-3 g-1 memberOf")
	a := connector.Access{AccountID: "u-3", EntitlementID: "g-1"}
	revoke(t, c, a, check(t, c, a, connector.NotDirect), connector.RefusedDirect)
}

// TestManyGroups: an account in more groups than a search may give without pages.
func TestManyGroups(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, func(c *Config) { c.BindDN = readerDN })
	w.fill()
	for i := range 60 {
		id := "m-" + strconv.Itoa(i)
		w.AddEntitlement(id, "Many "+strconv.Itoa(i))
		w.Grant("u-1", id)
	}
	w.AddEntitlement("g-2", "Staff")
	w.Nest("g-2", "m-59")
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-2"}
	if obs := check(t, c, a, connector.NotDirect); !strings.Contains(obs.Detail, "m-59") {
		t.Errorf("seen as %+v", obs)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "", "9223372036854775807": "", "": "", "x": "", "-5": "",
		"133170048000000000": "2023-01-01T00:00:00Z", "116444736000000010": "1970-01-01T00:00:00.000001Z",
	} {
		if got := fileTime(in).String(); got != want {
			t.Errorf("fileTime(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"20260302090000Z": "2026-03-02T09:00:00Z", "20260302090000.0Z": "2026-03-02T09:00:00Z",
		"20260302100000+0100": "2026-03-02T09:00:00Z", "202603020900Z": "2026-03-02T09:00:00Z", "soon": "",
	} {
		if got := generalizedTime(in).String(); got != want {
			t.Errorf("generalizedTime(%q) = %q, want %q", in, got, want)
		}
	}
	if model.TimeOf(time.Unix(20_000*86_400, 0)).String() != "2024-10-04T00:00:00Z" {
		t.Error("days since 1970 are not what the test takes them for")
	}
}

// TestMovedAway: an account, or a group on the way, that has left the configured base is not
// gone.
func TestMovedAway(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	outside := strings.TrimPrefix(w.base, "ou=")
	outside = "ou=out-" + outside
	w.must(add(w.conn, outside, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {strings.TrimPrefix(strings.SplitN(outside, ",", 2)[0], "ou=")}}))
	name, _, _ := strings.Cut(w.dn("u-1"), ",")
	w.must(w.conn.ModifyDN(goldap.NewModifyDNRequest(w.dn("u-1"), name, true, outside)))
	old := w.dn("u-1")
	w.note("u-1", name+","+outside)
	check(t, c, a, connector.Absent) // the group names it by the old DN, which nobody has
	w.put("g-1", "member", w.dn("u-1"))
	revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
	w.holds("u-1", "g-1", false)
	a.AccountID = "dn:" + old
	a.Username = ""
	revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)

	inner := "cn=inner," + outside
	w.must(add(w.conn, inner, map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"inner"}, "member": {w.dn("u-1")}}))
	w.put("g-1", "member", inner)
	a.AccountID = w.uuid("u-1")
	check(t, c, a, connector.NotDirect)
	readFails(t, c, connector.Broken, inner)
}
