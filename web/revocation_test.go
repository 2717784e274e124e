package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
	"recert/views/ui"
	"recert/web/webtest"
)

// TestRevocations: the board, one removal, and a failed one that is let go on, once.
func TestRevocations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		id := w.removal(run)
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get("/revocations").Want(http.StatusOK, webtest.Count("#live tbody tr", 1), webtest.In("#live tbody", webtest.HasText("bot"), webtest.HasText("Waiting"), webtest.HasText(run.Name)))
		auditor.Get("/revocations?q=nobody").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nothing matches.")))
		auditor.Get("/revocations?state=confirmed").Want(http.StatusOK, webtest.Count("#live tbody tr", 0))
		path := "/revocations/" + id
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("To be done by hand"), webtest.HasText("Nothing yet.")), webtest.Count("main form", 0))
		m.Post(path+"/retry", nil).Want(http.StatusSeeOther) // it is queued: nothing to do

		rs, err := w.store.Remediations(t.Context(), store.RemediationFilter{})
		if err != nil || len(rs) != 1 {
			t.Fatal(rs, err)
		}
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			r := rs[0].Remediation
			r.State, r.Reason = model.Failed, "The target said "+uhoh
			return tx.MoveRemediation(t.Context(), r, model.Queued)
		}); err != nil {
			t.Fatal(err)
		}
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("The target said "+uhoh), webtest.HasText("Failed")), webtest.Count("main form", 0), webtest.Count("em", 0))
		retry := m.Get(path).Form("form[action$='/retry']")
		m.Follow(m.Submit(retry, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Queued again.")))
		m.Submit(retry, nil).Want(http.StatusSeeOther)
		// It becomes somebody's task, and the next snapshot proves it.
		w.later(time.Minute)
		worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
		if _, err := worker.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		auditor.Get("/revocations").Want(http.StatusOK, webtest.In("#live tbody", webtest.HasText("To be done by hand"), webtest.HasText("Waits for Bo Lindqvist")))
		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: strings.Replace(hurt(grantsCSV), "bot,readers,2026-01-02,,,,\n", "", 1)})
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone"), webtest.HasText("no longer shows it")))
		auditor.Get("/campaigns/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone")))
	})
}

// TestBrakes: all removals are stopped and let go on, a held one is let go on, each by who may and once.
func TestBrakes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		path := "/revocations/" + w.removal(w.launch())
		admin, m, auditor := w.as("", model.Admin), w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get("/revocations").Want(http.StatusOK, webtest.Count("main form[method=post]", 0))
		stop := m.Get("/revocations").Form(".title form[action$='/stop']") // at the head, where it is found at once
		m.Submit(stop, url.Values{"reason": {" "}}).Want(http.StatusUnprocessableEntity)
		for range 2 {
			m.Follow(m.Submit(stop, url.Values{"reason": {"Wrong scope " + uhoh}})).Want(http.StatusOK,
				webtest.In("main", webtest.HasText("All removals are stopped."), webtest.HasText("Wrong scope "+uhoh)), webtest.Count("form[action$='/stop']", 0), webtest.Count("form[action$='/go']", 0), webtest.Count("em", 0))
		}
		auditor.Get("/revocations").Want(http.StatusOK, webtest.In("main", webtest.HasText("All removals are stopped.")), webtest.Count("main form[method=post]", 0))
		on := admin.Get("/revocations").Form("form[action$='/go']")
		for range 2 {
			admin.Follow(admin.Submit(on, nil)).Want(http.StatusOK, webtest.Count("form[action$='/go']", 0), webtest.Count("form[action$='/stop']", 1))
		}
		rs, err := w.store.Remediations(t.Context(), store.RemediationFilter{})
		if err != nil || len(rs) != 1 {
			t.Fatal(rs, err)
		}
		hold := func() {
			t.Helper()
			if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
				r := rs[0].Remediation
				r.State, r.Reason = model.Held, "Nobody else holds it."
				return tx.MoveRemediation(t.Context(), r, model.Queued)
			}); err != nil {
				t.Fatal(err)
			}
		}
		hold()
		auditor.Get("/revocations").Want(http.StatusOK, webtest.In("main", webtest.HasText("One removal waits for a second person.")), webtest.Count("main form[method=post]", 0))
		m.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Nobody else holds it.")), webtest.Count("form[action$='/approve']", 0))
		let := admin.Get(path).Form("form[action$='/approve']")
		admin.Follow(admin.Submit(let, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("It goes on."), webtest.HasText("Waiting")))
		admin.Submit(let, nil).Want(http.StatusSeeOther)
		hold()
		admin.Submit(let, nil).Want(http.StatusConflict) // held anew, maybe for what the old page did not show
		all := admin.Get("/revocations").Form("form[action$='/revocations/approve']")
		admin.Follow(admin.Submit(all, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("They go on.")), webtest.Count("form[action$='/revocations/approve']", 0))
		admin.Post("/revocations/999999/approve", nil).Want(http.StatusNotFound)
	})
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	at := model.TimeOf(storetest.Epoch)
	seen := `{"presence":"present","granted_at":null,"version":"W/1","detail":"It is there."}`
	gone := `{"presence":"absent","granted_at":null,"version":"W/2","detail":"It is gone."}`
	v, err := attemptView(model.Attempt{N: 2, Worker: "w1", IntentAt: at, Before: seen, CalledAt: at + 1, Outcome: "removed", After: gone, ReadAt: at + 2, EndedAt: at + 3}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, s := range v.Steps {
		labels = append(labels, s.Label)
	}
	if got := strings.Join(labels, ","); got != "Written down,Read before,Asked to remove,Read again" || v.Result.Text != "Removed" || v.Steps[3].Tone != ui.Good || v.Steps[3].Text != "It is gone." {
		t.Errorf("%s: %+v", got, v)
	}
	v, err = attemptView(model.Attempt{N: 1, IntentAt: at}, time.UTC)
	if err != nil || v.Result.Text != "Under way" || len(v.Steps) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := attemptView(model.Attempt{N: 1, Before: "{"}, time.UTC); err == nil {
		t.Error("what cannot be read is shown as nothing")
	}
}

// TestForemost: of several removals of one item, the one that needs somebody is shown; every
// state has words.
func TestForemost(t *testing.T) {
	t.Parallel()
	all := []model.Remediation{}
	for _, s := range model.RemediationStates {
		all = append(all, model.Remediation{State: s})
		if removalTag(model.Remediation{State: s}).Text == string(s) || meanings[s] == "" {
			t.Errorf("state %s has no words", s)
		}
		got := foremost(all[len(all)-1:])
		if (got == nil) != (s == model.Cancelled) {
			t.Errorf("alone, %s gives %v", s, got)
		}
	}
	if got := foremost(all); got == nil || got.State != model.Failed {
		t.Errorf("of all, %v", got)
	}
	if got := foremost([]model.Remediation{{State: model.Confirmed}, {State: model.Sent}}); got.State != model.Sent {
		t.Errorf("one that is not done counts: %v", got)
	}
}

// TestCompression: pages are small on the way, a package is sent as it is.
func TestCompression(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	c := w.as("", model.Admin)
	r := httptest.NewRequest(http.MethodGet, base+"/help", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for k, v := range c.Cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	rec := httptest.NewRecorder()
	w.site.handler().ServeHTTP(rec, r)
	if rec.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v", rec.Header())
	}
	z, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(z)
	if err != nil || !strings.Contains(string(page), "</html>") {
		t.Errorf("%d bytes, %v", len(page), err)
	}
	run := w.launch()
	c.Header = http.Header{"Accept-Encoding": {"gzip, zstd"}}
	pkg := c.Post("/campaigns/"+run.Name+"/export", nil)
	if pkg.Status != http.StatusOK || pkg.Header.Get("Content-Encoding") != "" || pkg.Header.Get("Content-Length") != itoa(int64(len(pkg.Body))) {
		t.Errorf("%d %v, %d bytes", pkg.Status, pkg.Header, len(pkg.Body))
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	now := model.TimeOf(storetest.Epoch)
	for _, x := range []struct {
		due  model.Time
		want string
	}{
		{now.Add(20 * 24 * time.Hour), "20 days left"}, {now.Add(24 * time.Hour), "1 day left"}, {now.Add(time.Hour), "Due today"},
		{now.Add(-time.Hour), "Overdue since today"}, {now.Add(-24 * time.Hour), "Overdue by 1 day"},
	} {
		if got := w.site.left(x.due, true, "").Text; got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
		if got := w.site.left(x.due, false, "").Text; got != "" {
			t.Errorf("a closed one has %q", got)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1500: "1.5 kB", 2_000_000: "2.0 MB", 2 << 30: "2.1 GB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for in, want := range map[string]string{`C:\a\b.csv`: "b.csv", "/etc/x.csv": "x.csv", "a\x00b\n.csv": "a?b?.csv", "\xff.csv": "?.csv"} {
		if got := fileName(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-1": "'-1", "ok": "ok", "": "", "＝1": "'＝1"} {
		if got := plain(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
