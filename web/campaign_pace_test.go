package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/model"
	"recert/web/webtest"
)

// TestPacePage: a run shows how it comes along as a picture and as a table; the list of campaigns says what needs the
// hand of who runs them, and of nobody else.
func TestPacePage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.as("", model.CampaignManager).Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nothing today")))
		run := w.launch()
		w.later(74 * time.Hour)
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		page := m.Get("/campaigns/"+run.Name).Want(http.StatusOK,
			webtest.Count("svg polyline.line", 1), webtest.Count("svg polyline.pace", 1), webtest.Count("#live[data-live]", 1), webtest.In("#live", webtest.HasText("Behind an even pace")))
		if got := page.Attrs("svg polyline.line", "points"); len(got) != 1 || !strings.HasPrefix(got[0], "0.0,0.0 43.6,0.0 ") || strings.Count(got[0], " ") != 4 {
			t.Errorf("the line is %q", got)
		}
		page.Want(http.StatusOK, webtest.In("#live details.more", webtest.HasText("At an even pace")))
		auditor.Get("/campaigns/"+run.Name).Want(http.StatusOK, webtest.Count("svg polyline.line", 1))
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("Nothing today")))
		w.later(14 * 24 * time.Hour)
		m, auditor = w.as("", model.CampaignManager), w.as("", model.Auditor)
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("It is overdue")))
		auditor.Get("/campaigns").Want(http.StatusOK, webtest.Count("#hands", 0))
		w.scattered(run) // removals in every state
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("Removals: came back"), webtest.HasText("Removals: failed")))
		w.as("u1").Get("/campaigns/" + run.Name + "/live").Want(http.StatusNotFound)
	})
}
