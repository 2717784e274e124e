package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/views/review"
	"recert/web/webtest"
)

// pagesOf are the addresses of every page that an admin can read.
func pagesOf(w *world, run *model.Run, removal string) []string {
	paths := []string{"/", "/help", "/campaigns", "/campaigns/new", "/sources", "/access", "/access?q=e", "/access?q=e&as_of=2026-10-01", "/access?q=e&as_of=1999-01-01",
		"/revocations", "/revocations?state=all", "/revocations?state=failed&q=x", "/evidence"}
	if run != nil {
		paths = append(paths, "/reviews/"+run.Name, "/reviews/"+run.Name+"?state=all", "/reviews/"+run.Name+"?q=zzz", "/campaigns/"+run.Name, "/campaigns/quarterly",
			"/campaigns/quarterly/preview", "/campaigns/"+run.Name+"/close", "/sources/hr", "/sources/wiki", "/sources/wiki/upload", "/sources/hr/upload",
			"/snapshots/1", "/snapshots/2", "/people/u1", "/people/u4", "/people/u8", "/revocations/"+removal)
	}
	return paths
}

// TestEveryPage renders every page on an empty and on a full database, in both, with a text in
// every field that must never become markup.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		admin := w.as("", model.Admin)
		for _, path := range pagesOf(w, nil, "") {
			w.checkPage(admin.Get(path))
		}
		w.fill()
		run := w.launch()
		removal := w.removal(run)
		w.answerAll(run, "u2")
		boss := w.as("u2", model.Admin)
		for _, path := range pagesOf(w, &run, removal) {
			p := boss.Get(path)
			w.checkPage(p)
			if strings.Contains(path, "/people/u8") {
				p.Want(http.StatusOK, webtest.In("h1", webtest.HasText(uhoh)))
			}
		}
		boss.Get("/nothing").Want(http.StatusNotFound)
		boss.Get("/sources/wiki").Want(http.StatusOK, webtest.In("main", webtest.HasText("Owner Bo Lindqvist"), webtest.HasNoText("Owner u3")))
	})
}

// checkPage holds a page against what is promised of every page.
func (w *world) checkPage(p *webtest.Page) {
	w.t.Helper()
	p.Want(http.StatusOK, webtest.Count("h1", 1), webtest.Count("main", 1), webtest.Count("em", 0),
		webtest.Count("[style]", 0), webtest.Count("style", 0), webtest.Count("script:not([src])", 0))
	csp := p.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "report-uri /csp"} {
		if !strings.Contains(csp, want) {
			w.t.Errorf("%s: the policy lacks %s", p.What, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		w.t.Errorf("%s: the policy is loose: %s", p.What, csp)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := p.Header.Get(name); got != want {
			w.t.Errorf("%s: %s is %q, want %q", p.What, name, got, want)
		}
	}
	for _, src := range append(p.Attrs("script", "src"), append(p.Attrs("link", "href"), p.Attrs("img", "src")...)...) {
		if !strings.HasPrefix(src, "/static/") {
			w.t.Errorf("%s loads %s", p.What, src)
		}
		w.client().Get(src).Want(http.StatusOK)
	}
	for _, on := range []string{"onclick", "onload", "onerror", "onsubmit"} {
		if strings.Contains(p.Body, on+"=") {
			w.t.Errorf("%s has an inline handler", p.What)
		}
	}
}

func (w *world) answerAll(run model.Run, reviewer string) {
	w.t.Helper()
	actor := model.Actor{UserID: 98, Name: reviewer, PersonKey: *w.person(reviewer), PersonID: reviewer}
	answers := []model.Answer{model.Keep, model.Unsure, model.Revoke}
	for i, it := range w.items(run, reviewer) {
		in := campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: answers[i%3], Version: it.Version, Comment: uhoh}
		if _, err := w.svc.Decide(w.t.Context(), actor, in); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rowForm is the form of an item on a review page.
func rowForm(p *webtest.Page, item int64) webtest.Form {
	p.TB.Helper()
	return p.Form("#item-" + itoa(item) + " form[data-save=answer]")
}

func TestReview(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		ana := w.as("u2")
		items := w.items(run, "u2")
		ana.Get("/").Want(http.StatusOK, webtest.In("main", webtest.HasText("Q4 review "+uhoh), webtest.HasText("Start")))
		path := "/reviews/" + run.Name
		page := ana.Get(path).Want(http.StatusOK,
			webtest.Count("tr[data-row]", len(items)), webtest.In(".purpose", webtest.HasText("Because "+uhoh)),
			webtest.In("main", webtest.HasText("Privileged"), webtest.HasText("High risk"), webtest.HasText("Usage unknown"), webtest.HasText("Not used for 242 days"), webtest.HasText("Account disabled"), webtest.HasText("Inherited"), webtest.HasText("On leave")),
			webtest.In("#sign-off", webtest.HasText("still open"), webtest.Count("button", 0)))
		// A bare name is the latest run.
		ana.Get("/reviews/quarterly").Want(http.StatusOK, webtest.Count("tr[data-row]", len(items)))

		// An answer, and the same form again.
		form := rowForm(page, items[0].ID)
		first := ana.Submit(form, url.Values{"answer": {"revoke"}, "comment": {"no need " + uhoh}})
		if got, want := first.Header.Get("Location"), path+"#item-"+itoa(items[0].ID); first.Status != http.StatusSeeOther || got != want {
			t.Fatalf("%d to %q, want %q", first.Status, got, want)
		}
		ana.Submit(form, url.Values{"answer": {"revoke"}, "comment": {"no need " + uhoh}}).Want(http.StatusSeeOther)
		w.wantDecisions(run, items[0].ID, 1)
		ana.Follow(first).Want(http.StatusOK, webtest.Count("tr[data-row]", len(items)-1))

		// Undo, and the same form again.
		page = ana.Get(path+"?state=decided").Want(http.StatusOK, webtest.Count("tr[data-row]", 1), webtest.In("tr[data-row]", webtest.HasText("You,"), webtest.HasText("no need "+uhoh)))
		undo := page.Form("form[data-save=undo]")
		ana.Submit(undo, nil).Want(http.StatusSeeOther)
		ana.Submit(undo, nil).Want(http.StatusSeeOther)
		w.wantDecisions(run, items[0].ID, 2)

		// Nothing chosen, and too much said: what was typed stays.
		page = ana.Get(path)
		long := strings.Repeat("x", 2100)
		ana.Submit(rowForm(page, items[0].ID), url.Values{"comment": {"mine"}}).Want(http.StatusUnprocessableEntity,
			webtest.In("#item-"+itoa(items[0].ID), webtest.HasText("Choose an answer first."), webtest.HasText("mine")))
		ana.Submit(rowForm(page, items[0].ID), url.Values{"answer": {"keep"}, "comment": {long}}).Want(http.StatusUnprocessableEntity,
			webtest.In("#item-"+itoa(items[0].ID), webtest.HasText(long), webtest.Count("input[value=keep][checked]", 1)))
		ana.Submit(rowForm(page, items[0].ID), url.Values{"answer": {"keep"}, "comment": {"a\x00b"}}).Want(http.StatusUnprocessableEntity)
		w.wantDecisions(run, items[0].ID, 2)

		// The filter travels through an answer.
		page = ana.Get(path + "?q=dev&state=all")
		rows := page.Attrs("tr[data-row]", "id")
		if len(rows) != 2 {
			t.Fatalf("dev has %v", rows)
		}
		p := ana.Submit(page.Form("#"+rows[0]+" form[data-save=answer]"), url.Values{"answer": {"keep"}})
		if got := p.Header.Get("Location"); got != path+"?q=dev&state=all#"+rows[0] {
			t.Errorf("back to %q", got)
		}
	})
}

func (w *world) wantDecisions(run model.Run, item int64, want int) {
	w.t.Helper()
	ds, err := w.store.Decisions(w.t.Context(), run.ID, []int64{item})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(ds) != want {
		w.t.Errorf("item %d has %d answers, want %d", item, len(ds), want)
	}
}

// TestConflict: two windows of one reviewer; the second shows both answers, keeps the note, and
// either can be taken.
func TestConflict(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		item := w.items(run, "u2")[0].ID
		ana := w.as("u2")
		stale := rowForm(ana.Get("/reviews/"+run.Name), item)
		now := rowForm(ana.Get("/reviews/"+run.Name), item)
		ana.Submit(now, url.Values{"answer": {"revoke"}}).Want(http.StatusSeeOther)
		row := "#item-" + itoa(item)
		p := ana.Submit(stale, url.Values{"answer": {"keep"}, "comment": {"my note " + uhoh}}).Want(http.StatusConflict,
			webtest.In(row, webtest.HasText("Ana Ferreira said “Remove”"), webtest.HasText("Your answer: “Keep”")))
		w.wantDecisions(run, item, 1)
		mine := p.Form(row + " form[data-save=conflict]")
		if got := mine.Values.Get("comment"); got != "my note "+uhoh {
			t.Errorf("the note is %q", got)
		}
		ana.Submit(mine, nil).Want(http.StatusSeeOther)
		w.wantDecisions(run, item, 2)
		if it := w.items(run, "u2")[0]; it.Answer != model.Keep {
			t.Errorf("the answer is %q", it.Answer)
		}
		// A version that no item has is no way around.
		broken := url.Values{"answer": {"revoke"}, "version": {"x"}, "key": {"fresh"}}
		ana.Submit(stale, broken).Want(http.StatusConflict)
	})
}

func TestSignOffAndClose(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		ana := w.as("u2")
		path := "/reviews/" + run.Name
		w.answerAll(run, "u2")
		page := ana.Get(path).Want(http.StatusOK, webtest.In("#sign-off", webtest.HasText(campaigns.DefaultStatement), webtest.HasText("1 removal")))
		sign := page.Form("#sign-off form")
		// An answer that changes after the page was loaded is seen before it is signed.
		first := w.items(run, "u2")[0]
		ana.Submit(rowForm(ana.Get(path+"?state=all"), first.ID), url.Values{"answer": {"unsure"}}).Want(http.StatusSeeOther)
		ana.Submit(sign, nil).Want(http.StatusConflict, webtest.In("main", webtest.HasText("Not signed off.")))
		sign = ana.Get(path).Form("#sign-off form")
		done := ana.Submit(sign, nil)
		ana.Follow(done).Want(http.StatusOK, webtest.In("main", webtest.HasText("Signed off. Thank you."), webtest.HasText("SHA-256 of the event")), webtest.Count("form.decide", 0))
		ana.Submit(sign, nil).Want(http.StatusSeeOther) // again: nothing happens twice
		form := url.Values{"answer": {"revoke"}, "version": {"1"}, "key": {"late"}}
		ana.Post(path+"/items/"+itoa(first.ID), form).Want(http.StatusConflict, webtest.In("main", webtest.HasText("its answers are final")))
		ana.Get("/").Want(http.StatusOK, webtest.In("main", webtest.HasText("to remove")))

		manager := w.as("", model.CampaignManager)
		close := manager.Get("/campaigns/"+run.Name+"/close").Want(http.StatusOK, webtest.In("main", webtest.HasText("It is not due yet."), webtest.HasText("Bo Lindqvist"))).Form("form.stack")
		manager.Submit(close, nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Tick the box")))
		bo := w.as("u3")
		item := w.items(run, "u3")[0]
		bo.Submit(rowForm(bo.Get(path), item.ID), url.Values{"answer": {"keep"}}).Want(http.StatusSeeOther)
		manager.Submit(close, url.Values{"confirm": {"yes"}}).Want(http.StatusConflict, webtest.In("main", webtest.HasText("Somebody answered")))
		close = manager.Get("/campaigns/" + run.Name + "/close").Form("form.stack")
		manager.Follow(manager.Submit(close, url.Values{"confirm": {"yes"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Every item is counted once"), webtest.HasText("Closed")))
		manager.Submit(close, url.Values{"confirm": {"yes"}}).Want(http.StatusSeeOther)
		bo.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("This review is closed.")), webtest.Count("form.decide", 0))
		auditor := w.as("", model.Auditor)
		auditor.Get("/evidence").Want(http.StatusOK, webtest.In("main", webtest.HasText(run.Name)), webtest.In("td[data-label='Last export']", webtest.HasText("never")), webtest.Count("form[action$='/export']", 1))
		pkg := auditor.Submit(auditor.Get("/evidence").Form("form[action$='/export']"), nil)
		if pkg.Status != http.StatusOK || pkg.Header.Get("Content-Type") != "application/zip" || !strings.HasPrefix(pkg.Body, "PK\x03\x04") {
			t.Errorf("package: %d %s, %d bytes", pkg.Status, pkg.Header.Get("Content-Type"), len(pkg.Body))
		}
		auditor.Get("/evidence").Want(http.StatusOK, webtest.In("td[data-label='Last export']",
			webtest.HasText("by Name of nobody-auditor"), webtest.HasText(pkg.Header.Get("X-Content-SHA256")), webtest.HasNoText("never")))
		if pkg.Header.Get("Content-Length") != itoa(int64(len(pkg.Body))) {
			t.Errorf("the package has %d bytes, %s were promised", len(pkg.Body), pkg.Header.Get("Content-Length"))
		}
	})
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		m := w.as("", model.CampaignManager)
		form := m.Get("/campaigns/new").Want(http.StatusOK).Form("form.stack")
		m.Submit(form, url.Values{"name": {"Bad Name"}, "purpose": {"keep this"}, "due": {"x"}}).Want(http.StatusUnprocessableEntity,
			webtest.In("main", webtest.HasText("A name begins and ends with a small letter or a digit"), webtest.HasText("Choose at least one system."), webtest.HasText("keep this"), webtest.HasText("Give a number of days")))
		good := url.Values{"name": {"leavers"}, "source": {"wiki"}, "fallback": {"u1"}, "due": {"7"}}
		bad := url.Values{"name": {"leavers"}, "source": {"wiki"}, "where": {"nonsense ("}, "due": {"7"}}
		m.Submit(form, bad).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("where")))
		m.Submit(form, url.Values{"name": {"quarterly"}, "source": {"wiki"}, "due": {"7"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("There is a campaign of this name")))
		preview := m.Follow(m.Submit(form, good)).Want(http.StatusOK, webtest.In("h1", webtest.HasText("Preview of leavers")))
		m.Submit(form, good).Want(http.StatusSeeOther)
		m.Submit(form, url.Values{"name": {"quarter"}, "source": {"wiki"}, "fallback": {"u1"}, "due": {"7"}, "schedule": {"FREQ=HOURLY"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("the most often is every day")))
		m.Submit(form, url.Values{"name": {"quarter"}, "source": {"wiki"}, "fallback": {"u1"}, "due": {"7"}, "schedule": {"FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1"}}).Want(http.StatusSeeOther)
		m.Get("/campaigns/quarter").Want(http.StatusOK, webtest.In("main", webtest.HasText("Scheduled"), webtest.HasText("Begins by itself"), webtest.HasText("1 January, April, July and October")))
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("begins ")))
		launch := preview.Form("form[action$='/launch']")
		m.Submit(launch, nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Tick the box")))
		yes := url.Values{"confirm": {"yes"}}
		// The data changes between the look and the launch.
		w.later(1e9)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: hurt(grantsCSV) + "a6,readers,2026-02-02,,,,\n"})
		m.Submit(launch, yes).Want(http.StatusConflict, webtest.In("main", webtest.HasText("Something has changed")))
		launch = m.Get("/campaigns/leavers/preview").Form("form[action$='/launch']")
		p := m.Submit(launch, yes)
		m.Follow(p).Want(http.StatusOK, webtest.In("main", webtest.HasText("Running"), webtest.HasText("7 days before, 2 days before, 1 day after"), webtest.HasText("Reviewers get no mail: it is not set up.")))
		w.apply(campaigns.Document{Kind: model.ConfigNotification, Name: "mail", Spec: &model.NotificationSpec{Mail: &model.MailSpec{Host: "smtp.example.com", From: "recert@example.com"}}, At: "m"})
		m.Follow(p).Want(http.StatusOK, webtest.In("main", webtest.HasText("Next reminder")))
		again := m.Submit(launch, yes).Want(http.StatusSeeOther)
		if again.Header.Get("Location") != p.Header.Get("Location") {
			t.Errorf("the second click leads to %q", again.Header.Get("Location"))
		}
		runs, err := w.svc.Runs(t.Context(), model.Actor{Roles: []model.Role{model.Admin}})
		if err != nil || len(runs) != 1 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("leavers@"), webtest.HasText("Ready to launch")))
	})
}

// TestReviewParameters: fields and parameters that no page made do no harm.
func TestReviewParameters(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	run := w.launch()
	ana := w.as("u2")
	for _, q := range []string{"?state=%00", "?q=%ff", "?item=0", "?item=x", "?source=none", "?q=%25", "?state=nonsense"} {
		if p := ana.Get("/reviews/" + run.Name + q); p.Status != http.StatusOK && p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", q, p.Status)
		}
	}
	for _, path := range []string{"/people/%00", "/people/%ff", "/reviews/%00", "/campaigns/%00", "/sources/%00", "/snapshots/99999999999999999999", "/snapshots/-1", "/revocations/0"} {
		for _, c := range []*webtest.Client{ana, w.as("", model.Admin)} {
			if p := c.Get(path); p.Status != http.StatusNotFound {
				t.Errorf("%s: %d", path, p.Status)
			}
		}
	}
	back := rowForm(ana.Get("/reviews/"+run.Name), w.items(run, "u2")[0].ID)
	p := ana.Submit(back, url.Values{"answer": {"keep"}, review.FieldBack: {"//evil.example/?q=x"}})
	if got := p.Header.Get("Location"); !strings.HasPrefix(got, "/reviews/"+run.Name) {
		t.Errorf("led to %q", got)
	}
}
