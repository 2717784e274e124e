package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
	"recert/web/webtest"
)

// TestSample: the test of a connection shows the first rows that it read as text, says how far it came, and
// stores nothing.
func TestSample(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	w.sample = connector.Sample{
		End:  connector.Enough,
		Seen: map[model.Kind]int64{model.KindAccounts: 4200, model.KindEntitlements: 1, model.KindGrants: 2},
		Rows: map[model.Kind][]model.Record{
			model.KindAccounts: {
				{Kind: model.KindAccounts, Account: model.Account{AccountID: "uid-7", Username: uhoh, DisplayName: "Jon\x1b[31m\u202e Þórsson", Status: "disabled", Privileged: model.Yes}},
				{Kind: model.KindAccounts, Account: model.Account{AccountID: strings.Repeat("x", 3000)}},
			},
			model.KindEntitlements: {{Kind: model.KindEntitlements, Entitlement: model.Entitlement{EntitlementID: "g1", Name: "Editors", Kind: "group", OwnerID: "u3", Risk: "critical"}}},
			model.KindGrants: {
				{Kind: model.KindGrants, Grant: model.Grant{AccountID: "uid-7", EntitlementID: "g1"}},
				{Kind: model.KindGrants, Grant: model.Grant{AccountID: "uid-8", EntitlementID: "g1", Via: "g1>g2"}},
			},
		},
		Names: map[model.Kind]map[string]string{model.KindAccounts: {"uid-7": "Jon Þórsson"}, model.KindEntitlements: {"g1": "Editors"}},
	}
	admin := w.as("", model.Admin)
	form := admin.Get("/sources/new?type=sql").Form("form[action='/sources/new']")
	typed := url.Values{"name": {"database"}, "url": {"postgres://recert@db.example.com/postgres"}, "password": {"right-horse"}, "remove": {"manual"}, "do": {"test"}}
	p := admin.Submit(form, typed)
	p.Want(http.StatusOK, webtest.In("section[aria-labelledby=sample]",
		webtest.HasText("This is a preview. Nothing of it is stored. Reading was stopped after 4,203 rows."),
		webtest.HasText("Accounts: the first 2 of 4,200"), webtest.HasNoText("4,200 read so far"), webtest.HasText("Grants: 2 read so far"), webtest.HasText("Jon [31m Þórsson"), webtest.HasText(uhoh), webtest.HasText("Disabled"), webtest.HasText("Privileged"),
		webtest.HasText("Entitlements: all 1"), webtest.HasText("Group"), webtest.HasText("Critical risk"), webtest.HasText("directly"),
		webtest.HasText("through Editors > g2"), webtest.HasText("g1>g2"), webtest.HasText("uid-8")))
	if strings.Contains(p.Body, "right-horse") || strings.Contains(p.Body, strings.Repeat("x", 300)) || strings.ContainsAny(p.Body, "\x1b\u202e") {
		t.Error("the page holds the password, a text without end, or what steers a terminal")
	}
	if _, err := w.store.Source(t.Context(), "database"); model.KindOf(err) != model.NotFound || len(w.secrets) != 0 {
		t.Errorf("a test stored the source (%v), or secrets: %d", err, len(w.secrets))
	}

	w.sample = connector.Sample{End: connector.Whole, Seen: map[model.Kind]int64{model.KindAccounts: 1}, Rows: map[model.Kind][]model.Record{
		model.KindAccounts: {{Kind: model.KindAccounts, Account: model.Account{AccountID: "bot"}}},
	}}
	admin.Submit(form, typed).Want(http.StatusOK, webtest.In("section[aria-labelledby=sample]",
		webtest.HasText("Everything was read: 1 row."), webtest.HasText("Accounts: all 1"), webtest.HasText("Grants: there are none.")))
	w.sample = connector.Sample{End: connector.TimeIsUp}
	admin.Submit(form, typed).Want(http.StatusOK, webtest.In("section[aria-labelledby=sample]",
		webtest.HasText("stopped after 15 seconds: 0 rows came"), webtest.HasText("Grants: reading did not get that far.")))
	typed.Set("password", "wrong-horse")
	admin.Submit(form, typed).Want(http.StatusUnprocessableEntity, webtest.Count("section[aria-labelledby=sample]", 0))
}

// TestRecordCells: a row of each kind has a cell a column, whatever it says.
func TestRecordCells(t *testing.T) {
	t.Parallel()
	r := &request{zone: zone("Europe/Berlin")}
	none := func(model.Kind, string) string { return "" }
	for _, kind := range model.Kinds {
		for _, rec := range []model.Record{{Kind: kind}, {
			Kind: kind, Person: model.Person{Name: "A", Kind: "agent"}, Account: model.Account{Kind: "shared"},
			Entitlement: model.Entitlement{Risk: "high"}, Grant: model.Grant{AccountID: "a", EntitlementID: "e", Via: ">"},
		}} {
			cells := recordCells(r, &rec, none)
			if len(cells) != len(recordColumns[kind]) || len(cells) == 0 {
				t.Errorf("%s: %d cells in %d columns", kind, len(cells), len(recordColumns[kind]))
			}
		}
	}
	if c := pathCell("g1>g2", func(_ model.Kind, id string) string { return map[string]string{"g1": "Staff"}[id] }); c.Text != "through Staff > g2" || c.Sub != "g1>g2" {
		t.Errorf("%+v", c)
	}
}
