package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestReviewerPages: a run with more reviewers than a page shows has all of them on its pages, each once, those with
// most left first; who answers while somebody turns the pages makes nobody be passed over.
func TestReviewerPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const managers = 230
		people, accounts, grants := strings.Builder{}, strings.Builder{}, strings.Builder{}
		people.WriteString("person_id,name,email,manager_id,status\n")
		accounts.WriteString("account_id,person_id\n")
		grants.WriteString("account_id,entitlement_id\n")
		for i := range managers {
			fmt.Fprintf(&people, "m%03d,Manager %03d,m%03d@example.com,,active\nr%03d,Report %03d,r%03d@example.com,m%03d,active\n", i, i, i, i, i, i, i)
			fmt.Fprintf(&accounts, "a%03d,r%03d\n", i, i)
			for n := range 1 + i%3 {
				fmt.Fprintf(&grants, "a%03d,e%d\n", i, n)
			}
		}
		spec := w.spec()
		spec.Stages[0].Fallback = ""
		w.apply(
			campaigns.Document{Kind: model.ConfigSource, Name: "hr", Spec: &model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"}, At: "a"},
			campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"}, At: "b"},
			campaigns.Document{Kind: model.ConfigCampaign, Name: "quarterly", Spec: spec, At: "c"},
		)
		w.ingest("loader", "hr", map[model.Kind]string{model.KindPeople: people.String()})
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindAccounts: accounts.String(), model.KindGrants: grants.String()})
		run := w.launch()
		admin := w.as("", model.Admin)

		first := admin.Get("/campaigns/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText("230 reviewers")))
		seen := first.Attrs("a[href^='/people/m']", "href")
		if len(seen) != reviewerRows || !slices.Equal(seen[:2], []string{"/people/m002", "/people/m005"}) {
			t.Fatalf("the first page has %d: %v", len(seen), seen)
		}
		// One of those who are still to come answers, and so does one of those who were shown.
		for _, id := range []string{"m101", "m002"} {
			key := *w.person(id)
			items, err := w.store.ItemRows(t.Context(), run.ID, store.ItemFilter{Reviewer: key})
			if err != nil {
				t.Fatal(err)
			}
			who := model.Actor{Name: id, PersonKey: key, PersonID: id}
			if _, err := w.svc.Decide(t.Context(), who, campaigns.DecideInput{RunID: run.ID, ItemID: items[0].ID, Answer: model.Keep}); err != nil {
				t.Fatal(err)
			}
		}
		all := map[string]bool{}
		for _, href := range seen {
			all[href] = true
		}
		page := first
		for range 2 {
			next := page.Attrs("nav.pager a[href*='after=']", "href")
			if len(next) != 1 {
				t.Fatalf("the pager leads to %v", next)
			}
			page = admin.Get(next[0]).Want(http.StatusOK)
			for _, href := range page.Attrs("a[href^='/people/m']", "href") {
				all[href] = true
			}
		}
		if len(all) != managers {
			t.Errorf("the pages have %d of %d reviewers", len(all), managers)
		}
		admin.Get("/campaigns/" + run.Name + "?after=2.1").Want(http.StatusBadRequest)
	})
}
