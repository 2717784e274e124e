package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"recert/model"
	"recert/views/ui"
	"recert/web/webtest"
)

// cursorList is one list of the site, for who reads it.
type cursorList struct {
	list
	c      *webtest.Client
	number bool // its cursor is a number
	past   string
}

// everyList is every list that has pages. A new one belongs here.
func (w *world) everyList(run model.Run) []cursorList {
	auditor, ana := w.as("", model.Auditor), w.as("u2")
	q := func(pairs ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	const far = "999999999"
	return []cursorList{
		{listOf(ui.Path("reviews", run.Name), nil), ana, true, far},
		{listOf(ui.Path("reviews", run.Name), q("state", "all", "q", "e")), ana, true, far},
		{listOf("/people/u4", nil), auditor, true, far},
		{listOf("/access", q("q", "e", "source", "wiki")), auditor, false, "999999.1"},
		{list{"/sources/wiki", nil, paramBefore}, auditor, true, "1"},
		{listOf("/sources/wiki", nil), auditor, true, far},
		{list{"/sources/hr", nil, paramBefore}, auditor, true, "1"},
		{listOf("/snapshots/2", nil), auditor, true, far},
		{listOf("/snapshots/2/rows", q("kind", "accounts")), auditor, false, "zzzz"},
		{listOf("/snapshots/2/rows", q("kind", "grants", "change", "new")), auditor, false, far},
		{listOf("/revocations", nil), auditor, true, "1"},
		{listOf("/revocations", q("state", "all", "q", "dev")), auditor, true, "1"},
		{listOf("/messages", nil), auditor, true, "1"},
		{listOf("/messages", q("state", "queued")), auditor, true, "1"},
		{listOf("/evidence", nil), auditor, true, far},
	}
}

// TestBrokenCursors: an address that no page of a list led to says so, whatever is wrong with it; it never
// shows an empty page that looks like the end, and never fails.
func TestBrokenCursors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		w.removal(run)
		for _, l := range w.everyList(run) {
			good := l.mark("12")
			for name, raw := range map[string]string{
				"a word": "zzz", "a number": "12", "a large number": "999999999999", "none": "0", "negative": "-1", "larger than any": "99999999999999999999", "a fraction": "1.5",
				"cut off": "12~" + good[:5], "changed": "13~" + good, "of no mark": "12~", "a mark alone": "~" + good, "not UTF-8": "%ff", "NUL": "%00", "escaped badly": "%zz",
				"twice": "12~" + good + "&" + l.param + "=13", "of another list": "12~" + listOf("/elsewhere", nil).mark("12"), "of another filter": "12~" + listOf(l.path, url.Values{"q": {"other"}}).mark("12"),
			} {
				to := l.href("")
				sep := "?"
				if strings.Contains(to, "?") {
					sep = "&"
				}
				p := l.c.Get(to + sep + l.param + "=" + raw)
				if p.Status != http.StatusBadRequest {
					t.Errorf("%s, a cursor that is %s: %d", to, name, p.Status)
					continue
				}
				p.Want(http.StatusBadRequest, webtest.In("main", webtest.HasText("This address does not lead to a page of the list")), webtest.In("main a.button", webtest.HasAttr("href", l.href(""))))
			}
			// As a page would have given it, for rows that there are, and after the last of them.
			l.c.Get(l.href("")).Want(http.StatusOK)
			p := l.c.Get(l.href(l.past))
			if p.Status != http.StatusSeeOther || p.Header.Get("Location") != l.href("") {
				t.Errorf("%s, after its end: %d to %q", l.href(""), p.Status, p.Header.Get("Location"))
				continue
			}
			l.c.Follow(p).Want(http.StatusOK, webtest.In("main", webtest.HasText("This is the first page.")))
			if l.number {
				for _, bad := range []string{"x", "-1", "1e3"} {
					l.c.Get(l.href(bad)).Want(http.StatusBadRequest)
				}
			}
		}
	})
}

// TestPagesOfLists: the links of a list lead through all of it, and back to its start.
func TestPagesOfLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		const n = 120
		var accounts, grants strings.Builder
		accounts.WriteString(hurt(accountsCSV))
		grants.WriteString(hurt(grantsCSV))
		for i := range n {
			fmt.Fprintf(&accounts, "x%03d,x%03d,,,,,\n", i, i)
			fmt.Fprintf(&grants, "x%03d,readers,,,,,\n", i)
		}
		w.later(time.Second)
		snap := w.ingest("loader", "wiki", map[model.Kind]string{model.KindAccounts: accounts.String(), model.KindGrants: grants.String()})
		run := w.launch()
		bo, auditor := w.as("u3"), w.as("", model.Auditor)
		for _, x := range []struct {
			c    *webtest.Client
			path string
		}{
			{bo, "/reviews/" + run.Name + "?q=x"},
			{auditor, "/access?q=x"},
			{auditor, "/snapshots/" + itoa(snap.Snapshot) + "/rows?kind=accounts&q=x"},
			{auditor, "/snapshots/" + itoa(snap.Snapshot) + "/rows?kind=grants&q=x&change=new"},
			{auditor, "/sources/wiki"},
		} {
			seen, pages := map[string]bool{}, 0
			for at := x.path; at != ""; pages++ {
				p := x.c.Get(at).Want(http.StatusOK)
				for _, id := range regexp.MustCompile(`\bx\d{3}\b`).FindAllString(p.Body, -1) {
					seen[id] = true
				}
				if first := p.Attrs("nav.pager a[rel=first]", "href"); (pages > 0) != (len(first) == 1) {
					t.Errorf("%s leads back by %v", at, first)
				}
				next := p.Attrs("nav.pager a[rel=next]", "href")
				if at = ""; len(next) > 0 {
					at = next[0]
				}
			}
			if pages != 3 || len(seen) != n {
				t.Errorf("%s has %d pages with %d accounts, want 3 with %d", x.path, pages, len(seen), n)
			}
		}
	})
}
