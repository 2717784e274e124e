package revocation

import "recert/views/ui"

// Fields of POST /revocations/{id}/contest, beside FieldReason, which /revocations/{id}/decline has too.
const (
	FieldOutcome = "outcome" // of a contest: one of the two below

	OutcomeDismissed = "dismissed"
	OutcomeUpheld    = "upheld"
)

// Contest is what the person concerned says against a removal.
type Contest struct {
	Who       string
	At        ui.Stamp
	Reason    string
	Answer    ui.Notice // zero while nobody has answered
	CanAnswer bool      // the reader may
	Untold    bool      // nobody could be told of it by mail
	Asked     bool      // it was asked for already: to keep it means to give it back
	Gone      bool      // it is proven gone: to keep it asks for it again at once
	Upheld    bool      // the answer was that the access is to stay
	Why       string    // the words of the answer

	CannotAnswer string // why the reader, who answers others, may not answer this one; ""
}

// upheld tells whether what is left to do follows from an answer, and stands beside it.
func (p Page) upheld() bool { return p.Contest != nil && p.Contest.Upheld }

func (p Page) contestHref() string { return ui.Path("revocations", p.ID) + "/contest" }

func (p Page) declineHref() string { return ui.Path("revocations", p.ID) + "/decline" }

func (c Contest) keep() string {
	switch {
	case c.Gone:
		return "Give it back"
	case c.Asked:
		return "Keep it, or give it back"
	}
	return "Keep the access"
}

func (c Contest) dismiss() string {
	if c.Gone {
		return "It stays gone"
	}
	return "Let it go on"
}

func (c Contest) help() string {
	const read = "The person reads it, and it stands in the evidence."
	switch {
	case c.Gone:
		return read + " “Give it back” asks for the very same access again at once."
	case c.Asked:
		return read + " The removal was asked for already: if the access is gone, it is asked for again as soon as that is proven."
	}
	return read
}

func (c Contest) reason() ui.Field {
	return ui.Field{ID: "contest-reason", Name: FieldReason, Label: "Why", Rows: 3, Required: true, Help: c.help()}
}

func (p Page) declineReason() ui.Field {
	f := ui.Field{ID: "decline-reason", Name: FieldReason, Label: "Why it will not be done", Rows: 3, Required: true, Help: "It stands in the evidence, and among the exceptions of the campaign."}
	if p.upheld() {
		f.Value = p.Contest.Why
	}
	return f
}

// untold is said where a mail was due and nobody could get it.
const untold = "Nobody could be told by mail: the campaign has no owner whom a source of people knows."

func (c Contest) waits() string {
	text := "Nobody has answered yet."
	if c.CannotAnswer != "" {
		text += " " + c.CannotAnswer
	}
	return text
}
