package ldap

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// byUUID lets the connector use the ids that OpenLDAP gives itself.
func byUUID(c *Config) { c.AccountIDAttr, c.GroupIDAttr = "", "" }

// uuid is the entryUUID of what the world knows by id.
func (w *world) uuid(id string) string {
	w.t.Helper()
	list := w.find(w.dn(id), "(objectClass=*)", "entryUUID")
	if len(list) == 0 {
		w.t.Fatalf("%s is not there", id)
	}
	return first(list[0], "entryUUID")
}

// filled is a world with two members of one group, and the access of the first.
func filled(t *testing.T, kind kindOf, edit func(*Config)) (*world, *Client, connector.Access) {
	t.Helper()
	w, c := newWorld(t, kind, edit)
	w.fill()
	a := connector.Access{AccountID: "u-1", Username: "alice", EntitlementID: "g-1", EntitlementName: "Editors"}
	if c.cfg.AccountIDAttr == "" {
		a.AccountID, a.EntitlementID = w.uuid("u-1"), w.uuid("g-1")
	}
	return w, c, a
}

func (w *world) fill() {
	w.AddAccount("u-1", "alice")
	w.AddAccount("u-2", "bob")
	w.AddEntitlement("g-1", "Editors")
	w.Grant("u-1", "g-1")
	w.Grant("u-2", "g-1")
}

func check(t *testing.T, c *Client, a connector.Access, want connector.Presence) connector.Observation {
	t.Helper()
	obs, err := c.Check(t.Context(), a)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	if obs.Presence != want {
		t.Fatalf("check shows %s (%s), want %s", obs.Presence, obs.Detail, want)
	}
	return obs
}

func revoke(t *testing.T, c *Client, a connector.Access, seen connector.Observation, want connector.Outcome) {
	t.Helper()
	got, err := c.Revoke(t.Context(), a, seen, "rev-1")
	if err != nil || got != want {
		t.Fatalf("revoke: %q, %v; want %q", got, err, want)
	}
}

// failure checks the kind of an error, and that it tells no secret.
func failure(t *testing.T, err error, want connector.FailureKind, words ...string) {
	t.Helper()
	f, ok := errors.AsType[*connector.Failure](err)
	if !ok || f.Kind != want {
		t.Fatalf("error %v, want a failure of kind %s", err, want)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, err, f.Err); strings.Contains(text, canary) {
		t.Errorf("the error tells the password: %s", text)
	}
	for _, word := range words {
		if !strings.Contains(f.Msg, word) {
			t.Errorf("the message %q does not say %q", f.Msg, word)
		}
	}
}

func (w *world) holds(account, group string, want bool) {
	w.t.Helper()
	if got := w.Holds(account, group); got != want {
		w.t.Fatalf("in truth, %s is in %s: %v, want %v", account, group, got, want)
	}
}

func TestDirectMember(t *testing.T) {
	t.Parallel()
	for _, kind := range []kindOf{ofNames, ofUnique, ofRole, ofPOSIX} {
		w, c, a := filled(t, kind, byUUID)
		obs := check(t, c, a, connector.Present)
		if !strings.Contains(obs.Detail, kind.member) || obs.Version == "" || obs.Last || obs.Self {
			t.Errorf("%s: seen as %+v", kind.class, obs)
		}
		revoke(t, c, a, obs, connector.Removed)
		w.holds("u-1", "g-1", false)
		w.holds("u-2", "g-1", true)
		check(t, c, a, connector.Absent)
		revoke(t, c, a, obs, connector.AlreadyAbsent)
	}
}

// TestLastMember: a groupOfNames must have a member, so the last one stays; other groups may
// be empty.
func TestLastMember(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	w.Ungrant("u-2", "g-1")
	obs := check(t, c, a, connector.Present)
	if !obs.Last {
		t.Error("a placeholder counts as a member")
	}
	req := goldap.NewModifyRequest(w.dn("g-1"), nil)
	req.Delete("member", []string{"cn=placeholder," + w.base})
	w.must(w.conn.Modify(req))
	obs = check(t, c, a, connector.Present)
	if !obs.Last {
		t.Error("nobody says that it is the last member")
	}
	_, err := c.Revoke(t.Context(), a, obs, "rev-1")
	failure(t, err, connector.Refused, "last member")
	w.holds("u-1", "g-1", true)

	w, c, a = filled(t, ofRole, byUUID)
	w.Ungrant("u-2", "g-1")
	obs = check(t, c, a, connector.Present)
	if !obs.Last {
		t.Error("nobody says that it is the last member")
	}
	revoke(t, c, a, obs, connector.Removed)
	w.holds("u-1", "g-1", false)
}

// TestRenamedPrincipal: bob got another name, and somebody new got his. The snapshot knows bob
// by his id and his old name.
func TestRenamedPrincipal(t *testing.T) {
	t.Parallel()
	w, c, _ := filled(t, ofNames, byUUID)
	bob := connector.Access{AccountID: w.uuid("u-2"), Username: "bob", EntitlementID: w.uuid("g-1"), EntitlementName: "Editors"}
	seen := check(t, c, bob, connector.Present)
	old := w.dn("u-2")
	w.must(w.conn.ModifyDN(goldap.NewModifyDNRequest(old, "ou=left", true, "")))
	w.note("u-2", "ou=left,"+w.people())
	w.set("u-2", "uid", "bob_left")
	w.Grant("u-2", "g-1")
	w.must(add(w.conn, old, map[string][]string{
		"objectClass": {"inetOrgPerson"}, "cn": {"New Bob"}, "sn": {"Bob"}, "uid": {"bob"}, "employeeNumber": {"u-9"},
	}))
	w.note("u-9", old) // the new bob has the DN that the group still holds
	check(t, c, bob, connector.WrongTarget)
	revoke(t, c, bob, seen, connector.RefusedTarget)
	w.holds("u-2", "g-1", true)
	w.holds("u-9", "g-1", true)
	// By the new name, the right one goes and the other stays.
	bob.Username = "bob_left"
	revoke(t, c, bob, check(t, c, bob, connector.Present), connector.Removed)
	w.holds("u-2", "g-1", false)
	w.holds("u-9", "g-1", true)
}

func TestGroupDeleted(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	w.AddEntitlement("g-2", "Others")
	seen := check(t, c, a, connector.Present)
	w.must(w.conn.Del(goldap.NewDelRequest(w.dn("g-1"), nil)))
	check(t, c, a, connector.Absent)
	revoke(t, c, a, seen, connector.AlreadyAbsent)
	// Deleted between the look and the change.
	w.AddEntitlement("g-1", "Editors")
	w.Grant("u-1", "g-1")
	a.EntitlementID = w.uuid("g-1")
	w.Meanwhile(func() { w.must(w.conn.Del(goldap.NewDelRequest(w.dn("g-1"), nil))) })
	revoke(t, c, a, connector.Observation{}, connector.AlreadyAbsent)
}

// TestDoneByOthers: somebody else took the member out between the look and the change.
func TestDoneByOthers(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	w.Meanwhile(func() { w.Ungrant("u-1", "g-1") })
	revoke(t, c, a, connector.Observation{}, connector.Changed)
	// A directory without the assertion control says that the value is not there.
	w, c, a = filled(t, ofNames, byUUID)
	w.proxy.unguarded = true
	w.Meanwhile(func() { w.Ungrant("u-1", "g-1") })
	revoke(t, c, a, connector.Observation{}, connector.AlreadyAbsent)
	if w.Attempts() != 1 {
		t.Errorf("%d changes were sent, want one", w.Attempts())
	}
}

func TestNoPrivilege(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, func(c *Config) { byUUID(c); c.BindDN = readerDN })
	obs := check(t, c, a, connector.Present)
	_, err := c.Revoke(t.Context(), a, obs, "rev-1")
	failure(t, err, connector.Denied)
	w.holds("u-1", "g-1", true)
	a.AccountID = w.uuid("u-2")
	a.Username = "bob"
	w.Ungrant("u-2", "g-1")
	_, err = c.Grant(t.Context(), a, "give-1")
	failure(t, err, connector.Denied)
	w.holds("u-2", "g-1", false)
}

// TestBlind: an account that may not see members has not seen that they are gone.
func TestBlind(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, func(c *Config) { byUUID(c); c.BindDN = blindDN })
	_, err := c.Check(t.Context(), a)
	failure(t, err, connector.Denied, "member")
	_, err = c.Read(t.Context(), func(model.Record) error { return nil })
	failure(t, err, connector.Denied, "member")
	w.holds("u-1", "g-1", true)
}

func TestBadPassword(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*Config){
		func(c *Config) { c.Password = canary + "-old" },
		func(c *Config) { c.BindDN = "cn=nobody," + suffix },
		func(c *Config) { c.BindDN = "connector" },
	} {
		w, c := newWorld(t, ofNames, edit)
		w.fill()
		_, err := c.Check(t.Context(), connector.Access{AccountID: "u-1", EntitlementID: "g-1"})
		failure(t, err, connector.Denied)
		_, err = c.Probe(t.Context())
		failure(t, err, connector.Denied)
		_, err = c.Revoke(t.Context(), connector.Access{AccountID: "u-1", EntitlementID: "g-1"}, connector.Observation{}, "rev-1")
		failure(t, err, connector.Denied)
		w.holds("u-1", "g-1", true)
	}
}

// TestWrongBase: where nothing is seen, nothing is gone.
func TestWrongBase(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Config){
		"no such base": func(c *Config) { c.BaseDN = "ou=nowhere," + suffix; c.AccountBase, c.GroupBase = "", "" },
		"empty":        func(c *Config) { c.BaseDN, c.AccountBase = c.GroupBase, c.GroupBase },
	} {
		_, c, a := filled(t, ofNames, edit)
		if _, err := c.Check(t.Context(), a); err == nil {
			t.Errorf("%s: the access counts as gone", name)
		} else {
			failure(t, err, connector.Broken)
		}
	}
}

// TestHungServer: a server that accepts and says nothing ends every operation by its deadline.
func TestHungServer(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
	for _, starttls := range []bool{false, true} {
		c, err := New(Config{
			URL: "ldap://" + l.Addr().String(), BindDN: clientDN, Password: canary, BaseDN: suffix, StartTLS: starttls,
			Timeout: 200 * time.Millisecond, Now: func() time.Time { return connectortest.Now },
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Check(t.Context(), a)
		failure(t, err, connector.Unreachable)
		_, err = c.Revoke(t.Context(), a, connector.Observation{}, "rev-1")
		failure(t, err, connector.Unreachable)
		_, err = c.Read(t.Context(), func(model.Record) error { return nil })
		failure(t, err, connector.Unreachable)
		_, err = c.Probe(t.Context())
		failure(t, err, connector.Unreachable)
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	}
	_ = l.Close()
	c, err := New(Config{URL: "ldap://" + l.Addr().String(), BindDN: clientDN, Password: canary, BaseDN: suffix, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context(), a)
	failure(t, err, connector.Unreachable)
}

// TestGarbageAfterChange: an answer to a change that is none leaves open what was done, and
// the change is not sent again.
func TestGarbageAfterChange(t *testing.T) {
	t.Parallel()
	for _, kind := range []connectortest.FaultKind{connectortest.Garbage, connectortest.Huge} {
		w, c, a := filled(t, ofNames, byUUID)
		obs := check(t, c, a, connector.Present)
		w.proxy.faults = append(w.proxy.faults, &injected{Fault: connectortest.Fault{Kind: kind, On: connectortest.Writes}})
		_, err := c.Revoke(t.Context(), a, obs, "rev-1")
		failure(t, err, connector.Broken)
		if w.Attempts() != 1 {
			t.Errorf("%d changes were sent, want one", w.Attempts())
		}
	}
}

// TestDroppedIdle: a connection that the server ended while it was idle fails nothing.
func TestDroppedIdle(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	for range 3 {
		check(t, c, a, connector.Present)
		w.proxy.mu.Lock()
		for conn := range w.proxy.open {
			_ = conn.Close()
		}
		w.proxy.mu.Unlock()
	}
	revoke(t, c, a, connector.Observation{}, connector.Removed)
}

// TestReadOnlyReplica: a server that refers changes to another one is not followed.
func TestReadOnlyReplica(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, byUUID)
	w.Inject(connectortest.Fault{Kind: connectortest.Redirect, On: connectortest.Writes, Location: "ldap://127.0.0.1:1/"})
	_, err := c.Revoke(t.Context(), a, connector.Observation{}, "rev-1")
	failure(t, err, connector.Refused, "another server")
	w.holds("u-1", "g-1", true)
}

func TestOwnAccount(t *testing.T) {
	t.Parallel()
	w, c, a := filled(t, ofNames, nil)
	w.must(add(w.conn, "cn=me,"+w.people(), map[string][]string{
		"objectClass": {"inetOrgPerson"}, "cn": {"me"}, "sn": {"me"}, "uid": {"me"}, "employeeNumber": {"u-me"}, "userPassword": {canary},
	}))
	w.note("u-me", "cn=me,"+w.people())
	w.Grant("u-me", "g-1")
	c.Close()
	c.cfg.BindDN = "CN=Me , " + w.people()
	c.own = normDN(c.cfg.BindDN)
	if obs := check(t, c, a, connector.Present); obs.Self {
		t.Error("another account counts as the connector's own")
	}
	a.AccountID, a.Username = "u-me", "me"
	if obs := check(t, c, a, connector.Present); !obs.Self {
		t.Error("nobody says that it is the connector's own account")
	}
	if obs := check(t, c, connector.Access{AccountID: "u-me"}, connector.Present); !obs.Self {
		t.Error("nobody says that it is the connector's own account")
	}
}

// TestConcurrent: one Client serves many at once, and each removal is made once.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, ofNames, nil)
	w.AddEntitlement("g-1", "Editors")
	const n = 24
	for i := range n {
		w.AddAccount("u-"+strconv.Itoa(i), "user"+strconv.Itoa(i))
		w.Grant("u-"+strconv.Itoa(i), "g-1")
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			a := connector.Access{AccountID: "u-" + strconv.Itoa(i), EntitlementID: "g-1"}
			for {
				o, err := c.Revoke(t.Context(), a, connector.Observation{}, "rev-1")
				if err != nil {
					t.Errorf("revoke: %v", err)
				}
				if o != connector.Changed { // another removal came first
					return
				}
			}
		})
	}
	wg.Wait()
	if got := read(t, c); len(got.keys) != 0 || w.Changes() != n {
		t.Errorf("%d changes were made, and %q are left", w.Changes(), got.keys)
	}
}
