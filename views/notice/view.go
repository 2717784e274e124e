package notice

import (
	"recert/views/layout"
	"recert/views/ui"
)

// FieldReason is the one field of POST /notices/{id}/contest.
const FieldReason = "reason"

// Page is what goes away, or went lately, of the reader's own access.
type Page struct {
	layout.Frame
	Open  []Notice // the latest first
	Ended []Notice
	Days  int64 // for how long ended ones are shown
}

// Notice is one access that goes.
type Notice struct {
	ID     string
	Can    string
	Source string
	State  ui.Tag
	Facts  []ui.Pair // when, why, who answers
	Said   *Said     // what the reader said against it
	May    bool      // the reader may say something
	Gone   bool      // it was asked for already, or is gone: it is about giving it back
	Typed  string    // the reason, where it was refused
	Error  string    // why it was refused
}

// Said is what the reader said, and what was answered.
type Said struct {
	Reason string
	At     ui.Stamp
	Answer ui.Notice // zero while nobody has answered
}

func (n Notice) href() string { return ui.Path("notices", n.ID) + "/contest" }

func (n Notice) anchor() string { return "notice-" + n.ID }

func (n Notice) summary() string {
	if n.Gone {
		return "Ask for it back"
	}
	return "I need this access"
}

func (n Notice) help() string {
	if n.Gone {
		return "It is asked for already, or gone. Whoever runs the campaign reads this, and can have it given back."
	}
	return "It stays until whoever runs the campaign has read this and answered."
}

func (n Notice) reason() ui.Field {
	return ui.Field{ID: "reason-" + n.ID, Name: FieldReason, Label: "Why you need it", Value: n.Typed, Rows: 3, Required: true, Error: n.Error, Help: n.help()}
}

func (p Page) ended() string {
	return "Ended in the last " + ui.Num(p.Days) + " days"
}
