package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// cliRun runs one command as main would, and gives its output.
func cliRun(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if got := run(context.Background(), args, &out, &errOut); got != want {
		t.Fatalf("recert %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, want, out.String(), errOut.String())
	}
	return out.String()
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const loopConfig = `
apiVersion: recert/v1
kind: Source
name: hr
spec: {provides: people, type: csv}
---
apiVersion: recert/v1
kind: Source
name: wiki
spec:
  provides: access
  type: scim
  url: URL/scim/v2
  token: ${LOOP_TOKEN}
  owner: p1
  correlate: [username=email]
  revoke: {mode: connector}
---
apiVersion: recert/v1
kind: Campaign
name: quarterly
spec:
  scope: {sources: [wiki]}
  stages: [{reviewers: [manager, source_owner], fallback: p3, due: 14d}]
  on_no_answer: keep
`

// TestLoop goes the whole way of one review by the command line, from files to access that is
// proven gone and a package that verifies, on both databases.
func TestLoop(t *testing.T) {
	const token = "loop-secret-canary"
	t.Setenv("LOOP_TOKEN", token)
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) { loop(t, storetest.DSN(t, d), token) })
	}
}

func loop(t *testing.T, dsn, token string) {
	ctx := context.Background()
	dir := t.TempDir()
	target := scimserver.New(scimserver.Config{Token: token, BasePath: "/scim/v2", Now: now})
	target.PutUser(scimserver.User{ID: "u-ana", UserName: "ana@example.com", DisplayName: "Ana", Active: true})
	target.PutUser(scimserver.User{ID: "u-bo", UserName: "bo@example.com", DisplayName: "Bo", Active: true})
	target.PutGroup(scimserver.Group{ID: "g-edit", DisplayName: "Edit every page", Members: []string{"u-ana", "u-bo"}})
	srv := httptest.NewServer(target)
	defer srv.Close()

	config := writeFile(t, dir, "recert.yaml", strings.ReplaceAll(loopConfig, "URL", srv.URL))
	people := writeFile(t, dir, "people.csv", "person_id,name,email,manager_id,status\np1,Olga Owner,olga@example.com,,active\np2,Mara Manager,mara@example.com,p1,active\n"+
		"p3,Fay Fallback,fay@example.com,,active\np4,Ana Able,ana@example.com,p2,active\np5,Bo Best,bo@example.com,p2,active\n")
	db := "--database=" + dsn
	cliRun(t, exitDone, db, "migrate")
	cliRun(t, exitDone, db, "apply", "-f", config)
	cliRun(t, exitDone, db, "ingest", "--source", "hr", "people="+people)

	var res struct {
		State    string `json:"state"`
		Accepted int    `json:"accepted"`
	}
	fromJSON(t, cliRun(t, exitDone, db, "--json", "ingest", "--source", "wiki"), &res)
	if res.State != "sealed" || res.Accepted != 2 {
		t.Fatalf("ingest: %+v", res)
	}
	var preview campaigns.Preview
	fromJSON(t, cliRun(t, exitDone, db, "--json", "campaign", "preview", "quarterly"), &preview)
	if preview.Items != 2 || len(preview.Reviewers) != 1 || preview.Reviewers[0].ID != "p2" || preview.WithoutReviewer != 0 {
		t.Fatalf("preview: %+v", preview)
	}
	cliRun(t, exitDone, db, "campaign", "launch", "quarterly")

	loopDecide(ctx, t, dsn)
	loopWork(ctx, t, dsn, srv.URL, func() bool { return !target.HasMember("g-edit", "u-ana") })
	if !target.HasMember("g-edit", "u-bo") {
		t.Error("access that was kept is gone")
	}

	var status []campaigns.Status
	fromJSON(t, cliRun(t, exitDone, db, "--json", "campaign", "status"), &status)
	if len(status) != 1 || status[0].Kept != 1 || status[0].Revoked != 1 {
		t.Fatalf("status: %+v", status)
	}
	cliRun(t, exitDone, db, "campaign", "close", "quarterly")
	first, again := filepath.Join(dir, "first.zip"), filepath.Join(dir, "again.zip")
	var exported struct {
		Key string `json:"key"`
	}
	fromJSON(t, cliRun(t, exitDone, db, "--json", "export", "quarterly", "--out", first), &exported)
	cliRun(t, exitDone, db, "export", "quarterly", "--out", again)
	a, b := readFile(t, first), readFile(t, again)
	if !bytes.Equal(a, b) {
		t.Error("two packages of one run and checkpoint differ")
	}
	if bytes.Contains(a, []byte(token)) {
		t.Error("the package holds the connector's token")
	}
	if out := cliRun(t, exitDone, "verify", first); !strings.HasSuffix(out, "OK (key not pinned)\n") {
		t.Errorf("verify: %s", out)
	}
	if out := cliRun(t, exitDone, "verify", first, "--key", exported.Key); !strings.HasSuffix(out, "\nOK\n") {
		t.Errorf("verify --key: %s", out)
	}
	a[len(a)/2] ^= 1
	if out := cliRun(t, exitCheck, "verify", writeFile(t, dir, "bad.zip", string(a))); !strings.Contains(out, "FAILED: ") {
		t.Errorf("verify of a changed package: %s", out)
	}
	cliRun(t, exitDone, db, "doctor", "--strict")
}

// loopDecide keeps one access and revokes the other, as the manager, and signs off.
func loopDecide(ctx context.Context, t *testing.T, dsn string) {
	t.Helper()
	s, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.PersonByID(ctx, "p2")
	if err != nil {
		t.Fatal(err)
	}
	actor := model.Actor{Name: "Mara Manager", Email: "mara@example.com", PersonKey: p.Key, PersonID: "p2"}
	run, err := s.RunByName(ctx, "quarterly")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.ItemRows(ctx, run.ID, store.ItemFilter{Reviewer: p.Key, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	svc := newCampaigns(s)
	for _, row := range rows {
		answer := model.Keep
		if strings.Contains(row.Subject, "u-ana") {
			answer = model.Revoke
		}
		if _, err := svc.Decide(ctx, actor, campaigns.DecideInput{RunID: run.ID, ItemID: row.ID, Answer: answer, Version: row.Version, Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := svc.SignOff(ctx, actor, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}); err != nil {
		t.Fatal(err)
	}
}

// loopWork runs the work of serve until the target has done what was asked and the removal is
// proven.
func loopWork(ctx context.Context, t *testing.T, dsn, base string, done func() bool) {
	t.Helper()
	s, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := &env{cli: &cli{LogLevel: "error"}, out: t.Output(), errOut: t.Output()}
	a, err := newApp(ctx, s, ServeFlags{}, base, e.logger())
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Source(ctx, "wiki")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- a.work(ctx) }()
	for ctx.Err() == nil {
		proven, err := s.ProvenAccesses(ctx, src.ID)
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		if len(proven) == 1 && done() {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	if ctx.Err() != nil {
		t.Error("the removal was not proven within a minute")
	}
	stop()
	if err := <-worked; err != nil {
		t.Error(err)
	}
}

func fromJSON(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
