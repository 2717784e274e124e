package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns/ingest"
	"recert/model"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, content string
		kind                model.Kind
		layout              ingest.Layout
		want                ingest.FilePreview
	}{
		{
			"names that systems use", "p.csv", "Employee No;Full Name;E-Mail;Boss;shoe\n1;Ana;a@example.com;2;37\n", model.KindPeople, ingest.Layout{},
			ingest.FilePreview{
				Form: "csv", Delimiter: ";", Header: []string{"Employee No", "Full Name", "E-Mail", "Boss", "shoe"}, Rows: [][]string{{"1", "Ana", "a@example.com", "2", "37"}},
				Mapping: map[string][]string{"person_id": {"Employee No"}, "name": {"Full Name"}, "email": {"E-Mail"}, "manager_id": {"Boss"}},
			},
		},
		{
			"what the layout says", "g.csv", "user,org,level\nu,o,l\nv,o,l\nw,o,l\n", model.KindGrants,
			ingest.Layout{Columns: map[string]ingest.Column{"entitlement_id": {Names: []string{"org", "level"}}, "via": {Names: []string{"gone"}}}},
			ingest.FilePreview{
				Form: "csv", Delimiter: ",", Header: []string{"user", "org", "level"}, Rows: [][]string{{"u", "o", "l"}, {"v", "o", "l"}},
				Mapping: map[string][]string{"account_id": {"user"}, "entitlement_id": {"org", "level"}},
			},
		},
		{
			"rows that cannot be cut", "g.csv", "account_id,entitlement_id\na\nb,c\n", model.KindGrants, ingest.Layout{},
			ingest.FilePreview{
				Form: "csv", Delimiter: ",", Header: []string{"account_id", "entitlement_id"}, Rows: [][]string{{"b", "c"}},
				Mapping: map[string][]string{"account_id": {"account_id"}, "entitlement_id": {"entitlement_id"}},
				Rejects: []model.Reject{{Kind: model.KindGrants, File: "g.csv", Line: 2, Reason: "the row has 1 value, and the header has 2", Raw: "a"}},
			},
		},
		{
			"spreadsheet", "g.xlsx", workbookOf(t, [][]any{{"Login", "Role", "Note"}, {"a", 1}}), model.KindGrants, ingest.Layout{},
			ingest.FilePreview{
				Form: "xlsx", Header: []string{"Login", "Role", "Note"}, Rows: [][]string{{"a", "1", ""}},
				Mapping: map[string][]string{"account_id": {"Login"}, "entitlement_id": {"Role"}},
			},
		},
		{
			"JSON", "g.jsonl", `{"account_id":"a","x":1}` + "\n" + `{"role":"r"}` + "\n", model.KindGrants, ingest.Layout{},
			ingest.FilePreview{
				Form: "jsonl", Header: []string{"account_id", "x", "role"}, Rows: [][]string{{"a", "1", ""}, {"", "", "r"}},
				Mapping: map[string][]string{"account_id": {"account_id"}, "entitlement_id": {"role"}},
			},
		},
		{
			"packed tabs", "g.csv.gz", gzipped(t, "account_id\tentitlement_id\n"), model.KindGrants, ingest.Layout{},
			ingest.FilePreview{
				Form: "csv", Delimiter: "tab", Header: []string{"account_id", "entitlement_id"},
				Mapping: map[string][]string{"account_id": {"account_id"}, "entitlement_id": {"entitlement_id"}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ingest.Preview(t.Context(), c.file, strings.NewReader(c.content), c.kind, c.layout, 2)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for _, content := range []string{"", "\n", "a,a\n", "a,\"b\n", "\xff\xfea\x00"} {
		if p, err := ingest.Preview(t.Context(), "g.csv", strings.NewReader(content), model.KindGrants, ingest.Layout{}, 2); model.KindOf(err) != model.Invalid {
			t.Errorf("%q gives %+v, %v", content, p, err)
		}
	}
}

// A preview's guess reads a file of numbers and blanks as it is.
func TestPreviewOfNumbers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(sharedData, "hp-labs", "domino.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("the data must be there: %v", err)
	}
	p, err := ingest.Preview(t.Context(), "domino.txt", strings.NewReader(string(text)), model.KindGrants, ingest.Layout{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if p.Delimiter != "whitespace" || !p.NoHeader || fmt.Sprint(p.Header, p.Rows) != "[1 2] [[1 1] [3 1] [7 1]]" {
		t.Errorf("%+v", p)
	}
}
