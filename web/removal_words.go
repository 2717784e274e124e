package web

import (
	"recert/model"
	"recert/views/ui"
)

// stateWords name the state of a removal, and of what follows from one: the same on every page.
var stateWords = map[model.RemediationState]ui.Tag{
	model.Queued:     {Text: "Waiting", Tone: ui.Info},
	model.Held:       {Text: "Held", Tone: ui.Warn},
	model.Sent:       {Text: "Asked for", Tone: ui.Info},
	model.Confirmed:  {Text: "Proven gone", Tone: ui.Good},
	model.Superseded: {Text: "Granted anew", Tone: ui.Warn},
	model.Failed:     {Text: "Failed", Tone: ui.Bad},
	model.Cancelled:  {Text: "Cancelled"},
	model.Restored:   {Text: "Given back"},
	model.CameBack:   {Text: "Came back", Tone: ui.Bad},
}

// Words for what is no state of its own, and stands beside the states.
const (
	wordContested = "Contested"
	wordByHand    = "To be done by hand"
)

// removalTag is a state in words.
func removalTag(m model.Remediation) ui.Tag {
	if tag, ok := giveTag(m); ok {
		return tag
	}
	tag, ok := stateWords[m.State]
	if !ok {
		return ui.Tag{Text: string(m.State)}
	}
	if m.State == model.Sent && m.Mode == model.ModeManual {
		tag.Text = wordByHand
	}
	return tag
}
