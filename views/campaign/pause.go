package campaign

import "recert/views/ui"

// FieldLater is whether a run that goes on is due as many days later as it was paused for.
const FieldLater = "later"

// PauseForm is the form that pauses a run, or lets it go on: FieldReason, and FieldLater, to POST
// /campaigns/{id}/pause or /campaigns/{id}/resume.
type PauseForm struct {
	Paused bool
	Reason string // as it was typed
	Error  string
}

func (f PauseForm) reason() ui.Field {
	help := "Reviewers read it, and it stands in the evidence."
	if f.Paused {
		help = "It stands in the evidence."
	}
	return ui.Field{ID: "pause-reason", Name: FieldReason, Label: "Why", Help: help, Value: f.Reason, Required: true, Error: f.Error}
}
