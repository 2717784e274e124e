package ldap

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector/connectortest"
)

// kindOf is a kind of directory and of groups in it.
type kindOf struct {
	ad        bool
	class     string // of groups
	member    string // attribute
	holder    bool   // groups must have a member
	accountID string
	groupID   string
	username  string
	groupName string
}

var (
	ofNames  = kindOf{class: "groupOfNames", member: "member", holder: true}
	ofUnique = kindOf{class: "groupOfUniqueNames", member: "uniqueMember", holder: true}
	ofRole   = kindOf{class: "organizationalRole", member: "roleOccupant"}
	ofPOSIX  = kindOf{class: "posixGroup", member: "memberUid"}
)

// world is a tree of its own in a real directory, as its administrator sees it.
type world struct {
	t     *testing.T
	kind  kindOf
	conn  *goldap.Conn // the administrator's
	base  string
	proxy *proxy

	mu     sync.Mutex
	n      int
	dns    map[string]string // by id
	uids   map[string]string // by account's id
	unique string            // makes names of Active Directory unique in the domain
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	return w.n
}

func (w *world) note(id, dn string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dns[id] = dn
}

// dn is the DN of what has an id; of what there never was, a DN that nobody has.
func (w *world) dn(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if dn := w.dns[id]; dn != "" {
		return dn
	}
	return "cn=nobody," + w.base
}

func (w *world) uid(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.uids[id]
}

func (w *world) people() string { return "ou=people," + w.base }
func (w *world) groups() string { return "ou=groups," + w.base }

func (w *world) AddAccount(id, username string) {
	w.t.Helper()
	n := w.next()
	attrs := map[string][]string{
		"objectClass": {"inetOrgPerson"}, "ou": {fmt.Sprintf("a%d", n)}, "cn": {"The " + username}, "sn": {username},
		"uid": {username}, "employeeNumber": {id},
	}
	dn := fmt.Sprintf("ou=a%d,%s", n, w.people())
	if w.kind.ad {
		attrs = map[string][]string{
			"objectClass": {"user"}, "sAMAccountName": {fmt.Sprintf("a%d-%s", n, w.unique)}, "displayName": {username},
			"employeeNumber": {id}, "userAccountControl": {"544"},
		}
		dn = fmt.Sprintf("cn=a%d,%s", n, w.people())
	}
	w.must(add(w.conn, dn, attrs))
	w.note(id, dn)
	w.mu.Lock()
	w.uids[id] = username
	w.mu.Unlock()
}

func (w *world) AddEntitlement(id, name string) {
	w.t.Helper()
	n := w.next()
	attrs := map[string][]string{"objectClass": {w.kind.class}, "cn": {name}, "description": {id}}
	rdn := fmt.Sprintf("ou=g%d", n)
	switch {
	case w.kind.ad:
		rdn = fmt.Sprintf("cn=g%d", n)
		attrs = map[string][]string{
			"objectClass": {"group"}, "sAMAccountName": {fmt.Sprintf("g%d-%s", n, w.unique)}, "displayName": {name}, "info": {id},
		}
	case w.kind.class == "posixGroup":
		rdn = fmt.Sprintf("gidNumber=%d", 10_000+n)
		attrs["gidNumber"] = []string{strconv.Itoa(10_000 + n)}
	default:
		attrs["ou"] = []string{fmt.Sprintf("g%d", n)}
	}
	if w.kind.holder {
		attrs[w.kind.member] = []string{"cn=placeholder," + w.base}
	}
	dn := rdn + "," + w.groups()
	w.must(add(w.conn, dn, attrs))
	w.note(id, dn)
}

// value is what a group holds of a member.
func (w *world) value(id string) string {
	if w.kind.member == "memberUid" {
		return w.uid(id)
	}
	return w.dn(id)
}

func (w *world) Grant(account, entitlement string) {
	w.t.Helper()
	req := goldap.NewModifyRequest(w.dn(entitlement), nil)
	if w.Holds(account, entitlement) {
		req.Delete(w.kind.member, []string{w.value(account)})
	}
	req.Add(w.kind.member, []string{w.value(account)})
	w.must(w.conn.Modify(req))
}

func (w *world) Ungrant(account, entitlement string) {
	w.t.Helper()
	req := goldap.NewModifyRequest(w.dn(entitlement), nil)
	req.Delete(w.kind.member, []string{w.value(account)})
	w.must(w.conn.Modify(req))
}

func (w *world) Nest(outer, inner string) {
	w.t.Helper()
	req := goldap.NewModifyRequest(w.dn(outer), nil)
	req.Add(w.kind.member, []string{w.dn(inner)})
	w.must(w.conn.Modify(req))
}

func (w *world) set(id, attr string, vals ...string) {
	w.t.Helper()
	req := goldap.NewModifyRequest(w.dn(id), nil)
	req.Replace(attr, vals)
	w.must(w.conn.Modify(req))
}

func (w *world) RenameAccount(id, username string) {
	w.t.Helper()
	w.set(id, w.kind.username, username)
	w.mu.Lock()
	if w.kind.member != "memberUid" {
		w.uids[id] = username
	}
	w.mu.Unlock()
}

func (w *world) RenameEntitlement(id, name string) {
	w.t.Helper()
	w.set(id, w.kind.groupName, name)
}

func (w *world) DeleteAccount(id string) {
	w.t.Helper()
	for _, g := range w.find(w.groups(), "("+w.kind.member+"="+goldap.EscapeFilter(w.value(id))+")") {
		if !w.kind.ad { // which does that itself
			req := goldap.NewModifyRequest(g.DN, nil)
			req.Delete(w.kind.member, []string{w.value(id)})
			w.must(w.conn.Modify(req))
		}
	}
	w.must(w.conn.Del(goldap.NewDelRequest(w.dn(id), nil)))
}

func (w *world) find(base, filter string, attrs ...string) []*goldap.Entry {
	w.t.Helper()
	res, err := w.conn.Search(&goldap.SearchRequest{BaseDN: base, Scope: goldap.ScopeWholeSubtree, Filter: filter, Attributes: attrs})
	if err != nil {
		w.t.Errorf("search %s: %v", filter, err)
		return nil
	}
	return res.Entries
}

func (w *world) Holds(account, entitlement string) bool {
	w.t.Helper()
	return len(w.find(w.dn(entitlement), "("+w.kind.member+"="+goldap.EscapeFilter(w.value(account))+")", "1.1")) == 1
}

func (w *world) Active(account string) bool {
	w.t.Helper()
	e := w.find(w.dn(account), "(objectClass=*)", "pwdAccountLockedTime", "userAccountControl")
	if len(e) != 1 {
		return false
	}
	if w.kind.ad {
		return first(e[0], "userAccountControl") == "544"
	}
	return first(e[0], "pwdAccountLockedTime") == ""
}

func (w *world) Attempts() int {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	return w.proxy.attempts
}

func (w *world) Changes() int {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	return w.proxy.changes
}

func (w *world) Meanwhile(f func()) {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	w.proxy.then = f
}

func (w *world) Inject(f connectortest.Fault) bool { return w.proxy.inject(f) }

func (w *world) ClearFaults() {
	w.proxy.mu.Lock()
	defer w.proxy.mu.Unlock()
	w.proxy.faults = nil
}

// patience is the connector's in the tests: long enough for a busy machine.
const patience = 5 * time.Second

// newWorld is a fresh tree in the one OpenLDAP, with a connector to it.
func newWorld(t *testing.T, kind kindOf, edit func(*Config)) (*world, *Client) {
	t.Helper()
	srv, err := openLDAP()
	if err != nil {
		t.Fatal(err)
	}
	kind.accountID, kind.groupID, kind.username, kind.groupName = "employeeNumber", "description", "uid", "cn"
	conn, err := dialUntil(srv.plain, rootDN, rootPW, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := srv.counter.Add(1)
	w := &world{t: t, kind: kind, conn: conn, base: fmt.Sprintf("ou=t%d,%s", n, suffix), dns: map[string]string{}, uids: map[string]string{}}
	for _, dn := range []string{w.base, w.people(), w.groups()} {
		name, _, _ := strings.Cut(strings.TrimPrefix(dn, "ou="), ",")
		w.must(add(conn, dn, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {name}}))
	}
	cfg := Config{
		BindDN: clientDN, Password: canary, BaseDN: w.base, AccountBase: w.people(), GroupBase: w.groups(),
		AccountIDAttr: kind.accountID, GroupIDAttr: kind.groupID, Placeholders: []string{"cn=placeholder," + w.base},
	}
	c := w.connect(srv.plain, cfg, edit)
	return w, c
}

// connect makes a connector to a directory, through a proxy.
func (w *world) connect(address string, cfg Config, edit func(*Config)) *Client {
	w.t.Helper()
	cfg.Timeout, cfg.PageSize, cfg.MaxAnswer = patience, 10, 1<<20
	cfg.Now = func() time.Time { return connectortest.Now }
	if edit != nil {
		edit(&cfg)
	}
	w.proxy = newProxy(w.t, address, canary, cfg.Timeout, w.kind.accountID, w.kind.groupID)
	cfg.URL = w.proxy.url()
	c, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}
