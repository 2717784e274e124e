package ingest_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"recert/campaigns/ingest"
	"recert/model"
)

// workbookOf has the rows in its first sheet, as a spreadsheet program would write them.
func workbookOf(tb testing.TB, rows [][]any) string {
	tb.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			tb.Fatal(err)
		}
	}
	return savedWorkbook(tb, f)
}

func savedWorkbook(tb testing.TB, f *excelize.File) string {
	tb.Helper()
	b, err := f.WriteToBuffer()
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestXLSXCells(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	set := func(cell string, v any) {
		t.Helper()
		if err := f.SetCellValue("Sheet1", cell, v); err != nil {
			t.Fatal(err)
		}
	}
	style := func(cell string, s excelize.Style) {
		t.Helper()
		id, err := f.NewStyle(&s)
		if err == nil {
			err = f.SetCellStyle("Sheet1", cell, cell, id)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	code := func(s string) excelize.Style { return excelize.Style{CustomNumFmt: &s} }
	for i, h := range []string{"account_id", "username", "privileged", "created_at", "expires_at", "note"} {
		set(fmt.Sprintf("%c2", 'A'+i), h) // the first row is empty
	}
	set("A3", "u1")
	set("B3", "Ana \"x\" <é>\n2")
	set("C3", true)
	set("D3", 45292.5)
	style("D3", excelize.Style{NumFmt: 22})
	set("E3", 45292)
	style("E3", code(`yyyy\-mm\-dd;@`))
	set("F3", 0.1+0.2)
	set("A5", 1042)
	style("A5", code("000000"))
	set("B5", 7)
	set("F5", 1.5)
	style("F5", code(`[h]:mm`))
	set("A6", "u3")
	set("D6", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	set("A7", 1234567890123456.0)
	set("A8", "u5")
	set("D8", 59)
	style("D8", excelize.Style{NumFmt: 14})
	set("A9", "u6")
	set("G9", "beyond")
	set("B10", "no id")
	set("A11", "u8 ")
	set("A12", "u9")
	if err := f.SetCellFormula("Sheet1", "B12", "1/0"); err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	g, err := readFile(t, "a.xlsx", savedWorkbook(t, f), model.KindAccounts, ingest.Layout{Location: berlin})
	expectFile(t, g, err,
		`3 "u1|Ana \"x\" <é>\n2" {"note":"0.3"}`,
		`5 "001042|7" {"note":"1.5"}`,
		`6 "u3|"`,
		`7 ! account_id: the cell's number has more than 15 digits, so the spreadsheet may have rounded it: store the column as text`,
		`8 "u5|"`,
		`9 ! the row has 7 values, and the header has 6`,
		`10 ! account_id: account_id is required and is empty`,
		`11 ! account_id: the id "u8 " begins or ends with white space: nothing is repaired silently`,
		`12 ! username: the cell is a formula whose result is not stored: open the file in a spreadsheet program and save it`)
	a := g.rows[0].Account
	if a.Privileged != model.Yes || a.CreatedAt.String() != "2024-01-01T11:00:00Z" || a.ExpiresAt.String() != "2024-01-01T22:59:59.999999Z" {
		t.Errorf("%v %v %v", a.Privileged, a.CreatedAt, a.ExpiresAt)
	}
	if a := g.rows[2].Account; a.CreatedAt.String() != "2024-02-28T23:00:00Z" {
		t.Errorf("leap day: %v", a.CreatedAt)
	}
	if a := g.rows[3].Account; a.CreatedAt.Std().In(berlin).Format(time.DateOnly) != "1900-02-28" {
		t.Errorf("day 59: %v", a.CreatedAt)
	}
	if raw := g.rejects[1].Raw; raw != "u6\t\t\t\t\t\tbeyond" {
		t.Errorf("raw %q", raw)
	}
}

// sheetXML is a spreadsheet whose first sheet has the given XML inside sheetData.
func sheetXML(tb testing.TB, sheetData string, change map[string]string) string {
	tb.Helper()
	parts := map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r" Type="x/officeDocument" Target="/xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="Chart" sheetId="1" r:id="c"/><sheet name="One" sheetId="2" r:id="s1"/><sheet name="GRANTS" sheetId="3" r:id="s2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="c" Type="x/chartsheet" Target="chart.xml"/><Relationship Id="s1" Type="x/worksheet" Target="worksheets/one.xml"/><Relationship Id="s2" Type="x/worksheet" Target="/xl/worksheets/two.xml"/></Relationships>`,
		"xl/worksheets/one.xml":      `<worksheet><sheetData><row><c t="inlineStr"><is><t>account_id</t></is></c></row><row><c t="str"><v>one</v></c></row></sheetData></worksheet>`,
		"xl/worksheets/two.xml":      `<worksheet><sheetData>` + sheetData + `</sheetData><x/></worksheet>`,
		"xl/sharedStrings.xml":       `<sst><si><t>account_id</t></si><si><r><t>entitle</t></r><r><t>ment_id</t></r><rPh><t>no</t></rPh></si><si><t>a_x005F_x_x0009_b</t></si></sst>`,
	}
	for name, text := range change {
		parts[name] = text
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		if text == "" {
			continue
		}
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

const xlsxHead = `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`

func TestXLSXSheet(t *testing.T) {
	t.Parallel()
	row := func(a, b string) string { return "<row>" + a + b + "</row>" }
	str := func(s string) string { return `<c t="str"><v>` + s + `</v></c>` }
	for _, c := range []struct {
		name, data string
		change     map[string]string
		want       []string
	}{
		{"the sheet of the kind", xlsxHead + row(str("a"), str("b")), nil, []string{`2 "a|b"`}},
		{"numbers of rows", xlsxHead + `<row r="7"><c r="A7" t="str"><v>a</v></c><c r="B7" t="str"><v>b</v></c></row>` + row(str("c"), str("d")), nil, []string{`7 "a|b"`, `8 "c|d"`}},
		{"empty rows and cells", xlsxHead + `<row/><row><c/><c t="str"><v></v></c></row>` + row(str("c"), str("d")+`<c r="D4"/>`), nil, []string{`4 "c|d"`}},
		{"error value", xlsxHead + row(str("a"), `<c t="e"><v>#REF!</v></c>`), nil, []string{"2 ! entitlement_id: the cell has the error #REF!"}},
		{"error value in any column", xlsxHead + row(str("a"), str("b")+`<c t="e"><v>#N/A</v></c>`), nil, []string{"2 ! C: the cell has the error #N/A"}},
		{"escaped characters", xlsxHead + row(str("a"), `<c t="s"><v>2</v></c>`), nil, []string{"2 ! entitlement_id: the id \"a_x\\tb\" has a control character"}},
		{"truth", xlsxHead + row(`<c t="b"><v>0</v></c>`, `<c t="b"><v>2</v></c>`), nil, []string{"2 ! entitlement_id: the cell is a truth that is neither 0 nor 1"}},
		{"unknown type", xlsxHead + row(`<c t="q"><v>0</v></c>`, str("b")), nil, []string{"2 ! account_id: the cell is of a type that is not known: q"}},
		{"no number", xlsxHead + row(`<c><v>NaN</v></c>`, str("b")), nil, []string{`2 ! account_id: the cell's number "NaN" cannot be read`}},
		{"date cell", xlsxHead + row(`<c t="d"><v>2024-01-02T00:00:00</v></c>`, `<c t="d"><v>2024-01-02T03:04:05</v></c>`), nil, []string{`2 "2024-01-02|2024-01-02T03:04:05Z"`}},
		{"years from 1904", xlsxHead + row(`<c s="0"><v>0</v></c>`, str("b")), map[string]string{
			"xl/workbook.xml": `<workbook xmlns:r="r"><workbookPr date1904="1"/><sheets><sheet name="grants" r:id="s2"/></sheets></workbook>`,
			"xl/styles.xml":   `<styleSheet><cellStyleXfs><xf numFmtId="0"/></cellStyleXfs><cellXfs><xf numFmtId="14"/></cellXfs><x><xf numFmtId="0"/></x></styleSheet>`,
		}, []string{`2 "1904-01-01|b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, err := readFile(t, "g.xlsx", sheetXML(t, c.data, c.change), model.KindGrants, ingest.Layout{})
			expectFile(t, g, err, c.want...)
		})
	}
}

// A damaged spreadsheet is refused; a reader that took it for a shorter one would lose access.
func TestXLSXRefused(t *testing.T) {
	t.Parallel()
	good := xlsxHead + `<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>`
	whole := sheetXML(t, good, nil)
	cut := `<worksheet><sheetData>` + good
	for _, c := range []struct {
		name, content string
		want          []string
	}{
		{"cut off archive", whole[:len(whole)-30], []string{"cut off"}},
		{"cut off sheet", sheetXML(t, "", map[string]string{"xl/worksheets/two.xml": cut}), []string{"damaged", "two.xml"}},
		{"wrong nesting", sheetXML(t, "", map[string]string{"xl/worksheets/two.xml": cut + "</worksheet>"}), []string{"damaged"}},
		{"shared string that is not there", sheetXML(t, good+`<row><c t="s"><v>9</v></c></row>`, nil), []string{`shared string "9"`}},
		{"no shared strings", sheetXML(t, good, map[string]string{"xl/sharedStrings.xml": ""}), []string{"shared string"}},
		{"rows out of order", sheetXML(t, good+`<row r="1"></row>`, nil), []string{`row "1" follows row 2`}},
		{"cells out of order", sheetXML(t, good+`<row><c r="B3"/><c r="A3"/></row>`, nil), []string{"row 3", "out of order"}},
		{"column that no sheet has", sheetXML(t, good+`<row><c r="ZZZZ3"/></row>`, nil), []string{"row 3"}},
		{"sheet part missing", sheetXML(t, good, map[string]string{"xl/worksheets/two.xml": ""}), []string{"xl/worksheets/two.xml"}},
		{"no sheets", sheetXML(t, good, map[string]string{"xl/workbook.xml": "<workbook/>"}), []string{"no sheet"}},
		{"empty sheet", sheetXML(t, "", nil), []string{"the sheet is empty"}},
		{"error in the header", sheetXML(t, `<row><c t="e"><v>#REF!</v></c></row>`, nil), []string{"the header", "#REF!"}},
		{"document type", sheetXML(t, good, map[string]string{"xl/worksheets/two.xml": `<!DOCTYPE x [<!ENTITY a "b">]>` + cut + "</sheetData></worksheet>"}), []string{"document type"}},
		{"deep nesting", sheetXML(t, strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)+good, nil), []string{"nested"}},
		{"huge value", sheetXML(t, good+`<row><c t="str"><v>`+strings.Repeat("x", 9<<20)+`</v></c></row>`, nil), []string{"2 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := readFile(t, "g.xlsx", c.content, model.KindGrants, ingest.Layout{})
			expectRefused(t, err, c.want...)
		})
	}
}

// A spreadsheet that says less than it holds, and one with the same part twice.
func TestXLSXDirectory(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"xl/workbook.xml", "XL/workbook.xml"} {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := readFile(t, "g.xlsx", b.String(), model.KindGrants, ingest.Layout{})
	expectRefused(t, err, "twice")
	for size, want := range map[uint64]string{256 << 20: "200 times its size", 3 << 30: "more than 2 GiB", 1 << 63: "more than 2 GiB"} {
		_, err := readFile(t, "g.xlsx", declaring(t, size, 2), model.KindGrants, ingest.Layout{})
		expectRefused(t, err, want)
	}
	_, err = readFile(t, "g.xlsx", declaring(t, 0, 10_001), model.KindGrants, ingest.Layout{})
	expectRefused(t, err, "10000 parts")
}

// declaring is an archive of empty parts that its directory says to be larger.
func declaring(t *testing.T, size uint64, parts int) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range parts {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: itoa(i), Method: zip.Deflate, UncompressedSize64: size}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A changed byte is either noticed or changes nothing that is read.
func TestXLSXDamage(t *testing.T) {
	t.Parallel()
	good := sheetXML(t, xlsxHead+`<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>`, nil)
	noticed := 0
	for i := range good {
		g, err := readFile(t, "g.xlsx", flip(good, i-len(good)), model.KindGrants, ingest.Layout{})
		if err != nil {
			noticed++
		} else if got := fileText(g); got != `2 "a|b"` {
			t.Errorf("with byte %d changed it says %s", i, got)
		}
	}
	if noticed < len(good)/2 {
		t.Errorf("only %d of %d changed bytes were noticed", noticed, len(good))
	}
}

// Nothing is left of the spooled file, whether the reading ends well or not.
func TestXLSXSpoolIsRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, content := range []string{workbookOf(t, [][]any{{"account_id", "entitlement_id"}, {"a", "b"}}), workbookOf(t, [][]any{{"x"}}), "no spreadsheet"} {
		_, _ = readFile(t, "g.xlsx", content, model.KindGrants, ingest.Layout{})
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v: %d files are left, as %s", err, len(left), filepath.Join(dir, fmt.Sprint(left)))
	}
}
