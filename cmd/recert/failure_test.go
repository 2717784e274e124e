package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestSaidOnce: what is wrong with a live system is said once, by whichever connector.
func TestSaidOnce(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) }))
	defer srv.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer refuses.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	nobody := strings.TrimPrefix(closed.URL, "http://")
	t.Setenv("X_SECRET", "hunter2")
	for name, c := range map[string]struct{ spec, want string }{
		"scim":         {"scim\n  url: " + srv.URL + "\n  token: ${X_SECRET}", "was answered 501 Not Implemented"},
		"scim closed":  {"scim\n  url: " + closed.URL + "\n  token: ${X_SECRET}", "refused"},
		"ldap":         {"ldap\n  url: ldap://" + nobody + "\n  username: cn=a\n  password: ${X_SECRET}\n  ldap: {base: \"dc=example,dc=com\"}", "refused"},
		"sql":          {"sql\n  url: postgres://u@" + nobody + "/db\n  password: ${X_SECRET}\n  sql: {insecure: true}", "refused"},
		"entra":        {"entra\n  password: ${X_SECRET}\n  entra: {tenant: t.example, client_id: 66666666-7777-8888-9999-000000000000, graph_url: \"" + refuses.URL + "/v1.0\", login_url: \"" + refuses.URL + "\"}", "400"},
		"exec":         {"exec\n  exec: {command: [/bin/false]}", "ended"},
		"exec missing": {"exec\n  exec: {command: [/nonexistent/program]}", "/nonexistent/program"},
		"baton":        {"baton\n  baton: {file: /nonexistent/sync.c1z}", "sync.c1z"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := "--database=sqlite:" + filepath.Join(dir, "recert.db")
			cliRun(t, exitDone, db, "apply", "-f", writeFile(t, dir, "c.yaml", "apiVersion: recert/v1\nkind: Source\nname: system\nspec:\n  provides: access\n  type: "+c.spec+"\n"))
			_, errOut := cliBoth(t, exitFailed, db, "ingest", "--source", "system")
			wantText(t, errOut, c.want)
			seen := map[string]bool{}
			for part := range strings.SplitSeq(strings.TrimSpace(errOut), ": ") {
				if seen[part] {
					t.Errorf("%q is said twice: %s", part, errOut)
				}
				seen[part] = true
			}
		})
	}
}
