package ldap

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

func newBuffer() *bytes.Buffer { return new(bytes.Buffer) }

const (
	suffix    = "dc=example,dc=test"
	rootDN    = "cn=root," + suffix
	rootPW    = "r00t-of-the-tree"
	canary    = "c4n4ry-0f-the-password"
	clientDN  = "cn=connector," + suffix // may read and change everything
	readerDN  = "cn=reader," + suffix    // may read, and change nothing
	limitedDN = "cn=limited," + suffix   // may read ten entries of a list
	blindDN   = "cn=blind," + suffix     // may not read members
)

// ended collects what TestMain ends.
var ended struct {
	mu  sync.Mutex
	fns []func()
}

func atEnd(f func()) {
	ended.mu.Lock()
	defer ended.mu.Unlock()
	ended.fns = append(ended.fns, f)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(ended.fns) {
		f()
	}
	os.Exit(code)
}

// program finds a server's program; a test without it fails.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if _, err := os.Stat("/usr/sbin/" + name); err != nil {
		return "", fmt.Errorf("%s is not installed, and the tests need it: %w", name, err)
	}
	return "/usr/sbin/" + name, nil
}

// run starts a server until the end of the tests.
func run(name string, args ...string) (out *bytes.Buffer, err error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	out = newBuffer()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	atEnd(func() {
		cancel()
		_ = cmd.Wait()
	})
	return out, nil
}

// slapd is the one OpenLDAP server of all tests.
type slapd struct {
	dir     string
	plain   string // address for ldap://
	tls     string // address for ldaps://
	ca      string // file
	counter atomic.Int64
}

var openLDAP = sync.OnceValues(startSlapd)

const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload ppolicy.la
attributetype ( 1.2.840.113556.1.2.102 NAME 'memberOf' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
pidfile %[1]s/pid
TLSCACertificateFile %[1]s/ca.pem
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
TLSVerifyClient never
threads 16
sizelimit size=50 size.prtotal=unlimited
database mdb
maxsize 1073741824
suffix "dc=example,dc=test"
rootdn "cn=root,dc=example,dc=test"
rootpw %[2]s
directory %[1]s/db
dbnosync
index objectClass,entryUUID,uid,cn,ou,description,employeeNumber,member,uniqueMember,memberUid,roleOccupant eq
access to attrs=userPassword by anonymous auth by * none
access to attrs=member by dn.exact="cn=blind,dc=example,dc=test" none by dn.exact="cn=connector,dc=example,dc=test" manage by * read
limits dn.exact="cn=limited,dc=example,dc=test" size.prtotal=10
access to * by dn.exact="cn=connector,dc=example,dc=test" manage by anonymous auth by * read
overlay ppolicy
`

func startSlapd() (*slapd, error) {
	dir, err := os.MkdirTemp("", "slapd-")
	if err != nil {
		return nil, err
	}
	atEnd(func() { _ = os.RemoveAll(dir) })
	s := &slapd{dir: dir, ca: filepath.Join(dir, "ca.pem")}
	if err := certificates(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "slapd.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, slapdConf, dir, rootPW), 0o600); err != nil {
		return nil, err
	}
	for _, a := range []*string{&s.plain, &s.tls} {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*a = l.Addr().String()
		_ = l.Close()
	}
	out, err := run("slapd", "-d", "0", "-f", conf, "-h", "ldap://"+s.plain+"/ ldaps://"+s.tls+"/")
	if err != nil {
		return nil, err
	}
	conn, err := dialUntil(s.plain, rootDN, rootPW, 20*time.Second)
	if err != nil {
		return nil, fmt.Errorf("slapd does not answer: %w\n%s", err, out)
	}
	defer conn.Close()
	entries := []struct {
		dn    string
		attrs map[string][]string
	}{
		{suffix, map[string][]string{"objectClass": {"dcObject", "organization"}, "dc": {"example"}, "o": {"Example"}}},
		{clientDN, signIn("connector")}, {readerDN, signIn("reader")}, {blindDN, signIn("blind")},
		{limitedDN, signIn("limited")},
	}
	for _, e := range entries {
		if err := add(conn, e.dn, e.attrs); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func signIn(name string) map[string][]string {
	return map[string][]string{"objectClass": {"organizationalRole", "simpleSecurityObject"}, "cn": {name}, "userPassword": {canary}}
}

func add(conn *goldap.Conn, dn string, attrs map[string][]string) error {
	req := goldap.NewAddRequest(dn, nil)
	for k, v := range attrs {
		req.Attribute(k, v)
	}
	if err := conn.Add(req); err != nil {
		return fmt.Errorf("add %s: %w", dn, err)
	}
	return nil
}

// dialUntil signs in to a server that is being started.
func dialUntil(address, dn, password string, patience time.Duration) (*goldap.Conn, error) {
	deadline := time.After(patience)
	for {
		conn, err := goldap.DialURL("ldap://" + address)
		if err == nil {
			if err = conn.Bind(dn, password); err == nil {
				return conn, nil
			}
			_ = conn.Close()
		}
		select {
		case <-deadline:
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// certificates makes an authority and the server's certificate, for 127.0.0.1 and ldap.test.
func certificates(dir string) error {
	day := 24 * time.Hour
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: now.Add(-day), NotAfter: now.Add(day),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ldap.test"}, NotBefore: now.Add(-day), NotAfter: now.Add(day),
		DNSNames: []string{"ldap.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: caDER}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
