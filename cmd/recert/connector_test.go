package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"recert/campaigns/connector/entra/entraserver"
	"recert/model"
)

// TestExecSource reads a program whole by the command line, with what its environment holds.
func TestExecSource(t *testing.T) {
	dir, target := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{ // names are ids in hexadecimal
		"accounts/7531": "u1\nana\nenabled\n", "entitlements/6731": "g1\nEditors\n", "members/6731/7531.1": "", "inner/6731/.keep": "",
	} {
		path := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Dir(path), filepath.Base(path), text)
	}
	script, err := filepath.Abs("../../campaigns/connector/exec/testdata/example.sh")
	if err != nil {
		t.Fatal(err)
	}
	db := "--database=sqlite:" + filepath.Join(dir, "recert.db")
	cliRun(t, exitDone, db, "apply", "-f", writeFile(t, dir, "c.yaml", `apiVersion: recert/v1
kind: Source
name: files
spec:
  provides: access
  type: exec
  exec:
    command: [/bin/sh, `+script+`]
    env: {TARGET: `+target+`, TARGET_TOKEN: "${FILES_TOKEN}"}
`))
	_, errOut := cliBoth(t, exitFailed, db, "ingest", "--source", "files")
	wantText(t, errOut, "FILES_TOKEN is not set")
	t.Setenv("FILES_TOKEN", "hunter2")
	var res struct {
		State    string
		Accepted int
	}
	fromJSON(t, cliRun(t, exitDone, db, "--json", "ingest", "--source", "files"), &res)
	if res.State != "sealed" || res.Accepted != 1 {
		t.Errorf("%+v", res)
	}
}

// TestEntraSource reads a tenant whole by the command line, from a directory that answers like Graph.
func TestEntraSource(t *testing.T) {
	const client = "66666666-7777-8888-9999-000000000000"
	srv := entraserver.New(entraserver.Config{Tenant: "contoso.example", ClientID: client, Secret: "hunter2~secret", Page: 2, Now: now})
	hs := httptest.NewServer(srv)
	defer hs.Close()
	for _, id := range []string{"u-1", "u-2", "u-3"} {
		srv.PutUser(entraserver.User{ID: id, UserPrincipalName: id + "@contoso.example"})
	}
	srv.PutGroup(entraserver.Group{ID: "g-1", DisplayName: "Editors"})
	srv.PutGroup(entraserver.Group{ID: "g-2", DisplayName: "Staff"})
	srv.AddMember("g-1", "u-1")
	srv.AddMember("g-2", "g-1")
	srv.PutRole("r-1", "Global Reader")
	srv.AssignRole("r-1", "/", "u-2")

	dir := t.TempDir()
	db := "--database=sqlite:" + filepath.Join(dir, "recert.db")
	cliRun(t, exitDone, db, "apply", "-f", writeFile(t, dir, "c.yaml", `apiVersion: recert/v1
kind: Source
name: tenant
spec:
  provides: access
  type: entra
  password: ${ENTRA_CLIENT_SECRET}
  entra: {tenant: contoso.example, client_id: `+client+`, graph_url: "`+hs.URL+`/v1.0", login_url: "`+hs.URL+`", sign_in_activity: true}
`))
	t.Setenv("ENTRA_CLIENT_SECRET", "wrong")
	_, errOut := cliBoth(t, exitFailed, db, "ingest", "--source", "tenant")
	wantText(t, errOut, "the client secret is wrong")
	t.Setenv("ENTRA_CLIENT_SECRET", "hunter2~secret")
	var res struct {
		State    string
		Accepted int
	}
	fromJSON(t, cliRun(t, exitDone, db, "--json", "ingest", "--source", "tenant"), &res)
	if res.State != "sealed" || res.Accepted != 3 {
		t.Errorf("%+v", res)
	}
}

func TestNetworks(t *testing.T) {
	d, err := dialerOf(model.SettingsSpec{Networks: model.Strings{"10.0.0.0/8"}})
	if err != nil || len(d.Allow) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := dialerOf(model.SettingsSpec{Networks: model.Strings{"ten"}}); model.KindOf(err) != model.Invalid {
		t.Error(err)
	}
}

// TestMissingBlock: settings that lack the part of their type are refused with a sentence.
func TestMissingBlock(t *testing.T) {
	r := newProbeRig(t)
	k := &keeper{store: r.store}
	for _, typ := range []string{"ldap", "entra", "exec", "baton", "sql", "scim", "csv", "pigeon", ""} {
		spec := model.SourceSpec{Type: typ, Provides: model.ProvidesAccess}
		if _, err := openLive(t.Context(), k, spec, model.SettingsSpec{}); model.KindOf(err) != model.Invalid {
			t.Errorf("type %q: %v", typ, err)
		}
		if _, err := newConnectors(k).probe(t.Context(), spec, "hunter2"); model.KindOf(err) != model.Invalid {
			t.Errorf("probe of type %q: %v", typ, err)
		}
	}
}
