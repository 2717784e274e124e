package web

import (
	"slices"

	"recert/model"
	"recert/model/store"
	"recert/views/home"
	"recert/views/revocation"
)

// homeNeeds is how many removals the first page shows to the owner of a campaign or a source.
const homeNeeds = 20

// needs is what the reader is told of as an owner: what came back or is contested.
func (s *site) needs(r *request) (out []home.Need, more bool, err error) {
	rows, err := s.Campaigns.NeedsOwner(r.Context(), r.actor, homeNeeds+1)
	if err != nil {
		return nil, false, err
	}
	if len(rows) > homeNeeds {
		rows, more = rows[:homeNeeds], true
	}
	for i := range rows {
		row := &rows[i]
		n := home.Need{ID: itoa(row.ID), What: taskWhat(row), Where: row.Source + ", " + row.Run, State: removalTag(row.Remediation)}
		switch {
		case row.Contested:
			n.Reason = "The person concerned contests it, and nobody has answered yet."
		case row.State == model.CameBack:
			n.Reason = meanings[model.CameBack]
		default:
			n.Reason = "It was proven gone and came back. It is being removed again."
		}
		out = append(out, n)
	}
	return out, more, nil
}

// needSomebody are the views of the board that somebody must look at.
var needSomebody = []string{"contested", "came_back", "failed", "held"}

// homeBoard counts what needs somebody, for who is responsible for all removals; nil for everybody else. It does
// not ask whether a campaign has an owner: that one may be away.
func (s *site) homeBoard(r *request) (*home.Board, error) {
	if !r.actor.Has(managers...) {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	b := &home.Board{}
	for _, tab := range boardTabs {
		if !slices.Contains(needSomebody, tab.value) {
			continue
		}
		f := store.RemediationFilter{Kinds: tab.kinds, Contested: tab.contested, Returned: tab.returned}
		if f.Kinds == nil {
			f.Kinds = taskKinds
		}
		counts, err := s.Store.RemediationCounts(r.Context(), f)
		if err != nil {
			return nil, err
		}
		var n int64
		for state, count := range counts {
			if len(tab.states) == 0 || slices.Contains(tab.states, state) {
				n += count
			}
		}
		b.Views = append(b.Views, home.View{Label: tab.label, Href: "/revocations?" + revocation.ParamState + "=" + tab.value, Count: n, Tone: tab.tone})
	}
	return b, nil
}
