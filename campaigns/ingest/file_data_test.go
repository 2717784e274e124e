package ingest_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
)

// sharedData is where the real files lie, beside the repository.
const sharedData = "../../../shared/data"

// grantsOf reads a real file and gives each grant as text, in order.
func grantsOf(t *testing.T, path string, l ingest.Layout) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("the data must be there: %v", err)
	}
	defer f.Close()
	r, err := ingest.Open(filepath.Base(path), f, model.KindGrants, l)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	st, err := r.Read(context.Background(), func(r *model.Record) error {
		got = append(got, fmt.Sprintf("%d %s %s %s", r.Line, r.Grant.AccountID, r.Grant.EntitlementID, r.Grant.GrantedAt))
		return nil
	}, func(r model.Reject) error { return fmt.Errorf("line %d was rejected: %s", r.Line, r.Reason) })
	if err != nil {
		t.Fatal(err)
	}
	if st.Accepted != int64(len(got)) || st.Read != st.Accepted {
		t.Errorf("%s: %+v, %d rows", path, st, len(got))
	}
	return got
}

// sameLines compares two lists and names the first difference.
func sameLines(t *testing.T, name string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s: row %d is %q, want %q", name, i, got[i], want[i])
		}
	}
}

// The eight organisations: two numbers a line, no header, any blanks between.
func TestHPLabsFiles(t *testing.T) {
	t.Parallel()
	rows := map[string]int{
		"americas_small": 105205, "apj": 6841, "customer": 45427, "domino": 730, "emea": 7220, "fire1": 31951, "fire2": 36428, "hc": 1486,
	}
	l := ingest.Layout{Delimiter: "whitespace", NoHeader: true, Columns: map[string]ingest.Column{
		"account_id": {Names: []string{"1"}}, "entitlement_id": {Names: []string{"2"}},
	}}
	for name, n := range rows {
		path := filepath.Join(sharedData, "hp-labs", name+".txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("the data must be there: %v", err)
		}
		var want []string
		line := 0
		for s := bufio.NewScanner(strings.NewReader(string(text))); s.Scan(); {
			line++
			if w := strings.Fields(s.Text()); len(w) == 2 {
				want = append(want, fmt.Sprintf("%d %s %s ", line, w[0], w[1]))
			}
		}
		if len(want) != n {
			t.Errorf("%s: %d lines, want %d", name, len(want), n)
		}
		sameLines(t, name, grantsOf(t, path, l), want)
	}
}

// The Kubernetes organisations: an entitlement is what four columns say together.
func TestKubernetesFiles(t *testing.T) {
	t.Parallel()
	l := ingest.Layout{Columns: map[string]ingest.Column{
		"account_id": {Names: []string{"user"}}, "entitlement_id": {Names: []string{"org", "kind", "entitlement", "level"}},
	}}
	paths, err := filepath.Glob(filepath.Join(sharedData, "kubernetes-org", "grants-*.csv"))
	if err != nil || len(paths) != 32 {
		t.Fatalf("the data must be there: %v, %d files of 32", err, len(paths))
	}
	total := 0
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(f).ReadAll()
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i, r := range records[1:] {
			r[3] = strings.ReplaceAll(r[3], "/", `\/`) // one team has the separator in its name
			want = append(want, fmt.Sprintf("%d %s %s %s", i+2, r[0], strings.Join(r[1:5], "/"), r[5]))
		}
		total += len(want)
		sameLines(t, filepath.Base(path), grantsOf(t, path, l), want)
	}
	if total != 171_969 {
		t.Errorf("%d rows in all, want 171,969", total)
	}
}
