package campaigns

import (
	"context"
	"math"
	"time"

	"recert/model"
	"recert/model/store"
)

// stuckMoves is how often an item goes from reviewer to reviewer before somebody should look at it.
const stuckMoves = 3

// Pace is how a run comes along.
type Pace struct {
	Total  int64 // items
	Points []PacePoint
	Legs   []PaceLeg           // of the even pace: one, and one more for each change of when the run is due
	Moved  int64               // open items that went from reviewer to reviewer three times or more
	Stuck  []StuckItem         // the first of them, the one that moved most at the top
	Absent []model.RunReviewer // who have left or are away, with open items
}

// PacePoint is how many items were without an answer at the end of a day where the campaign is; the first point is
// the launch, the last one is now, or the close.
type PacePoint struct {
	At   model.Time
	Open int64
	Even int64 // that would be, if as much was answered each day until the run is due
}

// PaceLeg is an even pace from what was open at a time to nothing when the run is due. Where the run is made due at
// another time, the pace begins anew from what is open then.
type PaceLeg struct {
	At   model.Time
	Open int64
	Due  model.Time
}

// maxStuck is how many items that do not come along are shown.
const maxStuck = 5

// StuckItem is an open item that goes from reviewer to reviewer.
type StuckItem struct {
	Row   Row
	With  model.ReviewerValue // who is asked now
	Moves int64
}

// Pace tells how a run comes along, to who may see all of it. An answer that was taken back counts until then.
func (s *Service) Pace(ctx context.Context, actor model.Actor, run model.Run) (Pace, error) {
	if !readsAll(actor) {
		return Pace{}, noRun()
	}
	p := Pace{Total: run.Items}
	loc, err := zone(run.TimeZone)
	if err != nil {
		return p, err
	}
	end := model.TimeOf(s.Store.Now())
	if run.State == model.Closed {
		end = run.ClosedAt
	}
	settled, err := s.Store.SettledByHour(ctx, run.ID)
	if err != nil {
		return p, err
	}
	if p.Legs, err = s.legs(ctx, run, settled); err != nil {
		return p, err
	}
	open, at := run.Items, 0
	point := func(t model.Time) {
		for at < len(settled) && (settled[at].At() <= t || t == end) {
			open -= settled[at].N
			at++
		}
		p.Points = append(p.Points, PacePoint{At: t, Open: open, Even: p.even(t)})
	}
	p.Points = append(p.Points, PacePoint{At: run.LaunchedAt, Open: run.Items, Even: run.Items})
	for t := nextDay(run.LaunchedAt, loc); t < end; t = nextDay(t, loc) {
		point(t)
	}
	point(end)
	if run.State != model.Running {
		return p, nil
	}
	if p.Moved, err = s.Store.MovedItems(ctx, run.ID, stuckMoves); err != nil {
		return p, err
	}
	if p.Stuck, err = s.stuck(ctx, actor, run); err != nil {
		return p, err
	}
	p.Absent, err = s.Store.AbsentReviewers(ctx, run.ID)
	return p, err
}

// nextDay is the first midnight after an instant.
func nextDay(t model.Time, loc *time.Location) model.Time {
	d := t.Std().In(loc)
	return model.TimeOf(time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, loc))
}

// legs are the legs of a run's even pace, the first one first.
func (s *Service) legs(ctx context.Context, run model.Run, settled []store.HourCount) ([]PaceLeg, error) {
	list, err := amendments(ctx, s.Store, run.Name)
	if err != nil {
		return nil, err
	}
	due := run.DueAt
	if len(list) > 0 {
		due = list[0].From
	}
	legs := []PaceLeg{{At: run.LaunchedAt, Open: run.Items, Due: due}}
	for _, a := range list {
		if a.To == a.From {
			continue // paused, or goes on with the same date
		}
		open := run.Items
		for _, h := range settled {
			if h.At() <= a.At {
				open -= h.N
			}
		}
		legs = append(legs, PaceLeg{At: a.At, Open: open, Due: a.To})
	}
	return legs, nil
}

// even is how many items would be open at a time, rounded up.
func (p *Pace) even(t model.Time) int64 {
	leg := p.Legs[0]
	for _, l := range p.Legs[1:] {
		if l.At <= t {
			leg = l
		}
	}
	return leg.Even(t)
}

// Even is how many items would be open at a time of the leg, rounded up.
func (l PaceLeg) Even(t model.Time) int64 {
	whole := float64(l.Due - l.At)
	if t >= l.Due || whole <= 0 {
		return 0
	}
	return min(int64(math.Ceil(float64(l.Open)*float64(l.Due-t)/whole)), l.Open)
}

// stuck are the first of the items that go from reviewer to reviewer.
func (s *Service) stuck(ctx context.Context, actor model.Actor, run model.Run) ([]StuckItem, error) {
	moved, err := s.Store.MostMoved(ctx, run.ID, stuckMoves, maxStuck)
	if err != nil {
		return nil, err
	}
	out := make([]StuckItem, len(moved))
	for i, m := range moved {
		x := &out[i]
		x.Moves = m.Moves
		if x.Row, err = s.Item(ctx, actor, run.ID, m.ItemID); err != nil {
			return nil, err
		}
		part, _, err := s.Store.RunReviewer(ctx, run.ID, x.Row.Item.ReviewerKey)
		if err != nil {
			return nil, err
		}
		if x.With, err = reviewerValue(part.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Hand is something about a running campaign that only who runs it can do.
type Hand struct {
	Run      model.Run
	Overdue  bool
	Finished bool  // everybody has signed off, and it does not close by itself
	Absent   int64 // reviewers who have left or are away, with open items
	Moved    int64 // open items that went from reviewer to reviewer three times or more
}

// Hands tells what the running campaigns need of who runs them; those that need nothing are left out.
func (s *Service) Hands(ctx context.Context, actor model.Actor) ([]Hand, error) {
	if err := mayRun(actor); err != nil {
		return nil, err
	}
	runs, err := s.Runs(ctx, actor)
	if err != nil {
		return nil, err
	}
	var out []Hand
	for _, r := range runs {
		if r.Run.State != model.Running {
			continue
		}
		h, err := s.hand(ctx, r.Run)
		if err != nil {
			return nil, err
		}
		if h.Overdue || h.Finished || h.Run.PausedAt.Known() || h.Absent+h.Moved > 0 {
			out = append(out, h)
		}
	}
	return out, nil
}

func (s *Service) hand(ctx context.Context, run model.Run) (Hand, error) {
	h := Hand{Run: run, Overdue: Overdue(run, s.Store.Now())}
	spec, err := specOf(run)
	if err != nil {
		return h, err
	}
	absent, err := s.Store.AbsentReviewers(ctx, run.ID)
	if err != nil {
		return h, err
	}
	h.Absent = int64(len(absent))
	if h.Moved, err = s.Store.MovedItems(ctx, run.ID, stuckMoves); err != nil {
		return h, err
	}
	people, err := s.Store.UnfinishedReviewers(ctx, run.ID)
	h.Finished = spec.Close == "" && len(people) == 0 && h.Absent == 0
	return h, err
}
