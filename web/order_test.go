package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/web/webtest"
)

// brokenForms are forms that no handler can use, whatever it asks for.
var brokenForms = map[string]struct{ contentType, body string }{
	"empty":             {"application/x-www-form-urlencoded", ""},
	"escaped badly":     {"application/x-www-form-urlencoded", "reason=%zz"},
	"not UTF-8":         {"application/x-www-form-urlencoded", "reason=%ff&do=%ff&answer=%ff"},
	"nonsense":          {"application/x-www-form-urlencoded", "do=zzz&answer=zzz&outcome=zzz&version=zzz&confirm=zzz"},
	"of no known kind":  {"text/plain", "reason"},
	"many parts, cut":   {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nI did"},
	"parts without end": {"multipart/form-data", "x"},
}

// TestObjectBeforeForm: of what does not exist, and of what is somebody else's, a form learns nothing: not even
// that it is broken. It walks every address that takes a form and names something.
func TestObjectBeforeForm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		rem := w.removal(run)
		w.later(time.Minute)
		if _, err := (&remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}).Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		boss, fay := w.as("u1", model.Admin), w.as("u6")
		missing := webtest.Text(fay.Get("/no/such/page").Root)
		none := strings.NewReplacer("{campaign}", "none@2026-01-01", "{item}", "999999", "{id}", "999999", "{name}", "none", "{token}", "none")
		walked := 0
		for _, rt := range w.site.patterns {
			if rt.method != http.MethodPost || rt.access == public || !strings.Contains(rt.path, "{") {
				continue
			}
			walked++
			for name, f := range brokenForms {
				if p := boss.Do(http.MethodPost, none.Replace(rt.path), f.contentType, strings.NewReader(f.body)); p.Status != http.StatusNotFound {
					t.Errorf("%s of nothing, a form that is %s: %d", rt.path, name, p.Status)
				}
				p := fay.Do(http.MethodPost, w.address(rt.path, run, rem), f.contentType, strings.NewReader(f.body))
				if p.Status != http.StatusNotFound || webtest.Text(p.Root) != missing {
					t.Errorf("%s of somebody else, a form that is %s: %d", rt.path, name, p.Status)
				}
			}
		}
		if walked < 20 {
			t.Errorf("only %d addresses", walked)
		}
	})
}

// TestUnknownButtons: a form that says it was sent by a button that its page does not have changes nothing, and
// says so. It is never guessed what was meant.
func TestUnknownButtons(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, rem := w.graceful()
		if err := w.svc.Contest(t.Context(), model.Actor{PersonKey: *w.person("u4"), PersonID: "u4", Name: "Dev"}, rem.ID, "I need it"); err != nil {
			t.Fatal(err)
		}
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "directory", At: "d", Spec: &model.SourceSpec{
			Provides: model.ProvidesAccess, Type: "scim", URL: "https://scim.example.com/v2", Token: "${DIRECTORY_TOKEN}",
		}})
		w.later(time.Second)
		held := itoa(w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: "account_id,entitlement_id,granted_at\na2,readers,2026-01-02\n"}).Snapshot)
		admin, ana := w.as("", model.Admin), w.as("u2")
		item := w.items(run, "u2")[0]
		was := w.everything()
		for _, x := range []struct {
			c           *webtest.Client
			path, field string
			form        url.Values
			absent      bool // the address alone says what is meant
		}{
			{admin, "/sources/new", "do", url.Values{"type": {"csv"}, "name": {"payroll"}, "provides": {"people"}}, false},
			{admin, "/sources/new", "do", url.Values{"type": {"scim"}, "name": {"cloud"}, "url": {"https://x.example.com"}, "password": {"horse"}, "remove": {"manual"}}, false},
			{admin, "/sources/new", "type", url.Values{"do": {"save"}, "name": {"payroll"}, "provides": {"people"}}, false},
			{admin, "/sources/new", "provides", url.Values{"do": {"save"}, "type": {"csv"}, "name": {"payroll"}}, false},
			{admin, "/sources/new", "remove", url.Values{"do": {"save"}, "type": {"scim"}, "name": {"cloud"}, "url": {"https://x.example.com"}, "password": {"horse"}}, true},
			{admin, "/sources/new", "sign_ins", url.Values{"do": {"save"}, "type": {"entra"}, "name": {"cloud"}, "tenant": {"t.example.com"}, "username": {"app"}, "password": {"horse"}, "remove": {"manual"}}, true},
			{admin, "/sources/directory/edit", "do", w.values(admin, "/sources/directory/edit", url.Values{"owner": {"u1"}}), false},
			{admin, "/snapshots/" + held + "/release", "do", url.Values{"reason": {"because"}}, true},
			{admin, "/snapshots/" + held + "/discard", "do", url.Values{"reason": {"because"}}, true},
			{admin, "/revocations/" + itoa(rem.ID) + "/contest", "outcome", url.Values{"reason": {"because"}}, false},
			{ana, "/reviews/" + run.Name + "/items/" + itoa(item.ID), "answer", url.Values{"version": {itoa(item.Version)}, "key": {"k"}}, false},
			{ana, "/preferences", "theme", url.Values{"back": {"/"}}, true},
			{admin, "/campaigns/new", "on_no_answer", url.Values{"name": {"leavers"}, "source": {"wiki"}, "due": {"7"}, "reviewer": {"manager"}, "fallback": {"u1"}, "remove": {"decision"}}, true},
			{admin, "/campaigns/new", "remove", url.Values{"name": {"leavers"}, "source": {"wiki"}, "due": {"7"}, "reviewer": {"manager"}, "fallback": {"u1"}, "on_no_answer": {"keep"}}, true},
		} {
			values := []string{"zzz", "SAVE", "save ", "save,test"}
			if !x.absent {
				values = append(values, "")
			}
			for _, v := range values {
				form := url.Values{x.field: {v}}
				for name, vs := range x.form {
					form[name] = vs
				}
				p := x.c.Post(x.path, form)
				if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity {
					t.Errorf("%s with %s=%q: %d to %q", x.path, x.field, v, p.Status, p.Header.Get("Location"))
				}
			}
			if now := w.everything(); now != was {
				t.Fatalf("%s with an unknown %s changed something: %s, was %s", x.path, x.field, now, was)
			}
		}
		two := url.Values{"type": {"csv"}, "name": {"payroll"}, "provides": {"people"}, "do": {"save", "test"}}
		admin.Post("/sources/new", two).Want(http.StatusBadRequest, webtest.In("main", webtest.HasText("This form has no such button, so nothing was changed.")))
	})
}

// values are a form as it stands on its page, with some fields changed.
func (w *world) values(c *webtest.Client, page string, change url.Values) url.Values {
	w.t.Helper()
	v := c.Get(page).Want(http.StatusOK).Form("main form.stack").Values
	for name, vs := range change {
		v[name] = vs
	}
	return v
}

// everything tells states of the world apart: each change of it is an event.
func (w *world) everything() string {
	w.t.Helper()
	last, err := w.store.LastEvent(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	sources, err := w.store.Sources(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defs, err := w.store.Configs(w.t.Context(), model.ConfigCampaign)
	if err != nil {
		w.t.Fatal(err)
	}
	return itoa(last) + "/" + itoa(int64(len(sources))) + "/" + itoa(int64(len(defs)))
}
