package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"recert/model"
	"recert/model/store"
	"recert/web/webtest"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// scattered puts one remediation of each kind into each state; the removals in some are contested, and those that came
// back are in several states.
func (w *world) scattered(run model.Run) {
	w.t.Helper()
	ctx := w.t.Context()
	src, err := w.store.Source(ctx, "wiki")
	if err != nil {
		w.t.Fatal(err)
	}
	n := int64(1000)
	add := func(kind model.RemediationKind, state model.RemediationState, back, contested bool) {
		n++
		err := w.store.InTx(ctx, func(tx *store.Tx) error {
			r := model.Remediation{
				Kind: kind, RunID: run.ID, ItemID: n, SourceID: src.ID, GrantID: n, AccountKey: n, Mode: model.ModeConnector, Access: []byte("{}"), State: state, NextAt: tx.Now, QueuedAt: tx.Now,
			}
			id, err := tx.InsertRemediation(ctx, r)
			if err != nil {
				return err
			}
			if back {
				err = w.returned(ctx, tx, id, state)
			}
			if err == nil && contested {
				err = tx.InsertContest(ctx, model.Contest{RemediationID: id, PersonKey: 1, Reason: "x"})
			}
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for _, state := range model.RemediationStates {
		for _, kind := range model.RemediationKinds {
			add(kind, state, false, false)
		}
		if state.Open() || state == model.Failed {
			add(model.KindRemove, state, true, false)
			add(model.KindRemove, state, false, true)
		}
	}
}

// returned makes a removal proven, and come back, and be in a state since.
func (w *world) returned(ctx context.Context, tx *store.Tx, id int64, state model.RemediationState) error {
	r, err := tx.LockRemediation(ctx, id)
	if err != nil {
		return err
	}
	r.State, r.ClosedAt = model.Confirmed, tx.Now
	if err := tx.MoveRemediation(ctx, r, state); err != nil {
		return err
	}
	if err := tx.EndSpell(ctx, id); err != nil {
		return err
	}
	r.State, r.ClosedAt = state, 0
	return tx.MoveRemediation(ctx, r, model.Confirmed)
}

// every is each element that a selector finds; there must be one.
func every(t *testing.T, p *webtest.Page, selector string) []*html.Node {
	t.Helper()
	sel, err := cascadia.ParseGroup(selector)
	if err != nil {
		t.Fatal(err)
	}
	all := cascadia.QueryAll(p.Root, sel)
	if len(all) == 0 {
		t.Fatalf("%s: nothing is %s", p.What, selector)
	}
	return all
}

// hrefIn is where the one link in an element leads.
func hrefIn(n *html.Node) string {
	for _, a := range cascadia.MustCompile("a").MatchFirst(n).Attr {
		if a.Key == "href" {
			return a.Val
		}
	}
	return ""
}

// TestCountsAreLists: every count of removals, on the board, on the first page and on a campaign's, is the number of
// what its link lists.
func TestCountsAreLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		w.scattered(run)
		admin := w.as("", model.Admin)
		listed := func(href, label, text string) {
			t.Helper()
			text = strings.TrimSpace(text)
			want, err := strconv.Atoi(text)
			if err != nil {
				t.Errorf("%s counts %q", label, text)
				return
			}
			if want > revocationRows {
				return // more than a page
			}
			if got := len(admin.Get(href).Want(http.StatusOK).Attrs("#live tbody th a", "href")); got != want {
				t.Errorf("%s counts %d, and %s lists %d", label, want, href, got)
			}
		}
		seen := 0
		for _, query := range []url.Values{{}, {"campaign": {run.Name}}, {"source": {"wiki"}}} {
			for _, tab := range boardTabs {
				href := boardHref(query, tab.value)
				p := admin.Get(href).Want(http.StatusOK)
				current := webtest.Text(every(t, p, "#live [aria-current]")[0])
				listed(href, tab.label, strings.ReplaceAll(strings.TrimPrefix(current, tab.label), ",", ""))
				seen++
			}
		}
		home := admin.Get("/")
		for _, li := range every(t, home, "section[aria-labelledby=removals] li") {
			words := strings.Fields(webtest.Text(li))
			listed(hrefIn(li), "the first page's "+words[0], words[len(words)-1])
			seen++
		}
		page := admin.Get("/campaigns/" + url.PathEscape(run.Name))
		for _, dd := range every(t, page, "dd:has(a[href*='state='])") {
			listed(hrefIn(dd), "the campaign's "+hrefIn(dd), webtest.Text(dd))
			seen++
		}
		if seen != 3*len(boardTabs)+len(needSomebody)+len(model.RemediationStates) {
			t.Errorf("%d counts were looked at", seen)
		}
	})
}
