package main

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

const connectReader = "cn=reader,dc=example,dc=test"

// directoryDo changes the directory as its manager: program is ldapadd or ldapmodify, ldif what it is given.
func directoryDo(t *testing.T, program, address, ldif string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "-x", "-H", address, "-D", "cn=recert,dc=example,dc=test", "-w", connectPassword)
	cmd.Stdin = strings.NewReader(ldif)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, text)
	}
}

// deaf listens, and fails the test when anybody connects.
func deaf(t *testing.T) (address string) {
	t.Helper()
	ln := listenLoopback(t)
	heard := make(chan net.Conn)
	go func() {
		defer close(heard)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			heard <- conn
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		for conn := range heard {
			t.Error("the credential's connector went to an address that it was not given for")
			conn.Close()
		}
	})
	return "ldap://" + ln.Addr().String()
}

// TestChangeInBrowser: a password that was changed in the directory is changed from the source's page, and
// the next read goes by it. The one that is kept goes nowhere else.
func TestChangeInBrowser(t *testing.T) {
	directory, elsewhere := startDirectory(t), deaf(t)
	directoryDo(t, "ldapadd", directory, "dn: "+connectReader+"\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: first-of-reader\n")
	base, link := emptySite(t)
	p := newBrowser(t).newTab(t)
	p.open(link)
	p.follow("main form button")
	p.follow("nav a[href='/sources']")
	p.follow("a[href='/sources/new']")
	p.shot("settings-kinds")
	p.follow("a[href='/sources/new?type=ldap']")
	for field, v := range map[string]string{"name": "directory", "url": directory, "username": connectReader, "base": "dc=example,dc=test", "password": "first-of-reader"} {
		p.fill("#"+field, v)
	}
	p.follow("button[value=save]")
	read := func(want string) {
		t.Helper()
		p.follow("form[action$='/read'] button")
		p.open(base + "/sources/directory")
		if text := p.text("main"); !strings.Contains(text, want) {
			t.Fatalf("read, and not %q: %s", want, text)
		}
	}
	read("Up to date")
	directoryDo(t, "ldapmodify", directory, "dn: "+connectReader+"\nchangetype: modify\nreplace: userPassword\nuserPassword: second-of-reader\n")

	p.follow("a[href='/sources/directory/edit']")
	p.shot("settings")
	for _, v := range p.axe() {
		t.Error(v)
	}
	p.fill("#url", elsewhere)
	for _, button := range []string{"test", "save"} {
		p.follow("button[value=" + button + "]")
		if text := p.text("#password-error"); !strings.Contains(text, "Type it anew") {
			t.Errorf("another address without the password: %s", p.text("main"))
		}
	}
	p.shot("settings-elsewhere")
	p.fill("#url", directory)
	p.follow("button[value=test]")
	if text := p.text("main"); !strings.Contains(text, "The connection does not work.") {
		t.Errorf("the kept password is the old one: %s", text)
	}
	p.fill("#password", "second-of-reader")
	p.follow("button[value=test]")
	if text := p.text("main"); !strings.Contains(text, "The connection works.") || strings.Contains(text, "second-of-reader") {
		t.Fatalf("the new password: %s", text)
	}
	save := func(password string) {
		t.Helper()
		p.open(base + "/sources/directory/edit")
		p.fill("#password", password)
		p.follow("button[value=save]")
	}
	save("neither-of-reader")
	if p.follow("form[action$='/read'] button"); !strings.Contains(p.text("main"), "refuses") {
		t.Errorf("the next read goes by another password than the saved one: %s", p.text("main"))
	}
	save("second-of-reader")
	if text := p.text("main"); p.address() != base+"/sources/directory" || !strings.Contains(text, "Saved.") || !strings.Contains(text, "password kept here, set on") {
		t.Fatalf("saving leads to %s: %s", p.address(), text)
	}
	p.shot("settings-saved")
	read("Up to date")
	p.follow("a[href='/help']")
	p.shot("settings-help")
	p.dark(true)
	p.open(base + "/sources/directory/edit")
	p.shot("settings-dark")
	p.resize(phoneSize)
	for name, address := range map[string]string{"kinds": "/sources/new", "edit": "/sources/directory/edit", "source": "/sources/directory", "help": "/help"} {
		p.open(base + address)
		if over := p.overflow(); over > 0 {
			t.Errorf("%s is %d pixels wider than a phone", address, over)
		}
		p.shot("settings-phone-" + name)
	}
	if problems := p.problems(); len(problems) > 0 {
		t.Error(problems)
	}
}
