package web

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/model"
	views "recert/views/help"
	"recert/web/webtest"
)

// rich is a directory with everything that a form does not know.
func rich() *model.SourceSpec {
	no := false
	return &model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "ldap", URL: "ldaps://ldap.example.com", Username: "cn=recert,dc=example,dc=com", Password: "${DIRECTORY_PASSWORD}",
		CAFile: "/etc/ca.pem", PageSize: 200, Timeout: "45s", ReadEvery: "90m", Owner: "u3", ShrinkLimit: "35%", Correlate: model.Strings{"email"}, Header: &no,
		LDAP:   &model.LDAPSpec{Base: "dc=example,dc=com", AccountFilter: "(mail=*)", Flavor: "openldap", StartTLS: true, Placeholders: model.Strings{"cn=x"}},
		Revoke: model.RevokeSpec{Mode: model.ModeConnector, Protected: model.Strings{"root"}, HourlyCap: "9", Due: "5d", Rate: "10/s", Concurrency: 2, Timeout: "90s", DryRun: true},
	}
}

func (w *world) specOf(name string) model.SourceSpec {
	w.t.Helper()
	spec, err := w.store.SourceSpec(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return spec
}

// applied are the events about a source's settings, and who did them.
func (w *world) applied(name string) (out []verify.ConfigApplied, actors []string) {
	w.t.Helper()
	events, err := w.store.EventsOf(w.t.Context(), "", "config:Source/"+name)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			w.t.Fatal(err)
		}
		b, ok := body.(*verify.ConfigApplied)
		if !ok {
			w.t.Fatalf("%T about the settings of %s", body, name)
		}
		out = append(out, *b)
		open, err := w.store.DisclosuresOf(w.t.Context(), []int64{e.ID})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range open {
			if d.Field == "actor" {
				actors = append(actors, d.Value)
			}
		}
	}
	return out, actors
}

const editForm = "form[action='/sources/directory/edit']"

// TestEditSource: a source's settings are changed from its page, what the form does not know stays, and
// the event says who did it.
func TestEditSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "directory", Spec: rich(), At: "a"})
		admin := w.as("", model.Admin)
		for _, role := range []model.Role{model.Auditor, model.CampaignManager} {
			other := w.as("", role)
			other.Get("/sources/directory").Want(http.StatusOK, webtest.Count("a[href='/sources/directory/edit']", 0))
			other.Get("/sources/directory/edit").Want(http.StatusNotFound)
			other.Post("/sources/directory/edit", url.Values{"owner": {"u1"}}).Want(http.StatusNotFound)
		}
		admin.Get("/sources/none/edit").Want(http.StatusNotFound)
		admin.Get("/sources/directory").Want(http.StatusOK, webtest.Count("a[href='/sources/directory/edit']", 1),
			webtest.In("main", webtest.HasText("user cn=recert,dc=example,dc=com, password from the server's environment variable DIRECTORY_PASSWORD"), webtest.HasText("every 90m")))
		page := admin.Get("/sources/directory/edit")
		page.Want(http.StatusOK, webtest.Count("input[name=url][value='ldaps://ldap.example.com']", 1), webtest.Count("input[name=owner][value='Bo Lindqvist (u3)']", 1),
			webtest.Count("option[value='90m'][selected]", 1), webtest.Count("input[name=remove][value=connector][checked]", 1), webtest.Count("input[name=name]", 0),
			webtest.Count("input[name=password][value='']", 1), webtest.Count("input[name=password][required]", 0), webtest.Count("datalist option[value='Ana Ferreira (u2)']", 1),
			webtest.In("main", webtest.HasText("counts as another system")))
		form := page.Form(editForm)

		// Saved as it is: nothing changes, and nothing is written down.
		admin.Follow(admin.Submit(form, url.Values{"do": {"save"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Saved.")))
		if got := w.specOf("directory"); !reflect.DeepEqual(got, *rich()) {
			t.Errorf("saved untouched: %+v", got)
		}
		if events, _ := w.applied("directory"); len(events) != 1 {
			t.Errorf("saved untouched: events %+v", events)
		}

		// What is no setting is refused, with what was typed.
		for field, v := range map[string]string{"url": "", "base": "", "username": "", "owner": "Nobody At All", "remove": "prayer", "read_every": "5s"} {
			admin.Submit(form, url.Values{"do": {"save"}, "password": {"right-horse"}, field: {v}}).Want(http.StatusUnprocessableEntity)
		}
		if len(w.secrets) != 0 || !reflect.DeepEqual(w.specOf("directory"), *rich()) {
			t.Errorf("a refused form stored %v", w.secrets)
		}

		// A change is stored, twice the same click is one change.
		change := url.Values{"do": {"save"}, "owner": {"ana ferreira"}, "read_every": {"6h"}, "remove": {"manual"}, "base": {"ou=people,dc=example,dc=com"}}
		for range 2 {
			admin.Follow(admin.Submit(form, change)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Saved."), webtest.HasText("every 6 hours")))
		}
		want := rich()
		want.Owner, want.ReadEvery, want.Revoke.Mode, want.LDAP.Base = "u2", "6h", model.ModeManual, "ou=people,dc=example,dc=com"
		if got := w.specOf("directory"); !reflect.DeepEqual(got, *want) {
			t.Errorf("%+v", got)
		}
		events, actors := w.applied("directory")
		if len(events) != 2 || events[1].Action != "changed" || events[1].Secret != "" || !strings.HasPrefix(actors[1], "Name of nobody-admin") {
			t.Errorf("%+v by %q", events, actors)
		}
		if src, err := w.store.Source(t.Context(), "directory"); err != nil || !src.MovedAt.Known() {
			t.Errorf("another base: %+v, %v", src, err)
		}
	})
}

// TestEditPassword: a password that is typed replaces the one that is set, with an event; an empty field
// keeps it.
func TestEditPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "directory", Spec: rich(), At: "a"})
		admin := w.as("", model.Admin)
		save := func(change url.Values) *webtest.Page {
			t.Helper()
			change.Set("do", "save")
			p := admin.Submit(admin.Get("/sources/directory/edit").Form(editForm), change)
			if strings.Contains(p.Body, "right-horse") {
				t.Error("the page holds the password")
			}
			return p
		}
		save(url.Values{"password": {" ${DIRECTORY_PASSWORD} "}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Type the password itself.")))
		w.later(10 * time.Minute)
		save(url.Values{"password": {"right-horse"}}).Want(http.StatusSeeOther)
		secret := campaigns.SecretName(w.specOf("directory").Password)
		if !strings.HasPrefix(secret, secretName("directory")+"_") || w.secrets[secret] != "right-horse" {
			t.Errorf("%q, %v", secret, w.secrets)
		}
		admin.Get("/sources/directory").Want(http.StatusOK, webtest.In("main", webtest.HasText("password kept here, set on"), webtest.HasText("by Name of nobody-admin"), webtest.HasNoText(secret)))
		moved, err := w.store.Source(t.Context(), "directory")
		if err != nil {
			t.Fatal(err)
		}

		// Another value under the same name: the settings stay the same, and it is written down all the same.
		w.later(10 * time.Minute)
		save(url.Values{"password": {"right-horse-2"}}).Want(http.StatusSeeOther)
		if kept, err := w.store.Secret(t.Context(), secret); err != nil || kept.Version != 2 {
			t.Errorf("%+v, %v", kept, err)
		}
		if again, err := w.store.Source(t.Context(), "directory"); err != nil || again.MovedAt != moved.MovedAt {
			t.Errorf("a new password alone made it another system: %v, %v", again.MovedAt, err)
		}
		events, actors := w.applied("directory")
		if len(events) != 3 || events[1].Secret != secret || events[2].Secret != secret || events[2].SHA256 != events[1].SHA256 || !strings.HasPrefix(actors[2], "Name of nobody-admin") {
			t.Errorf("%+v by %q", events, actors)
		}
		// The doctor knows such events.
		found, err := evidence.Doctor(t.Context(), w.store, true)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(found, func(c evidence.Check) bool { return c.Check == "configs.events" })
		if at < 0 || !found[at].OK {
			t.Errorf("doctor: %+v", found)
		}
		save(url.Values{"owner": {"u1"}}).Want(http.StatusSeeOther)
		if kept, err := w.store.Secret(t.Context(), secret); err != nil || kept.Version != 2 || w.specOf("directory").Password != "${"+secret+"}" {
			t.Errorf("an empty password: %+v, %v", kept, err)
		}

		// Another system has a password under a name of its own, and the one before is forgotten: who still holds
		// the old settings finds neither by them.
		save(url.Values{"url": {"ldaps://ldap2.example.com"}, "password": {"right-horse-3"}}).Want(http.StatusSeeOther)
		next := campaigns.SecretName(w.specOf("directory").Password)
		if kept, err := w.store.Secrets(t.Context()); err != nil || len(kept) != 1 || kept[0].Name != next || next == secret || w.secrets[next] != "right-horse-3" {
			t.Errorf("%+v, %v; %v", kept, err, w.secrets)
		}
	})
}

// TestEditSendsNoSecret: what is kept, or comes from the environment, is never tried or stored with another
// address, account or tenant.
func TestEditSendsNoSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		scim := &model.SourceSpec{Provides: model.ProvidesAccess, Type: "scim", URL: "https://wiki.example.com/scim/v2", Token: "${WIKI_TOKEN}"}
		entra := &model.SourceSpec{Provides: model.ProvidesAccess, Type: "entra", Password: "${ENTRA}", Entra: &model.EntraSpec{Tenant: "t.example.com", ClientID: "app", LoginURL: "https://login.example.com"}}
		sql := &model.SourceSpec{Provides: model.ProvidesAccess, Type: "sql", URL: "postgres://u@db.example.com/app", Password: "${DB}", SQL: &model.SQLSpec{Grants: "SELECT 1"}}
		for name, spec := range map[string]*model.SourceSpec{"directory": rich(), "cloud": scim, "tenant": entra, "database": sql} {
			w.apply(campaigns.Document{Kind: model.ConfigSource, Name: name, Spec: spec, At: "a"})
		}
		type call struct {
			spec     model.SourceSpec
			password string
		}
		var calls []call
		w.site.Probe = func(_ context.Context, spec model.SourceSpec, password string) (connector.Sample, error) {
			calls = append(calls, call{spec, password})
			return connector.Sample{Found: "It has 3 users."}, nil
		}
		admin := w.as("", model.Admin)
		for _, c := range []struct{ source, field, value string }{
			{"directory", "url", "ldaps://ldap.example.com:1636"}, {"directory", "url", "ldap://ldap.example.com"}, {"directory", "username", "cn=eve,dc=example,dc=com"},
			{"cloud", "url", "https://eve.example.com/scim/v2"}, {"cloud", "url", "https://wiki.example.com/scim/v3"}, {"cloud", "username", "eve"},
			{"tenant", "tenant", "eve.example.com"}, {"tenant", "username", "eve"},
			{"database", "url", "postgres://u@eve.example.com/app"}, {"database", "url", "postgres://eve@db.example.com/app"},
		} {
			before := w.specOf(c.source)
			address := "/sources/" + c.source + "/edit"
			form := admin.Get(address).Form("form[action='" + address + "']")
			for _, do := range []string{"test", "save", "", "pray"} {
				for _, was := range []string{"", "x"} {
					change := url.Values{c.field: {c.value}, "do": {do}}
					if was != "" {
						change.Set("was", was)
					}
					admin.Submit(form, change).Want(http.StatusUnprocessableEntity, webtest.In("#password-error", webtest.HasText("Type it anew")), webtest.Count("input[value='"+c.value+"']", 1))
				}
			}
			if len(calls) != 0 || !reflect.DeepEqual(w.specOf(c.source), before) {
				t.Fatalf("%s with another %s: tried %+v, stored %+v", c.source, c.field, calls, w.specOf(c.source))
			}
			admin.Submit(form, url.Values{c.field: {c.value}, "do": {"test"}, "password": {"own-horse"}}).Want(http.StatusOK, webtest.In("main", webtest.HasText("The connection works.")))
			if len(calls) != 1 || calls[0].password != "own-horse" {
				t.Errorf("%+v", calls)
			}
			calls = nil
			admin.Submit(form, url.Values{"do": {"test"}, "owner": {"u1"}}).Want(http.StatusOK, webtest.In("main", webtest.HasText("It has 3 users.")))
			if len(calls) != 1 || calls[0].password != "" || calls[0].spec.URL != before.URL || calls[0].spec.Password != before.Password || calls[0].spec.Token != before.Token {
				t.Errorf("%+v", calls)
			}
			calls = nil
		}
		if len(w.secrets) != 0 {
			t.Errorf("tests kept %v", w.secrets)
		}
		// The rule holds below the form too.
		for _, spec := range []model.SourceSpec{
			{Provides: model.ProvidesAccess, Type: "scim", URL: "https://eve.example.com", Token: "${WIKI_TOKEN}"}, {Provides: model.ProvidesAccess, Type: "scim", URL: scim.URL, Token: "${ENTRA}"},
		} {
			was, err := campaigns.SourceVersion(t.Context(), w.store, "cloud")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := campaigns.SaveSource(t.Context(), w.store, "eve", campaigns.SourceEdit{Name: "cloud", Spec: &spec, Was: was}); model.KindOf(err) != model.Invalid {
				t.Errorf("%+v: %v", spec, err)
			}
		}
	})
}

// TestEditConflict: of two who edit at once the second one is told, and nothing that was typed is lost.
func TestEditConflict(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "directory", Spec: rich(), At: "a"})
		ana, bo := w.as("u2", model.Admin), w.as("u3", model.Admin)
		mine, theirs := ana.Get("/sources/directory/edit").Form(editForm), bo.Get("/sources/directory/edit").Form(editForm)
		bo.Submit(theirs, url.Values{"owner": {"u1"}, "do": {"save"}}).Want(http.StatusSeeOther)
		typed := url.Values{"base": {"ou=mine"}, "read_every": {"24h"}, "do": {"save"}}
		p := ana.Submit(mine, typed)
		p.Want(http.StatusConflict, webtest.In("main", webtest.HasText("these settings were changed in the meantime"), webtest.HasText("Owner is now: Cora Vance (u1)")),
			webtest.Count("input[name=base][value='ou=mine']", 1), webtest.Count("input[name=owner][value='Bo Lindqvist (u3)']", 1), webtest.Count("option[value='24h'][selected]", 1))
		if got := w.specOf("directory"); got.Owner != "u1" || got.LDAP.Base != "dc=example,dc=com" {
			t.Errorf("%+v", got)
		}
		ana.Submit(p.Form(editForm), url.Values{"do": {"save"}}).Want(http.StatusSeeOther)
		if got := w.specOf("directory"); got.Owner != "u3" || got.LDAP.Base != "ou=mine" {
			t.Errorf("%+v", got)
		}

		// A password that somebody else typed in the meantime is not replaced unseen either; one's own is.
		mine, theirs = ana.Get("/sources/directory/edit").Form(editForm), bo.Get("/sources/directory/edit").Form(editForm)
		for range 2 {
			bo.Submit(theirs, url.Values{"password": {"right-horse"}, "do": {"save"}}).Want(http.StatusSeeOther)
		}
		if p := ana.Submit(mine, url.Values{"password": {"my-horse"}, "do": {"save"}}).Want(http.StatusConflict, webtest.In("main", webtest.HasText("Another password was given"), webtest.HasText("yours was not saved"))); strings.Contains(p.Body, "my-horse") {
			t.Error("the page holds the password")
		}
		long := strings.Repeat("x", 9<<10)
		ana.Submit(ana.Get("/sources/directory/edit").Form(editForm), url.Values{"base": {long}, "do": {"save"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("That is too long")))
		mine = ana.Get("/sources/directory/edit").Form(editForm)
		bo.Submit(bo.Get("/sources/directory/edit").Form(editForm), url.Values{"password": {"right-horse-2"}, "do": {"save"}}).Want(http.StatusSeeOther)
		ana.Submit(mine, url.Values{"password": {"my-horse"}, "do": {"save"}}).Want(http.StatusConflict)
		if _, actors := w.applied("directory"); !strings.HasPrefix(actors[len(actors)-1], "Name of u3") {
			t.Errorf("%q", actors)
		}
	})
}

// TestEditWhat: what has no form says why; files and what asks others for removals keep what is not asked.
func TestEditWhat(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	admin := w.as("", model.Admin)
	program := &model.SourceSpec{Provides: model.ProvidesAccess, Type: "exec", Exec: &model.ExecSpec{Command: model.Strings{"/bin/a"}}}
	w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "program", Spec: program, At: "a"})
	admin.Get("/sources/program").Want(http.StatusOK, webtest.Count("a[href='/sources/program/edit']", 0), webtest.In("main", webtest.HasText("recert apply -f FILE")))
	admin.Get("/sources/program/edit").Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("have no form")))
	admin.Post("/sources/program/edit", url.Values{"owner": {"u1"}, "do": {"save"}}).Want(http.StatusUnprocessableEntity)
	if got := w.specOf("program"); got.Owner != "" {
		t.Errorf("%+v", got)
	}
	tickets := &model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Owner: "gone", Columns: map[string]model.Strings{"account_id": {"user"}},
		Revoke: model.RevokeSpec{Mode: model.ModeTicket, Ticket: &model.TicketSpec{System: "jira", URL: "https://jira.example.com", Token: "${JIRA}", Project: "SEC"}},
	}
	w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "tickets", Spec: tickets, At: "a"})
	page := admin.Get("/sources/tickets/edit")
	page.Want(http.StatusOK, webtest.Count("input[name=remove]", 0), webtest.Count("input[name=password]", 0), webtest.Count("input[name=owner][value=gone]", 1), webtest.In("main", webtest.HasText("by a ticket in https://jira.example.com")))
	form := page.Form("form[action='/sources/tickets/edit']")
	admin.Submit(form, url.Values{"do": {"save"}, "remove": {"manual"}, "password": {"right-horse"}}).Want(http.StatusSeeOther)
	if got := w.specOf("tickets"); !reflect.DeepEqual(got, *tickets) || len(w.secrets) != 0 {
		t.Errorf("%+v, %v", got, w.secrets)
	}
	admin.Submit(form, url.Values{"do": {"save"}, "owner": {"Ferreira"}}).Want(http.StatusSeeOther)
	if got := w.specOf("tickets"); got.Owner != "u2" {
		t.Errorf("%+v", got)
	}
	for typed, words := range map[string]string{"e": "Several people fit:", "Ana Ferreira (u3)": "Nobody has this name", "zzz": "Nobody has this name"} {
		admin.Submit(admin.Get("/sources/tickets/edit").Form("form[action='/sources/tickets/edit']"), url.Values{"do": {"save"}, "owner": {typed}}).
			Want(http.StatusUnprocessableEntity, webtest.In("#owner-error", webtest.HasText(words)), webtest.Count(`input[name=owner][value="`+typed+`"]`, 1))
	}
}

// TestOthersInHelp: what has no form is told where forms are chosen, and the examples in Help are right.
func TestOthersInHelp(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	admin := w.as("", model.Admin)
	page := admin.Get("/sources/new").Want(http.StatusOK, webtest.In("main", webtest.HasText("never start a program on the server")))
	help := admin.Get("/help").Want(http.StatusOK)
	var links int
	for _, href := range page.Attrs("main a", "href") {
		if part, ok := strings.CutPrefix(href, "/help#connect-"); ok {
			links++
			help.Want(http.StatusOK, webtest.Count("#connect-"+part, 1))
		}
	}
	if links != 3 {
		t.Errorf("%d links", links)
	}
	for _, e := range views.Examples {
		docs, err := campaigns.ReadDocuments(e.Part, strings.NewReader(e.YAML))
		if err != nil || len(docs) != 1 {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		if spec, ok := docs[0].Spec.(*model.SourceSpec); !ok || "connect-"+spec.Type != e.Part {
			t.Errorf("%s: %+v", e.Name, docs[0].Spec)
		}
		help.Want(http.StatusOK, webtest.In("main", webtest.HasText(strings.Join(strings.Fields(e.YAML), " "))))
	}
}
