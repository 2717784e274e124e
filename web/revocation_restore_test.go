package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/review"
	"recert/web/webtest"
)

const botLine = "bot,readers,2026-01-02,,,,\n"

// work lets a worker do what is due.
func (w *world) work() {
	w.t.Helper()
	w.later(time.Minute)
	worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
	if err := worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.later(time.Minute)
}

// grantsWithout ingests the wiki's grants but for one line.
func (w *world) grantsWithout(line string) {
	w.t.Helper()
	w.later(time.Minute)
	w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: strings.Replace(hurt(grantsCSV), line, "", 1)})
}

// TestGiveBack: a proven removal is given back with one form, and its story says so.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		id := w.removal(w.launch())
		path := "/revocations/" + id
		admin, m, auditor := w.as("", model.Admin), w.as("", model.CampaignManager), w.as("", model.Auditor)
		const form = "form[action$='/restore']"
		admin.Get(path).Want(http.StatusOK, webtest.Count(form, 0))
		w.work()
		w.grantsWithout(botLine)
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone")), webtest.Count("main form", 0))
		auditor.Post(path+"/restore", url.Values{"reason": {"x"}}).Want(http.StatusNotFound)
		admin.Post("/revocations/999999/restore", url.Values{"reason": {"x"}}).Want(http.StatusNotFound)
		back := m.Get(path).Form(form)
		m.Submit(back, url.Values{"reason": {" "}}).Want(http.StatusUnprocessableEntity)
		var page *webtest.Page
		for range 2 {
			page = m.Follow(m.Submit(back, url.Values{"reason": {"It was a mistake " + uhoh}}))
			page.Want(http.StatusOK, webtest.In("h1", webtest.HasText("Give back: Read every page")), webtest.In("main", webtest.HasText("It was a mistake "+uhoh),
				webtest.HasText("Gives back what was taken by")), webtest.Count("em", 0))
		}
		m.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Given back by"), webtest.HasText("Waiting")), webtest.Count(form, 0))
		rows, err := w.store.Remediations(t.Context(), store.RemediationFilter{Kinds: []model.RemediationKind{model.KindRestore}})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%d restores, %v", len(rows), err)
		}
		restore := "/revocations/" + itoa(rows[0].ID)
		m.Get("/revocations?state=given").Want(http.StatusOK, webtest.In("main", webtest.HasText("Give back: Read every page")))
		w.work()
		m.Get(restore).Want(http.StatusOK, webtest.In("main", webtest.HasText("To be done by hand"), webtest.HasText("Give Readers (readers) back to bot in wiki."), webtest.HasText("shows the access")))
		// It is given up, and asked for once more.
		up := m.Get(restore).Form("form[action$='/give-up']")
		for range 2 {
			m.Follow(m.Submit(up, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Cancelled")), webtest.Count("main form", 0))
		}
		m.Follow(m.Submit(m.Get(path).Form(form), url.Values{"reason": {"After all"}})).Want(http.StatusOK)
		w.work()
		w.grantsWithout("")
		m.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Given back"), webtest.HasText("given back on purpose"), webtest.HasText("Given back by")), webtest.Count(form, 0))
	})
}

// TestLowerAnswer: a weaker access that the system names can be answered, without any script.
func TestLowerAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindEntitlements: hurt(strings.NewReplacer("risk,owner_id", "risk,owner_id,lower_id", ",high,u3", ",high,u3,readers", ",low,u3", ",low,u3,", ",medium,u3", ",medium,u3,").Replace(entitlementsCSV))})
		run := w.launch()
		c := w.as("u2")
		var item store.ItemRow
		for _, it := range w.items(run, "u2") {
			if strings.Contains(it.Entitlement, `"editors"`) {
				item = it
			}
		}
		row := "#item-" + itoa(item.ID)
		address := "/reviews/" + run.Name + "?state=all"
		page := c.Get(address)
		page.Want(http.StatusOK, webtest.In(row, webtest.HasText("Lower to Readers")), webtest.Count("button[value=reduce]", 1))
		form := page.Form("form[action$='/items/" + itoa(item.ID) + "']")
		for range 2 {
			c.Follow(c.Submit(form, url.Values{review.FieldAnswer: {string(review.Reduce)}})).Want(http.StatusOK)
		}
		c.Get(address).Want(http.StatusOK, webtest.In(row, webtest.HasText("Lower to Readers"), webtest.HasText("You,")), webtest.Count(row+" form[action$='/undo']", 1))
		ds, err := w.store.Decisions(t.Context(), run.ID, []int64{item.ID})
		if err != nil || len(ds) != 1 || ds[0].Answer != model.Reduce || ds[0].LowerTo != "readers" {
			t.Fatalf("the decisions are %+v, %v", ds, err)
		}
		c.Submit(c.Get(address).Form("form[action$='/items/"+itoa(item.ID)+"']"), url.Values{review.FieldAnswer: {string(review.Reduce)}, review.FieldLower: {"uhoh"}}).
			Want(http.StatusUnprocessableEntity, webtest.In(row, webtest.HasText("cannot be lowered")))
		c.Follow(c.Submit(c.Get(address).Form(row+" form[action$='/undo']"), nil)).Want(http.StatusOK)
		c.Get(address).Want(http.StatusOK, webtest.In(row, webtest.HasNoText("You,")))
	})
}
