package deputy

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /deputies.
const (
	FieldPerson = "person" // a person_id or a mail address; for who may name deputies for others
	FieldDeputy = "deputy"
	FieldFrom   = "from"
	FieldUntil  = "until"
	FieldReason = "reason"
)

// Page lists the deputies, and is the form of a new one.
type Page struct {
	layout.Frame
	List   []Deputy
	CanAdd bool // the reader is a person, or may name deputies for others
	All    bool // the reader may name deputies for others
	Person string
	Deputy string
	From   string
	Until  string
	Reason string
	Error  string
}

// Deputy is one who answers, or will.
type Deputy struct {
	ID     string
	Person string
	Name   string // the deputy's
	From   string
	Until  string
	Reason string
	State  ui.Tag
	CanEnd bool
}

func (d Deputy) end() string { return ui.Path("deputies", d.ID, "end") }

func (p Page) person() ui.Field {
	return ui.Field{Name: FieldPerson, Label: "Who is away", Help: "A person_id or mail address. Empty is you.", Value: p.Person}
}

func (p Page) deputy() ui.Field {
	return ui.Field{Name: FieldDeputy, Label: "Who answers meanwhile", Help: "A person_id or mail address.", Value: p.Deputy, Required: true}
}

func (p Page) from() ui.Field {
	return ui.Field{Name: FieldFrom, Label: "First day", Help: "As 2026-12-31.", Value: p.From, Required: true}
}

func (p Page) until() ui.Field {
	return ui.Field{Name: FieldUntil, Label: "Last day", Help: "As 2026-12-31.", Value: p.Until, Required: true}
}

func (p Page) reason() ui.Field {
	return ui.Field{Name: FieldReason, Label: "Why", Help: "It stands in the evidence.", Value: p.Reason, Required: true}
}
