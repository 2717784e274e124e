package ingest

import (
	"encoding/xml"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// findSheet is the part of the worksheet with the given name (in any case), else of the first.
func (w *workbook) findSheet(name string) (string, error) {
	book := "xl/workbook.xml"
	if w.files["_rels/.rels"] != nil {
		err := w.each("_rels/.rels", func(_ *xmlPart, e xml.StartElement) error {
			if e.Name.Local == "Relationship" && strings.HasSuffix(attr(e, "Type"), "/officeDocument") {
				book = partPath("", attr(e, "Target"))
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	targets, err := w.worksheets(book)
	if err != nil {
		return "", err
	}
	first, named := "", ""
	err = w.each(book, func(_ *xmlPart, e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			if v := attr(e, "date1904"); v == "1" || v == "true" {
				w.base = 1904
			}
		case "sheet":
			target := ""
			for _, a := range e.Attr { // r:id, not sheetId
				if a.Name.Local == "id" {
					target = targets[a.Value]
				}
			}
			if target == "" {
				return nil // a chart sheet
			}
			if first == "" {
				first = target
			}
			if named == "" && strings.EqualFold(strings.TrimSpace(attr(e, "name")), name) {
				named = target
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case named != "":
		return named, nil
	case first != "":
		return first, nil
	}
	return "", &fileError{msg: "the spreadsheet has no sheet with rows"}
}

// worksheets are the parts of the worksheets by relation id.
func (w *workbook) worksheets(book string) (map[string]string, error) {
	targets := map[string]string{}
	dir, file := path.Split(book)
	err := w.each(dir+"_rels/"+file+".rels", func(_ *xmlPart, e xml.StartElement) error {
		if e.Name.Local == "Relationship" && strings.HasSuffix(attr(e, "Type"), "/worksheet") {
			targets[attr(e, "Id")] = partPath(dir, attr(e, "Target"))
		}
		return nil
	})
	return targets, err
}

// partPath is a relation's target as a part's name.
func partPath(dir, target string) string {
	if strings.HasPrefix(target, "/") {
		return strings.TrimPrefix(path.Clean(target), "/")
	}
	return path.Join(dir, target)
}

// cellFormat is what a number's format makes of it.
type cellFormat struct {
	date   bool
	digits int // a format of zeros alone: numbers are padded to so many digits
}

// readStyles reads which cell styles are dates.
func (w *workbook) readStyles() error {
	if w.files["xl/styles.xml"] == nil {
		return nil
	}
	codes := map[int]string{}
	cellXfs := 0 // the depth of cellXfs while inside
	return w.each("xl/styles.xml", func(p *xmlPart, e xml.StartElement) error {
		if p.depth <= cellXfs {
			cellXfs = 0
		}
		switch e.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attr(e, "numFmtId")); err == nil {
				codes[id] = attr(e, "formatCode")
			}
		case "cellXfs":
			cellXfs = p.depth
		case "xf":
			if cellXfs == 0 || p.depth != cellXfs+1 {
				return nil
			}
			if len(w.formats) > 1<<16 {
				return &fileError{msg: "the spreadsheet has more than 65,536 cell styles"}
			}
			id, err := strconv.Atoi(attr(e, "numFmtId"))
			if err != nil && attr(e, "numFmtId") != "" {
				return &fileError{msg: fmt.Sprintf("the spreadsheet is damaged: %s is no number format", quoted(attr(e, "numFmtId")))}
			}
			w.formats = append(w.formats, formatOf(id, codes[id]))
		}
		return nil
	})
}

// formatOf reads a number format: a built-in one by its id, or one with its own code.
func formatOf(id int, code string) cellFormat {
	if code == "" {
		return cellFormat{date: id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 && id != 46 || id >= 50 && id <= 58}
	}
	section, _, _ := strings.Cut(plainFormat(code), ";")
	if section != "" && strings.Trim(section, "0") == "" {
		return cellFormat{digits: len(section)}
	}
	section = strings.ToLower(section)
	if strings.Contains(section, "general") {
		return cellFormat{}
	}
	return cellFormat{date: strings.ContainsAny(section, "ymdhs") && !strings.ContainsAny(section, "#?")}
}

// plainFormat is a format code without quoted text, escapes, padding and [conditions]. A length
// of time, such as [h]:mm, keeps a "#", because it is no date.
func plainFormat(code string) string {
	var out strings.Builder
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"':
			for i++; i < len(code) && code[i] != '"'; i++ {
			}
		case '\\', '_', '*':
			i++
		case '[':
			a := i + 1
			for i < len(code) && code[i] != ']' {
				i++
			}
			if in := strings.ToLower(code[a:min(i, len(code))]); in != "" && strings.Trim(in, "hms") == "" {
				out.WriteByte('#')
			}
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
