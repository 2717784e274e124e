package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestPathsByName: wherever it is said by what an access is held, that is said by names; the ids stand beside them
// on the page of the removal alone, where somebody may have to find them in the system.
func TestPathsByName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		const readers = "a5,readers,2026-01-02,,,,staff>readers\n"
		w.ingestLater(map[model.Kind]string{
			model.KindEntitlements: hurt(entitlementsCSV) + "staff,\"All staff UHOH\",,low,u3\n",
			model.KindGrants:       strings.Replace(hurt(grantsCSV), readers, readers+"a5,readers,2026-01-03,,,,nameless>staff>readers\n", 1),
		})
		run := w.launch()
		ana, eli, admin := w.as("u2"), w.as("u5"), w.as("", model.Admin)
		const names, longer = "through All staff UHOH > Readers", "through nameless > All staff UHOH > Readers"
		ana.Get("/reviews/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText(names), webtest.HasText(longer), webtest.HasNoText("staff>readers")))
		// What the reviewer is asked about keeps the name that it had at launch; everything else has that of now.
		w.ingestLater(map[model.Kind]string{model.KindEntitlements: hurt(entitlementsCSV) + "staff,Everybody,,low,u3\n"})
		ana.Get("/reviews/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText(names), webtest.HasNoText("Everybody")))
		for _, it := range w.items(run, "u2") {
			answer := model.Keep
			if strings.Contains(it.Subject, "Eli Roth") {
				answer = model.Revoke
			}
			who := model.Actor{PersonKey: *w.person("u2"), PersonID: "u2", Name: "Ana Ferreira"}
			if _, err := w.svc.Decide(t.Context(), who, campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: answer, Version: it.Version}); err != nil {
				t.Fatal(err)
			}
		}
		ana.Submit(ana.Get("/reviews/"+run.Name).Form("form[action$='/sign-off']"), url.Values{}).Want(http.StatusSeeOther)
		rs, err := w.store.Remediations(t.Context(), store.RemediationFilter{})
		if err != nil || len(rs) != 2 {
			t.Fatal(len(rs), err)
		}
		const now, nowLonger = "through Everybody > Readers", "through nameless > Everybody > Readers"
		for path, c := range map[string]*webtest.Client{"/revocations": admin, "/notices": eli, "/people/u5": admin} {
			p := c.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText(now), webtest.HasText(nowLonger), webtest.HasNoText("staff>readers"), webtest.HasNoText("staff > ")))
			w.checkPage(p)
		}
		for i := range rs {
			mine, also := now, nowLonger
			if strings.HasPrefix(rs[i].Via, "nameless") {
				mine, also = also, mine
			}
			admin.Get("/revocations/"+itoa(rs[i].ID)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Held through "+strings.TrimPrefix(mine, "through ")),
				webtest.HasText("By its ids "+strings.ReplaceAll(rs[i].Via, ">", " > ")), webtest.HasText("Also held "+also)))
		}
	})
}
