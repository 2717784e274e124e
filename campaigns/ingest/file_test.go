package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"recert/campaigns/ingest"
	"recert/model"
)

// fileRead is all that a reading handed over.
type fileRead struct {
	rows    []model.Record
	rejects []model.Reject
	stats   ingest.Stats
}

// readFile reads a whole file and checks what holds for every file: the counts add up, lines
// grow, and what a reject keeps can be stored.
func readFile(tb testing.TB, name, content string, kind model.Kind, l ingest.Layout) (fileRead, error) {
	tb.Helper()
	var got fileRead
	f, err := ingest.Open(name, strings.NewReader(content), kind, l)
	if err != nil {
		return got, err
	}
	last := int64(0)
	grows := func(line int64) {
		if line <= last {
			tb.Errorf("line %d follows line %d", line, last)
		}
		last = line
	}
	got.stats, err = f.Read(context.Background(), func(r *model.Record) error {
		grows(r.Line)
		got.rows = append(got.rows, copyRecord(tb, r))
		return nil
	}, func(r model.Reject) error {
		grows(r.Line)
		if !utf8.ValidString(r.Raw) || len(r.Raw) > 1000 || strings.Contains(r.Raw, "\x00") || r.Reason == "" || !utf8.ValidString(r.Reason) {
			tb.Errorf("reject cannot be stored: %#v", r)
		}
		got.rejects = append(got.rejects, r)
		return nil
	})
	st := got.stats
	if st.Read != st.Accepted+st.Rejected || st.Accepted != int64(len(got.rows)) || st.Rejected != int64(len(got.rejects)) {
		tb.Errorf("read %d, accepted %d of %d, rejected %d of %d", st.Read, st.Accepted, len(got.rows), st.Rejected, len(got.rejects))
	}
	return got, err
}

// copyRecord keeps a record beyond the next one: its maps are reused.
func copyRecord(tb testing.TB, r *model.Record) model.Record {
	tb.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	var c model.Record
	if err := json.Unmarshal(b, &c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// fileText writes a reading down: a line for each row and reject, in the file's order.
func fileText(g fileRead) string {
	var out []string
	rows, rejects := g.rows, g.rejects
	for len(rows)+len(rejects) > 0 {
		if len(rejects) == 0 || len(rows) > 0 && rows[0].Line < rejects[0].Line {
			out = append(out, rowText(rows[0]))
			rows = rows[1:]
			continue
		}
		r := rejects[0]
		at := ""
		if r.Column != "" {
			at = r.Column + ": "
		}
		out = append(out, fmt.Sprintf("%d ! %s%s", r.Line, at, r.Reason))
		rejects = rejects[1:]
	}
	return strings.Join(out, "\n")
}

func rowText(r model.Record) string {
	var id string
	var attrs map[string]string
	switch r.Kind {
	case model.KindPeople:
		id, attrs = r.Person.PersonID+"|"+r.Person.Name, r.Person.Attrs
	case model.KindAccounts:
		id, attrs = r.Account.AccountID+"|"+r.Account.Username, r.Account.Attrs
	case model.KindEntitlements:
		id, attrs = r.Entitlement.EntitlementID+"|"+r.Entitlement.Description, r.Entitlement.Attrs
	case model.KindGrants:
		id, attrs = r.Grant.AccountID+"|"+r.Grant.EntitlementID, r.Grant.Attrs
		if r.Grant.Via != "" {
			id += "|via " + r.Grant.Via
		}
	}
	out := fmt.Sprintf("%d %q", r.Line, id)
	if len(attrs) > 0 {
		b, _ := json.Marshal(attrs)
		out += " " + string(b)
	}
	return out
}

// expectFile compares a reading with lines of text.
func expectFile(t *testing.T, g fileRead, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("the file was refused: %v", err)
	}
	if got := fileText(g); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// expectRefused wants an error that a person may see, with all of parts in it.
func expectRefused(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("the file was taken")
	}
	if model.KindOf(err) != model.Invalid {
		t.Errorf("kind %q of %v", model.KindOf(err), err)
	}
	for _, p := range parts {
		if !strings.Contains(model.Message(err), p) {
			t.Errorf("%q is not in %q", p, model.Message(err))
		}
	}
}

func TestFileRefused(t *testing.T) {
	t.Parallel()
	cols := func(our string, names ...string) ingest.Layout {
		return ingest.Layout{Columns: map[string]ingest.Column{our: {Names: names}}}
	}
	big := "account_id,entitlement_id\n" + strings.Repeat("a,b\n", 10)
	for _, c := range []struct {
		name, file, content string
		layout              ingest.Layout
		want                []string
	}{
		{"empty", "g.csv", "", ingest.Layout{}, []string{"g.csv", "empty"}},
		{"only a mark", "g.csv", "\ufeff", ingest.Layout{}, []string{"only blank lines"}},
		{"blank lines", "g.csv", "\n\r\n", ingest.Layout{}, []string{"only blank lines"}},
		{"missing column", "g.csv", "account_id,Group Name\na,b\n", ingest.Layout{}, []string{"entitlement_id", `"account_id", "Group Name"`, "columns: {entitlement_id: NAME}"}},
		{"missing mapped", "g.csv", big, cols("entitlement_id", "role"), []string{`"role"`, "entitlement_id"}},
		{"missing part", "g.csv", big, cols("entitlement_id", "account_id", "role"), []string{`"role"`}},
		{"missing optional that was mapped", "g.csv", big, cols("via", "path"), []string{`"path"`, "via"}},
		{"semicolons", "g.csv", "account_id;entitlement_id\na;b\n", ingest.Layout{}, []string{`delimiter: ";"`}},
		{"tabs", "g.csv", "account_id\tentitlement_id\na\tb\n", ingest.Layout{}, []string{"delimiter: tab"}},
		{"twice the same name", "g.csv", "account_id,entitlement_id, Account_ID \n", ingest.Layout{}, []string{"columns 1 and 3"}},
		{"bad header", "g.csv", "account_id,\"entitlement_id\"x\n", ingest.Layout{}, []string{"line 1, the header", "closing quote"}},
		{"header not UTF-8", "g.csv", "account_id,entitlement_id,\xff\n", ingest.Layout{}, []string{"the header, is not UTF-8"}},
		{"header with NUL", "g.csv", "account_id,entitlement_id,a\x00\n", ingest.Layout{}, []string{"column 3", "control character"}},
		{"header of old Macs", "g.csv", "account_id,entitlement_id\ra,b\r", ingest.Layout{}, []string{"line 1, the header", "carriage return"}},
		{"wide header", "g.csv", strings.Repeat(",", 20_000), ingest.Layout{}, []string{"16384 columns"}},
		{"endless header", "g.csv", strings.Repeat("x", 3<<20), ingest.Layout{}, []string{"line 1, the header", "1 MiB"}},
		{"UTF-16 with mark", "g.csv", "\xff\xfea\x00b\x00", ingest.Layout{}, []string{"UTF-16", "save it as UTF-8"}},
		{"UTF-16 without mark", "g.csv", "a\x00c\x00c\x00o\x00u\x00n\x00t\x00", ingest.Layout{}, []string{"UTF-16"}},
		{"archive as text", "g.csv", "PK\x03\x04abcdefgh", ingest.Layout{}, []string{".xlsx"}},
		{"old spreadsheet", "g.xls", "x", ingest.Layout{}, []string{"save it as CSV"}},
		{"not a spreadsheet", "g.xlsx", "account_id,entitlement_id\n", ingest.Layout{}, []string{"not a spreadsheet"}},
		{"protected spreadsheet", "g.xlsx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", ingest.Layout{}, []string{"password"}},
		{"JSON list", "g.jsonl", " [\n{}]", ingest.Layout{}, []string{"one object a line"}},
		{"unknown column of ours", "g.csv", big, cols("acount_id", "x"), []string{`"acount_id"`}},
		{"no name", "g.csv", big, cols("account_id"), []string{"account_id"}},
		{"composed time", "g.csv", big, cols("granted_at", "d", "t"), []string{"granted_at", "composed"}},
		{"unknown form", "g.csv", big, ingest.Layout{Form: "xml"}, []string{`"xml"`}},
		{"wide delimiter", "g.csv", big, ingest.Layout{Delimiter: "||"}, []string{"delimiter"}},
		{"quote as delimiter", "g.csv", big, ingest.Layout{Delimiter: `"`}, []string{"delimiter"}},
		{"names without header", "g.csv", big, ingest.Layout{NoHeader: true, Columns: map[string]ingest.Column{"account_id": {Names: []string{"user"}}}}, []string{`"user"`, "number"}},
		{"no numbers without header", "g.csv", big, ingest.Layout{NoHeader: true}, []string{"account_id", "number"}},
		{"JSON without header", "g.jsonl", "{}", ingest.Layout{NoHeader: true, Columns: map[string]ingest.Column{"account_id": {Names: []string{"1"}}, "entitlement_id": {Names: []string{"2"}}}}, []string{"header: false"}},
		{"gzip cut off", "g.csv.gz", gzipped(t, big)[:30], ingest.Layout{}, []string{"cut off"}},
		{"gzip with only a head", "g.csv.gz", gzipped(t, big)[:5], ingest.Layout{}, []string{"cut off"}},
		{"gzip damaged", "g.csv.gz", flip(gzipped(t, big), -6), ingest.Layout{}, []string{"gzip", "damaged"}},
		{"gzip with a tail", "g.csv.gz", gzipped(t, big) + "tail of something", ingest.Layout{}, []string{"gzip", "follows"}},
		{"zstd cut off", "g.csv.zst", zstdPacked(t, big, 1<<20)[:30], ingest.Layout{}, []string{"cut off"}},
		{"zstd damaged", "g.csv.zst", flip(zstdPacked(t, big, 1<<20), -2), ingest.Layout{}, []string{"zstd", "damaged"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := readFile(t, c.file, c.content, model.KindGrants, c.layout)
			expectRefused(t, err, c.want...)
		})
	}
}

func flip(s string, at int) string {
	b := []byte(s)
	b[len(b)+at] ^= 0x55
	return string(b)
}

func TestFileForms(t *testing.T) {
	t.Parallel()
	csv := "account_id,entitlement_id\na,b\nc,d\n"
	for name, c := range map[string]struct{ file, content string }{
		"csv":                   {"g.csv", csv},
		"upper case":            {"DIR/G.CSV", csv},
		"no extension":          {"dump", csv},
		"unknown extension":     {"dump.2026", csv},
		"mark":                  {"g.csv", "\ufeff" + csv},
		"gzip":                  {"g.csv.gz", gzipped(t, csv)},
		"gzip, two members":     {"g.csv.gz", gzipped(t, csv[:30]) + gzipped(t, csv[30:])},
		"gzip without the name": {"g.csv", gzipped(t, csv)},
		"name without the gzip": {"g.csv.gz", csv},
		"zstd":                  {"g.csv.zst", zstdPacked(t, csv, 1<<20)},
		"zstd, two frames":      {"g.zst", zstdPacked(t, csv[:30], 1<<20) + zstdPacked(t, csv[30:], 1<<20)},
		"tsv":                   {"g.tsv", strings.ReplaceAll(csv, ",", "\t")},
		"tsv, packed":           {"g.tsv.gz", gzipped(t, strings.ReplaceAll(csv, ",", "\t"))},
		"xlsx without the name": {"dump", workbookOf(t, [][]any{{"account_id", "entitlement_id"}, {"a", "b"}, {"c", "d"}})},
		"xlsx, packed":          {"g.xlsx.gz", gzipped(t, workbookOf(t, [][]any{{"account_id", "entitlement_id"}, {"a", "b"}, {"c", "d"}}))},
		"jsonl":                 {"g.jsonl", "\n" + `{"account_id":"a","entitlement_id":"b"}` + "\n" + `{"entitlement_id":"d","account_id":"c"}`},
		"jsonl without name":    {"dump", "\n" + `{"account_id":"a","entitlement_id":"b"}` + "\n" + `{"entitlement_id":"d","account_id":"c"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := readFile(t, c.file, c.content, model.KindGrants, ingest.Layout{})
			expectFile(t, g, err, `2 "a|b"`, `3 "c|d"`)
			if g.stats.Bytes != int64(len(c.content)) || g.stats.SHA256 != hexSHA256(c.content) {
				t.Errorf("bytes %d, digest %s", g.stats.Bytes, g.stats.SHA256)
			}
		})
	}
}
