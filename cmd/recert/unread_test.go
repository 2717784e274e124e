package main

import (
	"context"
	"testing"

	"recert/campaigns"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

const unreadConfig = `
apiVersion: recert/v1
kind: Source
name: hr
spec: {provides: people, type: csv}
---
apiVersion: recert/v1
kind: Source
name: app
spec: {provides: access, type: csv, owner: p1, shrink_limit: 100%}
---
apiVersion: recert/v1
kind: Campaign
name: c
spec: {scope: {sources: [app]}, stages: [{reviewers: [source_owner], fallback: p2, due: 14d}], remove: decision, undo_for: 0s}
`

// TestRejectedIsNotAbsent ingests files in which a known row cannot be read: nothing is proven gone
// by them, no item leaves the queue, and nobody comes to review the own access.
func TestRejectedIsNotAbsent(t *testing.T) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) { rejectedIsNotAbsent(t, storetest.DSN(t, d)) })
	}
}

func rejectedIsNotAbsent(t *testing.T, dsn string) {
	ctx := t.Context()
	dir := t.TempDir()
	db := "--database=" + dsn
	ingest := func(file string, args ...string) (state string) {
		t.Helper()
		var res struct {
			State string `json:"state"`
		}
		fromJSON(t, cliRun(t, exitDone, append([]string{db, "--json", "ingest", "--source", file}, args...)...), &res)
		return res.State
	}
	file := func(name, text string) string { return writeFile(t, dir, name, text) }
	cliRun(t, exitDone, db, "apply", "-f", file("c.yaml", unreadConfig))
	ingest("hr", "people="+file("p.csv", "person_id,name,status\np1,Olga Owner,active\np2,Fay Fallback,active\np3,Ana Able,active\n"))
	accounts := "accounts=" + file("a.csv", "account_id,person_id,last_login_at\na1,p1,\na3,p3,\na4,p3,\n")
	ingest("app", accounts, "grants="+file("g1.csv", "account_id,entitlement_id,granted_at\na1,e1,2025-01-01\na3,e1,2025-01-01\na4,e2,2025-01-01\n"))

	// An account's row that cannot be read must not untie the account from its person.
	if state := ingest("app", "accounts="+file("a2.csv", "account_id,person_id,last_login_at\na1,p1,12.11.2026\na3,p3,\na4,p3,\n")); state != "held" {
		t.Errorf("a known account could not be read: %s, want held", state)
	}
	var preview campaigns.Preview
	fromJSON(t, cliRun(t, exitDone, db, "--json", "campaign", "preview", "c"), &preview)
	if preview.Avoided != 1 || preview.Items != 3 {
		t.Errorf("preview: %d items, %d self-reviews avoided; want 3 and 1", preview.Items, preview.Avoided)
	}
	cliRun(t, exitDone, db, "campaign", "launch", "c")
	s, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	unreadRevoke(ctx, t, s)

	// The source lists the grant still; only its date cannot be read.
	if state := ingest("app", "grants="+file("g2.csv", "account_id,entitlement_id,granted_at\na1,e1,2025-01-01\na3,e1,garbage\na4,e2,2025-01-01\n")); state != "held" {
		t.Errorf("a revoked grant could not be read: %s, want held", state)
	}
	// A row that names nobody: it may be anybody's, so what is missing is not proven absent.
	if state := ingest("app", accounts, "grants="+file("g3.csv", "account_id,entitlement_id,granted_at\na1,e1,2025-01-01\n,e1,2025-01-01\n")); state != "held" {
		t.Errorf("a row that names nobody: %s, want held", state)
	}
	want := func(state model.RemediationState, gone int64) {
		t.Helper()
		rows, err := s.Remediations(ctx, store.RemediationFilter{Limit: 10})
		if err != nil || len(rows) != 1 || rows[0].State != state {
			t.Fatalf("removals: %+v, %v; want one that is %s", rows, err, state)
		}
		var status []campaigns.Status
		fromJSON(t, cliRun(t, exitDone, db, "--json", "campaign", "status", "c"), &status)
		if status[0].Gone != gone {
			t.Errorf("%d items are gone, want %d", status[0].Gone, gone)
		}
	}
	want(model.Sent, 0)
	// Read whole, the same content proves both.
	ingest("app", accounts, "grants="+file("g4.csv", "account_id,entitlement_id,granted_at\na1,e1,2025-01-01\n"))
	want(model.Confirmed, 1)
}

// unreadRevoke revokes p3's e1 and opens the task for it.
func unreadRevoke(ctx context.Context, t *testing.T, s *store.Store) {
	t.Helper()
	p, err := s.PersonByID(ctx, "p1")
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.RunByName(ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.ItemRows(ctx, run.ID, store.ItemFilter{Reviewer: p.Key, Search: "a3", Limit: 10})
	if err != nil || len(rows) != 1 {
		t.Fatalf("items of a3: %+v, %v", rows, err)
	}
	actor := model.Actor{Name: "Olga Owner", PersonKey: p.Key, PersonID: "p1"}
	if _, err := newCampaigns(s).Decide(ctx, actor, campaigns.DecideInput{RunID: run.ID, ItemID: rows[0].ID, Answer: model.Revoke, Version: rows[0].Version, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	e := &env{cli: &cli{LogLevel: "error"}, out: t.Output(), errOut: t.Output()}
	w := &remediate.Worker{
		Store: s, Log: e.logger(), Now: now, Name: "test",
		Targets: newConnectors(&keeper{store: s}).target,
	}
	if err := w.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}
