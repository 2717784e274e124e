package ldap

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector/connectortest"
)

const (
	sambaAddress = "127.0.0.1:389" // samba serves LDAP at no other port
	domain       = "dc=ad,dc=example,dc=test"
	adminDN      = "CN=Administrator,CN=Users," + domain
)

// samba is the one domain controller of all tests. It takes Debian's packages samba,
// samba-ad-provision, samba-dsdb-modules and samba-vfs-modules.
type samba struct {
	sid     string // of the domain
	counter atomic.Int64
}

var activeDirectory = sync.OnceValues(startSamba)

func startSamba() (*samba, error) {
	if conn, err := net.DialTimeout("tcp", sambaAddress, time.Second); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("something serves %s already, which the domain controller needs", sambaAddress)
	}
	tool, err := program("samba-tool")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "samba-")
	if err != nil {
		return nil, err
	}
	atEnd(func() { _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	//nolint:gosec // a fixed program, for a directory of the test's own
	out, err := exec.CommandContext(ctx, tool, "domain", "provision", "--targetdir="+dir, "--realm=AD.EXAMPLE.TEST", "--domain=AD",
		"--server-role=dc", "--adminpass="+canary+"-A1", "--dns-backend=NONE", "--use-rfc2307", "--option=ldb:nosync = true").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("samba-tool domain provision: %w\n%s", err, out)
	}
	log, err := run("samba", "-i", "-M", "single", "-s", filepath.Join(dir, "etc", "smb.conf"), "--option=interfaces=lo",
		"--option=bind interfaces only=yes", "--option=server services=ldap,cldap", "--option=ldap server require strong auth=no",
		"--option=ldb:nosync = true")
	if err != nil {
		return nil, err
	}
	conn, err := dialUntil(sambaAddress, adminDN, canary+"-A1", time.Minute)
	if err != nil {
		return nil, fmt.Errorf("the domain controller does not answer: %w\n%s", err, log)
	}
	defer conn.Close()
	res, err := conn.Search(&goldap.SearchRequest{BaseDN: domain, Scope: goldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"objectSid"}})
	if err != nil {
		return nil, err
	}
	sid, _ := formatSID([]byte(first(res.Entries[0], "objectSid")))
	return &samba{sid: sid}, nil
}

// newDomain is a fresh organizational unit in the one domain, with a connector to it. A user
// name is unique in the whole domain, so the worlds of the suite call theirs displayName.
func newDomain(t *testing.T, edit func(*Config)) (*world, *Client) {
	t.Helper()
	srv, err := activeDirectory()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialUntil(sambaAddress, adminDN, canary+"-A1", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := srv.counter.Add(1)
	kind := kindOf{ad: true, class: "group", member: "member", accountID: "employeeNumber", groupID: "info", username: "displayName", groupName: "displayName"}
	w := &world{
		t: t, kind: kind, conn: conn, base: fmt.Sprintf("ou=t%d,%s", n, domain), unique: strconv.FormatInt(n, 10),
		dns: map[string]string{}, uids: map[string]string{},
	}
	for _, dn := range []string{w.base, w.people(), w.groups()} {
		w.must(add(conn, dn, map[string][]string{"objectClass": {"organizationalUnit"}}))
	}
	cfg := Config{
		BindDN: adminDN, Password: canary + "-A1", BaseDN: w.base, AccountBase: w.people(), GroupBase: w.groups(),
		AccountIDAttr: kind.accountID, GroupIDAttr: kind.groupID, UsernameAttr: kind.username, GroupNameAttr: kind.groupName,
	}
	c := w.connect(sambaAddress, cfg, edit)
	return w, c
}

func TestConformanceActiveDirectory(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		w, c := newDomain(t, nil)
		return connectortest.Harness{
			Target: c, Source: c, World: w, Page: 10, Secrets: []string{canary},
			Lacks: map[string]string{"guard": "Active Directory has no assertion control; see TestDomainGuard"},
		}
	})
}
