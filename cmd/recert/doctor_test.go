package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recert/campaigns/evidence"
	"recert/model/store"
	"recert/model/store/storetest"
)

// TestDoctorCommand: what is well exits 0, what was tampered with exits 3 and is named, in either
// form; and the doctor neither makes a database nor migrates one.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dsn := storetest.DSN(t, d)
			if d == store.SQLite {
				cliRun(t, exitFailed, "doctor", "--database", dsn)
				if _, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:")); err == nil {
					t.Error("the doctor made a database")
				}
			} else {
				cliRun(t, exitFailed, "doctor", "--database", dsn)
			}
			cliRun(t, exitDone, "migrate", "--database", dsn)
			people := writeFile(t, t.TempDir(), "hr.csv", "person_id,name\np1,Ann\np2,Bob\n")
			conf := writeFile(t, t.TempDir(), "hr.yaml", "apiVersion: recert/v1\nkind: Source\nname: hr\nspec: {provides: people, type: csv}\n")
			cliRun(t, exitDone, "apply", "--database", dsn, "-f", conf)
			cliRun(t, exitDone, "ingest", "--database", dsn, "--source", "hr", "people="+people)
			out := cliRun(t, exitDone, "doctor", "--database", dsn)
			if !strings.HasSuffix(out, "\nOK\n") || strings.Count(out, "\n") != len(evidence.Invariants())+1 {
				t.Errorf("doctor says\n%s", out)
			}
			tamper(t, d, dsn, "UPDATE snapshot_kinds SET accepted = accepted + 1")
			out = cliRun(t, exitCheck, "doctor", "--database", dsn)
			if !strings.Contains(out, "FAILED  snapshots.ledger") || !strings.Contains(out, "FAILED: 2 of ") {
				t.Errorf("doctor says\n%s", out)
			}
			var checks []evidence.Check
			if err := json.Unmarshal([]byte(cliRun(t, exitCheck, "doctor", "--strict", "--json", "--database", dsn)), &checks); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(checks, func(c evidence.Check) bool { return c.Check == "snapshots.ledger" })
			if i < 0 || checks[i].OK || checks[i].Detail == "" || !checks[0].OK {
				t.Errorf("doctor --json says %+v", checks)
			}
		})
	}
	cliRun(t, exitFailed, "doctor", "--database", "sqlite:"+filepath.Join(t.TempDir(), "none.db"))
}

func tamper(t *testing.T, d store.Dialect, dsn, query string) {
	t.Helper()
	driver := "pgx"
	if d == store.SQLite {
		driver, dsn = "sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite:")
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
