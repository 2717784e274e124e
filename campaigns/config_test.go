package campaigns_test

import (
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestReadDocumentsRefuses gives configuration that is wrong in one place: the error names the file,
// the line and what is wrong.
func TestReadDocumentsRefuses(t *testing.T) {
	source := func(spec ...string) string {
		return "apiVersion: recert/v1\nkind: Source\nname: wiki\nspec:\n  " + strings.Join(spec, "\n  ") + "\n"
	}
	const access = "provides: access"
	tests := []struct {
		name, text, want string
	}{
		{"an unknown key", source(access, "type: csv", "colums: {}"), `c.yaml:7: `},
		{"an unknown version", "apiVersion: recert/v2\nkind: Source\nname: x\nspec: {}\n", "c.yaml:1: "},
		{"an address of its own", "apiVersion: recert/v1\nkind: Source\nname: new\nspec: {}\n", "an address of its own"},
		{"an unknown kind", "apiVersion: recert/v1\nkind: Sauce\nname: x\nspec: {}\n", `Sauce`},
		{"no YAML", "apiVersion: [", "c.yaml:1: "},
		{"a type of later", source(access, "type: carrier-pigeon"), `c.yaml:6: Source wiki: type "carrier-pigeon" is not supported`},
		{"what it gives", source("provides: nothing", "type: csv"), "c.yaml:5: Source wiki: provides must be people or access"},
		{"a live source without url", source(access, "type: scim"), "type scim needs url"},
		{"a secret in clear", source(access, "type: scim", "url: https://x.example.com", "token: hunter2"), "c.yaml:8: Source wiki: token must be a reference"},
		{"two ways to sign in", source(access, "type: scim", "url: https://x.example.com", "token: ${A}", "username: u"), "give token or username"},
		{"a column that no file has", source(access, "type: csv", "columns: {nope: b}"), `c.yaml:7: Source wiki: columns: a source of access has no column "nope"`},
		{"a column of the other sort", source("provides: people", "type: csv", "columns: {account_id: b}"), `a source of people has no column "account_id"`},
		{"a column of nothing", source(access, "type: csv", "columns: {account_id: []}"), "account_id names no column"},
		{"a limit that is no share", source(access, "type: csv", "shrink_limit: much"), `c.yaml:7: Source wiki: shrink_limit "much"`},
		{"a limit past all", source(access, "type: csv", "shrink_limit: 101%"), "shrink_limit"},
		{"a removal without a connector", source(access, "type: csv", "revoke: {mode: connector}"), "needs a live source"},
		{"a removal of later", source(access, "type: csv", "revoke: {mode: prayer}"), `revoke mode "prayer"`},
		{"a role that is none", "apiVersion: recert/v1\nkind: RoleMapping\nname: default\nspec: {king: [k]}\n", `there is no role "king"`},
		{"a zone that is none", "apiVersion: recert/v1\nkind: Settings\nname: default\nspec: {time_zone: Mars/Olympus}\n", "c.yaml:4: Settings default: time_zone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			docs, err := campaigns.ReadDocuments("c.yaml", strings.NewReader(tt.text))
			switch {
			case err == nil:
				t.Fatalf("accepted: %+v", docs)
			case model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), tt.want):
				t.Errorf("%v (%s), want %q", err, model.KindOf(err), tt.want)
			case strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestReadDocuments(t *testing.T) {
	docs, err := campaigns.ReadDocuments("c.yaml", strings.NewReader(`# all of it
apiVersion: recert/v1
kind: Source
name: wiki
spec:
  provides: access
  type: csv
  columns: {entitlement_id: [org, team], account_id: who, last_used_at: used}
---
apiVersion: recert/v1
kind: RoleMapping
name: default
spec: {admin: [admins], auditor: [audit]}
`))
	if err != nil || len(docs) != 2 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	if docs[0].At != "c.yaml:2" {
		t.Errorf("the first document is at %s", docs[0].At)
	}
	if spec, ok := docs[0].Spec.(*model.SourceSpec); !ok || len(spec.Columns["entitlement_id"]) != 2 || spec.Columns["account_id"][0] != "who" {
		t.Errorf("%+v", docs[0].Spec)
	}
}
