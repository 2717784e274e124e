package web

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"testing"

	"recert/model"
	"recert/web/webtest"
)

// TestHandOver: who runs the campaign hands a reviewer's open items to somebody else; what was typed
// stays in the form where it is refused.
func TestHandOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		page := "/campaigns/" + run.Name
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get(page).Want(http.StatusOK, webtest.Count("form[action$='/hand-over']", 0))
		form := m.Get(page).Form("form[action$='/hand-over']")
		from := form.Values.Get("from")
		m.Submit(form, url.Values{"to": {"nobody-" + uhoh}, "reason": {"away " + uhoh}}).Want(http.StatusUnprocessableEntity,
			webtest.In("form[action$='/hand-over']", webtest.HasText("There is no active person")), webtest.Count("details[open] form[action$='/hand-over']", 1), webtest.Count("em", 0))
		m.Submit(form, url.Values{"to": {"u6"}, "reason": {""}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Say why")))
		m.Follow(m.Submit(form, url.Values{"to": {"u6"}, "reason": {"away " + uhoh}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Handed over.")))
		v, err := w.svc.RunPage(t.Context(), model.Actor{Name: "x", Roles: []model.Role{model.Admin}}, run.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, rev := range v.Reviewers {
			if id := rev.Reviewer.PersonID; id == from && rev.Counts.Unanswered > 0 || id == "u6" && rev.Counts.Unanswered == 0 {
				t.Errorf("%s has %+v", id, rev.Counts)
			}
		}
		// The new reviewer passes one on: the button's answer counts, whatever choice was ticked before.
		fay := w.as("u6")
		item := fay.Get("/reviews/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText("Not mine, pass it on"))).Form("tbody tr:first-child form.decide")
		fay.Submit(item, url.Values{"answer": {"keep", "not_mine"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Say why this is not yours")))
		fay.Submit(item, url.Values{"answer": {"keep", "not_mine"}, "comment": {"Bo knows " + uhoh}}).Want(http.StatusSeeOther)
		moves, err := w.store.Assignments(t.Context(), run.ID, itemOf(t, item.Action))
		if err != nil || len(moves) < 2 || moves[len(moves)-1].Basis == "manual" {
			t.Errorf("moves %+v, %v", moves, err)
		}
	})
}

// itemOf is the item that a form's address names.
func itemOf(t *testing.T, action string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(path.Base(action), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
