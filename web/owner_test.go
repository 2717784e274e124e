package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestOwnerAnswers: who owns a campaign is led from the first page to what is contested, reads it without the
// board, and answers it; for everybody else it is as before.
func TestOwnerAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful() // u3 owns it
		page := "/revocations/" + itoa(r.ID)
		owner, dev, ana, fay := w.as("u3"), w.as("u4"), w.as("u2"), w.as("u6")
		answer := url.Values{"reason": {"so"}, "outcome": {"upheld"}}
		hidden := func(c *webtest.Client) {
			t.Helper()
			missing := webtest.Text(c.Get("/no/such/page").Root)
			for _, p := range []*webtest.Page{c.Get(page), c.Post(page+"/contest", answer), c.Post(page+"/contest", nil)} {
				if p.Status != http.StatusNotFound || webtest.Text(p.Root) != missing {
					t.Errorf("%d, want the page of what does not exist: %q, not %q", p.Status, webtest.Text(p.Root), missing)
				}
			}
		}
		owner.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=needs]", 0))
		dev.Follow(dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call " + uhoh}})).Want(http.StatusOK)
		for _, c := range []*webtest.Client{dev, ana, fay, w.as("u1")} {
			hidden(c)
			c.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=needs]", 0), webtest.Count("section[aria-labelledby=removals]", 0))
		}
		owner.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=needs]", webtest.HasText("Dev Patel"), webtest.HasText("contests it")),
			webtest.Count("section[aria-labelledby=needs] a[href='"+page+"']", 1), webtest.Count("section[aria-labelledby=needs] ~ ul.cardlist", 1), webtest.Count("em", 0))
		// The owner reads this one, and neither the board nor what is others' to do.
		shown := owner.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("I am on call "+uhoh), webtest.HasText("Bo Lindqvist")),
			webtest.Count("main form[method=post]", 1), webtest.Count("main a[href='/revocations']", 0), webtest.Count("main a[href^='/messages']", 0), webtest.Count("main a[href^='/people']", 0), webtest.Count("main a[href^='/campaigns']", 0))
		for _, to := range []string{"/revocations", "/revocations/live", "/revocations?state=contested", "/revocations/999999", "/messages"} {
			owner.Get(to).Want(http.StatusNotFound)
		}
		for _, to := range []string{"/approve", "/decline", "/retry", "/restore", "/give-up"} {
			owner.Post(page+to, answer).Want(http.StatusNotFound)
		}
		form := shown.Form("form[action$='/contest']")
		owner.Submit(form, url.Values{"reason": {" "}, "outcome": {"dismissed"}}).Want(http.StatusUnprocessableEntity)
		for range 2 {
			owner.Follow(owner.Submit(form, url.Values{"reason": {"Over"}, "outcome": {"dismissed"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Answered: it goes on.")), webtest.Count("main form[method=post]", 0))
		}
		owner.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=needs]", 0))
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("Answered: it goes on.")))
		w.proven(run)
	})
}

// TestOwnerNotOfOwn: an owner does not answer what is said against the removal of the own access; and is told
// why there is no form.
func TestOwnerNotOfOwn(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	_, r := w.graceful(func(s *model.CampaignSpec) { s.Owner = "u4" })
	dev := w.as("u4")
	page := "/revocations/" + itoa(r.ID)
	dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"mine"}}).Want(http.StatusSeeOther)
	dev.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("It is your own access")), webtest.Count("main form[method=post]", 0))
	dev.Post(page+"/contest", url.Values{"reason": {"so"}, "outcome": {"upheld"}}).Want(http.StatusForbidden)
	// A manager who answered the item gets no form to type into either; one who did not does.
	w.as("u2", model.CampaignManager).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("You answered this item yourself")), webtest.Count("form[action$='/contest']", 0))
	w.as("u1", model.CampaignManager).Get(page).Want(http.StatusOK, webtest.Count("form[action$='/contest']", 1))
	w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Nobody has answered yet.")), webtest.Count("main form[method=post]", 0))
}

// TestOwnerHasLeft: who has left owns nothing any more.
func TestOwnerHasLeft(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	_, r := w.graceful()
	owner := w.as("u3")
	owner.Get("/revocations/" + itoa(r.ID)).Want(http.StatusOK)
	w.later(time.Minute)
	w.ingest("loader", "hr", map[model.Kind]string{model.KindPeople: strings.Replace(hurt(hrCSV), "Team lead,active,Platform", "Team lead,terminated,Platform", 1)})
	if p := w.as("u3").Get("/revocations/" + itoa(r.ID)); p.Status == http.StatusOK {
		t.Error("who has left reads it")
	}
}

// TestNobodyOwns: where nobody could be told by mail, the removal says so as long as it is open, and admins and
// managers are led to what needs somebody from their first page.
func TestNobodyOwns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, r := w.graceful(func(s *model.CampaignSpec) { s.Grace, s.Owner = "", "" })
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"}, At: "b"})
		page := "/revocations/" + itoa(r.ID)
		line := hurt("a4,editors,2026-01-02,UHOH,UHOH,2026-02-01,\n")
		const untold = "Nobody could be told by mail: the campaign has no owner"
		w.work()
		w.grantsWithout(line)
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone"), webtest.HasNoText(untold)))
		w.grantsWithout("")
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Came back"), webtest.HasText(untold)))
		w.later(time.Hour)
		w.step(&remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now})
		if now, err := w.store.Remediation(t.Context(), r.ID); err != nil || now.State != model.Sent {
			t.Fatal(now.State, err)
		}
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText(untold)), webtest.In("#told + ol", webtest.HasText("That it came back: nobody could be told by mail")))
		w.as("u4").Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("section[aria-labelledby=contest]", webtest.HasText(untold)))
		for _, role := range []model.Role{model.Admin, model.CampaignManager} {
			home := w.as("", role).Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=removals]", webtest.HasText("Contested 1"), webtest.HasText("Came back 1"), webtest.HasText("Failed 0"), webtest.HasText("Held 0")))
			home.Want(http.StatusOK, webtest.Count("section[aria-labelledby=removals] a[href='/revocations?state=contested']", 1))
		}
		w.as("", model.Auditor).Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=removals]", 0))
		w.as("", model.Admin).Post(page+"/contest", url.Values{"reason": {"no"}, "outcome": {"dismissed"}}).Want(http.StatusSeeOther)
		w.later(time.Minute)
		w.grantsWithout(line)
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone"), webtest.HasNoText("could be told")))
	})
}

// TestCampaignOwnerTyped: the form of a new campaign takes its owner, by person_id or mail address.
func TestCampaignOwnerTyped(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	m := w.as("", model.CampaignManager)
	form := func(name, owner string) url.Values {
		return url.Values{"name": {name}, "source": {"wiki"}, "reviewer": {"manager"}, "fallback": {"u1"}, "due": {"14"}, "owner": {owner}}
	}
	m.Post("/campaigns/new", form("q1", "nobody")).Want(http.StatusUnprocessableEntity, webtest.Count("input[name=owner][value=nobody][aria-invalid=true]", 1), webtest.In("main", webtest.HasText("Nobody has this person_id")))
	for name, c := range map[string][2]string{"q2": {"U3", "u3"}, "q3": {"Bo@Example.com", "u3"}, "q4": {" ", ""}} {
		m.Post("/campaigns/new", form(name, c[0])).Want(http.StatusSeeOther)
		doc, err := w.store.Config(t.Context(), model.ConfigCampaign, name)
		if err != nil || strings.Contains(doc.Spec, `"owner":"u3"`) != (c[1] != "") {
			t.Errorf("%q: %s, %v", c[0], doc.Spec, err)
		}
	}
	rows, err := w.store.Remediations(t.Context(), store.RemediationFilter{Owned: store.Owned{Person: *w.person("u3")}})
	if err != nil || len(rows) != 0 {
		t.Errorf("%d, %v", len(rows), err)
	}
}

// TestSourceOwnerAnswers: where nobody owns the campaign the source's owner is told, follows the link of the
// mail and answers; whoever owns a source whose campaign has an owner is told nothing and sees nothing.
func TestSourceOwnerAnswers(t *testing.T) {
	t.Parallel()
	for owner, want := range map[string]int{"": http.StatusOK, "u3": http.StatusNotFound} {
		w := sqliteWorld(t)
		_, r := w.graceful(func(s *model.CampaignSpec) { s.Owner = owner })
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u6"}, At: "b"})
		w.as("u4").Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
		page := "/revocations/" + itoa(r.ID)
		fay := w.as("u6")
		shown := fay.Get(page).Want(want)
		listed := 0
		if want == http.StatusOK {
			listed = 1
		}
		fay.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=needs] a[href='"+page+"']", listed))
		w.as("u2").Get(page).Want(http.StatusNotFound)
		fay.Get("/revocations").Want(http.StatusNotFound)
		answer := url.Values{"reason": {"so"}, "outcome": {"upheld"}}
		if want != http.StatusOK {
			fay.Post(page+"/contest", answer).Want(want)
			continue
		}
		fay.Follow(fay.Submit(shown.Form("form[action$='/contest']"), answer)).Want(http.StatusOK, webtest.In("main", webtest.HasText("the access is to stay")))
	}
}
