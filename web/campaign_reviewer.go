package web

import (
	"fmt"

	"recert/campaigns"
	"recert/model"
	"recert/views/campaign"
	"recert/views/ui"
)

// reviewerRows is how many reviewers a page shows.
const reviewerRows = 100

// reviewers fills in a page of the run's reviewers. A page begins after a reviewer with so many items left: both are
// the cursor.
func reviewers(r *request, p *campaign.Page, v *campaigns.RunView, loc *timeLocation) error {
	pages := listOf(ui.Path("campaigns", v.Run.Name), nil)
	at, err := r.cursor(pages)
	if err != nil {
		return err
	}
	rows := v.Reviewers
	if at != "" {
		var left, key int64
		if _, err := fmt.Sscanf(at, "%d.%d", &left, &key); err != nil {
			return pages.broken()
		}
		var ok bool
		if rows, ok = v.After(left, key); !ok {
			return pages.broken()
		}
	}
	if err := pages.movedOn(at != "", len(rows)); err != nil {
		return err
	}
	next, shown := "", ""
	if all := int64(len(v.Reviewers)); all > reviewerRows {
		shown = ui.Count(all, "reviewer", "reviewers")
	}
	if len(rows) > reviewerRows {
		rows = rows[:reviewerRows]
		last := rows[reviewerRows-1]
		next = fmt.Sprintf("%d.%d", v.Left(last), last.Key)
	}
	for _, rev := range rows {
		p.Reviewers = append(p.Reviewers, reviewerRow(v, rev, loc))
	}
	p.Pager = pages.pages(at, next, shown)
	return nil
}

func reviewerRow(v *campaigns.RunView, rev campaigns.ReviewerView, loc *timeLocation) campaign.Reviewer {
	c := rev.Counts
	row := campaign.Reviewer{
		PersonID: rev.Reviewer.PersonID, Name: rev.Reviewer.Name, Done: c.Items - c.Gone - c.Unanswered, Total: c.Items - c.Gone,
		Kept: c.Kept, Removed: c.Revoked, Lowered: c.Reduced, Unsure: c.Unsure, Signed: ui.At(rev.SignedAt, loc),
	}
	switch {
	case rev.SignedAt.Known() || v.Run.State == model.Closed:
	case v.Overdue:
		row.Note = ui.Tag{Text: "Overdue", Tone: ui.Bad}
	case row.Total > 0 && row.Done == 0:
		row.Note = ui.Tag{Text: "Has not started"}
	}
	return row
}
