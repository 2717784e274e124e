package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"recert/campaigns"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/revocation"
	"recert/views/ui"
)

const revocationRows = 50

// openStates are those that somebody or something is still at.
var openStates = []model.RemediationState{model.Queued, model.Held, model.Sent, model.Failed, model.CameBack}

// boardTabs are the views of the board, in the order in which it shows them.
var boardTabs = []struct {
	value, label string
	states       []model.RemediationState // none is all
	late         bool                     // only those that are late
	contested    bool                     // only those that the person concerned contests
	returned     bool                     // only those that were proven gone before
	kinds        []model.RemediationKind  // none is removals, and tasks that follow from them
	tone         ui.Tone                  // where there is something in it
}{
	{value: "", label: "Open", states: openStates},
	{value: "queued", label: stateWords[model.Queued].Text, states: []model.RemediationState{model.Queued}},
	{value: "held", label: stateWords[model.Held].Text, states: []model.RemediationState{model.Held}, kinds: model.RemediationKinds, tone: ui.Warn},
	{value: "sent", label: stateWords[model.Sent].Text, states: []model.RemediationState{model.Sent}},
	{value: "came_back", label: stateWords[model.CameBack].Text, returned: true, tone: ui.Bad},
	{value: "failed", label: stateWords[model.Failed].Text, states: []model.RemediationState{model.Failed}, kinds: model.RemediationKinds, tone: ui.Bad},
	{value: "contested", label: wordContested, contested: true, tone: ui.Warn},
	{value: "late", label: "Late", late: true, tone: ui.Bad},
	{value: "confirmed", label: stateWords[model.Confirmed].Text, states: []model.RemediationState{model.Confirmed}, kinds: removalKinds},
	{value: "ended", label: "Ended otherwise", states: []model.RemediationState{model.Superseded, model.Cancelled, model.Restored}, kinds: removalKinds},
	{value: "given", label: "Giving access", kinds: []model.RemediationKind{model.KindRestore, model.KindLower}},
	{value: "all", label: "All", kinds: model.RemediationKinds},
}

// What the views of the board count: what gives access is no removal and has its own view, beside those
// of what needs somebody; a secret to change is a task until it is done.
var (
	removalKinds = []model.RemediationKind{model.KindRemove}
	taskKinds    = []model.RemediationKind{model.KindRemove, model.KindRotate}
)

// onlyRemovals ends the name of a state that is asked for without what follows from removals: what a campaign counts.
const onlyRemovals = "_removals"

// revocations is the board of removals: those that are open, unless another view is asked for.
func (s *site) revocations(w http.ResponseWriter, r *request) error {
	p := revocation.ListPage{Frame: s.frame(r, "Revocations", layout.Revocations), Search: r.query(revocation.ParamSearch)}
	f, q, err := s.boardFilter(r, &p)
	if err != nil {
		return err
	}
	held, err := s.boardTabs(r, &p, &f, q)
	if err != nil {
		return err
	}
	pages := listOf("/revocations", q)
	if f.Before, err = r.after(pages); err != nil {
		return err
	}
	f.Limit = revocationRows + 1
	rows, err := s.Store.Remediations(r.Context(), f)
	if err != nil {
		return err
	}
	if err := pages.movedOn(f.Before > 0, len(rows)); err != nil {
		return err
	}
	var next int64
	if len(rows) > revocationRows {
		rows = rows[:revocationRows]
		next = rows[revocationRows-1].ID
	}
	if err := s.brakes(r, &p, held); err != nil {
		return err
	}
	if err := s.boardLag(r, &p, f); err != nil {
		return err
	}
	p.Pager = pages.pager(f.Before, next, "")
	accounts := accountNames(len(rows), func(i int) (string, *model.Subject) { return rows[i].Source, &rows[i].Subject })
	paths, err := s.removalPaths(r, len(rows), func(i int) *model.Remediation { return &rows[i].Remediation })
	if err != nil {
		return err
	}
	for i := range rows {
		row := s.revocationRow(r, &rows[i], paths(&rows[i].Remediation))
		row.Account = accounts[i]
		p.Rows = append(p.Rows, row)
		if rows[i].State == model.Failed && r.actor.Has(managers...) {
			p.Failed = append(p.Failed, itoa(rows[i].ID))
		}
	}
	return s.render(w, r, revocation.List(p))
}

// boardFilter reads what the board is narrowed to, but for its view.
func (s *site) boardFilter(r *request, p *revocation.ListPage) (f store.RemediationFilter, q url.Values, err error) {
	f, q = store.RemediationFilter{Search: p.Search, Kinds: model.RemediationKinds}, url.Values{}
	if p.Search != "" {
		q.Set(revocation.ParamSearch, p.Search)
	}
	sources, err := s.Store.Sources(r.Context())
	if err != nil {
		return f, q, err
	}
	p.Sources = []ui.Option{{Label: "All systems"}}
	for _, src := range sources {
		if src.Provides != model.ProvidesAccess {
			continue
		}
		chosen := r.query(revocation.ParamSource) == src.Name
		p.Sources = append(p.Sources, ui.Option{Value: src.Name, Label: src.Name, Selected: chosen})
		if chosen {
			f.SourceID = src.ID
			q.Set(revocation.ParamSource, src.Name)
		}
	}
	runs, err := s.Store.RunList(r.Context(), store.RunFilter{})
	if err != nil {
		return f, q, err
	}
	p.Campaigns = []ui.Option{{Label: "All campaigns"}}
	for _, run := range runs {
		chosen := r.query(revocation.ParamCampaign) == run.Name
		p.Campaigns = append(p.Campaigns, ui.Option{Value: run.Name, Label: run.Name, Selected: chosen})
		if chosen {
			f.RunID = run.ID
			q.Set(revocation.ParamCampaign, run.Name)
		}
	}
	p.Active = len(q) > 0
	return f, q, nil
}

// boardTabs counts each view under the filter, and narrows the filter to the one that is asked for. It
// gives how many removals are held in all.
func (s *site) boardTabs(r *request, p *revocation.ListPage, f *store.RemediationFilter, q url.Values) (held int64, err error) {
	all, err := s.Store.RemediationCounts(r.Context(), store.RemediationFilter{Kinds: model.RemediationKinds})
	if err != nil {
		return 0, err
	}
	contested, err := s.Store.RemediationCounts(r.Context(), store.RemediationFilter{Kinds: model.RemediationKinds, Contested: true})
	if err != nil {
		return 0, err
	}
	held = all[model.Held] - contested[model.Held] // a contest wants an answer, and no second person
	byKinds := map[string]map[model.RemediationState]int64{}
	state := r.query(revocation.ParamState)
	base, known := *f, false
	for _, tab := range boardTabs {
		is := base
		is.States, is.Contested, is.Returned, is.Kinds = tab.states, tab.contested, tab.returned, tab.kinds
		if is.Kinds == nil {
			is.Kinds = taskKinds
		}
		if tab.late {
			is.LateAt = s.now()
		}
		counts, ok := byKinds[fmt.Sprint(is.Kinds)]
		if !ok {
			if counts, err = s.Store.RemediationCounts(r.Context(), store.RemediationFilter{Kinds: is.Kinds, Search: is.Search, RunID: is.RunID, SourceID: is.SourceID}); err != nil {
				return 0, err
			}
			byKinds[fmt.Sprint(is.Kinds)] = counts
		}
		n, err := s.boardCount(r, is, counts)
		if err != nil {
			return 0, err
		}
		t := revocation.Tab{Label: tab.label, Count: n, Current: state == tab.value, Href: boardHref(q, tab.value)}
		if n > 0 {
			t.Tone = tab.tone
		}
		p.Tabs = append(p.Tabs, t)
		if t.Current {
			*f, known, p.State = is, true, state
		}
	}
	if state != "" {
		q.Set(revocation.ParamState, state)
	}
	if st := model.RemediationState(strings.TrimSuffix(state, onlyRemovals)); !known && slices.Contains(model.RemediationStates, st) {
		f.States, f.Kinds, known, p.State = []model.RemediationState{st}, removalKinds, true, state // of one state that shares its view with others
	}
	if !known {
		return 0, errNotFound
	}
	return held, nil
}

// boardCount is how many removals a view holds; counts are those of its filter by state.
func (s *site) boardCount(r *request, f store.RemediationFilter, counts map[model.RemediationState]int64) (n int64, err error) {
	if f.Contested || f.Returned || f.LateAt != 0 {
		if counts, err = s.Store.RemediationCounts(r.Context(), f); err != nil {
			return 0, err
		}
	}
	states := f.States
	if len(states) == 0 {
		states = model.RemediationStates
	}
	for _, st := range states {
		n += counts[st]
	}
	return n, nil
}

func boardHref(q url.Values, state string) string {
	c := url.Values{}
	for k, v := range q {
		c[k] = v
	}
	c.Del(revocation.ParamState)
	if state != "" {
		c.Set(revocation.ParamState, state)
	}
	if len(c) == 0 {
		return "/revocations"
	}
	return "/revocations?" + c.Encode()
}

func (s *site) revocationRow(r *request, row *store.RemediationRow, path string) revocation.Row {
	v := revocation.Row{
		ID: itoa(row.ID), Person: subjectName(row.Subject), Source: row.Source, State: removalTag(row.Remediation),
		Since: ui.At(removalTime(row.Remediation), r.zone), Campaign: row.Run, By: decider(row),
	}
	v.Can, _ = removalWords(row)
	if path != "" {
		v.Can += ", through " + path
	}
	switch {
	case row.State == model.Sent && row.Mode == model.ModeManual:
		v.Note = "Waits for " + assignee(row)
	case row.State.Open() && row.Paused != "":
		v.Note = "Removals in " + row.Source + " are paused"
	case s.asleep(row):
		v.Note = wakes(r, row.WaitUntil, row.WaitReason)
	case row.State == model.Queued && row.Reason == "":
	default:
		v.Note = row.Reason
	}
	if row.BackAt.Known() && open(row) && row.State != model.CameBack {
		v.Note = strings.TrimSpace("It was gone and came back on " + ui.At(row.BackAt, r.zone).Text + ". " + v.Note)
	}
	if row.Contested {
		if v.Note == campaigns.WhyContested {
			v.Note = ""
		}
		v.Note = strings.TrimSpace("The person concerned contests it: answer that. " + v.Note)
	}
	s.clock(r, row, &v)
	return v
}

// decider is who decided that the access goes.
func decider(row *store.RemediationRow) string {
	switch {
	case row.ByDefault:
		return "Nobody answered"
	case row.Decider.Name != "":
		return row.Decider.Name
	}
	return ""
}

// open tells whether somebody or something is still at it, or must be.
func open(row *store.RemediationRow) bool { return row.State.Open() || row.State == model.Failed }

// clock says how long a removal takes or took, whether it is late, and when it is looked at next.
func (s *site) clock(r *request, row *store.RemediationRow, v *revocation.Row) {
	now := s.now()
	open := open(row)
	switch {
	case open:
		v.Age = "open for " + ui.Span(now.Std().Sub(row.Began().Std()))
	case row.ClosedAt.Known():
		v.Age = "took " + ui.Span(row.ClosedAt.Std().Sub(row.Began().Std()))
	}
	if due := row.Due(); open && due.Known() {
		if now > due {
			v.Late = ui.Tag{Text: "Late by " + ui.Span(now.Std().Sub(due.Std())), Tone: ui.Bad}
		} else {
			v.Due = ui.At(due, r.zone)
		}
	}
	if waits(row) && row.NextAt > now {
		v.Next = "goes out in " + ui.Span(row.NextAt.Std().Sub(now.Std()))
	} else if row.Mode != model.ModeManual && (row.State == model.Queued || row.State == model.Sent || row.State == model.CameBack) {
		if wait := row.NextAt.Std().Sub(now.Std()); wait >= time.Second {
			v.Next = "next look in " + ui.Span(wait)
		} else {
			v.Next = "next look within seconds"
		}
	}
}

// retryAll lets the failed removals that the page showed go on: who clicks answers for those, not for
// what has failed since.
func (s *site) retryAll(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	n := 0
	for _, text := range r.PostForm[revocation.FieldID] {
		id, err := number(text)
		if err != nil {
			return err
		}
		err = remediate.Retry(r.Context(), s.Store, r.actor, id)
		if k := model.KindOf(err); k == model.Conflict || k == model.Forbidden && len(r.PostForm[revocation.FieldID]) > 1 {
			continue // it goes on already, or is settled; or it is not this person's to let go on
		}
		if err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return redirect(w, r, "/revocations?state=failed") // the same click twice
	}
	return s.redirectWith(w, r, "/revocations", "retryall")
}
