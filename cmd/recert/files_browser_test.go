package main

import (
	"strings"
	"testing"
	"time"
)

// TestFilesInBrowser goes from an empty install to a launched campaign with two CSV files, by visible links alone. It
// says how long that took without the reading and thinking of a person.
func TestFilesInBrowser(t *testing.T) {
	base, link := emptySite(t)
	p := newBrowser(t).newTab(t)
	began := time.Now()
	p.open(link)
	p.follow("main form button")
	people := writeFile(t, t.TempDir(), "people.csv", "person_id,name,email,manager_id\np1,Olga Owner,olga@example.com,\np2,Mara Manager,mara@example.com,p1\np4,Ana Able,ana@example.com,p2\np5,Bo Best,bo@example.com,p2\n")
	grants := writeFile(t, t.TempDir(), "grants.csv", "account_id,entitlement_id,last_used_at\np4,editors,2026-01-02\np4,admins,\np5,editors,2026-11-02\np2,readers,2026-11-03\n")
	take := func(name, provides, kind, file string) {
		t.Helper()
		p.follow("nav a[href='/sources']")
		p.follow("a[href='/sources/new']")
		p.follow("a[href='/sources/new?type=csv']")
		p.fill("#name", name)
		p.click("[name=provides][value=" + provides + "]")
		p.follow("button[value=save]")
		p.follow("main a[href$='/upload']")
		p.upload("#file-"+kind, file)
		p.follow("form[enctype] button.primary")
		p.follow("form button.primary")
		if text := p.text("main"); !strings.Contains(text, "Sealed") {
			t.Fatalf("%s was not taken in: %s", name, text)
		}
	}
	take("hr", "people", "people", people)
	take("wiki", "access", "grants", grants)

	p.follow("nav a[href='/campaigns']")
	p.follow("a[href='/campaigns/new']")
	p.fill("[name=name]", "first-review")
	p.click("[name=source][value=wiki]")
	p.wait("#count p") // counted by itself
	if text := p.text("#count"); !strings.Contains(text, "4 items would be asked about, 0 left out.") {
		t.Errorf("counted: %s", text)
	}
	p.fill("[name=where]", "entitlement.entitlement_id == 'editors'")
	p.wait("#count tbody tr:nth-child(2):last-child")
	p.inspect("campaign-new")
	p.fill("[name=where]", "")
	if p.count("select[name=fallback]") == 1 {
		p.choose("[name=fallback]", "p1")
	} else {
		p.fill("[name=fallback]", "p1")
	}
	p.follow("form.stack button.primary")
	if text := p.text("main"); !strings.Contains(text, "Preview of first-review") {
		t.Fatalf("no preview: %s", text)
	}
	p.click("[name=confirm]")
	p.follow("form[action$='/launch'] button.primary")
	if text := p.text("main"); !strings.Contains(text, "Launched") || !strings.Contains(p.address(), base+"/campaigns/first-review@") {
		t.Fatalf("not launched, at %s: %s", p.address(), text)
	}
	t.Logf("from the first page to a launched campaign in %s", time.Since(began).Round(time.Second))
	p.inspect("campaign-run")
	if problems := p.problems(); len(problems) > 0 {
		t.Error(problems)
	}
}
