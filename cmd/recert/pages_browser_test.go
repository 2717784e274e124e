package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// TestEveryPage looks at every page that a link leads to, as every role, and at what they say when
// something is wrong: in light, in dark and on a phone.
func TestEveryPage(t *testing.T) {
	w := newPagesWorld(t)
	b := newBrowser(t)
	first := w.firstClicks(t, b)
	looked := map[string]bool{}
	for _, role := range []string{"manager", "admin", "auditor", "owner"} {
		t.Run(role, func(t *testing.T) {
			p := w.signIn(t, b, role)
			c := crawl(p, w.base)
			for _, at := range slices.Sorted(maps.Keys(c.status)) {
				if c.status[at] >= 400 {
					t.Errorf("%s leads to %s, which answers %d", c.from[at], at, c.status[at])
				}
			}
			for i, at := range w.extra(role) {
				p.look(w.base+at, http.StatusOK, fmt.Sprintf("%s-extra-%d", role, i+1))
			}
			for _, shape := range slices.Sorted(maps.Keys(c.pages)) {
				// An owner sees what a manager sees, and an auditor what an admin sees less the buttons.
				at := c.pages[shape][0]
				if role == "owner" || role == "auditor" && looked[at] && !strings.Contains(shape, "*") {
					continue
				}
				looked[at] = true
				p.look(w.base+at, http.StatusOK, role+shape)
			}
			if len(c.pages) < 5 {
				t.Errorf("only %d kinds of pages were found: %v", len(c.pages), c.pages)
			}
		})
	}
	t.Run("wrong", func(t *testing.T) { w.wrongPages(t, b) })
	t.Run("refused forms", func(t *testing.T) { w.refusedForms(t, b) })
	t.Run("empty", func(t *testing.T) { emptyPages(t, b) })
	t.Run("planted", func(t *testing.T) { w.planted(t, b) })
	w.provenGone(first)
}

// firstClicks does what the demo asks its visitor to do first.
func (w *pagesWorld) firstClicks(t *testing.T, b *browser) *tab {
	t.Helper()
	p := w.signIn(t, b, "manager")
	p.follow(".card a.primary")
	p.open(p.address() + "?state=all")
	p.click("tr[data-row]:nth-child(2) input[value=revoke]")
	p.click("tr[data-row]:nth-child(6) input[value=unsure]")
	for _, n := range []int{4, 5, 7} {
		p.click(fmt.Sprintf("tr[data-row]:nth-child(%d) input[value=keep]", n))
	}
	p.click("tr[data-row]:first-child input[value=revoke]")
	p.wait("tr[data-row]:first-child .removal")
	if got := p.text("tr[data-row]:first-child .can"); !strings.Contains(got, demoLive) {
		t.Fatalf("the first row is not of the live system: %q", got)
	}
	return p
}

// provenGone waits until the page of firstClicks says, by itself, that the live system has let go.
func (w *pagesWorld) provenGone(p *tab) {
	p.t.Helper()
	for end := now().Add(2 * time.Minute); p.count("tr[data-row]:first-child .removal .good") == 0; time.Sleep(200 * time.Millisecond) {
		if now().After(end) {
			p.t.Fatalf("it is not proven gone: %s", p.describe())
		}
	}
	if got := p.text("tr[data-row]:first-child .removal"); !strings.Contains(got, "Proven gone") {
		p.t.Errorf("the removal reads %q", got)
	}
	p.window("review-light")
	p.dark(true)
	p.window("review-dark")
	if found := p.problems(); len(found) > 0 {
		p.t.Errorf("the browser complains: %q", found)
	}
}

// extra are pages in states that no plain link leads to, or not the first one of its kind.
func (w *pagesWorld) extra(role string) []string {
	running, closed := w.runName(demoRunning), w.runName(demoClosed)
	switch role {
	case "manager":
		return []string{"/reviews/" + running + "?q=nobody+at+all", "/reviews/" + running + "?state=decided", "/reviews/" + closed + "?state=all"}
	case "admin":
		return []string{
			"/campaigns/" + running, "/campaigns/" + closed, "/campaigns/ready/preview", "/sources/partners", "/sources/unread", "/sources/" + demoLive,
			"/access?q=ledger", "/access?q=nobody+at+all", "/revocations?q=nobody+at+all", "/revocations?state=confirmed", "/revocations?state=came_back",
		}
	case "auditor":
		return []string{"/campaigns/" + closed, fmt.Sprintf("/snapshots/%d", w.held), "/sources/archive"}
	}
	return nil
}

func (w *pagesWorld) runName(campaign string) string {
	w.t.Helper()
	run, err := w.demo.store.RunByName(w.t.Context(), campaign)
	if err != nil {
		w.t.Fatal(err)
	}
	return run.Name
}

// look opens a page and checks it.
func (p *tab) look(address string, status int, name string) {
	p.t.Helper()
	if got := p.open(address); got != status {
		p.t.Errorf("%s: status %d, want %d", address, got, status)
	}
	p.inspect(name)
}

// inspect checks the page as it stands, in each look.
func (p *tab) inspect(name string) {
	p.t.Helper()
	for _, fault := range p.faults(name) {
		p.t.Errorf("%s: %s", p.address(), fault)
	}
}

// faults lists what is wrong with the page as it stands, in light, in dark and on a phone.
func (p *tab) faults(name string) []string {
	p.t.Helper()
	name = strings.Trim(strings.NewReplacer("/", "-", "*", "one", " ", "-").Replace(name), "-")
	var found []string
	for _, look := range []struct {
		name  string
		size  [2]int64
		dark  bool
		rules []string // of axe-core; all where none is named
	}{{"light", desktopSize, false, nil}, {"dark", desktopSize, true, []string{"color-contrast"}}, {"phone", phoneSize, false, nil}} {
		p.resize(look.size)
		p.dark(look.dark)
		p.shot(name + "-" + look.name)
		for _, v := range p.axe(look.rules...) {
			found = append(found, look.name+": "+v.String())
		}
		if n := p.overflow(); n > 0 {
			found = append(found, fmt.Sprintf("%s: %d pixels too wide", look.name, n))
		}
	}
	p.resize(desktopSize)
	p.dark(false)
	return append(found, p.problems()...)
}

// wrongPages are addresses that lead nowhere, or not for who asks, and what happens outside a session.
func (w *pagesWorld) wrongPages(t *testing.T, b *browser) {
	p := w.signIn(t, b, "manager")
	p.look(w.base+"/nowhere", http.StatusNotFound, "wrong-nowhere")
	for _, at := range []string{"/campaigns", "/sources", "/evidence", "/people/nobody", "/reviews/nothing"} {
		if status := p.open(w.base + at); status != http.StatusNotFound {
			t.Errorf("a manager gets %d at %s", status, at)
		}
	}
	p.look(w.base+"/?unknown=1", http.StatusOK, "home")
	p.look(w.base+"/logout", http.StatusOK, "wrong-sign-out-question")

	stranger := b.newTab(t)
	stranger.look(w.base+"/logout", http.StatusOK, "wrong-signed-out")
	stranger.look(w.base+"/login/callback?error=access_denied&state=x", http.StatusForbidden, "wrong-sign-in")
	stranger.look(w.base+"/login/link?token=spent", http.StatusOK, "wrong-link")
	if status := stranger.follow("main button"); status < 400 {
		t.Errorf("a link that does not exist answers %d", status)
	}
	stranger.inspect("wrong-link-used")
}

// send sends a form as it stands, past what the browser itself would hold back.
func (p *tab) send(selector string) int {
	p.t.Helper()
	return p.load("send "+selector, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).submit(); 0", selector)))
}

// set changes a value that a person cannot, as an old page would hold it.
func (p *tab) set(selector, value string) {
	p.t.Helper()
	p.do("set "+selector, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = %q; 0", selector, value)))
}

// refused sends a form that cannot be taken, and looks at what the page says.
func (p *tab) refused(selector string, status int, says, name string) {
	p.t.Helper()
	if got := p.send(selector); got != status {
		p.t.Errorf("%s: status %d, want %d: %s", name, got, status, p.describe())
	}
	if text := p.text("main"); !strings.Contains(text, says) {
		p.t.Errorf("%s: the page does not say %q:\n%.800s", name, says, text)
	}
	p.inspect("refused-" + name)
}

// refusedForms are answers that come too late, twice or incomplete.
func (w *pagesWorld) refusedForms(t *testing.T, b *browser) {
	p := w.signIn(t, b, "manager")
	run, err := w.demo.store.RunByName(t.Context(), demoRunning)
	if err != nil {
		t.Fatal(err)
	}
	p.open(w.base + "/reviews/" + run.Name)
	p.refused("form[data-save=answer]", http.StatusUnprocessableEntity, "Not saved", "no-answer")

	// Somebody answers from another device while the page stands open.
	p.open(w.base + "/reviews/" + run.Name)
	row := tabGet(p, "find a row", chromedp.Evaluate[string](`document.querySelector("tr[data-row]").id`))
	w.decide(run, row, model.Unsure)
	tabGet(p, "choose", chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector("#%s input[value=keep]").checked = true`, row)))
	p.refused("#"+row+" form[data-save=answer]", http.StatusConflict, "Someone answered meanwhile", "conflict")

	p = w.signIn(t, b, "admin")
	p.open(w.base + "/campaigns/new")
	p.set("[name=due]", "400")
	p.refused("form.stack", http.StatusUnprocessableEntity, "Choose at least one system", "campaign")
	p.open(w.base + "/campaigns/ready/preview")
	p.refused("form[action$='/launch']", http.StatusUnprocessableEntity, "I have checked", "launch")
	p.open(w.base + "/campaigns/ready/preview")
	p.set("form[action$='/launch'] [name=version]", "old")
	p.click("[name=confirm]")
	p.refused("form[action$='/launch']", http.StatusConflict, "Preview", "launch-changed")
	p.look(w.base+"/campaigns/blocked/preview", http.StatusOK, "refused-blocked")
	p.open(w.base + "/campaigns/" + run.Name + "/close")
	p.refused("form[action$='/close']", http.StatusUnprocessableEntity, "I have read", "close")
	p.open(w.base + "/sources/archive/upload")
	p.refused("form[enctype]", http.StatusUnprocessableEntity, "Choose a file", "upload")
	p.upload("#file-grants", writeFile(t, t.TempDir(), "grants.csv", "who,what\na1,"+strings.Repeat("x", 200)+"\n"))
	p.send("form[enctype]")
	p.inspect("upload-mapping")
	p.refused("form.stack", http.StatusUnprocessableEntity, "Choose the column", "mapping")
	p.open(fmt.Sprintf("%s/snapshots/%d", w.base, w.held))
	p.inspect("held")
	p.refused("form[action$='/release']", http.StatusUnprocessableEntity, "held", "release")
	p.look(w.base+"/campaigns/"+run.Name+"/close?x", http.StatusOK, "close")
	w.signedOutMeanwhile(t, p)
}

// signedOutMeanwhile sends a form whose session has ended.
func (w *pagesWorld) signedOutMeanwhile(t *testing.T, p *tab) {
	t.Helper()
	p.open(w.base + "/campaigns/new")
	other := p.cookies(w.base)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", other)
	req.Header.Set("Origin", w.base)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	p.refused("form.stack", http.StatusUnauthorized, "You are not signed in", "signed-out")
}

// decide answers an item as the manager, past the browser.
func (w *pagesWorld) decide(run model.Run, row string, answer model.Answer) {
	w.t.Helper()
	actor := w.actor("manager")
	var id int64
	if _, err := fmt.Sscanf(row, "item-%d", &id); err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.demo.store.ItemRows(w.t.Context(), run.ID, store.ItemFilter{Reviewer: actor.PersonKey, Item: id})
	if err != nil || len(rows) != 1 {
		w.t.Fatalf("%d rows (%v)", len(rows), err)
	}
	if _, err := newCampaigns(w.demo.store).Decide(w.t.Context(), actor, campaigns.DecideInput{
		RunID: run.ID, ItemID: id, Answer: answer, Version: rows[0].Version, Key: "another device",
	}); err != nil {
		w.t.Fatal(err)
	}
}

// emptyPages are the pages of a Recert that knows nothing yet, from the first sign-in on.
func emptyPages(t *testing.T, b *browser) {
	base, link := emptySite(t)
	p := b.newTab(t)
	p.look(base+"/login", http.StatusOK, "empty-sign-in")
	p.look(link, http.StatusOK, "empty-link")
	if status := p.follow("main button"); status != http.StatusOK || p.address() != base+"/" {
		t.Fatalf("the link does not sign in: status %d, %s", status, p.describe())
	}
	p.inspect("empty-home")
	c := crawl(p, base)
	for at, status := range c.status {
		if status >= 400 {
			t.Errorf("%s leads to %s, which answers %d", c.from[at], at, status)
		}
	}
	for _, at := range []string{"/campaigns", "/campaigns/new", "/sources", "/access", "/revocations", "/evidence"} {
		if c.status[at] == 0 {
			t.Errorf("no link leads to %s", at)
		}
		p.look(base+at, http.StatusOK, "empty"+at)
	}
}

// planted puts a fault of each kind on a real page: else the clean results say nothing.
func (w *pagesWorld) planted(t *testing.T, b *browser) {
	p := w.signIn(t, b, "manager")
	for _, plant := range []struct{ what, script, finds string }{
		{"pale text", `const e = document.createElement("p"); e.textContent = "Pale"; m.append(e); e.style.color = "color-mix(in srgb, var(--paper), var(--ink) 20%)"`, "color-contrast"},
		{"nameless field", `m.append(document.createElement("input"))`, "label"},
		{"wide table", `const d = document.createElement("div"); d.style.width = "2000px"; d.textContent = "wide"; m.append(d)`, "pixels too wide"},
		{"inline style", `m.setAttribute("style", "color: red")`, "content security policy"},
		{"foreign picture", `const i = document.createElement("img"); i.alt = ""; i.src = "http://127.0.0.1:1/x.png"; m.append(i)`, "content security policy"},
		{"exception", `setTimeout(() => missing())`, "missing is not defined"},
	} {
		p.open(w.base + "/help")
		p.problems()
		p.do("plant "+plant.what, chromedp.Evaluate[chromedp.Void](`{ const m = document.querySelector("main"); `+plant.script+`; } 0`))
		if found := strings.Join(p.faults("planted"), "\n"); !strings.Contains(found, plant.finds) {
			t.Errorf("planted %s, found %q", plant.what, found)
		}
	}
}
