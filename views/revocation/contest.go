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
	Asked     bool      // it was asked for already: to keep it means to give it back
}

func (p Page) contestHref() string { return ui.Path("revocations", p.ID) + "/contest" }

func (p Page) declineHref() string { return ui.Path("revocations", p.ID) + "/decline" }

func (c Contest) keep() string {
	if c.Asked {
		return "It is to be given back"
	}
	return "Keep the access"
}

func (c Contest) help() string {
	if c.Asked {
		return "The person reads it, and it stands in the evidence. The removal was asked for already: give the access back in a second step."
	}
	return "The person reads it, and it stands in the evidence."
}

func (c Contest) reason() ui.Field {
	return ui.Field{ID: "contest-reason", Name: FieldReason, Label: "Why", Rows: 3, Required: true, Help: c.help()}
}

func declineReason() ui.Field {
	return ui.Field{ID: "decline-reason", Name: FieldReason, Label: "Why it will not be done", Rows: 3, Required: true, Help: "It stands in the evidence, and among the exceptions of the campaign."}
}
