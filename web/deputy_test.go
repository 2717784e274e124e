package web

import (
	"net/http"
	"net/url"
	"testing"

	"recert/model"
	"recert/web/webtest"
)

// TestDeputies: a reviewer names a deputy for the own person alone, who runs campaigns for anybody; others see nothing
// of it, and an auditor sees all and changes nothing.
func TestDeputies(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.launch()
		u1, u2, u3 := w.as("u1"), w.as("u2"), w.as("u3")
		u1.Get("/").Want(http.StatusOK, webtest.Count("a[href='/deputies']", 1))
		form := u1.Get("/deputies").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nobody is away")), webtest.Count("input[name=person]", 0)).Form("form.stack")
		day := w.clock.Now().UTC().Format("2006-01-02")
		in := url.Values{"deputy": {"u3"}, "from": {day}, "until": {day}, "reason": {"Holidays " + uhoh}}
		wrong := url.Values{"deputy": {"u1 " + uhoh}, "from": {day}, "until": {day}, "reason": {"x"}}
		u1.Submit(form, wrong).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("It was not saved.")), webtest.Count("em", 0))
		u1.Follow(u1.Submit(form, in)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Answers now")), webtest.Count("form[action$='/end']", 1), webtest.Count("em", 0))
		u1.Submit(form, in).Want(http.StatusConflict, webtest.Count("tbody tr", 1))
		u2.Post("/deputies", url.Values{"person": {"u3"}, "deputy": {"u2"}, "from": {day}, "until": {day}, "reason": {"x"}}).Want(http.StatusForbidden)
		u2.Get("/deputies").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nobody is away")))
		u3.Get("/deputies").Want(http.StatusOK, webtest.Count("tbody tr", 1), webtest.Count("form[action$='/end']", 0))
		auditor := w.as("", model.Auditor)
		auditor.Get("/deputies").Want(http.StatusOK, webtest.Count("tbody tr", 1), webtest.Count("form.stack", 0), webtest.Count("form[action$='/end']", 0))
		end := u1.Get("/deputies").Attrs("form[action$='/end']", "action")[0]
		for _, c := range []*webtest.Client{u2, u3, auditor} {
			c.Post(end, nil).Want(http.StatusNotFound)
		}
		m := w.as("", model.CampaignManager)
		for range 2 {
			m.Follow(m.Post(end, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Nobody is away")))
		}
		in.Set("person", "u2")
		m.Follow(m.Submit(m.Get("/deputies").Form("form.stack"), in)).Want(http.StatusOK, webtest.Count("tbody tr", 1))
	})
}
