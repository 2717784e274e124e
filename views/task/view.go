package task

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Fields of the form.
const (
	FieldNote = "note"
	FieldFile = "file"
)

// Page is one task.
type Page struct {
	layout.Frame
	ID       string
	What     string // the access, and whose
	Source   string
	State    ui.Tag
	How      string
	Note     string // what closes it
	Facts    []ui.Pair
	Reports  []Report
	CanDo    bool      // the reader may say that it is done
	Revoke   bool      // the reader may open the removal itself
	Problem  ui.Notice // why the form was not taken
	Typed    string    // the note as it was typed
	Campaign string
}

// Report is what somebody said was done.
type Report struct {
	ID     string
	By     string
	At     ui.Stamp
	Note   string
	File   string // its name; "" without one
	Size   string
	SHA256 string
}

func (p Page) path() string { return ui.Path("tasks", p.ID) }

func (p Page) removal() string { return ui.Path("revocations", p.ID) }

func (p Page) file(r Report) string { return ui.Path("tasks", p.ID, "files", r.ID) }

func (p Page) note() ui.Field {
	return ui.Field{Name: FieldNote, Label: "What did you do?", Help: "It stands in the evidence. At most 2,000 characters.", Required: true, Value: p.Typed, Rows: 3}
}
