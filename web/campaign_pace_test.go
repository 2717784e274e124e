package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
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

// TestEvenPaceIsDrawnInLegs: where the due date was moved, before it or after it was over, the even pace jumps to what
// was open then and goes down from there.
func TestEvenPaceIsDrawnInLegs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		legs []campaigns.PaceLeg
		want string
	}{
		"never moved":      {[]campaigns.PaceLeg{{At: 0, Open: 100, Due: 20}}, "0.0,0.0 1000.0,300.0"},
		"moved in time":    {[]campaigns.PaceLeg{{At: 0, Open: 100, Due: 10}, {At: 5, Open: 80, Due: 20}}, "0.0,0.0 250.0,150.0 250.0,60.0 1000.0,300.0"},
		"moved when over":  {[]campaigns.PaceLeg{{At: 0, Open: 100, Due: 10}, {At: 15, Open: 40, Due: 20}}, "0.0,0.0 500.0,300.0 750.0,300.0 750.0,180.0 1000.0,300.0"},
		"moved to earlier": {[]campaigns.PaceLeg{{At: 0, Open: 100, Due: 40}, {At: 10, Open: 50, Due: 20}}, "0.0,0.0 500.0,75.0 500.0,150.0 1000.0,300.0"},
	} {
		run := model.Run{State: model.Running, Items: 100, DueAt: 20}
		got := paceView(run, &campaigns.Pace{Legs: c.legs, Points: []campaigns.PacePoint{{Open: 100}, {At: 1, Open: 90}}}, time.UTC)
		if got.Even != c.want {
			t.Errorf("%s: %q, want %q", name, got.Even, c.want)
		}
	}
}
