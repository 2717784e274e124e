package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/views/campaign"
	"recert/views/ui"
)

// The field that a burn-down is drawn in.
const (
	paceWidth  = 1000
	paceHeight = 300
)

// pace shows how a run comes along, and what does not come along by itself.
func (s *site) pace(r *request, p *campaign.Page, run model.Run, loc *timeLocation) error {
	if run.Items == 0 {
		return nil
	}
	pace, err := s.Campaigns.Pace(r.Context(), r.actor, run)
	if err != nil {
		return err
	}
	p.Pace = paceView(run, &pace, loc)
	if n := int64(len(pace.Absent)); n > 0 {
		p.Problems = append(p.Problems, absentWords(n)+", with open items. They go to whom the rules give with the next list of people; or hand them over below.")
	}
	if pace.Moved > 0 {
		p.Problems = append(p.Problems, movedWords(pace.Moved))
	}
	p.StuckAll = pace.Moved
	for i := range pace.Stuck {
		x := &pace.Stuck[i]
		can, _ := accessWords(x.Row.Entitlement)
		p.Stuck = append(p.Stuck, campaign.Stuck{PersonID: x.Row.Subject.PersonID, Person: subjectName(x.Row.Subject), Access: x.Row.Source + " · " + can, With: x.With.Name, Moves: x.Moves})
	}
	return nil
}

func absentWords(n int64) string {
	return ui.Count(n, "reviewer has left or is", "reviewers have left or are") + " away"
}

func movedWords(n int64) string {
	return ui.Count(n, "open item was", "open items were") + " passed on three times or more. Find out who can answer, and hand over."
}

func paceView(run model.Run, pace *campaigns.Pace, loc *timeLocation) *campaign.Pace {
	last := pace.Points[len(pace.Points)-1]
	end := max(run.DueAt, last.At)
	at := func(t model.Time, open int64) string {
		x := float64(t-run.LaunchedAt) / max(1, float64(end-run.LaunchedAt)) * paceWidth
		y := paceHeight * (1 - float64(open)/float64(run.Items))
		return strconv.FormatFloat(x, 'f', 1, 64) + "," + strconv.FormatFloat(y, 'f', 1, 64)
	}
	var line, even []string
	for i, leg := range pace.Legs {
		even = append(even, at(leg.At, leg.Open))
		stop := leg.Due
		if i+1 < len(pace.Legs) {
			if next := pace.Legs[i+1].At; next < stop {
				stop = next
			} else {
				even = append(even, at(stop, 0))
				stop = next
			}
		}
		even = append(even, at(stop, leg.Even(stop)))
	}
	out := &campaign.Pace{From: ui.Day(run.LaunchedAt, loc).Text, To: ui.Day(end, loc).Text, Even: strings.Join(even, " ")}
	for i, x := range pace.Points {
		line = append(line, at(x.At, x.Open))
		if i > 0 {
			out.Rows = append(out.Rows, campaign.PaceRow{Day: ui.Day(x.At-1, loc).Text, Open: x.Open, Even: x.Even})
		}
	}
	out.Line = strings.Join(line, " ")
	out.Text = ui.Count(last.Open, "item has", "items have") + " no answer."
	if run.State != model.Running {
		return out
	}
	out.Now, _, _ = strings.Cut(at(last.At, 0), ",")
	out.Text += " At an even pace it would be " + ui.Num(last.Even) + "."
	out.State = ui.Tag{Text: "On pace", Tone: ui.Good}
	if last.Open > last.Even {
		out.State = ui.Tag{Text: "Behind an even pace", Tone: ui.Warn}
	}
	return out
}

// campaignLive tells when something of a run has changed.
func (s *site) campaignLive(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return err
	}
	return s.stream(w, r, func(ctx context.Context) (string, error) {
		run, err := s.Store.RunByID(ctx, run.ID)
		if err != nil {
			return "", err
		}
		counts, err := s.Store.RunCounts(ctx, run.ID)
		if err != nil {
			return "", err
		}
		removals, err := s.Store.RemediationCounts(ctx, store.RemediationFilter{RunID: run.ID})
		return fmt.Sprint(run.State, run.PausedAt, run.DueAt, counts, removals), err // a map prints in the order of its keys
	})
}

// hands says what needs who runs campaigns today.
func (s *site) hands(r *request, p *campaign.ListPage) error {
	hands, err := s.Campaigns.Hands(r.Context(), r.actor)
	if err != nil {
		return err
	}
	for i := range hands {
		h := &hands[i]
		var words []string
		switch {
		case h.Run.PausedAt.Known():
			words = append(words, "It is paused since "+ui.Day(h.Run.PausedAt, zone(h.Run.TimeZone)).Text+": let it go on when it can.")
		case h.Finished:
			words = append(words, "Everybody has signed off: it can be closed.")
		case h.Overdue:
			words = append(words, "It is overdue: remind those who have not finished, make it due later, or close it.")
		}
		if h.Absent > 0 {
			words = append(words, absentWords(h.Absent)+": hand their items over.")
		}
		if h.Moved > 0 {
			words = append(words, movedWords(h.Moved))
		}
		p.Hands = append(p.Hands, campaign.Hand{Name: h.Run.Name, Href: ui.Path("campaigns", h.Run.Name), Text: strings.Join(words, " ")})
	}
	board, err := s.homeBoard(r)
	if err != nil || board == nil {
		return err
	}
	for _, v := range board.Views {
		if v.Count > 0 {
			p.Hands = append(p.Hands, campaign.Hand{Name: "Removals: " + strings.ToLower(v.Label), Href: v.Href, Text: ui.Count(v.Count, "removal needs", "removals need") + " somebody."})
		}
	}
	return nil
}
