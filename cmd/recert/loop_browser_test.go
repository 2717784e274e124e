package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"recert/model/store"
	"recert/model/store/storetest"
)

const loopBrowserConfig = `
apiVersion: recert/v1
kind: RoleMapping
name: default
spec:
  admin: [recert-admins]
  auditor: [internal-audit]
---
apiVersion: recert/v1
kind: Source
name: hr
spec: {provides: people, type: csv}
---
apiVersion: recert/v1
kind: Source
name: wiki
spec:
  provides: access
  type: scim
  url: URL
  token: ${LOOP_BROWSER_TOKEN}
  owner: p1
  correlate: [username=email]
  revoke: {mode: connector}
`

// loopPeople has other headers than ours: the browser is asked which column is which.
const loopPeople = `employee_no,name,email,boss,status
p1,Olga Owner,olga@example.com,,active
p2,Mara Manager,mara@example.com,p1,active
p3,Fay Fallback,fay@example.com,p1,active
p4,Ana Able,ana@example.com,p2,active
p5,Bo Best,bo@example.com,p2,active
p6,Cy Clear,cy@example.com,p2,active
`

// browserLoop is one review from the first sign-in to the verified package, in a browser.
type browserLoop struct {
	t       *testing.T
	scripts bool // of the pages
	dsn     string
	base    string
	store   *store.Store
	idp     *oidcServer
	target  *scimServer
	browser *browser
}

// TestLoopInBrowser goes the whole way of one review in Chromium, with an identity provider and a
// target system that nobody here wrote, on both databases, and with the pages' scripts off.
func TestLoopInBrowser(t *testing.T) {
	const token = "loop-browser-canary"
	t.Setenv("LOOP_BROWSER_TOKEN", token)
	b := newBrowser(t)
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) { newBrowserLoop(t, b, storetest.DSN(t, d), token, true).run() })
	}
	t.Run("without scripts", func(t *testing.T) { newBrowserLoop(t, b, storetest.DSN(t, store.SQLite), token, false).run() })
}

func newBrowserLoop(t *testing.T, b *browser, dsn, token string, scripts bool) *browserLoop {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &browserLoop{t: t, scripts: scripts, dsn: dsn, base: "http://" + ln.Addr().String(), browser: b}
	member := func(ids ...string) []scimMember {
		var out []scimMember
		for _, id := range ids {
			out = append(out, scimMember{Value: id, Type: "User"})
		}
		return out
	}
	seed := scimSeed{Token: token, Groups: []scimGroup{
		{ID: "g-edit", DisplayName: "Editors", Members: member("u-ana", "u-bo", "u-cy")},
		{ID: "g-read", DisplayName: "Readers", Members: member("u-ana", "u-mara")},
	}}
	for _, name := range []string{"ana", "bo", "cy", "mara"} {
		seed.Users = append(seed.Users, scimUser{ID: "u-" + name, UserName: name + "@example.com", DisplayName: strings.ToUpper(name[:1]) + name[1:], Active: true})
	}
	l.target = startSCIM(t, seed)
	l.idp = startOIDCWithBackchannel(t, l.base+"/logout/backchannel",
		oidcUser{Sub: "s-ida", Email: "ida@example.com", EmailVerified: true, Name: "Ida Admin", Groups: []string{"recert-admins"}},
		oidcUser{Sub: "s-mara", Email: "mara@example.com", EmailVerified: true, Name: "Mara Manager"},
		oidcUser{Sub: "s-audrey", Email: "audrey@example.com", EmailVerified: true, Name: "Audrey Auditor", Groups: []string{"internal-audit"}},
	)
	cliRun(t, exitDone, "--database="+dsn, "migrate")
	cliRun(t, exitDone, "--database="+dsn, "apply", "-f", writeFile(t, t.TempDir(), "recert.yaml", strings.ReplaceAll(loopBrowserConfig, "URL", l.target.URL)))
	if l.store, err = store.Open(t.Context(), dsn, store.Options{}); err != nil {
		t.Fatal(err)
	}
	l.serve(ln)
	return l
}

// serve runs Recert as 'recert serve' does, until the test ends.
func (l *browserLoop) serve(ln net.Listener) {
	l.t.Helper()
	e := &env{cli: &cli{LogLevel: "error"}, out: l.t.Output(), errOut: l.t.Output()}
	a, err := newApp(l.t.Context(), l.store, ServeFlags{OIDCFlags: OIDCFlags{
		OIDCIssuer: l.idp.URL, OIDCClientID: l.idp.ClientID, OIDCClientSecret: l.idp.ClientSecret,
		OIDCScopes: "openid profile email groups", OIDCGroupsClaim: "groups",
	}}, l.base, e.logger())
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, ln, "true") }()
	l.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			l.t.Errorf("serve ended with %v", err)
		}
		if err := l.store.Close(); err != nil {
			l.t.Error(err)
		}
	})
}

func (l *browserLoop) run() {
	l.t.Helper()
	admin := l.signIn("ida@example.com")
	l.takePeopleIn(admin)
	l.readTarget(admin)
	l.theme(admin)
	l.launch(admin)

	manager := l.signIn("mara@example.com")
	l.review(manager)
	l.awaitProof(manager)
	l.checkTarget()
	l.logOut(manager)

	l.close(admin)
	auditor := l.signIn("audrey@example.com")
	l.verify(auditor)
	l.endFromOutside(auditor)

	for _, p := range []*tab{admin, manager, auditor} {
		for _, found := range p.problems() {
			if !strings.Contains(found, " "+l.idp.URL) { // its pages have no icon
				l.t.Errorf("the browser complains: %s", found)
			}
		}
	}
}

// signIn opens the site in a browser of its own and signs in at the identity provider.
func (l *browserLoop) signIn(name string) *tab {
	l.t.Helper()
	p := l.browser.newTab(l.t)
	p.scripting(l.scripts)
	p.open(l.base + "/")
	if !strings.HasPrefix(p.address(), l.idp.URL) {
		l.t.Fatalf("who is not signed in is at %s, not at the identity provider", p.address())
	}
	p.fill("#username", name)
	if status := p.follow("button"); status != 200 || p.address() != l.base+"/" {
		l.t.Fatalf("after signing in: status %d at %s", status, p.describe())
	}
	return p
}

// takePeopleIn uploads a file whose columns have other names.
func (l *browserLoop) takePeopleIn(p *tab) {
	l.t.Helper()
	p.open(l.base + "/sources/hr")
	p.follow("a[href$='/upload']")
	p.upload("#file-people", writeFile(l.t, l.t.TempDir(), "people.csv", loopPeople))
	p.fill("[name=expect_people]", "6")
	p.follow("form[enctype] button.primary")
	if text := p.text("main"); !strings.Contains(text, "Mara Manager") {
		l.t.Fatalf("the preview shows no row of the file:\n%s", text)
	}
	p.choose("[name=map_people_person_id]", "employee_no")
	p.choose("[name=map_people_manager_id]", "boss")
	p.follow("form button.primary")
	if text := p.text("main"); !strings.Contains(p.address(), "/snapshots/") || !strings.Contains(text, "Sealed") {
		l.t.Fatalf("after the upload, at %s", p.describe())
	}
	n, err := l.store.CountLiveRows(l.t.Context(), l.sourceID("hr"), "people")
	if err != nil || n != 6 {
		l.t.Fatalf("%d people (%v), want 6", n, err)
	}
}

func (l *browserLoop) sourceID(name string) int64 {
	l.t.Helper()
	src, err := l.store.Source(l.t.Context(), name)
	if err != nil {
		l.t.Fatal(err)
	}
	return src.ID
}

func (l *browserLoop) readTarget(p *tab) {
	l.t.Helper()
	p.open(l.base + "/sources/wiki")
	p.follow("form[action$='/read'] button")
	if text := p.text("main"); !strings.Contains(text, "Up to date") {
		l.t.Fatalf("the target was not read:\n%s", text)
	}
	n, err := l.store.CountLiveGrants(l.t.Context(), l.sourceID("wiki"))
	if err != nil || n != 5 {
		l.t.Fatalf("%d grants (%v), want 5", n, err)
	}
}

// theme chooses dark colours, and is back on the page it came from.
func (l *browserLoop) theme(p *tab) {
	l.t.Helper()
	before := p.address()
	p.click("details.menu summary")
	p.follow("button[name=theme][value=dark]")
	if p.count("html[data-theme=dark]") != 1 || p.address() != before {
		l.t.Errorf("dark was chosen on %s: %s", before, p.describe())
	}
}

// launch defines a campaign, looks at its preview and launches it.
func (l *browserLoop) launch(p *tab) {
	l.t.Helper()
	p.open(l.base + "/campaigns")
	p.follow("a[href='/campaigns/new']")
	p.fill("[name=name]", "quarterly")
	p.fill("[name=purpose]", "Is it still needed?")
	p.click("[name=source][value=wiki]")
	p.choose("#reviewer-1", "manager")
	p.choose("#reviewer-2", "source_owner")
	if p.count("select[name=fallback]") == 1 {
		p.choose("[name=fallback]", "p3")
	} else {
		p.fill("[name=fallback]", "p3")
	}
	p.follow("form.stack button.primary")
	text := p.text("main")
	for _, want := range []string{"Preview of quarterly", "Mara Manager", "Olga Owner"} {
		if !strings.Contains(text, want) {
			l.t.Fatalf("the preview lacks %q:\n%s", want, text)
		}
	}
	p.click("[name=confirm]")
	p.follow("form[action$='/launch'] button.primary")
	if text := p.text("main"); !strings.Contains(text, "Launched") {
		l.t.Fatalf("it was not launched:\n%s", text)
	}
}

// row is the selector of the row for a person's access.
func (l *browserLoop) row(p *tab, person, access string) string {
	l.t.Helper()
	id := tabGet(p, "find the row", chromedp.Evaluate[string](fmt.Sprintf(
		`[...document.querySelectorAll("tr[data-row]")].find(r => r.innerText.includes(%q) && r.innerText.includes(%q))?.id ?? ""`, person, access)))
	if id == "" {
		l.t.Fatalf("there is no row for %s and %s on %s", person, access, p.describe())
	}
	return "#" + id
}

// answer gives one answer, by a click alone where scripts run.
func (l *browserLoop) answer(p *tab, row, answer string) {
	l.t.Helper()
	p.click(row + " input[value=" + answer + "]")
	if !l.scripts {
		p.follow(row + " .save")
		p.open(l.base + "/reviews/" + p.reviewName() + "?state=all") // what is answered leaves the list of what is open
	}
	p.wait(row + ".done input[value=" + answer + "]:checked")
}

// reviewName is the campaign of the review that the tab shows.
func (p *tab) reviewName() string {
	_, rest, _ := strings.Cut(p.address(), "/reviews/")
	name, _, _ := strings.Cut(rest, "?")
	name, _, _ = strings.Cut(name, "#")
	return name
}

// review answers what the manager was given, changes an answer, adds a note and signs off.
func (l *browserLoop) review(p *tab) {
	l.t.Helper()
	p.follow(".card a.primary")
	if n := p.count("tr[data-row]"); n != 4 {
		l.t.Fatalf("the manager has %d rows, want 4: her own access is not among them\n%s", n, p.describe())
	}
	p.open(p.address() + "?state=all")
	l.answer(p, l.row(p, "Bo", "Editors"), "keep")
	l.answer(p, l.row(p, "Ana", "Editors"), "revoke")
	l.answer(p, l.row(p, "Ana", "Readers"), "unsure")
	cy := l.row(p, "Cy", "Editors")
	l.answer(p, cy, "revoke")
	l.undo(p, cy)
	l.note(p, cy, "She writes the release notes.")
	p.shot("loop-review")
	p.follow("#sign-off button.primary")
	if text := p.text("main"); !strings.Contains(text, "Signed off") || p.count("input[name=answer]") != 0 {
		l.t.Fatalf("not signed off:\n%s", text)
	}
}

func (l *browserLoop) undo(p *tab, row string) {
	l.t.Helper()
	if l.scripts {
		p.click(row + " form[action$='/undo'] button")
	} else {
		p.follow(row + " form[action$='/undo'] button")
	}
	p.wait(row + ":not(.done)")
}

// note keeps the access, with a reason.
func (l *browserLoop) note(p *tab, row, text string) {
	l.t.Helper()
	p.click(row + " .answer summary")
	p.fill(row+" textarea", text)
	if l.scripts {
		p.click(row + " input[value=keep]")
	} else {
		p.click(row + " input[value=keep]")
		p.follow(row + " details button")
		p.open(l.base + "/reviews/" + p.reviewName() + "?state=all")
	}
	p.wait(row + ".done input[value=keep]:checked")
	if got := p.text(row + " .answer"); !strings.Contains(got, text) {
		l.t.Errorf("the note is not on the page:\n%s", got)
	}
}

// awaitProof waits until the page says that the removed access is gone; without scripts a reader
// loads it again.
func (l *browserLoop) awaitProof(p *tab) {
	l.t.Helper()
	p.open(l.base + "/reviews/" + p.reviewName() + "?state=all")
	row := l.row(p, "Ana", "Editors")
	if l.scripts {
		p.wait(row + " .removal .good")
	}
	for end := time.Now().Add(stepTimeout); p.count(row+" .removal .good") == 0; {
		if time.Now().After(end) {
			l.t.Fatalf("not proven gone: %s", p.describe())
		}
		time.Sleep(200 * time.Millisecond)
		p.open(p.address())
	}
	if got := p.text(row + " .removal"); !strings.Contains(got, "Proven gone") {
		l.t.Errorf("the removal reads %q", got)
	}
	p.shot("loop-proven")
}

// checkTarget reads the target's own state, past its protocol.
func (l *browserLoop) checkTarget() {
	l.t.Helper()
	state := l.target.state(l.t)
	edit, read := state.members(l.t, "g-edit"), state.members(l.t, "g-read")
	slices.Sort(edit)
	slices.Sort(read)
	if !slices.Equal(edit, []string{"u-bo", "u-cy"}) || !slices.Equal(read, []string{"u-ana", "u-mara"}) {
		l.t.Errorf("the target holds editors %v and readers %v", edit, read)
	}
}
