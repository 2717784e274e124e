package ingest_test

import (
	"bytes"
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
)

// FuzzFile: no content makes a reader panic, lose count, or keep what a database cannot hold
// (readFile checks these), and no row of a text begins on a blank line or behind its end.
func FuzzFile(f *testing.F) {
	for _, s := range []string{
		"a,b\n", "\"a\",\"b\"\n", "\"a\"\"\",b\r\n", "a,\"b\n", "a\"b,c\n", "\"a\"b,c\nd,e\n", "a\rb\n", "\x00,\xff\n", "\"\n\",\"\"\n,\n", "\n\n", "  a   b \n",
		`{"account_id":"a","entitlement_id":"b","via":["x"],"n":1e5}`, `{"a":"\ud83d\ude00"}`, "{", `{"x":[{}]}`,
	} {
		for form := range byte(5) {
			f.Add([]byte(s), form)
		}
	}
	f.Add([]byte(workbookOf(f, [][]any{{"account_id", "entitlement_id"}, {"a", 1.5}, {true, "x"}})), byte(5))
	f.Add([]byte(gzipped(f, "account_id,entitlement_id\na,b\n")), byte(6))
	numbers := map[string]ingest.Column{"account_id": {Names: []string{"1"}}, "entitlement_id": {Names: []string{"2"}}}
	f.Fuzz(func(t *testing.T, content []byte, form byte) {
		head := "account_id,entitlement_id\n"
		name, l := "g.csv", ingest.Layout{}
		switch form % 7 {
		case 1:
			l.Delimiter, head = "tab", strings.ReplaceAll(head, ",", "\t")
		case 2:
			l.Delimiter, head = "whitespace", strings.ReplaceAll(head, ",", "  ")
		case 3:
			l.NoHeader, l.Columns, head = true, numbers, ""
		case 4:
			name, head = "g.jsonl", ""
		case 5:
			name, head = "g.xlsx", ""
		case 6:
			name, head = "g", ""
		}
		g, err := readFile(t, name, head+string(content), model.KindGrants, l)
		if err != nil {
			if model.KindOf(err) != model.Invalid {
				t.Errorf("kind %q: %v", model.KindOf(err), err)
			}
			return
		}
		if form%7 > 4 || bytes.HasPrefix(content, []byte("\x1f\x8b")) || bytes.HasPrefix(content, []byte("\x28\xb5\x2f\xfd")) {
			return // lines are not those of the content
		}
		lines := strings.Split(head+string(content), "\n")
		at := func(n int64) {
			if n > int64(len(lines)) || strings.TrimSuffix(lines[n-1], "\r") == "" && (n < int64(len(lines)) || !strings.HasSuffix(lines[n-1], "\r")) {
				t.Errorf("line %d of %d is not there or blank", n, len(lines))
			}
		}
		for _, r := range g.rows {
			at(r.Line)
		}
		for _, r := range g.rejects {
			at(r.Line)
		}
	})
}
