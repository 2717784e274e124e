package notify

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"recert/model"
)

// review is what one reviewer still has to do in one run.
type review struct {
	Title string
	Items int64
	Open  int64  // without an answer; 0 is that only the sign-off is missing
	Due   string // a day and an hour, in the campaign's zone
	Late  bool   // that is over
	page  string
}

// reviews lists what waits for the reader, what is due first at the top: of one run where the message
// is about one, of all of them otherwise.
func (v *view) reviews(ctx context.Context, q reader, m model.OutMessage, now model.Time) error {
	if m.PersonKey == nil {
		return fmt.Errorf("message %d is to no person", m.ID)
	}
	parts, err := q.UnfinishedReviews(ctx, *m.PersonKey)
	if err != nil {
		return err
	}
	for i := range parts {
		p := &parts[i]
		if m.Kind == model.MessageReview && (m.RunID == nil || p.RunID != *m.RunID) {
			continue
		}
		zone, err := time.LoadLocation(p.TimeZone)
		if err != nil {
			return fmt.Errorf("run %s: %w", p.Name, err)
		}
		v.Reviews = append(v.Reviews, review{
			Title: campaignTitle(p.Name, p.Spec), Items: p.Items, Open: p.Open, Late: p.DueAt < now,
			Due: p.DueAt.Std().In(zone).Format("Monday 2 January 2006, 15:04 MST"), page: "/reviews/" + url.PathEscape(p.Name),
		})
	}
	if len(v.Reviews) == 0 {
		return errNothing
	}
	v.Late = v.Reviews[0].Late
	if len(v.Reviews) > maxRows {
		v.Reviews, v.More = v.Reviews[:maxRows], len(v.Reviews)-maxRows
	}
	return nil
}
