package ingest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// xlsxSource reads the rows of one sheet. A row's line is its number in the sheet.
type xlsxSource struct {
	book  *workbook
	part  *xmlPart
	bind  *binding
	first firstRow
	loc   *time.Location
	row   fileRow
	line  int64
	ended bool
	gave  bool // a row was given
}

func (x *xlsxSource) next() (*fileRow, *binding, error) {
	for {
		r, err := x.scan()
		if err != nil {
			if errors.Is(err, io.EOF) && !x.gave {
				err = &fileError{msg: "the sheet is empty"}
			}
			return nil, nil, err
		}
		if x.bind != nil {
			return r, x.bind, nil
		}
		x.gave = true
		var data bool
		if x.bind, data, err = x.first(r); err != nil {
			return nil, nil, err
		}
		if x.bind != nil {
			x.bind.loose = true
		}
		if data {
			return r, x.bind, nil
		}
	}
}

// scan reads the next row that has a value.
func (x *xlsxSource) scan() (*fileRow, error) {
	for !x.ended {
		t, err := x.part.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local != "row" {
			continue
		}
		if err := x.number(e); err != nil {
			return nil, err
		}
		x.row.reset(x.line)
		if err := x.cells(); err != nil {
			return nil, err
		}
		if len(x.row.Spans) > 0 || x.row.Bad != "" {
			return &x.row, nil
		}
	}
	x.ended = true
	return nil, io.EOF
}

// number takes the row's number, or the next one where it has none.
func (x *xlsxSource) number(e xml.StartElement) error {
	n := x.line + 1
	if r := attr(e, "r"); r != "" {
		var err error
		if n, err = strconv.ParseInt(r, 10, 64); err != nil || n <= x.line {
			return &fileError{msg: fmt.Sprintf("the spreadsheet is damaged: row %s follows row %d", quoted(r), x.line)}
		}
	}
	if n > maxRows {
		return &fileError{msg: fmt.Sprintf("the spreadsheet has more than %d rows", maxRows)}
	}
	x.line = n
	return nil
}

// cells reads the cells of the row that just began, as far as its end.
func (x *xlsxSource) cells() error {
	start, last := x.part.depth, -1
	for {
		t, err := x.part.next()
		if err != nil {
			return x.part.cut(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			at := last + 1
			if ref := attr(t, "r"); ref != "" {
				at = columnIndex(ref)
			}
			if at <= last || at >= maxColumns {
				return &fileError{msg: fmt.Sprintf("the spreadsheet is damaged: row %d has its cells out of order", x.line)}
			}
			last = at
			if err := x.cell(t, at); err != nil {
				return err
			}
		case xml.EndElement:
			if x.part.depth < start {
				return nil
			}
		}
	}
}

// cell reads one cell into the row. The first cell that cannot be understood spoils the row.
func (x *xlsxSource) cell(e xml.StartElement, at int) error {
	c := cell{typ: attr(e, "t")}
	if s := attr(e, "s"); s != "" {
		var err error
		if c.style, err = strconv.Atoi(s); err != nil || c.style < 0 {
			return &fileError{msg: fmt.Sprintf("the spreadsheet is damaged: %s is no cell style", quoted(s))}
		}
	}
	if err := x.content(&c); err != nil {
		return err
	}
	text, reason, err := x.book.cellText(&c, x.loc)
	if err != nil {
		return err
	}
	r := &x.row
	if reason != "" && r.Bad == "" {
		r.Bad, r.Column = reason, x.columnName(at)
	}
	if reason != "" {
		text = c.value // for the reject's copy of the row
	}
	if len(text) == 0 && reason == "" {
		return nil
	}
	for len(r.Spans) < at {
		r.Spans = append(r.Spans, span{})
	}
	if len(r.Text)+len(text) > maxLine {
		if r.Bad == "" {
			r.Bad = "the row is longer than 1 MiB"
		}
		return nil
	}
	a := len(r.Text)
	r.Text = append(r.Text, text...)
	r.Spans = append(r.Spans, span{a, len(r.Text)})
	return nil
}

// content reads the elements of a cell.
func (x *xlsxSource) content(c *cell) error {
	start := x.part.depth
	for {
		t, err := x.part.next()
		if err != nil {
			return x.part.cut(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "v":
				c.has = true
				c.value, err = x.part.text(c.value[:0])
			case "is":
				c.has = true
				c.value, err = x.part.richText(c.value[:0])
			case "f":
				c.formula = true
				_, err = x.part.text(nil)
			}
			if err != nil {
				return err
			}
		case xml.EndElement:
			if x.part.depth < start {
				return nil
			}
		}
	}
}

// columnName is what a reject calls a column: its header, or its letters before there is one.
func (x *xlsxSource) columnName(at int) string {
	if x.bind != nil && at < len(x.bind.header) {
		return x.bind.header[at]
	}
	name := ""
	for n := at + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}
