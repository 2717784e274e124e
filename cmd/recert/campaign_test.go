package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model/store"
	"recert/model/store/storetest"
)

// cliBoth is cliRun that gives both outputs.
func cliBoth(t *testing.T, want int, args ...string) (out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := run(context.Background(), args, &o, &e); got != want {
		t.Fatalf("recert %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, want, o.String(), e.String())
	}
	return o.String(), e.String()
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

// TestCommandsSay: ingest tells what is wrong with managers; preview and launch warn, on standard
// error or in JSON, of what the review does not show; a second close says that it did nothing.
func TestCommandsSay(t *testing.T) {
	t.Parallel()
	dir, db := t.TempDir(), "--database="+storetest.DSN(t, store.SQLite)
	file := func(name, text string) string { return writeFile(t, dir, name, text) }
	cliRun(t, exitDone, db, "apply", "-f", file("c.yaml", unreadConfig))
	people := "person_id,name,manager_id,status\np1,Olga Owner,p2,active\np2,Fay Fallback,p1,active\np3,Ana Able,p3,active\np4,Bo Base,p99,active\n"
	wantText(t, cliRun(t, exitDone, db, "ingest", "--source", "hr", "people="+file("p.csv", people)),
		"1 ring of people who manage each other: p1 > p2\n", "1 person is the own manager: p3\n", "1 manager whom no row names: p4: p99\n")

	_, errOut := cliBoth(t, exitFailed, db, "ingest", "--source", "app", "grants="+dir+"/nonexistent")
	if strings.Count(errOut, "nonexistent") != 1 || !strings.Contains(errOut, "nonexistent cannot be opened: no such file") {
		t.Errorf("of a file that is not there: %s", errOut)
	}

	cliRun(t, exitDone, db, "ingest", "--source", "app", "grants="+file("g1.csv", "account_id,entitlement_id\na1,e1\na2,e1\nbad,\n"))
	cliRun(t, exitDone, db, "ingest", "--source", "app", "--expect", "grants=9", "grants="+file("g2.csv", "account_id,entitlement_id\na1,e1\na2,e1\na3,e1\n"))
	warnings := []string{"app: snapshot 4 as of ", "is newer and held, so snapshot 3 is used. The held one has 3 rows: 1 new, 0 changed, and 0 gone.", "app: 1 row of snapshot 3, which is used, could not be taken in"}
	out, errOut := cliBoth(t, exitDone, db, "campaign", "preview", "c")
	wantText(t, errOut, append(warnings, "warning: ")...)
	if strings.Contains(out, "held") {
		t.Errorf("the warning stands in the output: %s", out)
	}
	var preview campaigns.Preview
	out, errOut = cliBoth(t, exitDone, db, "--json", "campaign", "preview", "c")
	fromJSON(t, out, &preview)
	wantText(t, strings.Join(preview.Warnings, "\n"), warnings...)
	if errOut != "" {
		t.Errorf("with --json there is also: %s", errOut)
	}
	_, errOut = cliBoth(t, exitDone, db, "campaign", "launch", "c")
	wantText(t, errOut, warnings...)

	wantText(t, cliRun(t, exitDone, db, "campaign", "close", "c"), "Closed c@")
	again := cliRun(t, exitDone, db, "campaign", "close", "c")
	wantText(t, again, "was closed already, on ", "nothing was changed")
	if strings.HasPrefix(again, "Closed") {
		t.Errorf("the second close says %q", again)
	}
}
