package campaigns

import (
	"cmp"
	"slices"
	"strings"

	"recert/model"
)

// ReviewerView is one reviewer's progress.
type ReviewerView struct {
	Key      int64
	Reviewer model.ReviewerValue
	Counts   model.Counts
	SignedAt model.Time
}

// order puts those first who keep the run from its end, the one with most to do at the top; of a closed run everybody
// is by name.
func (v *RunView) order() {
	slices.SortFunc(v.Reviewers, func(a, b ReviewerView) int {
		return cmp.Or(cmp.Compare(v.Left(b), v.Left(a)), strings.Compare(a.Reviewer.Name, b.Reviewer.Name), strings.Compare(a.Reviewer.PersonID, b.Reviewer.PersonID))
	})
}

// Left is how many items a reviewer has not answered while that matters; -1 once the reviewer has signed off, or the
// run is closed.
func (v *RunView) Left(r ReviewerView) int64 {
	if v.Run.State == model.Closed || r.SignedAt.Known() {
		return -1
	}
	return r.Counts.Unanswered
}

// After are the reviewers that follow one who had so many items left when the list was shown. As answers come in a
// reviewer goes down the list, so that nobody is passed over; ok is false where the run has no such reviewer.
func (v *RunView) After(left, key int64) (rest []ReviewerView, ok bool) {
	i := slices.IndexFunc(v.Reviewers, func(r ReviewerView) bool { return r.Key == key })
	if i < 0 {
		return nil, false
	}
	last := v.Reviewers[i].Reviewer
	for _, r := range v.Reviewers {
		if cmp.Or(cmp.Compare(left, v.Left(r)), strings.Compare(r.Reviewer.Name, last.Name), strings.Compare(r.Reviewer.PersonID, last.PersonID)) > 0 {
			rest = append(rest, r)
		}
	}
	return rest, true
}
