package web

import (
	"encoding/json"
	"fmt"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
	"recert/views/revocation"
	"recert/views/ui"
)

// meanings say a state in a sentence; that of a confirmed one depends on what proved it.
var meanings = map[model.RemediationState]string{
	model.Queued:     "It is about to go out.",
	model.Held:       "Somebody must let it go on.",
	model.Sent:       "It was asked for. It closes when the system, read again, no longer shows the access.",
	model.Confirmed:  "The system was read after it was asked, and no longer shows the access by any path.",
	model.Superseded: "Since the review the access was granted anew, or may have been, so it was left alone.",
	model.Failed:     "It did not work, and somebody must look.",
	model.Cancelled:  "The answer was taken back before anything was asked.",
	model.Restored:   "The access was given back on purpose.",
	model.CameBack:   "It was proven gone, and a later read shows it again.",
}

// What a confirmed removal means where the system was not read after a call of ours.
const (
	goneAlready    = "The system was read and did not show the access by any path, so nothing had to be asked."
	goneBySnapshot = "A snapshot that was read later no longer shows the access by any path."
)

// wasGone is what is said first of a removal that was proven and did not last.
const wasGone = "The access was gone, as was proven, and is there again."

// Values of model.Remediation.Proof.
const (
	proofRead     = "read"
	proofSnapshot = "snapshot"
)

// meaning says where a removal stands. asked is whether its system was ever asked to remove it.
func meaning(row *store.RemediationRow, asked bool) string {
	text, why := meanings[row.State], row.Reason
	if row.Kind.Gives() {
		text = giveMeanings[row.State]
	}
	switch {
	case row.Kind == model.KindRotate:
		return rotateMeanings[row.State]
	case row.Declined != "":
		text, why = sentence(row.Reason), "Decided by "+row.Declined
	case row.State == model.Restored && why != "":
		text, why = why, "" // it says the same, and more
	case waits(row):
		text = "It waits, so that the person concerned can say something against it."
	}
	if row.State == model.Confirmed && row.Kind.Gives() && row.Proof == proofRead {
		why = "" // the attempt says it
	}
	if row.State == model.Confirmed && !row.Kind.Gives() {
		switch {
		case row.Proof == proofSnapshot:
			text = goneBySnapshot
		case asked:
			why = "" // the attempt says it
		default:
			text, why = goneAlready, ""
		}
	}
	if row.BackAt.Known() && open(row) && row.State != model.CameBack {
		if text = wasGone + " " + text; row.State == model.Failed {
			text = wasGone + " Somebody must look."
		}
	}
	if why != "" {
		text += " " + sentence(why)
	}
	if row.State.Open() && row.Paused != "" {
		text += " Removals in " + row.Source + " are paused: " + sentence(row.Paused)
	}
	return text
}

// sentence ends what somebody or something said, so that it does not run into what comes next.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?:;") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// revocationFacts are what is known of a removal; path is by what the access is held, in names.
func revocationFacts(row *store.RemediationRow, path string, asked bool, loc *timeLocation) []ui.Pair {
	out := []ui.Pair{
		{Term: "Campaign", Text: row.Run, Href: ui.Path("campaigns", row.Run)}, {Term: "Item", Text: itoa(row.ItemID)},
		{Term: "Account", Text: row.Subject.AccountID, Code: true}, {Term: "Decided", Text: ui.Exact(row.QueuedAt, loc).Text},
	}
	if name := row.Subject.Username; name != "" && name != row.Subject.AccountID {
		out = append(out, ui.Pair{Term: "User name", Text: name, Code: true})
	}
	if row.Via != "" {
		out = append(out, ui.Pair{Term: "Held through", Text: path})
		if ids := pathNames(row.Via, func(model.Kind, string) string { return "" }); ids != path {
			out = append(out, ui.Pair{Term: "By its ids", Text: ids, Code: true})
		}
	}
	if row.State == model.Queued || row.State == model.CameBack || row.State == model.Sent && row.Mode == model.ModeConnector {
		term := "Next look"
		if waits(row) {
			term = "Goes out"
		}
		out = append(out, ui.Pair{Term: term, Text: ui.Exact(row.NextAt, loc).Text})
	}
	if row.Cause == model.CauseKeepUntil {
		out = append(out, ui.Pair{Term: "Why", Text: "It was kept until a day that is over."})
	}
	if row.ClosedAt.Known() {
		out = append(out, ui.Pair{Term: "Ended", Text: ui.Exact(row.ClosedAt, loc).Text})
	}
	if text := proofWords(row, asked); text != "" {
		out = append(out, ui.Pair{Term: "Proof", Text: text})
	}
	return out
}

// waits tells whether a removal is in its time of grace: nobody was at it yet.
func waits(row *store.RemediationRow) bool {
	return row.State == model.Queued && row.Attempts == 0 && !row.CalledAt.Known() && row.Reason == "" && row.NextAt > row.QueuedAt
}

func proofWords(row *store.RemediationRow, asked bool) string {
	switch {
	case row.Proof == proofSnapshot && row.Mode == model.ModeManual:
		return "a snapshot that was read after the task was given"
	case row.Proof == proofSnapshot && asked:
		return "a snapshot that was read after the call"
	case row.Proof == proofSnapshot:
		return "a later snapshot"
	case row.Proof == proofRead && asked:
		return "the system was read after the call"
	case row.Proof == proofRead:
		return "the system was read before anything was asked of it"
	}
	return ""
}

// manualView is the task of a removal, and whether it still is one.
func manualView(row *store.RemediationRow, what string) *revocation.Manual {
	m := &revocation.Manual{Who: assignee(row), What: what, How: row.Task, Title: "Was to be done by hand"}
	switch row.State {
	case model.Queued, model.Held, model.Sent, model.Failed, model.CameBack:
		m.Title, m.Note = "To be done by hand", "It closes by itself when the next snapshot no longer shows the access."
	case model.Confirmed:
		m.Note = "It is done, as a snapshot shows."
	case model.Superseded, model.Cancelled, model.Restored:
		m.Note = "There is nothing to do here any more."
	}
	if row.Kind.Gives() {
		giveManual(m, row.State)
	}
	if row.Kind == model.KindRotate {
		rotateManual(m, row.State)
	}
	return m
}

// taskStep says when a task was given to somebody; nil where it was not.
func taskStep(row *store.RemediationRow, loc *timeLocation) *revocation.Step {
	if !row.CalledAt.Known() {
		return nil
	}
	return &revocation.Step{Label: "Task given", At: ui.Exact(row.CalledAt, loc), Text: "to " + assignee(row), Tone: ui.Info}
}

// spellSteps say when an access was proven gone, and when it came back.
func spellSteps(spells []store.Spell, loc *timeLocation) []revocation.Step {
	var out []revocation.Step
	for _, z := range spells {
		gone := revocation.Step{Label: "Proven gone", At: ui.Exact(z.ProvenAt, loc), Text: "The system was read.", Tone: ui.Good}
		if z.ProvenBy != 0 {
			gone.Text, gone.Href = "Snapshot "+itoa(z.ProvenBy)+" no longer showed it.", "/snapshots/"+itoa(z.ProvenBy)
		}
		back := revocation.Step{Label: "Came back", At: ui.Exact(z.EndedAt, loc), Text: "It was seen again.", Tone: ui.Bad}
		if z.EndedBy != 0 {
			back.Text, back.Href = "Snapshot "+itoa(z.EndedBy)+" showed it again.", "/snapshots/"+itoa(z.EndedBy)
		}
		out = append(out, gone, back)
	}
	return out
}

// outcomeStep says what later snapshots showed, or why a removal without attempts ended; nil where
// neither is so.
func outcomeStep(row *store.RemediationRow, attempts bool, loc *timeLocation) *revocation.Step {
	switch {
	case row.ProofSnapshot != nil && row.Kind.Gives():
		return &revocation.Step{Label: "A later snapshot", At: ui.Exact(row.ClosedAt, loc), Text: "Snapshot " + itoa(*row.ProofSnapshot) + " shows it.", Tone: ui.Good}
	case row.ProofSnapshot != nil && row.Proof == proofSnapshot:
		return &revocation.Step{Label: "A later snapshot", At: ui.Exact(row.ClosedAt, loc), Text: "Snapshot " + itoa(*row.ProofSnapshot) + " no longer shows it.", Tone: ui.Good}
	case row.ProofSnapshot != nil && !row.BackAt.Known(): // else the story says it
		return &revocation.Step{Label: "A later snapshot", Text: "Snapshot " + itoa(*row.ProofSnapshot) + " showed it again.", Tone: ui.Bad}
	case !attempts && row.ClosedAt.Known():
		tag := removalTag(row.Remediation)
		return &revocation.Step{Label: tag.Text, At: ui.Exact(row.ClosedAt, loc), Text: row.Reason, Tone: tag.Tone}
	}
	return nil
}

// outcomeWords say how an attempt ended.
var outcomeWords = map[string]ui.Tag{
	string(connector.Removed):       {Text: "Removed", Tone: ui.Good},
	string(connector.AlreadyAbsent): {Text: "Already gone", Tone: ui.Good},
	string(connector.Changed):       {Text: "Changed meanwhile", Tone: ui.Warn},
	string(connector.RefusedDirect): {Text: "Not held directly", Tone: ui.Bad},
	string(connector.RefusedTarget): {Text: "Somebody else's account now", Tone: ui.Bad},
	string(connector.Granted):       {Text: "Given", Tone: ui.Good},
	string(connector.AlreadyHeld):   {Text: "Already there", Tone: ui.Good},
	string(connector.TaskOpened):    {Text: "Asked of another system", Tone: ui.Info},
	string(connector.Unreachable):   {Text: "Not reachable", Tone: ui.Warn},
	string(connector.Denied):        {Text: "Credentials refused", Tone: ui.Bad},
	string(connector.Refused):       {Text: "Refused", Tone: ui.Bad},
	string(connector.Broken):        {Text: "Answer not understood", Tone: ui.Bad},
	"lost":                          {Text: "No answer known", Tone: ui.Warn},
	"postponed":                     {Text: "Asked to come back later", Tone: ui.Warn},
}

func attemptResult(a model.Attempt) ui.Tag {
	tag := outcomeWords[a.Outcome]
	switch {
	case tag.Text == "" && a.Outcome != "":
		tag.Text = a.Outcome
	case !a.EndedAt.Known():
		tag = ui.Tag{Text: "Under way", Tone: ui.Info}
	case a.Outcome == "":
		tag.Text = "Nothing was asked"
	}
	return tag
}

// attemptView tells an attempt. One that asked nothing looked once, whatever is stored of that look.
func attemptView(a model.Attempt, loc *timeLocation) (revocation.Attempt, error) {
	v := revocation.Attempt{Number: int64(a.N), Result: attemptResult(a)}
	v.Steps = append(v.Steps, revocation.Step{Label: "Written down", At: ui.Exact(a.IntentAt, loc), Text: "before anything was asked"})
	looks := []struct {
		label, text string
		at          model.Time
	}{{"Read before", a.Before, 0}, {"Read again", a.After, a.ReadAt}}
	if !a.CalledAt.Known() {
		looks = looks[:1]
		looks[0].label, looks[0].at = "Read", a.ReadAt
	}
	for i, look := range looks {
		if i == 1 {
			v.Steps = append(v.Steps, revocation.Step{Label: "Asked to remove", At: ui.Exact(a.CalledAt, loc), Text: v.Result.Text, Tone: v.Result.Tone})
		}
		if look.text == "" {
			continue
		}
		step, err := observed(look.label, look.text, look.at, loc)
		if err != nil {
			return v, err
		}
		v.Steps = append(v.Steps, step)
	}
	if a.Detail != "" {
		v.Steps = append(v.Steps, revocation.Step{Label: "Ended", At: ui.Exact(a.EndedAt, loc), Text: a.Detail})
	}
	return v, nil
}

// presenceWords say what a look showed, where the target said nothing more.
var presenceWords = map[connector.Presence]string{
	connector.Present:     "The access is there.",
	connector.Absent:      "The access is not there by any path.",
	connector.NotDirect:   "The access is held, but only through something else.",
	connector.WrongTarget: "The id names somebody or something else now.",
}

// seen is what a look at a target showed.
func seen(text string) (o connector.Observation, err error) {
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return o, fmt.Errorf("read what was seen: %w", err)
	}
	return o, nil
}

func observed(label, text string, at model.Time, loc *timeLocation) (revocation.Step, error) {
	o, err := seen(text)
	if err != nil {
		return revocation.Step{}, err
	}
	step := revocation.Step{Label: label, At: ui.Exact(at, loc), Text: o.Detail, Code: o.Version, Tone: ui.Info}
	if o.Presence == connector.Absent {
		step.Tone = ui.Good
	}
	if step.Text == "" {
		step.Text = presenceWords[o.Presence]
	}
	return step, nil
}
