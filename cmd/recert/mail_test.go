package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// TestMailServer: the settings of mail are those of the configuration as it is now, with the secret
// from the environment.
func TestMailServer(t *testing.T) {
	t.Setenv("RECERT_TEST_MAIL", "hunter2")
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		secrets, err := newKeeper(t.Context(), s, "")
		if err != nil {
			t.Fatal(err)
		}
		server := mailServer(s, secrets)
		if srv, err := server(t.Context()); srv != nil || err != nil {
			t.Fatalf("without settings: %+v, %v", srv, err)
		}
		apply := func(spec string) {
			t.Helper()
			docs, err := campaigns.ReadDocuments("mail.yaml", strings.NewReader("apiVersion: recert/v1\nkind: Notification\nname: mail\nspec: {mail: {"+spec+"}}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := campaigns.Apply(t.Context(), s, "test", docs, false); err != nil {
				t.Fatal(err)
			}
		}
		fails := func(want string) {
			t.Helper()
			if srv, err := server(t.Context()); err == nil || model.KindOf(err) == model.Internal || !strings.Contains(err.Error(), want) {
				t.Errorf("got %+v, %v; want %q", srv, err, want)
			}
		}
		apply("host: one.example.com, from: r@example.com, username: u, password: '${RECERT_TEST_MAIL_PASSWORD}'")
		fails("RECERT_TEST_MAIL_PASSWORD is not set")
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, []byte("nothing\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		apply("host: one.example.com, from: r@example.com, username: u, password: '${RECERT_TEST_MAIL}'")
		srv, err := server(t.Context())
		if err != nil || srv.Host != "one.example.com" || srv.Port != 587 || srv.Security != model.MailStartTLS || srv.Username != "u" || srv.Password != "hunter2" || srv.Dial == nil || srv.Roots != nil {
			t.Errorf("%+v, %v", srv, err)
		}
		apply("host: two.example.com, port: 2525, from: r@example.com, tls: tls, ca_file: " + file)
		fails("holds no certificate")
		apply("host: two.example.com, port: 2525, from: r@example.com, tls: tls")
		if srv, err = server(t.Context()); err != nil || srv.Host != "two.example.com" || srv.Port != 2525 || srv.Security != model.MailTLS || srv.Password != "" {
			t.Errorf("after a change: %+v, %v", srv, err)
		}
	})
}
