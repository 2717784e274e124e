package web

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestScope: a campaign is narrowed in plain fields; what it would ask about is counted before it is saved; its page
// says it, its copy has it, and as YAML it is what recert apply takes.
func TestScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		m := w.as("", model.CampaignManager)
		page := m.Get("/campaigns/new").Want(http.StatusOK)
		form := page.Form("form.stack")
		in := url.Values{
			"name": {"narrow"}, "source": {"wiki"}, "due": {"21"}, "reviewer": {"manager", "source_owner"}, "fallback": {"u1"}, "on_no_answer": {"keep"}, "remove": {"sign_off"},
			"risk": {"high", "critical"}, "kind": {"human"}, "privileged": {"yes"}, "new_since_last": {"yes"}, "dormant": {"90"},
			"departments": {" Sales, Research & \"Development\" ,,Sales"}, "via": {"ops"}, "where": {"account.account_id != 'x'"}, "swaps": {"prevent"},
		}
		counted := m.Post("/campaigns/new", counting(in)).Want(http.StatusOK, webtest.In("#count", webtest.HasText("would be asked about")))
		counted.Want(http.StatusOK, webtest.In("form.stack", webtest.HasText("Departments")))
		wrong := url.Values{"source": {"wiki"}, "where": {"account.colour == 1"}}
		m.Post("/campaigns/new", counting(wrong)).Want(http.StatusOK, webtest.In("#count", webtest.HasText("scope.where: line 1, column 1: account has no such field")))
		m.Post("/campaigns/new", counting(url.Values{})).Want(http.StatusOK, webtest.In("#count", webtest.HasText("Choose at least one system")))
		all := m.Post("/campaigns/new", counting(url.Values{"source": {"wiki"}})).Want(http.StatusOK, webtest.Count("#count tbody tr th code", 8))
		all.Want(http.StatusOK, webtest.In("#count", webtest.HasText("0 left out")))
		w.as("", model.Auditor).Post("/campaigns/new", counting(wrong)).Want(http.StatusNotFound)

		bad := url.Values{"dormant": {"soon"}}
		for k, v := range in {
			if k != "dormant" {
				bad[k] = v
			}
		}
		m.Submit(form, bad).Want(http.StatusUnprocessableEntity, webtest.In("main .wrong", webtest.HasText("Not used for (days)")))
		m.Follow(m.Submit(form, in)).Want(http.StatusOK)
		shown := m.Get("/campaigns/narrow").Want(http.StatusOK)
		for _, words := range []string{"high, critical", "privileged accounts", "what the last run did not ask about", "90 days", `Sales, Research & "Development"`, "Only what is given by", "one of them is replaced"} {
			shown.Want(http.StatusOK, webtest.In("main", webtest.HasText(words)))
		}
		stored := func(name string) string {
			c, err := w.store.Config(t.Context(), model.ConfigCampaign, name)
			if err != nil {
				t.Fatal(err)
			}
			return c.Spec
		}

		// Its YAML is itself.
		text := w.as("", model.Auditor).Get("/campaigns/narrow/yaml?file=yes").Want(http.StatusOK).Body
		docs, err := campaigns.ReadDocuments("page", strings.NewReader(text))
		if err != nil || len(docs) != 1 {
			t.Fatalf("%v:\n%s", err, text)
		}
		changes, err := campaigns.Apply(t.Context(), w.store, "test", docs, true)
		if err != nil || len(changes) != 1 || changes[0].Action != "unchanged" {
			t.Errorf("%+v, %v:\n%s", changes, err, text)
		}
		m.Get("/campaigns/narrow/yaml").Want(http.StatusOK, webtest.In("main pre", webtest.HasText("kind: Campaign")), webtest.Count("a[href='/campaigns/narrow/yaml?file=yes']", 1))
		w.as("").Get("/campaigns/narrow/yaml").Want(http.StatusNotFound)

		// Its copy is the same under another name.
		copied := m.Get("/campaigns/new?copy=narrow").Want(http.StatusOK).Form("form.stack")
		m.Follow(m.Submit(copied, url.Values{"name": {"again"}})).Want(http.StatusOK)
		if got, want := stored("again"), stored("narrow"); got != want {
			t.Errorf("copied\n%s\nof\n%s", got, want)
		}
		m.Get("/campaigns/new?copy=nobody").Want(http.StatusNotFound)
	})
}

// counting is a form that is only to be counted.
func counting(in url.Values) url.Values {
	out := url.Values{"count": {"yes"}}
	maps.Copy(out, in)
	return out
}
