package web

import (
	"net/http"

	"recert/campaigns"
	"recert/model"
	"recert/static"
	"recert/views/help"
	"recert/views/home"
	"recert/views/layout"
	"recert/views/ui"
)

// home is "My reviews".
func (s *site) home(w http.ResponseWriter, r *request) error {
	reviews, err := s.Campaigns.Reviews(r.Context(), r.actor)
	if err != nil {
		return err
	}
	p := home.Page{Frame: s.frame(r, "My reviews", layout.Reviews)}
	var left int64
	for _, v := range reviews {
		if !v.Open() {
			p.Done = append(p.Done, s.doneReview(v))
			continue
		}
		c := v.Counts
		p.Open = append(p.Open, home.Card{
			Campaign: v.Run.Name, Name: v.Title, Due: ui.At(v.Run.DueAt, zone(v.Run.TimeZone)), Left: s.cardTag(v),
			Done: c.Items - c.Gone - c.Unanswered, Total: c.Items - c.Gone,
		})
		left += c.Unanswered
	}
	if len(p.Open) > 0 {
		p.Summary = ui.Count(int64(len(p.Open)), "review", "reviews") + ", " + ui.Count(left, "answer", "answers") + " to give."
		if left == 0 {
			p.Summary = "Everything is answered. Sign off to finish."
		}
	}
	if p.Needs, p.MoreNeeds, err = s.needs(r); err != nil {
		return err
	}
	if p.Board, err = s.homeBoard(r); err != nil {
		return err
	}
	if p.Leaving, err = s.leaving(r); err != nil {
		return err
	}
	if p.Tasks, err = s.tasks(r); err != nil {
		return err
	}
	return s.render(w, r, home.Show(p))
}

// cardTag says how long there is for a review, or that it is paused.
func (s *site) cardTag(v campaigns.Review) ui.Tag {
	if v.Run.PausedAt.Known() {
		return ui.Tag{Text: "Paused", Tone: ui.Warn}
	}
	return s.left(v.Run.DueAt, true, v.Run.TimeZone)
}

func (s *site) doneReview(v campaigns.Review) home.Done {
	loc := zone(v.Run.TimeZone)
	return home.Done{
		Campaign: v.Run.Name, Name: v.Title, Signed: ui.At(v.Part.SignedAt, loc), Closed: ui.At(v.Run.ClosedAt, loc),
		Summary: ui.Num(v.Counts.Kept) + " kept, " + ui.Num(v.Counts.Revoked) + " to remove",
	}
}

func (s *site) help(w http.ResponseWriter, r *request) error {
	return s.render(w, r, help.Show(help.Page{Frame: s.frame(r, "Help", layout.Elsewhere), Connects: s.Probe != nil && r.actor.Has(model.Admin)}))
}

func (s *site) setTheme(r *request, theme string) error {
	return campaigns.SetTheme(r.Context(), s.Store, r.user.ID, theme)
}

func (s *site) static(w http.ResponseWriter, r *request) error {
	static.Handler().ServeHTTP(w, r.Request)
	return nil
}
