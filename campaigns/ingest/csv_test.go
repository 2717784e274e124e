package ingest_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"recert/campaigns/ingest"
	"recert/model"
)

const entitlementsHead = "entitlement_id,description\n"

func TestCSVRows(t *testing.T) {
	t.Parallel()
	kib64 := strings.Repeat("x", 64<<10)
	const stray = "a quote stands inside a value that is not quoted: quote the value and double its quotes"
	const behind = "text follows the closing quote of a value: double the quotes inside a quoted value"
	const cr = "a carriage return stands alone: lines must end in LF or CR LF"
	const belongs = "the line belongs to the row that begins on line %d, whose quoting is wrong"
	for _, c := range []struct {
		name, content string
		layout        ingest.Layout
		want          []string
	}{
		{"plain", "1,a\n2,b\n", ingest.Layout{}, []string{`2 "1|a"`, `3 "2|b"`}},
		{"no last line end", "1,a", ingest.Layout{}, []string{`2 "1|a"`}},
		{"CRLF", "1,a\r\n2,b\r\n", ingest.Layout{}, []string{`2 "1|a"`, `3 "2|b"`}},
		{"blank lines do not count", "\n1,a\n\r\n\n2,b\n\n", ingest.Layout{}, []string{`3 "1|a"`, `6 "2|b"`}},
		{"empty is unknown", "1,\n2,\"\"\n", ingest.Layout{}, []string{`2 "1|"`, `3 "2|"`}},
		{"quoted", "\"1\",\"a\"\n", ingest.Layout{}, []string{`2 "1|a"`}},
		{"quoted, no last line end", "1,\"a\"", ingest.Layout{}, []string{`2 "1|a"`}},
		{"quoted, CRLF", "\"1\",\"a\"\r\n2,\"b\"\r\n", ingest.Layout{}, []string{`2 "1|a"`, `3 "2|b"`}},
		{"doubled quotes", "1,\"a \"\"b\"\"\"\n2,\"\"\"\"\n", ingest.Layout{}, []string{`2 "1|a \"b\""`, `3 "2|\""`}},
		{"delimiter and lines inside quotes", "1,\"a,b\nc\r\nd\"\n2,b\n", ingest.Layout{}, []string{`2 "1|a,b\nc\r\nd"`, `5 "2|b"`}},
		{"first quoted value over two lines", "\"1\",\"a\nb\"\n\"2\",c\n", ingest.Layout{}, []string{`2 "1|a\nb"`, `4 "2|c"`}},
		{"carriage return inside quotes", "1,\"a\rb\"\n", ingest.Layout{}, []string{`2 "1|a\rb"`}},
		{"blanks are kept", "1, a \n", ingest.Layout{}, []string{`2 "1| a "`}},
		{"too few", "1\n2,b\n", ingest.Layout{}, []string{"2 ! the row has 1 value, and the header has 2", `3 "2|b"`}},
		{"too many", "1,a,x\n2,b\n", ingest.Layout{}, []string{"2 ! the row has 3 values, and the header has 2", `3 "2|b"`}},
		{"delimiter at the end", "1,\"a\",\n1,\"a\",", ingest.Layout{}, []string{"2 ! the row has 3 values, and the header has 2", "3 ! the row has 3 values, and the header has 2"}},
		{"stray quote", "1,a\"b\n2,b\n", ingest.Layout{}, []string{"2 ! " + stray, `3 "2|b"`}},
		{"quote behind a blank", "1, \"b\"\n2,b\n", ingest.Layout{}, []string{"2 ! " + stray, `3 "2|b"`}},
		{"text behind a quote", "1,\"a\"b\n2,b\n", ingest.Layout{}, []string{"2 ! " + behind, `3 "2|b"`}},
		{"text behind the first quote", "\"1\"2,b\n2,b\n", ingest.Layout{}, []string{"2 ! " + behind, `3 "2|b"`}},
		{"open quote that meets another", "1,\"a\n2,b\n3,\"c\"\n4,d\n", ingest.Layout{}, []string{"2 ! " + behind, fmt.Sprintf("3 ! "+belongs, 2), fmt.Sprintf("4 ! "+belongs, 2), `5 "4|d"`}},
		{"open quote at the end", "1,a\n2,\"b\n\n3,c\n4,d", ingest.Layout{}, []string{`2 "1|a"`, "3 ! a quoted field has no end before the end of the file", fmt.Sprintf("5 ! "+belongs, 3), fmt.Sprintf("6 ! "+belongs, 3)}},
		{"only an open quote", "1,\"", ingest.Layout{}, []string{"2 ! a quoted field has no end before the end of the file"}},
		{"error on a later line of a row", "1,\"a\nb\"c\n2,d\n", ingest.Layout{}, []string{"2 ! " + behind, fmt.Sprintf("3 ! "+belongs, 2), `4 "2|d"`}},
		{"field opened on a later line", "\"1\n\",\"a\"x\n2,d\n", ingest.Layout{}, []string{"2 ! " + behind + " (line 3)", fmt.Sprintf("3 ! "+belongs, 2), `4 "2|d"`}},
		{"bare CR", "1,a\rb\n2,b\n", ingest.Layout{}, []string{"2 ! " + cr, `3 "2|b"`}},
		{"bare CR at the end", "1,a\r", ingest.Layout{}, []string{"2 ! " + cr}},
		{"bare CR behind a quote", "1,\"a\"\rb\n2,b\n", ingest.Layout{}, []string{"2 ! " + cr, `3 "2|b"`}},
		{"bare CR behind a quote at the end", "1,\"a\"\r", ingest.Layout{}, []string{"2 ! " + cr}},
		{"bare CR in a row with quotes", "\"1\",a\rb\n2,b\n", ingest.Layout{}, []string{"2 ! " + cr, `3 "2|b"`}},
		{"two CR", "1,a\r\r\n2,b\n", ingest.Layout{}, []string{"2 ! " + cr, `3 "2|b"`}},
		{"not UTF-8", "1,a\xff\n2,b\n", ingest.Layout{}, []string{"2 ! description: the value is not valid UTF-8: save the file as UTF-8", `3 "2|b"`}},
		{"Latin 1 in quotes", "\"1\",\"caf\xe9\"\"\"\n", ingest.Layout{}, []string{"2 ! description: the value is not valid UTF-8: save the file as UTF-8"}},
		{"NUL", "1,a\x00\n2,b\n", ingest.Layout{}, []string{"2 ! description: the value has a NUL character", `3 "2|b"`}},
		{"64 KiB", "1," + kib64 + "\n", ingest.Layout{}, []string{fmt.Sprintf("2 %q", "1|"+kib64)}},
		{"over 64 KiB", "1," + kib64 + "x\n2,b\n", ingest.Layout{}, []string{"2 ! description: the value is longer than 64 KiB", `3 "2|b"`}},
		{"over 64 KiB in quotes", "1,\"" + kib64 + "\nx\"\n2,b\n", ingest.Layout{}, []string{"2 ! description: the value is longer than 64 KiB", `4 "2|b"`}},
		{"long line", "1," + strings.Repeat("y", 1<<20) + "\n2,b\n", ingest.Layout{}, []string{"2 ! the line is longer than 1 MiB", `3 "2|b"`}},
		{"very long line", "1," + strings.Repeat("y", 5<<20) + "\n2,b\n", ingest.Layout{}, []string{"2 ! the line is longer than 1 MiB", `3 "2|b"`}},
		{"long row of short lines", "1,\"" + strings.Repeat(strings.Repeat("y", 512<<10)+"\n", 3) + "\"\n2,b\n", ingest.Layout{}, []string{
			"2 ! the row does not end within 1 MiB: a quoted value may lack its closing quote", fmt.Sprintf("3 ! "+belongs, 2),
			"4 ! the row has 1 value, and the header has 2", "5 ! a quoted field has no end before the end of the file", fmt.Sprintf("6 ! "+belongs, 5),
		}},
		{"tab", "1\ta\n", ingest.Layout{Delimiter: "tab"}, []string{`2 "1|a"`}},
		{"bar", "1|\"a|b\"\n", ingest.Layout{Delimiter: "|"}, []string{`2 "1|a|b"`}},
		{"blanks", "  1  \t a \n\n \t \n2 b\n", ingest.Layout{Delimiter: "whitespace"}, []string{`2 "1|a"`, `5 "2|b"`}},
		{"blanks and quotes", "1 \"a b\"\n2 b\n", ingest.Layout{Delimiter: "whitespace"}, []string{"2 ! a value begins with a quote, and delimiter: whitespace has no quoting: give the file another delimiter", `3 "2|b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head := entitlementsHead
			switch c.layout.Delimiter {
			case "tab", "|", "whitespace":
				head = strings.ReplaceAll(head, ",", map[string]string{"tab": "\t", "|": "|", "whitespace": "   "}[c.layout.Delimiter])
			}
			g, err := readFile(t, "e.csv", head+c.content, model.KindEntitlements, c.layout)
			expectFile(t, g, err, c.want...)
		})
	}
}

// What a reject keeps of its row is the row as it came, cut where it is long.
func TestCSVRaw(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"x,1,2\r\n":                            "x,1,2",
		"x,\"a\nb\",2\r\n":                     "x,\"a\nb\",2",
		"x,a\xffb\n":                           "x,a\uFFFDb",
		"x,a\x00b\n":                           "x,a\uFFFDb",
		"x,y," + strings.Repeat("é", 900):      "x,y," + strings.Repeat("é", 498),
		"x,z," + strings.Repeat("z", 3<<20):    "x,z," + strings.Repeat("z", 996),
		"x,z," + strings.Repeat("\xff", 2<<20): "x,z," + strings.Repeat("\uFFFD", 1)[:3],
	} {
		g, err := readFile(t, "e.csv", entitlementsHead+content, model.KindEntitlements, ingest.Layout{})
		if err != nil || len(g.rejects) != 1 {
			t.Fatalf("%.20q: %v, %d rejects", content, err, len(g.rejects))
		}
		if r := g.rejects[0]; r.Raw != want || r.File != "e.csv" || r.Line != 2 || r.Kind != model.KindEntitlements {
			t.Errorf("%.20q: %.40q of %d bytes, want %d; %s line %d %s", content, r.Raw, len(r.Raw), len(want), r.File, r.Line, r.Kind)
		}
	}
}

// A header's names are trimmed and matched in any case; what is none of ours becomes an attribute.
func TestCSVHeader(t *testing.T) {
	t.Parallel()
	l := ingest.Layout{Columns: map[string]ingest.Column{
		"entitlement_id": {Names: []string{"Org", "TEAM", "level"}},
		"owner_id":       {Names: []string{"boss"}}, // of another file of the source
		"username":       {Names: []string{"login"}},
	}}
	g, err := readFile(t, "e.csv", " ORG ,team, Level,\"Cost, Centre\",,Description\n"+
		"k,a/b,m,C1,,one\nk,a,b/m,,x,two\nk\\,a,m,,,\n,,,,,\nk,,m,,,\nk, a,m,,,\n", model.KindEntitlements, l)
	expectFile(t, g, err,
		`2 "k/a\\/b/m|one" {"Cost, Centre":"C1"}`,
		`3 "k/a/b\\/m|two" {"column_5":"x"}`,
		`4 "k\\\\/a/m|"`,
		`5 ! ORG, team, Level: entitlement_id is required and is empty`,
		`6 "k//m|"`,
		`7 ! ORG, team, Level: team: the id " a" begins or ends with white space: nothing is repaired silently`)
}

// Without a header the first row that has the columns decides the width.
func TestCSVWithoutHeader(t *testing.T) {
	t.Parallel()
	l := ingest.Layout{NoHeader: true, Columns: map[string]ingest.Column{"account_id": {Names: []string{"3"}}, "entitlement_id": {Names: []string{"1"}}}}
	g, err := readFile(t, "g.csv", "x\n\"broken\ne1,q,a1\ne2,,a2\ne3,q\n,q,a3\n", model.KindGrants, l)
	expectFile(t, g, err,
		"1 ! the row has 1 value, and columns: names column 3",
		"2 ! a quoted field has no end before the end of the file",
		"3 ! the line belongs to the row that begins on line 2, whose quoting is wrong",
		"4 ! the line belongs to the row that begins on line 2, whose quoting is wrong",
		"5 ! the line belongs to the row that begins on line 2, whose quoting is wrong",
		"6 ! the line belongs to the row that begins on line 2, whose quoting is wrong")
	g, err = readFile(t, "g.csv", "x\ne1,q,a1\ne2,,a2\ne3,q\n,q,a3\n", model.KindGrants, l)
	expectFile(t, g, err,
		"1 ! the row has 1 value, and columns: names column 3",
		`2 "a1|e1" {"column_2":"q"}`, `3 "a2|e2"`,
		"4 ! the row has 2 values, and the header has 3",
		"5 ! 1: entitlement_id is required and is empty")
}

// Whatever encoding/csv writes is read back to the letter, however the bytes arrive.
func TestCSVAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2)) // a test needs the same rows each time
	words := []string{"", "a", "b c", `"`, `""`, ",", "\n", "é", "x\"y", "\r\n", strings.Repeat("long ", 1000)}
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	if err := w.Write([]string{"entitlement_id", "name", "description", "note"}); err != nil {
		t.Fatal(err)
	}
	var want [][]string
	for i := range 1000 {
		row := []string{fmt.Sprint("e", i), "", "", ""}
		for j := 1; j < 4; j++ {
			for range rnd.IntN(4) {
				row[j] += words[rnd.IntN(len(words))]
			}
		}
		want = append(want, row)
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	for name, f := range map[string]func() (*ingest.Reader, error){
		"whole": func() (*ingest.Reader, error) {
			return ingest.Open("e.csv", bytes.NewReader(file.Bytes()), model.KindEntitlements, ingest.Layout{})
		},
		"in pieces": func() (*ingest.Reader, error) {
			return ingest.Open("e.csv", iotest.HalfReader(bytes.NewReader(file.Bytes())), model.KindEntitlements, ingest.Layout{})
		},
		"byte by byte": func() (*ingest.Reader, error) {
			return ingest.Open("e.csv", iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(file.Bytes()))), model.KindEntitlements, ingest.Layout{})
		},
	} {
		r, err := f()
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		st, err := r.Read(t.Context(), func(rec *model.Record) error {
			e := rec.Entitlement
			if got := []string{e.EntitlementID, e.Name, e.Description, e.Attrs["note"]}; strings.Join(got, "\x00") != strings.Join(want[i], "\x00") {
				return fmt.Errorf("row %d: got %q, want %q", i, got, want[i])
			}
			i++
			return nil
		}, func(r model.Reject) error { return fmt.Errorf("line %d rejected: %s", r.Line, r.Reason) })
		if err != nil || st.Accepted != int64(len(want)) {
			t.Errorf("%s: %v after %d rows", name, err, st.Accepted)
		}
	}
}
