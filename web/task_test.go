package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/campaigns/evidence"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/web/webtest"
)

// TestTask: who has a task says that it is done and attaches a file, once; others see neither; and only
// a snapshot closes it.
func TestTask(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		id := w.removal(w.launch())
		w.later(time.Minute)
		worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
		if _, err := worker.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		path := "/tasks/" + id
		bo, ana, auditor, manager := w.as("u3"), w.as("u2"), w.as("", model.Auditor), w.as("", model.CampaignManager)
		bo.Get("/").Want(http.StatusOK, webtest.In("main", webtest.HasText("Tasks for you")), webtest.Count("a[href='"+path+"']", 1))
		ana.Get("/").Want(http.StatusOK, webtest.Count("a[href='"+path+"']", 0))
		ana.Get(path).Want(http.StatusNotFound)
		auditor.Get(path).Want(http.StatusOK, webtest.Count("main form", 0))
		w.checkPage(bo.Get(path).Want(http.StatusOK, webtest.Count("main form", 1), webtest.In("main", webtest.HasText("Remove"))))

		send := func(c *webtest.Client, note, file string) *webtest.Page {
			files := map[string]string{}
			if file != "" {
				files["file"] = file
			}
			ct, body := multi(t, map[string]string{"note": note}, files)
			return c.Do(http.MethodPost, path, ct, body)
		}
		send(ana, "I did it", "").Want(http.StatusNotFound)
		send(auditor, "I did it", "").Want(http.StatusForbidden)
		send(bo, " ", "x").Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Say what you did")))
		send(bo, strings.Repeat("x", 2001), "").Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("at most 2000 characters")))
		for range 2 { // the second click is the same report
			bo.Follow(send(bo, "Removed by hand "+uhoh, uhoh)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Noted. Thank you."), webtest.HasText("Removed by hand "+uhoh)),
				webtest.Count("em", 0), webtest.Count("ol.timeline li", 1))
		}
		file := bo.Get(path).Attrs("ol.timeline a", "href")
		if len(file) != 1 {
			t.Fatalf("the report has the files %v", file)
		}
		ana.Get(file[0]).Want(http.StatusNotFound)
		got := auditor.Get(file[0]).Want(http.StatusOK)
		if !strings.Contains(got.Body, uhoh) || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || got.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("the file comes as %v", got.Header)
		}
		auditor.Get("/revocations/"+id).Want(http.StatusOK, webtest.In("main", webtest.HasText("To be done by hand"), webtest.HasText("1 report about it")))
		manager.Get(path).Want(http.StatusOK, webtest.Count("main form", 1))

		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: strings.Replace(hurt(grantsCSV), "bot,readers,2026-01-02,,,,\n", "", 1)})
		bo.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Proven gone")), webtest.Count("main form", 0))
		send(bo, "Once more", "").Want(http.StatusConflict)
		bo.Get("/").Want(http.StatusOK, webtest.Count("a[href='"+path+"']", 0))
		checks, err := evidence.Doctor(t.Context(), w.store, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			// Clients of tests have no sign-in behind them.
			if !c.OK && !strings.HasPrefix(c.Check, "users.") && !strings.HasPrefix(c.Check, "sessions.") {
				t.Errorf("%s: %s", c.Check, c.Detail)
			}
		}
	})
}
