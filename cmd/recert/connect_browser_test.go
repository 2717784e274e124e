package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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

// createRole makes a role in a database that is gone when the test ends, and gives its name.
func createRole(t *testing.T, address string) string {
	t.Helper()
	role := "auditors_of_" + strings.ToLower(rand.Text()[:8])
	for _, statement := range []string{"CREATE ROLE " + role + " LOGIN", "GRANT pg_read_all_data TO " + role} {
		execSQL(t, address, statement)
	}
	t.Cleanup(func() { execSQL(t, address, "DROP ROLE "+role) })
	return role
}

func execSQL(t *testing.T, address, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the test's own may have ended
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal("PostgreSQL does not answer")
	}
	_, err = conn.Exec(ctx, statement)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}

// TestConnectInBrowser begins with an empty install and connects a directory and a database by
// visible links alone: form, test with a preview of what was read, first snapshot, and the list of what was
// read, with names that are in no other place than the directory and the database.
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

	connect := func(kind, name string, fields map[string]string, secret string, found []string) {
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
		text := p.text("main")
		for _, want := range append([]string{"The connection works.", "This is a preview. Nothing of it is stored."}, found...) {
			if !strings.Contains(text, want) {
				t.Fatalf("%s is not connected, or its preview has no %q: %s", name, want, text)
			}
		}
		p.inspect("connect-" + kind)
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
		if text := p.text("main"); !strings.Contains(text, "Sealed") || !strings.Contains(text, "Every row is accounted for") {
			t.Errorf("the snapshot of %s: %s", name, text)
		}
		p.follow("main a[href*='/rows?kind=grants']")
		for _, want := range found {
			p.follow("nav[aria-label='Kinds of rows'] a[href*='accounts']")
			p.fill("#search", want)
			p.follow("form.filters button")
			if text = p.text("main table"); !strings.Contains(text, want) {
				t.Errorf("what was read of %s has no %q: %s", name, want, text)
			}
		}
		p.inspect("rows-" + kind)
		p.follow("nav[aria-label='Kinds of rows'] a[href*='grants']")
		p.inspect("grants-" + kind)
	}
	connect("ldap", "directory", map[string]string{"url": directory, "username": "cn=recert,dc=example,dc=test", "base": "dc=example,dc=test"}, connectPassword, []string{"Ana Ferreira", "Bo Lindqvist"})
	if text := p.text("main table"); !strings.Contains(text, "editors") {
		t.Errorf("the grants of the directory: %s", text)
	}
	role := createRole(t, postgres.String())
	postgres.User, postgres.RawQuery = url.User(postgres.User.Username()), ""
	connect("sql", "database", map[string]string{"url": postgres.String()}, password, []string{role})
	p.follow("nav a[href='/access']")
	for _, v := range p.axe() {
		t.Error(v)
	}
	if problems := p.problems(); len(problems) > 0 {
		t.Error(problems)
	}
}
