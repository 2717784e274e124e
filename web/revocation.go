package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

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
		Source: row.Source, State: removalTag(row.Remediation),
	}
	p.Can, p.Technical = removalWords(&row)
	attempts, err := s.Store.RemediationAttempts(r.Context(), id)
	if err != nil {
		return err
	}
	asked := slices.ContainsFunc(attempts, func(a model.Attempt) bool { return a.CalledAt.Known() })
	p.Meaning = meaning(&row, asked)
	p.Facts = revocationFacts(&row, asked, r.zone)
	if row.Mode == model.ModeManual && row.Task != "" {
		p.Manual = manualView(&row, p.Can+", of "+p.Person)
		p.Begun = taskStep(&row, r.zone)
	}
	for _, a := range attempts {
		v, err := attemptView(a, r.zone)
		if err != nil {
			return fmt.Errorf("revocation %d: %w", id, err)
		}
		p.Attempts = append(p.Attempts, v)
	}
	p.Outcome = outcomeStep(&row, len(attempts) > 0, r.zone)
	p.Version = itoa(row.Fence)
	p.CanLetGo = row.State == model.Held && r.actor.Has(model.Admin)
	p.CanRetry = row.State == model.Failed && r.actor.Has(managers...)
	return s.render(w, r, revocation.Show(p))
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
