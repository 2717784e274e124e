package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestOtherSites: a form that another site makes the browser send changes nothing, on any route.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	run := w.launch()
	ana := w.as("u2", model.Admin)
	item := w.items(run, "u2")[0]
	good := url.Values{"answer": {"revoke"}, "version": {itoa(item.Version)}, "key": {"k"}}
	path := "/reviews/" + run.Name + "/items/" + itoa(item.ID)
	for name, h := range map[string]http.Header{
		"another site":           {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
		"a sibling":              {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://other.recert.example"}},
		"an old browser":         {"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}},
		"no origin":              {"Sec-Fetch-Site": nil, "Origin": {"null"}},
		"a cookie and no origin": {"Sec-Fetch-Site": nil},
	} {
		ana.Header = h
		ana.Post(path, good).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("sent from another site")))
		for _, rt := range w.site.patterns {
			if rt.method != http.MethodPost || rt.path == backchannelPath {
				continue
			}
			if p := ana.Post(w.address(rt.path, run, "1"), good); p.Status != http.StatusForbidden {
				t.Errorf("%s: POST %s: %d", name, rt.path, p.Status)
			}
		}
	}
	w.wantDecisions(run, item.ID, 0)
	for _, h := range []http.Header{{"Sec-Fetch-Site": {"same-origin"}}, {"Sec-Fetch-Site": nil, "Origin": {base}}} {
		ana.Header = h
		ana.Post(path, good).Want(http.StatusSeeOther)
	}
	w.wantDecisions(run, item.ID, 1)
	// A page may be opened from anywhere: links in mails lead here.
	ana.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	ana.Get("/reviews/" + run.Name).Want(http.StatusOK)
}

// TestSessionAge: idle and absolute ends, by the settings; a form that comes too late says so and
// gives back what was written.
func TestSessionAge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		ana := w.as("u2")
		form := rowForm(ana.Get("/reviews/"+run.Name), w.items(run, "u2")[0].ID)
		for range 3 {
			w.later(29 * time.Minute)
			ana.Get("/").Want(http.StatusOK)
		}
		w.later(31 * time.Minute)
		ana.Header = http.Header{"Referer": {base + "/reviews/" + run.Name}}
		ana.Submit(form, url.Values{"answer": {"revoke"}, "comment": {"written " + uhoh}}).Want(http.StatusUnauthorized,
			webtest.In("main", webtest.HasText("nothing was saved"), webtest.HasText("“written "+uhoh+"”")),
			webtest.In("main a.button", webtest.HasAttr("href", "/login?return_to="+url.QueryEscape("/reviews/"+run.Name))))
		ana.Header = http.Header{}
		w.wantDecisions(run, w.items(run, "u2")[0].ID, 0)
		ana.Get("/").Want(http.StatusSeeOther)
		// A script that asks is told, and not sent to another site.
		ana.Header = http.Header{"Sec-Fetch-Mode": {"cors"}}
		ana.Get("/").Want(http.StatusUnauthorized)

		w.apply(campaigns.Document{Kind: model.ConfigSettings, Name: "settings", Spec: &model.SettingsSpec{SessionIdle: "2h", SessionAbsolute: "9h", TimeZone: "Europe/Berlin"}, At: "s"})
		bo := w.as("u3")
		for range 4 {
			w.later(119 * time.Minute)
			bo.Get("/").Want(http.StatusOK)
		}
		w.later(5 * time.Minute)
		bo.Get("/").Want(http.StatusSeeOther) // eight hours, as it was minted
	})
}

// TestEmergencyLink: the page does not use the link up, the form does, once; the user is nobody's
// identity even with a person's address.
func TestEmergencyLink(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		token, err := campaigns.CreateLoginLink(t.Context(), w.store, "test", "ana@example.com", model.Admin)
		if err != nil {
			t.Fatal(err)
		}
		c := w.client()
		path := "/login/link?token=" + url.QueryEscape(token)
		c.Get(path).Want(http.StatusOK)
		form := c.Get(path).Want(http.StatusOK).Form("main form")
		c.Follow(c.Submit(form, nil)).Want(http.StatusOK, webtest.In("details.menu", webtest.HasText("ana (emergency access)"), webtest.HasText("Administrator"), webtest.HasNoText("reviewer")))
		c.Get("/campaigns/" + run.Name).Want(http.StatusOK)
		c.Get("/reviews/" + run.Name).Want(http.StatusNotFound)
		other := w.client()
		other.Submit(form, nil).Want(http.StatusForbidden)
		other.Get("/").Want(http.StatusSeeOther)
		late, err := campaigns.CreateLoginLink(t.Context(), w.store, "test", "x@example.com", model.Admin)
		if err != nil {
			t.Fatal(err)
		}
		w.later(11 * time.Minute)
		other.Post("/login/link", url.Values{"token": {late}}).Want(http.StatusForbidden)
		// Signing out kills the session, not only the cookie.
		stolen := w.client()
		stolen.Cookies["__Host-recert"] = c.Cookies["__Host-recert"]
		stolen.Get("/").Want(http.StatusOK)
		c.Follow(c.Submit(c.Get("/").Form("form[action='/logout']"), nil)).Want(http.StatusOK, webtest.In("h1", webtest.HasText("You are signed out")))
		stolen.Get("/").Want(http.StatusSeeOther)
		if strings.Contains(w.logs.String(), token) || strings.Contains(w.logs.String(), "ana@example.com") {
			t.Error("the log holds a token or an address")
		}
	})
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	ana := w.as("u2")
	ana.Get("/").Want(http.StatusOK, webtest.In("html", webtest.HasAttr("data-theme", "system")))
	for _, x := range []struct{ theme, back, want string }{
		{"dark", "/help", "/help"}, {"light", "//evil.example", "/"}, {"system", "https://evil.example/", "/"}, {"dark", `/\evil.example`, "/"},
	} {
		p := ana.Post("/preferences", url.Values{"theme": {x.theme}, "back": {x.back}}).Want(http.StatusSeeOther)
		if got := p.Header.Get("Location"); got != x.want {
			t.Errorf("back to %q leads to %q", x.back, got)
		}
		ana.Get("/").Want(http.StatusOK, webtest.In("html", webtest.HasAttr("data-theme", x.theme)))
	}
	ana.Post("/preferences", url.Values{"theme": {"pink"}}).Want(http.StatusUnprocessableEntity)
}

// TestMachines: what machines ask.
func TestMachines(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	c := w.client()
	for _, path := range []string{"/healthz", "/readyz"} {
		if p := c.Get(path); p.Status != http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	c.Get("/metrics").Want(http.StatusNotFound)
	w.as("", model.Auditor).Get("/metrics").Want(http.StatusNotFound)
	admin := w.as("", model.Admin).Get("/metrics").Want(http.StatusOK)
	if !strings.Contains(admin.Body, `recert_http_request_seconds_count{route="GET /healthz",status="200"} 1`) {
		t.Error("requests are not counted")
	}
	for _, x := range []struct {
		remote, host, forwarded string
		want                    int
	}{
		{"127.0.0.1:1", "127.0.0.1:8080", "", 200}, {"[::1]:1", "localhost:8080", "", 200},
		{"127.0.0.1:1", "127.0.0.1:8080", "198.51.100.7", 404}, {"127.0.0.1:1", "recert.example", "", 404}, {"192.0.2.1:1", "localhost", "", 404},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr, r.Host = x.remote, x.host
		if x.forwarded != "" {
			r.Header.Set("X-Forwarded-For", x.forwarded)
		}
		rec := httptest.NewRecorder()
		w.site.handler().ServeHTTP(rec, r)
		if rec.Code != x.want {
			t.Errorf("%+v: %d", x, rec.Code)
		}
	}
	report := `{"csp-report":{"violated-directive":"script-src","blocked-uri":"https://evil.example/u4?who=dev@example.com","document-uri":"https://recert.example/people/u4"}}`
	c.Do(http.MethodPost, "/csp", "application/csp-report", strings.NewReader(report)).Want(http.StatusNoContent)
	logs := w.logs.String()
	if !strings.Contains(logs, "evil.example") || strings.Contains(logs, "dev@example.com") || strings.Contains(logs, "/people/u4") {
		t.Errorf("the log of the report: %s", logs)
	}
	if p := c.Do(http.MethodPost, "/csp", "application/csp-report", strings.NewReader(strings.Repeat("x", reportLimit+1))); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a report of any size: %d", p.Status)
	}
	if p := w.as("u2").Post("/preferences", url.Values{"back": {strings.Repeat("x", formLimit)}}); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of any size: %d", p.Status)
	}
}

// TestWhenNothingWorks: errors and panics give one page that says nothing of the inside, and the
// log says it all once.
func TestWhenNothingWorks(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.site.mux.Handle("GET /fails", w.site.serve(route{method: "GET", path: "/fails", access: public, do: func(http.ResponseWriter, *request) error {
		return errors.New("secret inside")
	}}))
	w.site.mux.Handle("GET /panics", w.site.serve(route{method: "GET", path: "/panics", access: public, do: func(http.ResponseWriter, *request) error {
		panic("secret inside")
	}}))
	for _, path := range []string{"/fails", "/panics"} {
		p := w.client().Get(path).Want(http.StatusInternalServerError, webtest.In("h1", webtest.HasText("Something went wrong")))
		if strings.Contains(p.Body, "secret") || p.Header.Get("X-Request-Id") == "" || p.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s", path, p.Body)
		}
		if !strings.Contains(w.logs.String(), p.Header.Get("X-Request-Id")) {
			t.Error("the log does not name the request")
		}
	}
	if n := strings.Count(w.logs.String(), "secret inside"); n != 2 {
		t.Errorf("the log has it %d times", n)
	}
	// A database that is gone.
	w.fill()
	ana := w.as("u2")
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	ana.Get("/").Want(http.StatusInternalServerError)
	if p := ana.Get("/readyz"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", p.Status)
	}
	if p := ana.Get("/healthz"); p.Status != http.StatusOK {
		t.Errorf("/healthz: %d", p.Status)
	}
}

// TestLogTellsNobody: lines about requests name no person and hold no query.
func TestLogTellsNobody(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	run := w.launch()
	ana := w.as("u2", model.Admin)
	for _, path := range []string{"/people/u4", "/access?q=Dev+Patel", "/reviews/" + run.Name + "?q=dev", "/no/such/Dev"} {
		ana.Get(path)
	}
	for line := range strings.SplitSeq(w.logs.String(), "\n") {
		for _, bad := range []string{"u4", "Dev", "dev", "Ana", "ana@", "192.0.2.1"} {
			if strings.Contains(line, `"`+bad) || strings.Contains(line, "/"+bad) || strings.Contains(line, "="+bad) {
				t.Errorf("%q in %s", bad, line)
			}
		}
	}
}

func TestTooFast(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	c := w.client()
	last := 0
	for range 80 {
		last = c.Get("/login").Status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 80th sign-in in one moment: %d", last)
	}
	w.later(time.Minute)
	c.Get("/login").Want(http.StatusOK, webtest.In("main", webtest.HasText("Single sign-on is not set up yet")))
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	for _, bad := range []string{"", "recert.example", "ftp://x", "https://"} {
		cfg := w.site.Config
		cfg.BaseURL = bad
		if _, err := New(cfg); model.KindOf(err) != model.Invalid {
			t.Errorf("base URL %q: %v", bad, err)
		}
	}
	if _, err := New(Config{BaseURL: base}); err == nil {
		t.Error("nothing is needed")
	}
}
