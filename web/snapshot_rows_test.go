package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/model"
	"recert/web/webtest"
)

// TestSnapshotList: what a snapshot read is listed from its ledger and from its source, with what became of
// each row and what was said before; nothing from outside breaks out of its place.
func TestSnapshotList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.later(time.Hour)
		w.ingest("loader", "wiki", map[model.Kind]string{
			model.KindAccounts: strings.Replace(strings.Replace(hurt(accountsCSV), "a5,eli,,u5,human,disabled", "a5,eli,,u5,human,enabled", 1), "bot,bot", "bot2,bot", 1),
			model.KindGrants:   strings.Replace(strings.Replace(hurt(grantsCSV), "bot,", "bot2,", 1), "a3,editors,2026-01-02", "a3,editors,2026-03-04", 1),
		})
		auditor := w.as("", model.Auditor)
		src := auditor.Get("/sources/wiki")
		rows := auditor.Get(src.Attrs("a[href$='/rows']", "href")[0])
		rows.Want(http.StatusOK, webtest.In("main", webtest.HasText("Accounts 7"), webtest.HasText("New 1"), webtest.HasText("Changed 1"), webtest.HasText("Gone 1"),
			webtest.HasText("Before: status disabled"), webtest.HasText("Entitlements"), webtest.HasNoText("Entitlements 0"), webtest.HasText("Grants 8")))
		w.checkPage(rows)
		snap := strings.TrimSuffix(src.Attrs("a[href$='/rows']", "href")[0], "/rows")
		ledger := auditor.Get(snap)
		for _, c := range []struct{ href, has, not string }{
			{snap + "/rows?kind=accounts", "bot2", "unknown person"},
			{snap + "/rows?change=new&kind=accounts", "bot2", "eli"},
			{snap + "/rows?change=changed&kind=accounts", "Before: status disabled", "bot2"},
			{snap + "/rows?change=gone&kind=accounts", "bot", "bot2"},
			{snap + "/rows?change=changed&kind=grants", "Before: granted at 2026-01-02", "readers"},
			{snap + "/rows?change=gone&kind=grants", "bot", "bot2"},
		} {
			if !strings.Contains(ledger.Body, `href="`+strings.ReplaceAll(c.href, "&", "&amp;")+`"`) {
				// The ledger's links have their parameters in another order.
				a, b, _ := strings.Cut(c.href, "?")
				q, err := url.ParseQuery(b)
				if err != nil || !strings.Contains(ledger.Body, a+"?kind="+q.Get("kind")+"&amp;change="+q.Get("change")) {
					t.Errorf("the ledger does not lead to %s", c.href)
				}
			}
			p := auditor.Get(c.href)
			p.Want(http.StatusOK, webtest.In("tbody", webtest.HasText(c.has), webtest.HasNoText(c.not)))
			w.checkPage(p)
		}
		auditor.Get(snap+"/rows?kind=entitlements").Want(http.StatusOK, webtest.In("main", webtest.HasText("They were not given this time"), webtest.HasText("Editors")))
		through := auditor.Get(snap + "/rows?kind=grants&q=eli")
		through.Want(http.StatusOK, webtest.In("tbody", webtest.HasText("through staff > Readers"), webtest.HasText("staff>readers")))
		hostile := auditor.Get(snap + "/rows?kind=grants&q=" + url.QueryEscape("uhoh"))
		hostile.Want(http.StatusOK, webtest.In("tbody", webtest.HasText("uhoh")))
		w.checkPage(hostile)
		auditor.Get(snap+"/rows?kind=grants&q=nobody").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nothing matches.")))
		for _, bad := range []string{"?kind=people", "?kind=x", "?change=unchanged", "?change=x"} {
			auditor.Get(snap + "/rows" + bad).Want(http.StatusNotFound)
		}
		for _, odd := range []string{"?q=%00", "?q=%ff"} {
			auditor.Get(snap + "/rows" + odd).Want(http.StatusOK)
		}

		access := auditor.Get("/access?q=eli")
		access.Want(http.StatusOK, webtest.In("tbody", webtest.HasText("through staff > Readers"), webtest.HasText("staff>readers")))
		auditor.Get("/people/u5").Want(http.StatusOK, webtest.In("main", webtest.HasText("through staff > Readers")))
	})
}

// TestCapital: a word from outside may begin with any letter, or be none.
func TestCapital(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "enabled": "Enabled", "élevé": "Élevé", "7": "7", "\xff": "\ufffd"} {
		if got := capital(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestSnapshotListPages: a long list comes by pages, each row once; what a held snapshot would change is told
// before it is released, and nothing is kept of one that was discarded.
func TestSnapshotListPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		var many strings.Builder
		many.WriteString("account_id,entitlement_id\n")
		for i := range 120 {
			fmt.Fprintf(&many, "n%03d,readers\n", i)
		}
		w.later(time.Hour)
		res := w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: many.String()})
		if res.State != model.SnapshotHeld {
			t.Fatalf("%+v", res)
		}
		admin := w.as("", model.Admin)
		snap := "/snapshots/" + itoa(res.Snapshot)
		walk := func(href string) (seen int) {
			t.Helper()
			for pages := 0; href != ""; pages++ {
				p := admin.Get(href)
				p.Want(http.StatusOK)
				seen += len(p.Attrs("tbody tr", "class"))
				next := p.Attrs("a[rel=next]", "href")
				if href = ""; len(next) > 0 && pages < 9 {
					href = next[0]
				}
			}
			return seen
		}
		for _, c := range []struct {
			query string
			want  int
		}{{"", 120}, {"&change=new", 120}, {"&change=gone", 8}, {"&change=changed", 0}, {"&q=n01", 10}} {
			if n := walk(snap + "/rows?kind=grants" + c.query); n != c.want {
				t.Errorf("held, %q: %d rows, want %d", c.query, n, c.want)
			}
		}
		admin.Get(snap+"/rows?kind=grants").Want(http.StatusOK, webtest.In("main", webtest.HasText("This snapshot is held."), webtest.HasText("New 120"), webtest.HasText("Gone 8")))
		admin.Get(snap+"/rows?kind=accounts").Want(http.StatusOK, webtest.In("main", webtest.HasText("it gave no accounts: what is current stays")))
		form := admin.Get(snap).Form("form[action$='/release']")
		admin.Submit(form, url.Values{"reason": {"a new start"}}).Want(http.StatusSeeOther)
		for _, c := range []struct {
			query string
			want  int
		}{{"", 120}, {"&change=new", 120}, {"&change=gone", 8}, {"&change=changed", 0}} {
			if n := walk(snap + "/rows?kind=grants" + c.query); n != c.want {
				t.Errorf("released, %q: %d rows, want %d", c.query, n, c.want)
			}
		}

		w.later(time.Hour)
		res = w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: grantsCSV})
		admin = w.as("", model.Admin) // the session of before is over
		gone := "/snapshots/" + itoa(res.Snapshot)
		admin.Submit(admin.Get(gone).Form("form[action$='/release']"), url.Values{"reason": {"wrong file"}, "do": {"discard"}}).Want(http.StatusSeeOther)
		admin.Get(gone+"/rows").Want(http.StatusOK, webtest.In("main", webtest.HasText("its rows were not kept")))
		admin.Get(gone).Want(http.StatusOK, webtest.Count("a[href*='/rows']", 0))
	})
}
