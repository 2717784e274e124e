package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recert/model/store/storetest"
)

const connectPassword = "of-the-connector"

const connectSlapd = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
database mdb
suffix "dc=example,dc=test"
rootdn "cn=recert,dc=example,dc=test"
rootpw %[2]s
directory %[1]s
dbnosync
`

const connectEntries = `dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=ana,dc=example,dc=test
objectClass: inetOrgPerson
uid: ana
cn: Ana Ferreira
sn: Ferreira
mail: ana@example.com

dn: uid=bo,dc=example,dc=test
objectClass: inetOrgPerson
uid: bo
cn: Bo Lindqvist
sn: Lindqvist

dn: cn=editors,dc=example,dc=test
objectClass: groupOfNames
cn: editors
member: uid=ana,dc=example,dc=test
member: uid=bo,dc=example,dc=test
`

// startDirectory starts an OpenLDAP server with two people in a group until the test ends, and gives
// its address.
func startDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "db")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, dir, "slapd.conf", fmt.Sprintf(connectSlapd, data, connectPassword))
	ldif := writeFile(t, dir, "entries.ldif", connectEntries)
	ln := listenLoopback(t)
	address := "ldap://" + ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "slapd", "-d", "0", "-f", conf, "-h", address+"/")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatalf("OpenLDAP's slapd cannot be started (%v): run 'make deps'", err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait() //nolint:errcheck // it was interrupted
	})
	for range 100 {
		add := exec.CommandContext(t.Context(), "ldapadd", "-c", "-x", "-H", address, "-D", "cn=recert,dc=example,dc=test", "-w", connectPassword, "-f", ldif)
		if text, err := add.CombinedOutput(); err == nil || strings.Contains(string(text), "Already exists") {
			return address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("slapd does not answer: %s", out.String())
	return ""
}

// TestConnectInBrowser begins with an empty install and connects a directory and a database by
// visible links alone: form, test, first snapshot, what was read.
func TestConnectInBrowser(t *testing.T) {
	directory := startDirectory(t)
	postgres, err := url.Parse(storetest.NewDatabase(t))
	if err != nil {
		t.Fatal("the address of PostgreSQL cannot be read")
	}
	password, _ := postgres.User.Password()
	base, link := emptySite(t)
	p := newBrowser(t).newTab(t)
	p.open(link)
	p.follow("main form button")

	connect := func(kind, name string, fields map[string]string, secret, found string) {
		t.Helper()
		p.follow("nav a[href='/sources']")
		p.follow("a[href='/sources/new']")
		p.follow("a[href='/sources/new?type=" + kind + "']")
		p.fill("#name", name)
		for field, v := range fields {
			p.fill("#"+field, v)
		}
		p.fill("#password", "wrong-"+secret)
		p.follow("button[value=test]")
		if text := p.text("main"); !strings.Contains(text, "The connection does not work.") {
			t.Fatalf("a wrong password: %s", text)
		}
		p.fill("#password", secret)
		p.follow("button[value=test]")
		if text := p.text("main"); !strings.Contains(text, "The connection works.") || !strings.Contains(text, found) {
			t.Fatalf("%s is not connected: %s", name, text)
		}
		p.shot("connect-" + kind)
		p.fill("#password", secret)
		p.follow("button[value=save]")
		if at := p.address(); at != base+"/sources/"+name {
			t.Fatalf("saving leads to %s: %s", at, p.text("main"))
		}
		if text := p.text("main"); strings.Contains(text, secret) {
			t.Error("the password is shown")
		}
		p.follow("form[action$='/read'] button")
		if text := p.text("main"); !strings.Contains(text, "Up to date") {
			t.Fatalf("%s was not read: %s", name, text)
		}
		p.follow("section[aria-labelledby=snapshots] tbody a")
	}
	connect("ldap", "directory", map[string]string{"url": directory, "username": "cn=recert,dc=example,dc=test", "base": "dc=example,dc=test"}, connectPassword, "")
	if text := p.text("main"); !strings.Contains(text, "Sealed") {
		t.Errorf("the snapshot of the directory: %s", text)
	}
	postgres.User, postgres.RawQuery = url.User(postgres.User.Username()), ""
	connect("sql", "database", map[string]string{"url": postgres.String()}, password, "")
	if text := p.text("main"); !strings.Contains(text, "Sealed") {
		t.Errorf("the snapshot of the database: %s", text)
	}
	p.follow("nav a[href='/access']")
	for _, v := range p.axe() {
		t.Error(v)
	}
	if problems := p.problems(); len(problems) > 0 {
		t.Error(problems)
	}
}
