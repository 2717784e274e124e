package ingest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"recert/model"
)

// binding says what each column of one file means.
type binding struct {
	kind     model.Kind
	loc      *time.Location
	header   []string // the names that rejects use
	columns  []boundColumn
	attrs    []int // columns of the file that are none of ours
	loose    bool  // a row may lack columns: a spreadsheet's empty cells at the end
	dates    dateCache
	composed []byte
}

// boundColumn ties one of our columns to the file's.
type boundColumn struct {
	spec *columnSpec
	from []int
}

// firstRow makes the binding of a file's first row; keep tells that this row is data. A bad row
// that decides nothing gives no binding and is kept.
type firstRow func(*fileRow) (b *binding, keep bool, err error)

// headerRow is the firstRow of a file with a header line.
func headerRow(kind model.Kind, l Layout, hint func(*fileRow) string) firstRow {
	return func(r *fileRow) (*binding, bool, error) {
		if r.Bad != "" {
			return nil, false, &fileError{msg: fmt.Sprintf("line %d, the header, cannot be read: %s", r.Line, r.Bad)}
		}
		header, err := headerNames(r)
		if err != nil {
			return nil, false, err
		}
		b, err := bindHeader(kind, l, header, func() string { return hint(r) })
		return b, false, err
	}
}

// numberedRow is the firstRow of a file without one: the first row that has every column that
// the layout names decides how many columns the file has.
func numberedRow(kind model.Kind, l Layout) firstRow {
	need := 0
	for _, spec := range columnsOf[kind] {
		for _, n := range l.Columns[spec.name].Names {
			i, _ := strconv.Atoi(n) // checked by Open
			need = max(need, i)
		}
	}
	return func(r *fileRow) (*binding, bool, error) {
		if r.Bad == "" && len(r.Spans) < need {
			r.Bad = fmt.Sprintf("the row has %s, and columns: names column %d", fieldCount(len(r.Spans)), need)
		}
		if r.Bad != "" {
			return nil, true, nil
		}
		if len(r.Spans) > maxColumns {
			return nil, false, tooManyColumns()
		}
		b := &binding{kind: kind, loc: zoneOf(l)}
		used := make([]bool, len(r.Spans))
		for i := range columnsOf[kind] {
			spec := &columnsOf[kind][i]
			bc := boundColumn{spec: spec}
			for _, n := range l.Columns[spec.name].Names {
				at, _ := strconv.Atoi(n)
				bc.from = append(bc.from, at-1)
				used[at-1] = true
			}
			if bc.from != nil {
				b.columns = append(b.columns, bc)
			}
		}
		for i := range r.Spans {
			b.header = append(b.header, strconv.Itoa(i+1))
			if !used[i] {
				b.header[i] = unnamedColumn(i)
				b.attrs = append(b.attrs, i)
			}
		}
		return b, true, nil
	}
}

func tooManyColumns() error {
	return &fileError{msg: fmt.Sprintf("the file has more than %d columns", maxColumns)}
}

// unnamedColumn is the attribute that a column without a name becomes.
func unnamedColumn(i int) string { return "column_" + strconv.Itoa(i+1) }

func zoneOf(l Layout) *time.Location {
	if l.Location == nil {
		return time.UTC
	}
	return l.Location
}

func fieldCount(n int) string {
	if n == 1 {
		return "1 value"
	}
	return strconv.Itoa(n) + " values"
}

// headerNames are the trimmed names of a header row; a column without one is named by its place.
func headerNames(r *fileRow) ([]string, error) {
	if !utf8.Valid(r.Text) {
		return nil, &fileError{msg: fmt.Sprintf("line %d, the header, is not UTF-8: save the file as UTF-8", r.Line)}
	}
	if len(r.Spans) > maxColumns {
		return nil, tooManyColumns()
	}
	seen := map[string]int{}
	out := make([]string, len(r.Spans))
	for i, sp := range r.Spans {
		raw := r.Text[sp.a:sp.b]
		if bytes.ContainsFunc(raw, func(c rune) bool { return c < ' ' && c != '\t' }) {
			return nil, &fileError{msg: fmt.Sprintf("the name of column %d has a line end or another control character: %s", i+1, quoted(string(raw)))}
		}
		if len(raw) > maxRaw {
			return nil, &fileError{msg: fmt.Sprintf("the name of column %d is longer than %d bytes", i+1, maxRaw)}
		}
		if out[i] = strings.TrimSpace(string(raw)); out[i] == "" {
			out[i] = unnamedColumn(i)
		}
		if at, twice := seen[headerKey(out[i])]; twice {
			return nil, &fileError{msg: fmt.Sprintf("columns %d and %d have the same name, %s: give each its own", at+1, i+1, quoted(out[i]))}
		}
		seen[headerKey(out[i])] = i
	}
	return out, nil
}

// bindHeader finds our columns in header. hint may add what else could be wrong with the file
// where a required column is missing.
func bindHeader(kind model.Kind, l Layout, header []string, hint func() string) (*binding, error) {
	at := make(map[string]int, len(header))
	for i, h := range header {
		at[headerKey(h)] = i
	}
	b := &binding{kind: kind, loc: zoneOf(l), header: header}
	used := make([]bool, len(header))
	for i := range columnsOf[kind] {
		spec := &columnsOf[kind][i]
		from, missing := findColumn(spec, l, at)
		if missing != "" {
			return nil, &fileError{msg: missingColumn(spec, missing, header) + hint()}
		}
		if from == nil {
			continue
		}
		for _, f := range from {
			used[f] = true
		}
		b.columns = append(b.columns, boundColumn{spec: spec, from: from})
	}
	for i := range header {
		if !used[i] {
			b.attrs = append(b.attrs, i)
		}
	}
	return b, nil
}

// findColumn is where the file has spec. missing names a column of the file that must be there
// and is not: a required one, or one that columns: names for this kind alone. A name in columns:
// that several kinds share may be meant for another of the source's files.
func findColumn(spec *columnSpec, l Layout, at map[string]int) (from []int, missing string) {
	c, mapped := l.Columns[spec.name]
	if !mapped {
		c.Names = []string{spec.name}
	}
	for _, n := range c.Names {
		i, ok := at[headerKey(n)]
		if ok {
			from = append(from, i)
			continue
		}
		switch {
		case spec.required, mapped && !sharedByAccess(spec.name):
			return nil, n
		case !mapped:
			return nil, ""
		}
		if i, ok := at[spec.name]; ok {
			return []int{i}, ""
		}
		return nil, ""
	}
	return from, ""
}

// sharedByAccess tells a column that more than one file of an access source may have.
func sharedByAccess(our string) bool {
	kinds := slices.DeleteFunc(kindsWith(our), func(k model.Kind) bool { return k == model.KindPeople })
	return len(kinds) > 1
}

// missingColumn names the column, what the file has instead, and what to do.
func missingColumn(spec *columnSpec, missing string, header []string) string {
	const most = 30
	list := make([]string, 0, most)
	for _, h := range header[:min(len(header), most)] {
		list = append(list, quoted(h))
	}
	found := strings.Join(list, ", ")
	if len(header) > most {
		found += fmt.Sprintf(" and %d more", len(header)-most)
	}
	if headerKey(missing) == spec.name {
		return fmt.Sprintf("the file has no column %s; it has %s. Tell which one it is in the source's spec: columns: {%s: NAME}", spec.name, found, spec.name)
	}
	return fmt.Sprintf("the file has no column %s, which columns: names for %s; it has %s. Correct columns: in the source's spec", quoted(missing), spec.name, found)
}

// quoted is a value as messages show it: quoted, and cut where it is long.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = cleanText([]byte(s), most) + "…"
	}
	return strconv.Quote(s)
}
