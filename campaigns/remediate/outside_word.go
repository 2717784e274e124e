package remediate

import (
	"context"
	"errors"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// told tells whoever works on a ticket what became of what is said against the removal, once; done is that
// nothing more is to be done now. A message has nobody to tell.
func (w *Worker) told(ctx context.Context, o *order, note, text string) (done bool, err error) {
	if _, ok := o.desk.Opener.(connector.Follower); !ok {
		return false, nil
	}
	said, fail, err := w.say(ctx, o, text, noted(note))
	switch {
	case err != nil:
		return true, w.unsaid(ctx, o, err)
	case !said && fail.Kind == connector.Denied:
		// One that may not be commented on is no reason to leave all others alone: where the credentials are
		// refused the next look at any of them finds that too.
		o.ticket.Looks++
		return true, w.leave(ctx, o, whyOrderUntold+" "+fail.Msg, 0)
	case !said:
		return true, w.unfollowed(ctx, o, fail)
	}
	return false, nil // also where it may have got lost, or cannot be said there at all
}

// noted remembers of a ticket what it was told.
func noted(note string) func(t *model.Ticket, now model.Time) {
	return func(t *model.Ticket, now model.Time) {
		if t.Note = note; note == saidStays {
			t.Note += " " + now.String()
		}
	}
}

// untold forgets that a ticket was told a text.
func untold(t *model.Ticket, text string) {
	switch text {
	case textWait, textStays:
		t.Note = ""
	case textGoOn, textEnded:
		t.Note = saidWait
	default:
		t.Told = false // that the access is still there
	}
}

// say tells whoever works on a ticket something: that it is told is committed before, and taken back only where
// the system certainly did not take it and may take it later. Where nobody knows, it is looked for before it may be
// told again. The error is errFenced where somebody else has the removal, or tells the ticket something, and errNews
// where something was said against the removal, or answered, since it was claimed; then nothing is told.
func (w *Worker) say(ctx context.Context, o *order, text string, mark func(t *model.Ticket, now model.Time)) (said bool, fail *connector.Failure, err error) {
	f, ok := o.desk.Opener.(connector.Follower)
	if !ok {
		return true, nil, nil // nobody is there to be told
	}
	var next model.Ticket
	err = w.Store.InTx(ctx, func(tx *store.Tx) error {
		next = o.ticket
		// Whoever says something against it takes these locks in this order too.
		if err := tx.LockBrake(ctx, o.SourceID); err != nil {
			return err
		}
		if err := w.stillOurs(ctx, tx, o); err != nil {
			return err
		}
		c, err := contestNow(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if outcomeOf(c) != outcomeOf(o.contest) {
			return errNews
		}
		now, _, err := tx.Ticket(ctx, o.ID)
		if err != nil {
			return err
		}
		if now.Note != o.ticket.Note || now.Saying != o.ticket.Saying || now.Told != o.ticket.Told {
			return errFenced
		}
		mark(&next, tx.Now)
		next.Saying, next.SayingAt = text, tx.Now
		return tx.PutTicket(ctx, next)
	})
	if err != nil {
		return false, nil, err
	}
	o.ticket = next
	if err := w.fault(ctx, PointCalled, o.ID); err != nil {
		return false, nil, err
	}
	fail = w.guardedOutside(ctx, o, "comment", func(ctx context.Context) error { return f.Comment(ctx, o.reference(), text) })
	if err := w.fault(ctx, PointCallDone, o.ID); err != nil {
		return false, nil, err
	}
	if lost(fail) {
		return true, fail, nil
	}
	taken := !notTaken(fail)
	return taken, fail, w.settled(context.WithoutCancel(ctx), o, taken)
}

// settled writes down that a ticket has what it is being told, or has not; whoever finds that out tells it.
func (w *Worker) settled(ctx context.Context, o *order, taken bool) error {
	settle := func(t *model.Ticket) {
		if !taken {
			untold(t, t.Saying)
		}
		t.Saying, t.SayingAt = "", 0
	}
	was := o.ticket
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockRemediation(ctx, o.ID); err != nil {
			return err
		}
		now, ok, err := tx.Ticket(ctx, o.ID)
		if err != nil || !ok || now.Key != was.Key || now.Saying != was.Saying || now.SayingAt != was.SayingAt {
			return err // somebody found out before
		}
		settle(&now)
		return tx.PutTicket(ctx, now)
	})
	if err == nil {
		settle(&o.ticket)
	}
	return err
}

// doubt looks whether a ticket has what it may have been told. Where it cannot be looked at nothing is told again.
func (w *Worker) doubt(ctx context.Context, o *order, f connector.Follower) error {
	if o.ticket.Saying == "" || w.at(o.claim) < o.ticket.SayingAt.Add(orderInDoubt) {
		return nil
	}
	var there bool
	fail := w.guardedOutside(ctx, o, "comments", func(ctx context.Context) (err error) {
		there, err = f.Said(ctx, o.reference(), o.ticket.Saying)
		return err
	})
	if fail != nil {
		return nil //nolint:nilerr // it is logged, and looked for again later
	}
	return w.settled(ctx, o, there)
}

// notTaken tells whether a system certainly did not take what it was told, and may take it later.
func notTaken(fail *connector.Failure) bool {
	return fail != nil && (fail.Kind == connector.Denied || fail.Kind == connector.Unreachable && fail.RetryAfter > 0)
}

// lost tells whether nobody knows if a system took what it was told.
func lost(fail *connector.Failure) bool {
	return fail != nil && !gone(fail) && (fail.Kind == connector.Broken || fail.Kind == connector.Unreachable && fail.RetryAfter <= 0)
}

// untoldMost is how many tickets of removals that nobody works on are told something in one round.
const untoldMost = 20

// tellIdle tells the tickets of removals that nobody works on, as they wait for a person or have ended, or as
// removals are stopped, what is true; it gives how many it looked at.
func (w *Worker) tellIdle(ctx context.Context) (n int, err error) {
	if w.Outside == nil {
		return 0, nil
	}
	at := model.TimeOf(w.Now())
	tickets, err := w.Store.UntoldTickets(ctx, saidStays, saidWait, at, at.Add(-followMost), untoldMost)
	if err != nil {
		return 0, err
	}
	for _, t := range tickets {
		o, err := w.takeIdle(ctx, t)
		if err != nil {
			return n, err
		}
		if o == nil {
			continue
		}
		n++
		if err := w.attendIdle(ctx, o); err != nil && !errors.Is(err, errFenced) && !errors.Is(err, errNews) {
			return n, err
		}
	}
	return n, nil
}

// takeIdle takes the ticket of a removal that nobody works on; nil is that somebody else has it. The removal is not
// claimed, as nothing is asked for it.
func (w *Worker) takeIdle(ctx context.Context, t store.UntoldTicket) (o *order, err error) {
	err = w.Store.InTx(ctx, func(tx *store.Tx) error {
		o = nil
		r, err := tx.LockRemediation(ctx, t.RemediationID)
		if err != nil {
			return err
		}
		now, ok, err := tx.Ticket(ctx, r.ID)
		if err != nil || !ok || now.FollowedAt != t.FollowedAt || !idle(r, tx.Now) {
			return err
		}
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return err
		}
		c := &order{claim: &claim{Remediation: r, run: run.Name}, ticket: now, idle: true}
		if c.contest, err = contestNow(ctx, tx, r.ID); err != nil {
			return err
		}
		w.sync(c.claim, tx.Now)
		c.ticket.FollowedAt = tx.Now // the next one waits
		o = c
		return tx.PutTicket(ctx, c.ticket)
	})
	return o, err
}

// idle tells whether nobody works on a removal. What was asked for is idle as long as nobody has claimed it, which
// nobody does while removals are stopped.
func idle(r model.Remediation, now model.Time) bool {
	return !r.State.Open() || r.State == model.Held || r.State == model.Sent && r.LeaseUntil < now
}

// attendIdle looks where a ticket stands and tells it what is true. What cannot be done now is done later: of what
// was asked for, whoever goes on with it finds that its ticket is gone, and tells that the removal goes on.
func (w *Worker) attendIdle(ctx context.Context, o *order) error {
	desk, err := w.Outside(ctx, o.SourceID)
	if err != nil {
		return nil //nolint:nilerr // the source's page tells what is wrong with it
	}
	o.desk = desk
	f, ok := desk.Opener.(connector.Follower)
	if !ok {
		return nil
	}
	var p connector.Progress
	fail := w.guardedOutside(ctx, o, "follow", func(ctx context.Context) (err error) {
		p, err = f.Follow(ctx, o.reference())
		return err
	})
	sent := o.State == model.Sent
	switch {
	case gone(fail) && !sent:
		return w.Store.InTx(ctx, func(tx *store.Tx) error {
			if err := w.stillOurs(ctx, tx, o); err != nil {
				return err
			}
			return w.forget(ctx, tx, o)
		})
	case fail != nil:
		return nil //nolint:nilerr // it is logged, and tried again later
	}
	if err := w.moved(ctx, o, p); err != nil {
		return err
	}
	if err := w.doubt(ctx, o, f); err != nil || o.ticket.Closed() && !sent || o.ticket.Saying != "" {
		return err
	}
	switch {
	case o.upheld(), o.State == model.Cancelled:
		if _, ok := o.saidStays(); !ok {
			_, _, err = w.say(ctx, o, textStays, noted(saidStays))
		}
	case o.ticket.Note == saidWait && !o.State.Open() && o.State != model.Failed && (!o.disputed() || o.State == model.Superseded): // nobody can answer it any more
		_, _, err = w.say(ctx, o, textEnded, noted(saidEnded))
	case o.disputed() && o.ticket.Note == "" && (sent || o.State == model.Held || o.State == model.Failed):
		_, _, err = w.say(ctx, o, textWait, noted(saidWait))
	}
	return err
}
