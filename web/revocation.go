package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"recert/campaigns/connector"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/revocation"
	"recert/views/ui"
)

const revocationRows = 50

// allStates is the value of the filter that narrows to no state.
const allStates = "all"

// openStates are those that somebody or something is still at.
var openStates = []model.RemediationState{model.Queued, model.Held, model.Sent, model.Failed, model.CameBack}

// revocations lists removals: those that are open, unless another state is asked for.
func (s *site) revocations(w http.ResponseWriter, r *request) error {
	state, search := r.query(revocation.ParamState), r.query(revocation.ParamSearch)
	f := store.RemediationFilter{Search: search, Before: pageAfter(r.query(paramAfter)), Limit: revocationRows + 1, States: openStates}
	counts, err := s.Store.RemediationCounts(r.Context(), store.RemediationFilter{Search: search})
	if err != nil {
		return err
	}
	p := revocation.ListPage{Frame: s.frame(r, "Revocations", layout.Revocations), Search: search, Active: search != "" || state != ""}
	var open, all int64
	for _, st := range model.RemediationStates {
		all += counts[st]
	}
	for _, st := range openStates {
		open += counts[st]
	}
	option := func(value, label string, n int64) {
		p.States = append(p.States, ui.Option{Value: value, Label: label + " (" + ui.Num(n) + ")", Selected: state == value})
	}
	option("", "All that is open", open)
	option(allStates, "All", all)
	for _, st := range model.RemediationStates {
		option(string(st), removalTag(model.Remediation{State: st}).Text, counts[st])
		if state == string(st) {
			f.States = []model.RemediationState{st}
		}
	}
	if state == allStates {
		f.States = nil
	}
	rows, err := s.Store.Remediations(r.Context(), f)
	if err != nil {
		return err
	}
	var next int64
	if len(rows) > revocationRows {
		rows = rows[:revocationRows]
		next = rows[revocationRows-1].ID
	}
	q := url.Values{}
	if search != "" {
		q.Set(revocation.ParamSearch, search)
	}
	if state != "" {
		q.Set(revocation.ParamState, state)
	}
	if err := s.brakes(r, &p, counts[model.Held]); err != nil {
		return err
	}
	p.Pager = pager("/revocations", q, f.Before, next, "")
	for i := range rows {
		p.Rows = append(p.Rows, s.revocationRow(r, &rows[i]))
	}
	return s.render(w, r, revocation.List(p))
}

func (s *site) revocationRow(r *request, row *store.RemediationRow) revocation.Row {
	v := revocation.Row{
		ID: itoa(row.ID), Person: subjectName(row.Subject), Source: row.Source, State: removalTag(row.Remediation),
		Since: ui.At(removalTime(row.Remediation), r.zone), Campaign: row.Run,
	}
	v.Can, _ = removalWords(row)
	switch {
	case row.State == model.Sent && row.Mode == model.ModeManual:
		v.Note = "Waits for " + assignee(row)
	case row.State.Open() && row.Paused != "":
		v.Note = "Removals in " + row.Source + " are paused"
	case row.State == model.Failed, row.State == model.CameBack, row.State == model.Superseded:
		v.Note = row.Reason
	}
	return v
}

func removalWords(row *store.RemediationRow) (can, technical string) {
	if row.EntitlementKey == nil {
		return "The whole account " + row.Subject.AccountID, ""
	}
	return accessWords(&row.Entitlement)
}

func assignee(row *store.RemediationRow) string {
	if row.Assignee.Name != "" {
		return row.Assignee.Name
	}
	return "the owner of " + row.Source
}

// meanings say a state in a sentence.
var meanings = map[model.RemediationState]string{
	model.Queued:     "It is about to go out.",
	model.Held:       "Somebody must let it go on.",
	model.Sent:       "It was asked for. It closes when the system, read again, no longer shows the access.",
	model.Confirmed:  "The system was read after the removal, and no longer shows the access by any path.",
	model.Superseded: "The access was granted anew after the review, so it was left alone.",
	model.Failed:     "It did not work, and somebody must look.",
	model.Cancelled:  "The answer was taken back before anything was asked.",
	model.Restored:   "The access was given back on purpose.",
	model.CameBack:   "It was proven gone, and a later read shows it again.",
}

// revocation is one removal with everything that was tried.
func (s *site) revocation(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	p := revocation.Page{
		Frame: s.frame(r, "Revocation "+itoa(id), layout.Revocations), ID: itoa(id), Person: subjectName(row.Subject), PersonID: row.Subject.PersonID,
		Source: row.Source, State: removalTag(row.Remediation), Meaning: meanings[row.State],
	}
	p.Can, p.Technical = removalWords(&row)
	if row.Reason != "" {
		p.Meaning += " " + row.Reason
	}
	if row.State.Open() && row.Paused != "" {
		p.Meaning += " Removals in " + row.Source + " are paused: " + row.Paused
	}
	p.Facts = revocationFacts(&row, r.zone)
	if row.Mode == model.ModeManual && row.Task != "" {
		p.Manual = &revocation.Manual{Who: assignee(&row), What: p.Can + ", of " + p.Person, How: row.Task}
	}
	attempts, err := s.Store.RemediationAttempts(r.Context(), id)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		v, err := attemptView(a, r.zone)
		if err != nil {
			return fmt.Errorf("revocation %d: %w", id, err)
		}
		p.Attempts = append(p.Attempts, v)
	}
	if row.ProofSnapshot != nil {
		p.Outcome = &revocation.Step{Label: "A later snapshot", At: ui.Exact(row.ClosedAt, r.zone), Text: "Snapshot " + itoa(*row.ProofSnapshot) + " no longer shows it.", Tone: ui.Good}
		if row.State == model.CameBack {
			p.Outcome.Text, p.Outcome.Tone = "Snapshot "+itoa(*row.ProofSnapshot)+" shows it again.", ui.Bad
		}
	}
	p.CanLetGo = row.State == model.Held && r.actor.Has(model.Admin)
	p.CanRetry = row.State == model.Failed && r.actor.Has(managers...)
	return s.render(w, r, revocation.Show(p))
}

func revocationFacts(row *store.RemediationRow, loc *timeLocation) []ui.Pair {
	out := []ui.Pair{
		{Term: "Campaign", Text: row.Run, Href: ui.Path("campaigns", row.Run)}, {Term: "Item", Text: itoa(row.ItemID)},
		{Term: "Account", Text: row.Subject.AccountID, Code: true}, {Term: "Queued", Text: ui.Exact(row.QueuedAt, loc).Text},
	}
	if row.Via != "" {
		out = append(out, ui.Pair{Term: "Path", Text: row.Via, Code: true})
	}
	if row.State == model.Queued || row.State == model.CameBack || row.State == model.Sent && row.Mode == model.ModeConnector {
		out = append(out, ui.Pair{Term: "Next look", Text: ui.Exact(row.NextAt, loc).Text})
	}
	if row.ClosedAt.Known() {
		out = append(out, ui.Pair{Term: "Done", Text: ui.Exact(row.ClosedAt, loc).Text})
	}
	proofs := map[string]string{"read": "the system was read right after the call", "snapshot": "a snapshot that was read after the call"}
	if text := proofs[row.Proof]; text != "" {
		out = append(out, ui.Pair{Term: "Proof", Text: text})
	}
	return out
}

// outcomeWords say how an attempt ended.
var outcomeWords = map[string]ui.Tag{
	string(connector.Removed):       {Text: "Removed", Tone: ui.Good},
	string(connector.AlreadyAbsent): {Text: "Already gone", Tone: ui.Good},
	string(connector.Changed):       {Text: "Changed meanwhile", Tone: ui.Warn},
	string(connector.RefusedDirect): {Text: "Not held directly", Tone: ui.Bad},
	string(connector.RefusedTarget): {Text: "Somebody else's account now", Tone: ui.Bad},
	string(connector.TaskOpened):    {Text: "Handed to a person", Tone: ui.Info},
	string(connector.Unreachable):   {Text: "Not reachable", Tone: ui.Warn},
	string(connector.Denied):        {Text: "Credentials refused", Tone: ui.Bad},
	string(connector.Refused):       {Text: "Refused", Tone: ui.Bad},
	string(connector.Broken):        {Text: "Answer not understood", Tone: ui.Bad},
}

func attemptView(a model.Attempt, loc *timeLocation) (revocation.Attempt, error) {
	v := revocation.Attempt{Number: int64(a.N), Result: outcomeWords[a.Outcome]}
	switch {
	case v.Result.Text == "" && a.Outcome != "":
		v.Result.Text = a.Outcome
	case !a.EndedAt.Known():
		v.Result = ui.Tag{Text: "Under way", Tone: ui.Info}
	}
	v.Steps = append(v.Steps, revocation.Step{Label: "Written down", At: ui.Exact(a.IntentAt, loc), Text: "before anything was asked, by " + a.Worker})
	if a.Before != "" {
		step, err := observed("Read before", a.Before, a.IntentAt, loc)
		if err != nil {
			return v, err
		}
		step.At = ui.Stamp{}
		v.Steps = append(v.Steps, step)
	}
	if a.CalledAt.Known() {
		v.Steps = append(v.Steps, revocation.Step{Label: "Asked to remove", At: ui.Exact(a.CalledAt, loc), Text: v.Result.Text, Tone: v.Result.Tone})
	}
	if a.After != "" {
		step, err := observed("Read again", a.After, a.ReadAt, loc)
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

func observed(label, text string, at model.Time, loc *timeLocation) (revocation.Step, error) {
	var o connector.Observation
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return revocation.Step{}, fmt.Errorf("read what was seen: %w", err)
	}
	step := revocation.Step{Label: label, At: ui.Exact(at, loc), Text: o.Detail, Code: o.Version, Tone: ui.Info}
	if o.Presence == connector.Absent {
		step.Tone = ui.Good
	}
	if step.Text == "" {
		step.Text = string(o.Presence)
	}
	return step, nil
}

// retry lets a failed removal go on.
func (s *site) retry(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	to := "/revocations/" + itoa(id)
	if row.State == model.Queued {
		return redirect(w, r, to) // the same click twice
	}
	if err := remediate.Retry(r.Context(), s.Store, r.actor, id); err != nil {
		return err
	}
	return s.redirectWith(w, r, to, "retry")
}
