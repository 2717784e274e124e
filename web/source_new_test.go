package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// probe is a system that answers to one password.
func (w *world) probe(_ context.Context, spec model.SourceSpec, password string) (connector.Sample, error) {
	if password == "right-horse" || spec.Type == "pigeon" {
		s := w.sample
		s.Found = "It has 3 users."
		return s, nil
	}
	return connector.Sample{}, model.Errorf(model.Invalid, "The directory refuses the account or its password.")
}

// seal is what encrypts, without encrypting; it notes what it was given.
func (w *world) seal(name, value string) (store.Secret, error) {
	w.secrets[name] = value
	return store.Secret{Name: name, KeyID: "key", Wrapped: []byte("wrapped"), Sealed: []byte("sealed")}, nil
}

// TestConnect: a system is tested and stored from the form; the password goes nowhere but to the test
// and into the keeper.
func TestConnect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		admin := w.as("", model.Admin)
		w.as("", model.CampaignManager).Get("/sources").Want(http.StatusOK, webtest.Count("a[href='/sources/new']", 0))
		admin.Get("/sources").Want(http.StatusOK, webtest.Count("a[href='/sources/new']", 1))
		admin.Get("/sources/new").Want(http.StatusOK, webtest.Count("a[href='/sources/new?type=ldap']", 1))
		admin.Get("/sources/new?type=pigeon").Want(http.StatusNotFound)
		form := admin.Get("/sources/new?type=ldap").Form("form[action='/sources/new']")
		typed := func(password, do string, more ...string) url.Values {
			v := url.Values{
				"name": {"directory"}, "url": {"ldaps://ldap.example.com"}, "username": {"cn=recert,dc=example,dc=com"}, "password": {password},
				"base": {"dc=example,dc=com"}, "remove": {"connector"}, "do": {do},
			}
			for i := 0; i < len(more); i += 2 {
				v.Set(more[i], more[i+1])
			}
			return v
		}
		secret := func(p *webtest.Page) *webtest.Page {
			t.Helper()
			for _, s := range []string{"wrong-horse", "right-horse"} {
				if strings.Contains(p.Body, s) {
					t.Errorf("the page holds the password %s", s)
				}
			}
			return p
		}
		secret(admin.Submit(form, typed("wrong-horse", "test"))).Want(http.StatusUnprocessableEntity,
			webtest.In("main", webtest.HasText("The connection does not work."), webtest.HasText("refuses the account")), webtest.Count("input[value='ldaps://ldap.example.com']", 1))
		secret(admin.Submit(form, typed("right-horse", "test"))).Want(http.StatusOK, webtest.In("main", webtest.HasText("The connection works."), webtest.HasText("It has 3 users.")))
		if len(w.secrets) != 0 {
			t.Errorf("a test kept %v", w.secrets)
		}
		for _, bad := range [][]string{{"name", "Not A Name"}, {"name", "new"}, {"url", ""}, {"username", ""}, {"base", ""}, {"password", ""}, {"name", "wiki"}, {"remove", "prayer"}} {
			p := secret(admin.Submit(form, typed("right-horse", "save", bad...)))
			p.Want(http.StatusUnprocessableEntity)
		}
		saved := admin.Submit(form, typed("right-horse", "save"))
		secret(admin.Follow(saved)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Saved."), webtest.HasText("dc=example,dc=com")))
		if kept, err := w.store.Secrets(t.Context()); err != nil || len(kept) != 1 || kept[0].Name != secretName("directory") || w.secrets[kept[0].Name] != "right-horse" {
			t.Errorf("kept %v, %v", kept, err)
		}
		spec, err := w.store.SourceSpec(t.Context(), "directory")
		if err != nil || spec.Type != "ldap" || spec.Password != "${"+secretName("directory")+"}" || spec.LDAP.Base != "dc=example,dc=com" || spec.Revoke.Mode != model.ModeConnector {
			t.Errorf("%+v, %v", spec, err)
		}
		secret(admin.Submit(form, typed("right-horse", "save"))).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("of this name already")))

		// A reference to the server's environment is refused: a form could send any secret anywhere. So is an
		// address with a password, which is not shown again either.
		form = admin.Get("/sources/new?type=scim").Form("form[action='/sources/new']")
		cloud := url.Values{"name": {"cloud"}, "url": {"https://scim.example.com/v2"}, "password": {" ${RECERT_OIDC_CLIENT_SECRET}"}, "remove": {"manual"}, "do": {"test"}}
		admin.Submit(form, cloud).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Type the password itself.")))
		cloud.Set("password", "right-horse")
		for _, address := range []string{"https://u:right-horse@scim.example.com/v2", "https://scim.example.com/v2?token=right-horse"} {
			cloud.Set("url", address)
			for _, do := range []string{"test", "save"} {
				cloud.Set("do", do)
				secret(admin.Submit(form, cloud)).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("url must hold no password")))
			}
		}
		if secretName("a-b") == secretName("a.b") {
			t.Error("two sources share the name of a secret")
		}
		form = admin.Get("/sources/new?type=csv").Form("form[action='/sources/new']")
		admin.Follow(admin.Submit(form, url.Values{"name": {"payroll"}, "provides": {"people"}, "do": {"save"}})).Want(http.StatusOK, webtest.Count("a[href='/sources/payroll/upload']", 1))
	})
}

// TestConnectEntra: a tenant is connected by its id, an application and a secret; no address is asked for.
func TestConnectEntra(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		admin := w.as("", model.Admin)
		admin.Get("/sources/new").Want(http.StatusOK, webtest.Count("a[href='/sources/new?type=entra']", 1))
		page := admin.Get("/sources/new?type=entra")
		page.Want(http.StatusOK, webtest.Count("input[name=url]", 0), webtest.In("main", webtest.HasText("Read sign-in activity")))
		form := page.Form("form[action='/sources/new']")
		typed := func(more ...string) url.Values {
			v := url.Values{
				"name": {"tenant"}, "tenant": {"contoso.onmicrosoft.com"}, "username": {"66666666-7777-8888-9999-000000000000"}, "password": {"right-horse"},
				"sign_ins": {"read"}, "remove": {"connector"}, "do": {"test"},
			}
			for i := 0; i < len(more); i += 2 {
				v.Set(more[i], more[i+1])
			}
			return v
		}
		for _, bad := range []string{"tenant", "username", "password", "name"} {
			admin.Submit(form, typed(bad, "")).Want(http.StatusUnprocessableEntity)
		}
		tested := admin.Submit(form, typed())
		tested.Want(http.StatusOK, webtest.In("main", webtest.HasText("The connection works.")), webtest.Count("input[name=sign_ins][value=read][checked]", 1))
		saved := admin.Follow(admin.Submit(form, typed("do", "save")))
		saved.Want(http.StatusOK, webtest.In("main", webtest.HasText("Saved."), webtest.HasText("contoso.onmicrosoft.com"), webtest.HasText("Entra ID")))
		if strings.Contains(tested.Body+saved.Body, "right-horse") {
			t.Error("a page holds the secret")
		}
		spec, err := w.store.SourceSpec(t.Context(), "tenant")
		if want := (model.EntraSpec{Tenant: "contoso.onmicrosoft.com", ClientID: "66666666-7777-8888-9999-000000000000", SignInActivity: true}); err != nil ||
			spec.Entra == nil || *spec.Entra != want || spec.URL != "" || spec.Password != "${"+secretName("tenant")+"}" || spec.Revoke.Mode != model.ModeConnector {
			t.Errorf("%+v, %+v, %v", spec, spec.Entra, err)
		}
		if w.secrets[secretName("tenant")] != "right-horse" {
			t.Errorf("kept %v", w.secrets)
		}
	})
}

// TestConnectCrafted: a form that no page has is refused and stores nothing; a kind without a password
// stores none.
func TestConnectCrafted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		admin := w.as("", model.Admin)
		for _, typ := range []string{"exec", "baton", "pigeon", "", "CSV", "csv,exec"} {
			for _, do := range []string{"test", "save", "", "pray"} {
				p := admin.Post("/sources/new", url.Values{
					"type": {typ}, "name": {"z"}, "url": {"https://z.example.com"}, "username": {"u"}, "password": {"right-horse"}, "provides": {"access"}, "remove": {"manual"}, "do": {do},
				})
				if p.Status != http.StatusBadRequest || !strings.Contains(p.Body, "Choose a kind of system") || strings.Contains(p.Body, "right-horse") {
					t.Errorf("type %q, do %q: %d %s", typ, do, p.Status, p.Body)
				}
			}
		}
		if _, err := w.store.Source(t.Context(), "z"); model.KindOf(err) != model.NotFound || len(w.secrets) != 0 {
			t.Errorf("stored: %v, secrets %v", err, w.secrets)
		}
		form := admin.Get("/sources/new?type=csv").Form("form[action='/sources/new']")
		admin.Submit(form, url.Values{"name": {"z"}, "provides": {"people"}, "password": {"right-horse"}, "do": {"save"}}).Want(http.StatusSeeOther)
		if _, err := w.store.Source(t.Context(), "z"); err != nil || len(w.secrets) != 0 {
			t.Errorf("files: %v, secrets %v", err, w.secrets)
		}
	})
}
