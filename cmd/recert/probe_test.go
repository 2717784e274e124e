package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/connector/ticket/ticketserver"
	"recert/model"
	"recert/model/store"
)

// probeRig is what tests of connections go by: a store with settings, and what opens connections.
type probeRig struct {
	t     *testing.T
	store *store.Store
	desks *desks
}

func newProbeRig(t *testing.T) *probeRig {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "probe.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &probeRig{t: t, store: s, desks: newDesks(newConnectors(&keeper{store: s}), "https://recert.example.com")}
}

func (r *probeRig) apply(documents ...string) {
	r.t.Helper()
	docs, err := campaigns.ReadDocuments("test.yaml", strings.NewReader(strings.Join(documents, "\n---\n")))
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := campaigns.Apply(r.t.Context(), r.store, "test", docs, false); err != nil {
		r.t.Fatal(err)
	}
}

func settingsOfNetworks(list string) string {
	return "apiVersion: recert/v1\nkind: Settings\nname: default\nspec: {networks: [" + list + "]}"
}

func sourceRevokedBy(revoke string) string {
	return "apiVersion: recert/v1\nkind: Source\nname: wiki\nspec:\n  provides: access\n  type: csv\n  revoke: " + revoke
}

// TestProbeDesk: what removals are asked of is tested with the very settings, and says in plain words what is
// wrong.
func TestProbeDesk(t *testing.T) {
	server := ticketserver.New(ticketserver.JiraServer, "Bearer probe-secret-canary", now)
	jira := httptest.NewServer(server)
	defer jira.Close()
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the webhook was sent something") }))
	defer hook.Close()
	ticketAt := func(url, more string) string {
		return sourceRevokedBy(`{mode: ticket, ticket: {system: jira, url: "` + url + `", token: "${PROBE_TOKEN}", project: SEC` + more + `}}`)
	}
	hookAt := func(url string) string {
		return sourceRevokedBy(`{mode: webhook, webhook: {url: "` + url + `", secret: "${PROBE_TOKEN}"}}`)
	}
	signing := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	const here = "127.0.0.1/32"
	r := newProbeRig(t)
	for _, c := range []struct {
		name, networks, source, secret string
		works, fails                   string
	}{
		{"works", here, ticketAt(jira.URL, ""), "probe-secret-canary", "signed in as “Recert Bot”", ""},
		{"not listed", "10.0.0.0/8", ticketAt("https://192.168.255.1", ""), "probe-secret-canary", "", "Jira gave no answer: 192.168.255.1 is a private address: list its network"},
		{"wrong token", here, ticketAt(jira.URL, ""), "wrong-canary", "", "401"},
		{"no token", here, ticketAt(jira.URL, ""), "", "", "PROBE_TOKEN is not set"},
		{"no such type", here, ticketAt(jira.URL, ", issue_type: Epic"), "probe-secret-canary", "", "set issue_type to one of: Task, Bug"},
		{"nobody there", here, ticketAt("http://127.0.0.1:1", ""), "probe-secret-canary", "", "nothing listens at 127.0.0.1:1"},
		{"no such name", here, ticketAt("https://jira.recert.invalid", ""), "probe-secret-canary", "", "jira.recert.invalid"},
		{"webhook", here, hookAt(hook.URL), signing, "Nothing was sent", ""},
		{"webhook, nobody there", here, hookAt("http://127.0.0.1:1"), signing, "", "The webhook's receiver cannot be reached: nothing listens at 127.0.0.1:1"},
		{"by hand", here, sourceRevokedBy("{mode: manual}"), "", "", "revoke mode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.apply(settingsOfNetworks(c.networks), c.source)
			t.Setenv("PROBE_TOKEN", c.secret)
			said, err := r.desks.probe(t.Context(), "wiki")
			if (err == nil) != (c.fails == "") || !strings.Contains(said, c.works) || err != nil && (model.KindOf(err) != model.Invalid || !strings.Contains(model.Message(err), c.fails)) {
				t.Errorf("%q, %v", said, err)
			}
			if err != nil && c.secret != "" && strings.Contains(err.Error(), c.secret) {
				t.Errorf("it shows the secret: %v", err)
			}
		})
	}
	if n := len(server.Tickets()); n != 0 {
		t.Errorf("%d tickets were made", n)
	}
}

// TestProbeUnlisted: an address that is typed into the form of a source is refused where nobody listed its
// network, and the form says what to do.
func TestProbeUnlisted(t *testing.T) {
	t.Parallel()
	r := newProbeRig(t)
	r.apply(settingsOfNetworks("10.0.0.0/8"))
	for name, spec := range map[string]model.SourceSpec{
		"scim":  {Type: "scim", Provides: model.ProvidesAccess, URL: "https://192.168.255.1/scim/v2", Token: "${T}"},
		"ldap":  {Type: "ldap", Provides: model.ProvidesAccess, URL: "ldaps://192.168.255.1", Username: "cn=x", Password: "${T}", LDAP: &model.LDAPSpec{Base: "dc=x"}},
		"sql":   {Type: "sql", Provides: model.ProvidesAccess, URL: "postgres://x@192.168.255.1/x", Password: "${T}"},
		"entra": {Type: "entra", Provides: model.ProvidesAccess, Password: "${T}", Entra: &model.EntraSpec{Tenant: "contoso.example", ClientID: "66666666-7777-8888-9999-000000000000", GraphURL: "https://192.168.255.1/v1.0", LoginURL: "https://192.168.255.1"}},
	} {
		_, err := r.desks.live.probe(context.WithoutCancel(t.Context()), spec, "typed")
		if err == nil || !strings.Contains(model.Message(err), "list its network under networks in the Settings") {
			t.Errorf("%s: %v (%s)", name, err, model.Message(err))
		}
	}
}

// TestProbeSample: the test of a connection reads a little as well. An account that signs in and may not read
// the groups does not work; what comes is shown, and no more is asked for than that.
func TestProbeSample(t *testing.T) {
	t.Parallel()
	server := scimserver.New(scimserver.Config{BasePath: "/scim/v2", Token: "sample-canary", Now: now})
	for i := range 30 {
		server.PutUser(scimserver.User{ID: fmt.Sprintf("id-%02d", i), UserName: fmt.Sprintf("user%02d", i), DisplayName: fmt.Sprintf("User %d", i), Active: true})
	}
	group := scimserver.Group{ID: "editors", DisplayName: "Editors"}
	for i := range 30 {
		group.Members = append(group.Members, fmt.Sprintf("id-%02d", i))
	}
	server.PutGroup(group)
	wiki := httptest.NewServer(server)
	defer wiki.Close()
	r := newProbeRig(t)
	r.apply(settingsOfNetworks("127.0.0.1/32"))
	spec := model.SourceSpec{Type: "scim", Provides: model.ProvidesAccess, URL: wiki.URL + "/scim/v2", Token: "${T}"}
	s, err := r.desks.live.probe(t.Context(), spec, "sample-canary")
	if err != nil || !strings.Contains(s.Found, "30 users") || s.End != connector.Enough || len(s.Rows[model.KindAccounts]) != connector.SampleRows ||
		s.Seen[model.KindAccounts] != 30 || s.Rows[model.KindEntitlements][0].Entitlement.Name != "Editors" || s.Names[model.KindAccounts]["id-07"] == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	server.Inject(scimserver.Rule{Fault: scimserver.Refuse, Method: http.MethodGet, Path: "/Groups", Skip: 1, Status: http.StatusForbidden})
	s, err = r.desks.live.probe(t.Context(), spec, "sample-canary")
	if model.KindOf(err) != model.Invalid || !strings.Contains(model.Message(err), "it signs in, and cannot be read") || len(s.Rows) != 0 {
		t.Errorf("without a right on groups: %+v, %v", s, err)
	}
	if strings.Contains(fmt.Sprint(err), "sample-canary") {
		t.Errorf("it shows the secret: %v", err)
	}
}
