package ldap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

func good() Config {
	return Config{URL: "ldaps://ldap.example.test", BindDN: clientDN, Password: canary, BaseDN: suffix, Now: time.Now}
}

func TestNew(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for words, edit := range map[string]func(*Config){
		"ldaps://":              func(c *Config) { c.URL = "https://ldap.example.test" },
		"ldap:// address":       func(c *Config) { c.URL = "://" + canary },
		"no user":               func(c *Config) { c.URL = "ldaps://me:" + canary + "@ldap.example.test" },
		"path":                  func(c *Config) { c.URL = "ldaps://ldap.example.test/dc=x" },
		"password are required": func(c *Config) { c.Password = "" },
		"username":              func(c *Config) { c.BindDN = "" },
		"base is required":      func(c *Config) { c.BaseDN = "" },
		"Now":                   func(c *Config) { c.Now = nil },
		"not be negative":       func(c *Config) { c.PageSize = -1 },
		"flavor":                func(c *Config) { c.Flavor = "novell" },
		"account base":          func(c *Config) { c.AccountBase = "people" },
		"not below base":        func(c *Config) { c.GroupBase = "ou=x,dc=elsewhere,dc=test" },
		"account filter":        func(c *Config) { c.AccountFilter = "objectClass=x" },
		"group filter":          func(c *Config) { c.GroupFilter = "(x" },
		"name of an attribute":  func(c *Config) { c.UsernameAttr = "uid)(x=" },
		"needs the value":       func(c *Config) { c.DisableAttr = "employeeType" },
		"needs the attribute":   func(c *Config) { c.DisableValue = "left" },
		"no certificate":        func(c *Config) { c.CAFile = empty },
		"cannot be read":        func(c *Config) { c.CAFile = empty + "x" },
		"not encrypted":         func(c *Config) { c.URL, c.CAFile = "ldap://127.0.0.1", empty },
	} {
		cfg := good()
		edit(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: error %v", words, err)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error tells the password", words)
		}
		if e, ok := errors.AsType[*model.Error](err); words != "Now" && (!ok || e.Kind != model.Invalid) {
			t.Errorf("%s: %T is not for people", words, err)
		}
	}
	for url, want := range map[string]string{
		"ldaps://ldap.example.test": "ldap.example.test:636", "ldap://ldap.example.test/": "ldap.example.test:389", "ldaps://[::1]:7636": "[::1]:7636",
	} {
		cfg := good()
		cfg.URL = url
		c, err := New(cfg)
		if err != nil || c.address != want || c.tls == nil {
			t.Errorf("%s: %v, %v", url, c, err)
		}
	}
}

func TestNoSecretShown(t *testing.T) {
	t.Parallel()
	c, err := New(good())
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("config", good()), slog.Any("client", c))
	if text := fmt.Sprintf("%v %+v %#v %v %+v %#v %s", c, c, c, good(), good(), good(), log.String()); strings.Contains(text, canary) {
		t.Errorf("the password is shown: %s", text)
	}
}

// TestEncrypted: certificates are verified, and nothing is told to a server that has none.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	srv, err := openLDAP()
	if err != nil {
		t.Fatal(err)
	}
	_, portTLS, _ := net.SplitHostPort(srv.tls)
	_, portPlain, _ := net.SplitHostPort(srv.plain)
	// Every name leads to this machine, as a guarded dialer that is given to the connector may do.
	here := func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	for name, c := range map[string]struct {
		url, ca, server string
		starttls, fails bool
	}{
		"ldaps":                    {url: "ldaps://127.0.0.1:" + portTLS, ca: srv.ca},
		"ldaps by name":            {url: "ldaps://ldap.test:" + portTLS, ca: srv.ca},
		"ldaps, name given":        {url: "ldaps://elsewhere.test:" + portTLS, ca: srv.ca, server: "ldap.test"},
		"starttls":                 {url: "ldap://127.0.0.1:" + portPlain, ca: srv.ca, starttls: true},
		"starttls by name":         {url: "ldap://ldap.test:" + portPlain, ca: srv.ca},
		"ldaps, unknown authority": {url: "ldaps://127.0.0.1:" + portTLS, fails: true},
		"starttls, the same":       {url: "ldap://127.0.0.1:" + portPlain, starttls: true, fails: true},
		"ldaps, wrong name":        {url: "ldaps://other.test:" + portTLS, ca: srv.ca, fails: true},
		"starttls, wrong name":     {url: "ldap://other.test:" + portPlain, ca: srv.ca, fails: true},
		"ldaps to a plain port":    {url: "ldaps://127.0.0.1:" + portPlain, ca: srv.ca, fails: true},
	} {
		cfg := good()
		cfg.URL, cfg.CAFile, cfg.ServerName, cfg.StartTLS, cfg.Dial = c.url, c.ca, c.server, c.starttls, here
		cfg.Timeout, cfg.AccountFilter, cfg.GroupFilter = 2*time.Second, "(uid=*)", "(cn=*)"
		client, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s, err := client.open(t.Context())
		if c.fails {
			failure(t, err, connector.Unreachable)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, ok := s.conn.TLSConnectionState(); !ok && client.tls == nil {
			t.Errorf("%s is in clear", name)
		}
		s.end()
	}
}

// TestNoStartTLS: a server that refuses StartTLS, or answers nonsense, is not told the password.
func TestNoStartTLS(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]connector.FailureKind{
		"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00":                 connector.Refused, // protocolError
		"\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00": connector.Refused, // unavailable, long form
		"HTTP/1.1 400 Bad Request\r\n\r\n":                                         connector.Broken,  //
		"\x30\x80":                                                                 connector.Broken,
		"\x30\x0c":                                                                 connector.Unreachable, // and no more
		"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00 in clear after it": connector.Unreachable,
	} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var told atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			_, _ = conn.Write([]byte(answer))
			for {
				n, err := conn.Read(buf)
				if bytes.Contains(buf[:n], []byte(canary)) {
					told.Store(true)
				}
				if err != nil {
					return
				}
			}
		}()
		cfg := good()
		cfg.URL, cfg.StartTLS, cfg.Timeout = "ldap://"+l.Addr().String(), true, 500*time.Millisecond
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Check(t.Context(), connector.Access{AccountID: "x"})
		failure(t, err, want)
		_ = l.Close()
		<-ended
		if told.Load() {
			t.Errorf("after %q, the password was sent in clear", answer)
		}
	}
}

// TestFrames: what is no LDAP message is told from one that is cut.
func TestFrames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		"\x30\x05\x02\x01\x01\x61\x00":                 nil,
		"\x30\x81\x05\x02\x01\x01\x61\x00":             nil,
		"\x30\x84\x00\x00\x00\x05\x02\x01\x01\x61\x00": nil,
		"\x30\x80\x02\x01\x01\x61\x00\x00\x00":         errNotLDAP,
		"\x30\x85\x00\x00\x00\x00\x05\x02\x01\x01\x61": errNotLDAP,
		"\x30\x03\x02\x01\x01":                         errNotLDAP,
		"\x30\x05\x04\x01\x01\x61\x00":                 errNotLDAP,
		"\x30\x05\x02\x01\x01\x04\x00":                 errNotLDAP,
		"\x30\x09\x02\x05\x01\x01\x01\x01\x01\x61\x00": errNotLDAP,
		"SSH-2.0-OpenSSH_9.2":                          errNotLDAP,
		"\x30\x84\x7f\xff\xff\xff\x02\x01\x01\x64":     errTooLong,
		"\x30\x83\x01\x00\x01\x02\x01\x01\x64":         errTooLong,
	} {
		client, server := net.Pipe()
		go func() {
			_, _ = server.Write([]byte(in))
			_ = server.Close()
		}()
		f := newFramed(client)
		f.budget.Store(1 << 16)
		buf := make([]byte, 64)
		var err error
		for err == nil {
			_, err = f.Read(buf)
		}
		if got := f.fault(); !errors.Is(got, want) || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v (%v), want %v", in, got, err, want)
		}
		_ = client.Close()
	}
}

// BenchmarkRevoke is one check and one removal.
func BenchmarkRevoke(b *testing.B) {
	srv, err := openLDAP()
	if err != nil {
		b.Fatal(err)
	}
	conn, err := dialUntil(srv.plain, rootDN, rootPW, 10*time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	base := fmt.Sprintf("ou=b%d,%s", srv.counter.Add(1), suffix)
	if err := add(conn, base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {strings.TrimPrefix(strings.Split(base, ",")[0], "ou=")}}); err != nil {
		b.Fatal(err)
	}
	members := []string{"cn=placeholder"}
	for i := range b.N {
		dn := fmt.Sprintf("cn=u%d,%s", i, base)
		if err := add(conn, dn, map[string][]string{"objectClass": {"inetOrgPerson"}, "cn": {fmt.Sprintf("u%d", i)}, "sn": {"x"}, "uid": {"x"}, "employeeNumber": {fmt.Sprintf("b-%d", i)}}); err != nil {
			b.Fatal(err)
		}
		if err := add(conn, fmt.Sprintf("cn=g%d,%s", i, base), map[string][]string{"objectClass": {"groupOfNames"}, "cn": {fmt.Sprintf("g%d", i)}, "description": {fmt.Sprintf("bg-%d", i)}, "member": append(members, dn)}); err != nil {
			b.Fatal(err)
		}
	}
	cfg := good()
	cfg.URL, cfg.BaseDN, cfg.AccountIDAttr, cfg.GroupIDAttr = "ldap://"+srv.plain, base, "employeeNumber", "description"
	cfg.Now = func() time.Time { return connectortest.Now }
	c, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ResetTimer()
	for i := range b.N {
		a := connector.Access{AccountID: fmt.Sprintf("b-%d", i), EntitlementID: fmt.Sprintf("bg-%d", i)}
		obs, err := c.Check(b.Context(), a)
		if err != nil {
			b.Fatal(err)
		}
		if o, err := c.Revoke(b.Context(), a, obs, "rev-1"); err != nil || o != connector.Removed {
			b.Fatalf("%q, %v", o, err)
		}
	}
}
