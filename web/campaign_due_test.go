package web

import (
	"net/http"
	"net/url"
	"testing"

	"recert/model"
	"recert/web/webtest"
)

// TestDue: who runs the campaign makes it due on another day; what was typed stays in the form where it is
// refused, and the page says what changed, by whom and why.
func TestDue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		page := "/campaigns/" + run.Name
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get(page).Want(http.StatusOK, webtest.Count("form[action$='/due']", 0))
		form := m.Get(page).Form("form[action$='/due']")
		m.Submit(form, url.Values{"due": {"soon " + uhoh}, "reason": {"away"}}).Want(http.StatusUnprocessableEntity,
			webtest.In("form[action$='/due']", webtest.HasText("as a day")), webtest.Count("details[open] form[action$='/due']", 1), webtest.Count("em", 0))
		day := run.DueAt.Std().AddDate(0, 0, 30)
		in := url.Values{"due": {day.Format("2006-01-02")}, "reason": {"Half of Sales is away " + uhoh}}
		m.Follow(m.Submit(form, in)).Want(http.StatusOK, webtest.In("main", webtest.HasText("due on another day now")), webtest.Count("em", 0))
		m.Submit(form, in).Want(http.StatusSeeOther) // the same click twice
		auditor.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Due date changed")), webtest.In("main", webtest.HasText("Half of Sales is away")), webtest.In("main", webtest.HasText(day.Format("2 Jan 2006"))))
	})
}
