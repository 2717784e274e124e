package web

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestRefusedUntil: a day that is over, or that is none, is said at the row, which shows what is stored and
// keeps what was typed.
func TestRefusedUntil(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	run := w.launch()
	ana := w.as("u2")
	path := "/reviews/" + run.Name
	it := w.items(run, "u2")[0]
	row := "#item-" + itoa(it.ID)
	page := ana.Get(path).Want(http.StatusOK, webtest.In(row+" form summary", webtest.HasText("Keep until a date, add a note, pass it on")))
	for _, until := range []string{"2020-01-31", "12020-01-31"} {
		ana.Submit(rowForm(page, it.ID), url.Values{"answer": {"keep"}, "until": {until}, "comment": {"soon " + uhoh}}).Want(http.StatusUnprocessableEntity,
			webtest.In(row, webtest.HasText("Not saved. "), webtest.HasText(until), webtest.HasText("No answer is stored"), webtest.HasNoText("You,"), webtest.HasNoText("Until ")),
			webtest.Count(row+".done", 0), webtest.Count(row+" input[name=until][value='"+until+"']", 1), webtest.Count(row+" input[value=keep][checked]", 1),
			webtest.Count(row+" form.dirty details[open] textarea", 1), webtest.Count("em", 0))
	}
	w.wantDecisions(run, it.ID, 0)

	// What was stored before is named as such.
	ana.Submit(rowForm(page, it.ID), url.Values{"answer": {"unsure"}, "comment": {"who knows"}}).Want(http.StatusSeeOther)
	page = ana.Get(path+"?state=all").Want(http.StatusOK, webtest.In(row, webtest.HasText("Note: who knows")), webtest.Count(row+".done", 1))
	ana.Submit(rowForm(page, it.ID), url.Values{"answer": {"keep"}, "until": {"2020-01-31"}}).Want(http.StatusUnprocessableEntity,
		webtest.In(row, webtest.HasText("Stored: Not sure"), webtest.HasText("Note: who knows"), webtest.HasText("You,"), webtest.HasNoText("Until ")), webtest.Count(row+".done", 0))
	w.wantDecisions(run, it.ID, 1)
}

func TestAccountNames(t *testing.T) {
	t.Parallel()
	type row struct{ source, id, username, display, person, name string }
	tests := map[string]struct {
		rows []row
		want []string
	}{
		"one account":          {[]row{{"wiki", "1", "zoe", "", "p1", "Zoë Young"}, {"wiki", "1", "zoe", "", "p1", "Zoë Young"}}, []string{"", ""}},
		"two accounts":         {[]row{{"wiki", "1", "zoe", "", "p1", "Zoë Young"}, {"wiki", "2", "zoe.adm", "", "p1", "Zoë Young"}, {"wiki", "3", "al", "", "p2", "Al"}}, []string{"zoe", "zoe.adm", ""}},
		"three by turns":       {[]row{{"wiki", "1", "a", "", "p", "P"}, {"wiki", "2", "b", "", "p", "P"}, {"wiki", "2", "b", "", "p", "P"}}, []string{"a", "b", "b"}},
		"in two systems":       {[]row{{"wiki", "1", "zoe", "", "p1", "Zoë Young"}, {"crm", "2", "zy", "", "p1", "Zoë Young"}}, []string{"", ""}},
		"two of one name":      {[]row{{"wiki", "1", "al", "", "p1", "Al Lee"}, {"wiki", "2", "al2", "", "p2", "Al Lee"}}, []string{"al", "al2"}},
		"another name":         {[]row{{"wiki", "1", "fin", "Finance mailbox", "p1", "Zoë Young"}}, []string{"fin"}},
		"last name first":      {[]row{{"wiki", "1", "zoe", "Young, ZOË", "p1", "Zoë Young"}}, []string{""}},
		"nobody's":             {[]row{{"wiki", "1", "bot", "", "", ""}, {"wiki", "2", "bot2", "Bot", "", ""}}, []string{"1", "bot2"}},
		"no user name":         {[]row{{"wiki", "1", "", "Finance", "p1", "Zoë Young"}}, []string{"1"}},
		"nothing":              {nil, []string{}},
		"the same as the name": {[]row{{"wiki", "1", "bot", "", "", ""}, {"wiki", "2", "bot", "", "", ""}}, []string{"1", "2"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := accountNames(len(c.rows), func(i int) (string, *model.Subject) {
				r := c.rows[i]
				return r.source, &model.Subject{AccountID: r.id, Username: r.username, DisplayName: r.display, PersonID: r.person, Name: r.name}
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestTwoAccounts: the rows of one person's two accounts are told apart in a review, in its sign-off, and
// on the board; those of others say nothing more.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	w.later(time.Minute)
	w.ingest("loader", "wiki", map[model.Kind]string{
		model.KindAccounts: hurt(accountsCSV + "a44,dev.adm,,u4,human,enabled,true\n"), model.KindEntitlements: hurt(entitlementsCSV),
		model.KindGrants: hurt(grantsCSV + "a44,editors,2026-01-02,,,,\n"),
	})
	run := w.launch()
	ana := w.as("u2")
	path := "/reviews/" + run.Name
	ana.Get(path).Want(http.StatusOK, webtest.In("tbody", webtest.HasText("Account dev.adm"), webtest.HasText("Account dev"), webtest.HasNoText("Account eli")),
		webtest.In("#sign-off", webtest.HasText("Dev Patel (dev.adm):"), webtest.HasNoText("(eli)")))
	who := model.Actor{UserID: 98, Name: "Ana", PersonKey: *w.person("u2"), PersonID: "u2"}
	for _, it := range w.items(run, "u2") {
		if _, err := w.svc.Decide(t.Context(), who, campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: model.Revoke, Version: it.Version}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.svc.SignOff(t.Context(), who, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}); err != nil {
		t.Fatal(err)
	}
	w.as("", model.Auditor).Get("/revocations").Want(http.StatusOK, webtest.In("#live tbody", webtest.HasText("Account dev.adm"), webtest.HasNoText("Account eli")))
	w.as("", model.Auditor).Get("/revocations/1").Want(http.StatusOK, webtest.In("main", webtest.HasText("User name ")))
}
