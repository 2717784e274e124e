package remediate

import (
	"context"
	"errors"
	"strings"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// Reasons of removals that were asked for in another system and that the person concerned contests.
const (
	whyOrderContested = campaigns.WhyOrderContested
	whyOrderStays     = "It was decided that the access stays, after it was asked for in another system. What is read from now on decides how: there, the removal ends; gone, the access is given back."
)

// What a ticket is told of a contest, and how it is remembered in Ticket.Note that it was.
const (
	saidWait  = "told to wait"
	saidGoOn  = "told to go on"
	saidStays = "told that the access stays" // followed by when
	saidEnded = "told that nothing is waited for any more"

	textWait  = "The person whose access this is about contests the removal. Please wait: do nothing here until Recert says how that was answered."
	textGoOn  = "What the person whose access this is about said against the removal was answered: it stands. Please go on with it."
	textEnded = "Nothing is waited for any more: the removal has ended in Recert, and nothing is asked for here. This ticket can be closed."
	textStays = "It was decided that the access is to stay. Nothing is to be done here any more; this ticket can be closed. Where the access was taken away already, Recert sees to it that it is given back."
)

// hookSettles is how long a message that nobody reported on is waited for, after it was decided that the
// access stays: its receiver may still be at it.
const hookSettles = 2 * time.Hour

// contested goes on with an order that the person concerned has said something against; done is that
// nothing more is to be done now.
func (w *Worker) contested(ctx context.Context, o *order) (done bool, err error) {
	switch {
	case o.contest == nil:
		return false, nil
	case o.contest.Outcome == model.ContestOpen:
		return true, w.waits(ctx, o)
	case o.contest.Outcome == model.ContestUpheld:
		return true, w.stays(ctx, o)
	}
	if o.Reason == whyOrderContested || o.Reason == campaigns.WhyOrderAnswered {
		o.Reason = whyOrdered
	}
	if o.ticket.Note != saidWait {
		return false, nil
	}
	return w.told(ctx, o, saidGoOn, textGoOn)
}

// waits leaves an order alone while nobody has answered what is said against it; what is gone is proven all
// the same.
func (w *Worker) waits(ctx context.Context, o *order) error {
	if o.ticket.Closed() && o.desk.Look != nil {
		seen, fail := w.look(ctx, o.claim, o.desk.Look)
		if o.try.ReadAt = 0; fail == nil && seen.Presence == connector.Absent {
			return w.examine(ctx, o)
		}
	}
	if o.ticket.Note == "" {
		if done, err := w.told(ctx, o, saidWait, textWait); done || err != nil {
			return err
		}
	}
	o.ticket.Looks++
	return w.leave(ctx, o, whyOrderContested, 0)
}

// stays ends an order of which it was decided that the access stays: what is still there is held, so that it
// ends in the name of who answered, and what is gone is proven, so that it is given back.
func (w *Worker) stays(ctx context.Context, o *order) error {
	_, follows := o.desk.Opener.(connector.Follower)
	since := o.contest.AnsweredAt
	if follows && !o.lost {
		if at, ok := o.saidStays(); ok {
			since = at
		} else if done, err := w.told(ctx, o, saidStays, textStays); done || err != nil {
			return err
		} else if at, ok = o.saidStays(); ok {
			since = at
		}
	}
	reported := follows || o.ticket.Closed() || o.ticket.Status == ReportRefused
	switch {
	case o.desk.Look == nil:
		return w.staysBySnapshot(ctx, o, since)
	case !reported && w.at(o.claim) < since.Add(hookSettles):
		o.Reason = whyOrderStays
		return w.glance(ctx, o)
	}
	return w.examine(ctx, o)
}

// staysBySnapshot is stays for sources that only snapshots show.
func (w *Worker) staysBySnapshot(ctx context.Context, o *order, since model.Time) error {
	read, err := w.Store.ShownSince(ctx, o.Remediation, since)
	if err != nil {
		return err
	}
	if !read.Known() {
		w.rereads(o.SourceID)
		o.ticket.Looks++
		return w.leave(ctx, o, whyOrderStays, 0)
	}
	err = w.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := w.stillOurs(ctx, tx, o); err != nil {
			return err
		}
		return o.stop(ctx, tx, *held(campaigns.WhyStays))
	})
	if errors.Is(err, errFenced) {
		return nil
	}
	if err == nil {
		w.staysNow(ctx, o.claim)
	}
	return err
}

// saidStays is when the ticket was told that the access stays; ok is false where it was not.
func (o *order) saidStays() (at model.Time, ok bool) {
	text, ok := strings.CutPrefix(o.ticket.Note, saidStays+" ")
	if !ok {
		return 0, false
	}
	at, err := model.ParseTime(text)
	return at, err == nil
}

// errNews ends a transaction of a worker that would go by what does not hold any more.
var errNews = errors.New("something was said against it, or answered, in the meantime")

// unsaid lets go of an order that nothing was told about.
func (w *Worker) unsaid(ctx context.Context, o *order, err error) error {
	switch {
	case errors.Is(err, errFenced):
		return nil
	case errors.Is(err, errNews):
		return w.leaveFor(ctx, o, o.Reason, 0)
	}
	return err
}

// contestNow is what is said against a removal; nil is nothing.
func contestNow(ctx context.Context, tx *store.Tx, removal int64) (*model.Contest, error) {
	c, ok, err := tx.Contest(ctx, removal)
	if err != nil || !ok {
		return nil, err
	}
	return &c, nil
}

// outcomeOf is how a contest stands; "none" is that there is none.
func outcomeOf(c *model.Contest) model.ContestOutcome {
	if c == nil {
		return "none"
	}
	return c.Outcome
}

// upheld tells whether it was decided that the access stays.
func (o *order) upheld() bool { return outcomeOf(o.contest) == model.ContestUpheld }

// disputed tells whether nobody has answered what the person concerned says.
func (o *order) disputed() bool { return outcomeOf(o.contest) == model.ContestOpen }
