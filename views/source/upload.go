package source

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /sources/{name}/upload, a multipart form. A file's field is the name of its
// kind: "people", "accounts", "entitlements" or "grants"; ExpectField names its control total.
const (
	FieldAsOf = "as_of" // RFC 3339 or a date; empty is now
	FieldKey  = "key"   // POST /sources/{name}/upload/{token}: idempotency key
)

// ExpectField is the field that takes how many rows of a kind the sender counted.
func ExpectField(kind string) string { return "expect_" + kind }

// MapField is the field of POST /sources/{name}/upload/{token} that says which column of the file
// is our column. Its value is the file's header, or "" for none.
func MapField(kind, column string) string { return "map_" + kind + "_" + column }

// UploadPage takes files.
type UploadPage struct {
	layout.Frame
	Name    string
	Problem ui.Notice
	Kinds   []Kind // those that the source may give, in reading order
	AsOf    string
	Errors  map[string]string // by field name
	Limit   string            // "Up to 2 GB a file"; ""
}

// Kind is one kind of file.
type Kind struct {
	Name     string // people, accounts, entitlements, grants
	Label    string // "People", "Who has what"
	Help     string // its columns, the required ones first
	Required bool
	Expect   string // what was typed
}

// MapPage shows the first rows of each file and asks which column is which.
type MapPage struct {
	layout.Frame
	Name    string
	Token   string
	Key     string
	Problem ui.Notice
	AsOf    string // "Fri 4 Dec 2026, 17:00 CET", or "when you confirm"
	Files   []File
}

// File is one uploaded file.
type File struct {
	Kind    string // people, accounts, entitlements, grants
	Label   string
	Name    string // file name as it came
	Size    string // "1.2 MB, 6,191 rows"
	Headers []string
	Sample  [][]string // the first rows, cut; as many cells as Headers
	Columns []Column
}

// Column is one of our columns.
type Column struct {
	Name     string // "account_id"
	Help     string // "whose access it is"
	Required bool
	Chosen   string // header of the file, "" for none
	Error    string
}

func (p UploadPage) href() string { return ui.Path("sources", p.Name) }

func (p UploadPage) asOf() ui.Field {
	return ui.Field{
		Name: FieldAsOf, Label: "As of", Value: p.AsOf, Hint: "2026-12-04T17:00:00+01:00", Error: p.Errors[FieldAsOf],
		Help: "When the files were taken from the system. Empty means now.",
	}
}

func (p UploadPage) expect(k Kind) ui.Field {
	name := ExpectField(k.Name)
	return ui.Field{
		Name: name, Label: "Rows you expect", Value: k.Expect, Type: "number", Error: p.Errors[name],
		Help: "The system's own count. A difference holds the snapshot.",
	}
}

func (p UploadPage) fileHints(k Kind) string {
	if p.Errors[k.Name] == "" {
		return p.fileID(k) + "-help"
	}
	return p.fileID(k) + "-help " + p.fileID(k) + "-error"
}

func (p UploadPage) fileID(k Kind) string { return "file-" + k.Name }

func (p MapPage) href() string { return ui.Path("sources", p.Name, "upload") }

func (p MapPage) confirmHref() string { return ui.Path("sources", p.Name, "upload", p.Token) }

func (f File) caption() string { return "The first rows of " + f.Name }

func (f File) columnSelect(c Column) ui.Select {
	name := MapField(f.Kind, c.Name)
	label := c.Name
	if c.Required {
		label += " (required)"
	}
	s := ui.Select{
		Name: name, Label: label, Help: c.Help, Error: c.Error, Required: c.Required,
		Options: []ui.Option{{Value: "", Label: "not in the file", Selected: c.Chosen == ""}},
	}
	for _, h := range f.Headers {
		s.Options = append(s.Options, ui.Option{Value: h, Label: h, Selected: h == c.Chosen})
	}
	return s
}
