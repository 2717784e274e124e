package campaigns

import (
	"bytes"
	"strings"
	"testing"

	"recert/model"
)

func entraSpec() model.SourceSpec {
	return model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "entra", Password: "${ENTRA_CLIENT_SECRET}",
		Entra: &model.EntraSpec{Tenant: "contoso.onmicrosoft.com", ClientID: "66666666-7777-8888-9999-000000000000"},
	}
}

func TestCheckEntra(t *testing.T) {
	t.Parallel()
	good := entraSpec()
	if err := CheckSource(&good); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit func(*model.SourceSpec)
		says string
	}{
		"no block":           {func(s *model.SourceSpec) { s.Entra = nil }, "type entra needs entra:"},
		"no tenant":          {func(s *model.SourceSpec) { s.Entra.Tenant = "" }, "type entra needs entra:"},
		"no client":          {func(s *model.SourceSpec) { s.Entra.ClientID = "" }, "type entra needs entra:"},
		"no secret":          {func(s *model.SourceSpec) { s.Password = "" }, "type entra needs entra:"},
		"secret in clear":    {func(s *model.SourceSpec) { s.Password = "hunter2" }, "secrets are never stored"},
		"an address":         {func(s *model.SourceSpec) { s.URL = "https://graph.microsoft.us/v1.0" }, "takes no url"},
		"a user":             {func(s *model.SourceSpec) { s.Username = "recert" }, "takes no url"},
		"pages":              {func(s *model.SourceSpec) { s.PageSize = 5 }, "takes no url"},
		"password in graph":  {func(s *model.SourceSpec) { s.Entra.GraphURL = "https://a:hunter2@graph.microsoft.us/v1.0" }, "graph_url must be"},
		"options in login":   {func(s *model.SourceSpec) { s.Entra.LoginURL = "https://login.microsoftonline.us/?secret=hunter2" }, "login_url must be"},
		"of another type":    {func(s *model.SourceSpec) { s.Type, s.URL = "scim", "https://wiki.example.com" }, "no settings of another type"},
		"people":             {func(s *model.SourceSpec) { s.Provides = model.ProvidesPeople }, "provides access, not people"},
		"others beside this": {func(s *model.SourceSpec) { s.LDAP = &model.LDAPSpec{Base: "dc=example"} }, "no settings of another type"},
	} {
		s := entraSpec()
		test.edit(&s)
		if err := CheckSource(&s); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want …%s…", name, err, test.says)
		}
	}
}

// TestEntraMoved: another tenant, cloud or application is another system; reading last sign-ins is not.
func TestEntraMoved(t *testing.T) {
	t.Parallel()
	system := func(edit func(*model.EntraSpec)) []byte {
		s := entraSpec()
		edit(s.Entra)
		before := *s.Entra
		b, err := CanonicalSpec(systemOf(s))
		if err != nil {
			t.Fatal(err)
		}
		if *s.Entra != before {
			t.Error("the settings themselves were changed")
		}
		return b
	}
	was := system(func(*model.EntraSpec) {})
	for name, test := range map[string]struct {
		edit  func(*model.EntraSpec)
		moved bool
	}{
		"sign-ins":    {func(e *model.EntraSpec) { e.SignInActivity = true }, false},
		"tenant":      {func(e *model.EntraSpec) { e.Tenant = "fabrikam.onmicrosoft.com" }, true},
		"application": {func(e *model.EntraSpec) { e.ClientID = "76666666-7777-8888-9999-000000000000" }, true},
		"cloud":       {func(e *model.EntraSpec) { e.GraphURL = "https://graph.microsoft.us/v1.0" }, true},
	} {
		if moved := !bytes.Equal(was, system(test.edit)); moved != test.moved {
			t.Errorf("%s: moved %v, want %v", name, moved, test.moved)
		}
	}
}
