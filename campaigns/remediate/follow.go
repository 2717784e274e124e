package remediate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// follow looks where an order stands. Where the outside system takes it for done, the source is
// looked at: only that tells.
func (w *Worker) follow(ctx context.Context, o *order) error {
	if f, ok := o.desk.Opener.(connector.Follower); ok {
		done, err := w.progress(ctx, o, f)
		if err != nil || done {
			return err
		}
	}
	if done, err := w.contested(ctx, o); done || err != nil {
		return err
	}
	switch {
	case !o.ticket.Closed():
		o.ticket.Looks++
		return w.leave(ctx, o, o.Reason, 0)
	case o.desk.Look == nil:
		return w.untilSnapshot(ctx, o)
	case o.ticket.Told:
		return w.glance(ctx, o)
	}
	return w.examine(ctx, o)
}

// progress asks where the order stands and stores what is new; done is that nothing more is to be
// done now.
func (w *Worker) progress(ctx context.Context, o *order, f connector.Follower) (done bool, err error) {
	var p connector.Progress
	fail := w.guardedOutside(ctx, o, "follow", func(ctx context.Context) (err error) {
		p, err = f.Follow(ctx, o.reference())
		return err
	})
	switch {
	case gone(fail) && o.upheld():
		o.lost = true // nobody is there to be told
		return false, nil
	case gone(fail):
		return true, w.lostOrder(ctx, o)
	case fail != nil:
		return true, w.unfollowed(ctx, o, fail)
	}
	if err = w.moved(ctx, o, p); err == nil {
		err = w.doubt(ctx, o, f)
	}
	if errors.Is(err, errFenced) {
		return true, nil
	}
	return false, err
}

// moved stores where an order stands, if that is new.
func (w *Worker) moved(ctx context.Context, o *order, p connector.Progress) error {
	if p.Text == o.ticket.Status && p.Closed == o.ticket.Closed() {
		return nil
	}
	var t model.Ticket
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := w.stillOurs(ctx, tx, o); err != nil {
			return err
		}
		t = o.ticket
		t.Status, t.Looks, t.FollowedAt = p.Text, 0, tx.Now
		switch {
		case !p.Closed:
			t.ClosedAt, t.Told = 0, false
		case !t.Closed():
			t.ClosedAt, t.Told = tx.Now, false
		}
		if err := tx.PutTicket(ctx, t); err != nil {
			return err
		}
		return orderEvent(ctx, tx, actor, o.run, o.Remediation, t, model.TicketMoved, "")
	})
	if err == nil {
		o.ticket = t
	}
	return err
}

func (o *order) reference() connector.Reference {
	t := o.ticket
	return connector.Reference{ID: t.Ref, Handle: t.Handle, URL: t.URL, Status: t.Status, Closed: t.Closed()}
}

// stillOurs fails where somebody else has the removal by now; else nobody gets it before the
// transaction ends.
func (w *Worker) stillOurs(ctx context.Context, tx *store.Tx, o *order) error {
	now, err := tx.LockRemediation(ctx, o.ID)
	if err != nil {
		return err
	}
	if now.Fence != o.Fence || !o.idle && now.LeaseUntil < tx.Now {
		return errFenced
	}
	return nil
}

// unfollowed lets go of an order that could not be looked at.
func (w *Worker) unfollowed(ctx context.Context, o *order, fail *connector.Failure) error {
	o.ticket.Looks++
	reason := whyOrderDown
	switch fail.Kind {
	case connector.Denied:
		reason = whyOrderDenied
	case connector.Broken, connector.Refused:
		reason = whyOrderBroken
	case connector.Unreachable:
	}
	if err := w.leave(ctx, o, reason+" "+fail.Msg, fail.RetryAfter); err != nil || fail.Kind != connector.Denied {
		return err
	}
	return w.pause(ctx, o.SourceID, fail)
}

// forget stores that the other system does not have an order any more.
func (w *Worker) forget(ctx context.Context, tx *store.Tx, o *order) error {
	if err := orderEvent(ctx, tx, actor, o.run, o.Remediation, o.ticket, model.TicketGone, ""); err != nil {
		return err
	}
	return tx.PutTicket(ctx, model.Ticket{RemediationID: o.ID, System: o.ticket.System, Key: newOrderKey(), Status: "gone", FollowedAt: tx.Now})
}

// lostOrder leaves a removal to a person whose order is not there any more. Trying again opens
// another one.
func (w *Worker) lostOrder(ctx context.Context, o *order) error {
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := w.stillOurs(ctx, tx, o); err != nil {
			return err
		}
		if err := w.forget(ctx, tx, o); err != nil {
			return err
		}
		r := o.Remediation
		r.State, r.Reason, r.ClosedAt, r.NextAt = model.Failed, whyOrderGone, tx.Now, tx.Now
		if ok, err := tx.FinishRemediation(ctx, r); err != nil || !ok {
			return errors.Join(err, errIf(!ok))
		}
		return stateEvent(ctx, tx, actor, o.run, r, o.State, 0)
	})
	if errors.Is(err, errFenced) {
		return nil
	}
	return err
}

func errIf(fenced bool) error {
	if fenced {
		return errFenced
	}
	return nil
}

// untilSnapshot is for sources that only snapshots show: one that was read after the order was closed
// and still shows the access is told to whoever works on it.
func (w *Worker) untilSnapshot(ctx context.Context, o *order) error {
	o.ticket.Looks++
	if o.ticket.Told {
		return w.leave(ctx, o, o.Reason, 0)
	}
	read, err := w.Store.ShownSince(ctx, o.Remediation, o.ticket.ClosedAt)
	if err != nil {
		return err
	}
	if !read.Known() {
		w.rereads(o.SourceID)
		return w.leave(ctx, o, whyDoneWaits, 0)
	}
	fail, err := w.tellStill(ctx, o, read)
	switch {
	case err != nil:
		return w.unsaid(ctx, o, err)
	case gone(fail):
		return w.lostOrder(ctx, o)
	case fail != nil && fail.Kind == connector.Denied:
		return w.unfollowed(ctx, o, fail)
	}
	return w.leave(ctx, o, o.stillThere(read), 0)
}

func (o *order) stillThere(read model.Time) string {
	return whyDoneThere + " It was read on " + o.date(read) + "."
}

func (o *order) date(at model.Time) string {
	zone := o.desk.Zone
	if zone == nil {
		zone = time.UTC
	}
	return at.Std().In(zone).Format("2 Jan 2006 15:04 MST")
}

// tellStill tells whoever works on a ticket that the access is still there, as say does.
func (w *Worker) tellStill(ctx context.Context, o *order, read model.Time) (*connector.Failure, error) {
	text := fmt.Sprintf("This ticket is closed, and the access is still there: Recert read %s on %s. Please remove it; Recert reads it again.", o.words.System, o.date(read))
	_, fail, err := w.say(ctx, o, text, func(t *model.Ticket, _ model.Time) { t.Told = true })
	return fail, err
}

// glance looks whether access that was told to be still there has gone; only then is there something
// to prove, and to write down.
func (w *Worker) glance(ctx context.Context, o *order) error {
	o.ticket.Looks++
	seen, fail := w.look(ctx, o.claim, o.desk.Look)
	o.try.ReadAt = 0
	if fail != nil || seen.Presence != connector.Absent {
		return w.leave(ctx, o, o.Reason, 0)
	}
	return w.examine(ctx, o)
}

// examine looks at the source, after the outside system said that it is done, in an attempt of its own
// that asks for nothing.
func (w *Worker) examine(ctx context.Context, o *order) error {
	var begun claim
	err := w.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		begun, err = w.begun(ctx, tx, o)
		return err
	})
	switch {
	case errors.Is(err, errFenced):
		return nil
	case err != nil:
		return err
	}
	*o.claim = begun
	o.also = func(ctx context.Context, tx *store.Tx) error { return hurryNews(ctx, tx, o) }
	now, fail := w.look(ctx, o.claim, o.desk.Look)
	if fail != nil && o.upheld() {
		o.try.Outcome, o.try.ReadAt = string(fail.Kind), 0
		return w.finish(ctx, o.claim, verdict{to: model.Sent, reason: whyOrderStays, retry: true}, fail)
	}
	if fail != nil {
		return w.unread(ctx, o.claim, fail, model.Sent)
	}
	if o.try.Before, err = encode(now); err != nil {
		return err
	}
	o.try.After = o.try.Before
	if err := w.fault(ctx, PointReRead, o.ID); err != nil {
		return err
	}
	switch {
	case now.Presence == connector.Absent:
		return w.finish(ctx, o.claim, settle(model.Confirmed, whyGone), nil)
	case now.Presence == connector.WrongTarget:
		return w.finish(ctx, o.claim, settle(model.Failed, whyWrongTarget), nil)
	case now.Presence == connector.Present && o.Via == "" && reviewed(o.access, now) == newer:
		return w.finish(ctx, o.claim, settle(model.Superseded, whyNewer), nil)
	case o.upheld():
		return w.finish(ctx, o.claim, *held(campaigns.WhyStays), nil)
	case o.disputed():
		return w.finish(ctx, o.claim, verdict{to: model.Sent, reason: whyOrderContested, wait: followFirst}, nil)
	}
	return w.stillShown(ctx, o)
}

// begun is the claim of an order with one more attempt, whose intent is written down. The order stays as it
// is: a transaction may be done anew, and that is one attempt all the same.
func (w *Worker) begun(ctx context.Context, tx *store.Tx, o *order) (claim, error) {
	c := *o.claim
	if err := w.stillOurs(ctx, tx, o); err != nil {
		return c, err
	}
	err := w.begin(ctx, tx, &c)
	return c, err
}

// stillShown is for access that is there although the outside system says that it is done: of a
// ticket its people are told, of a message nobody is there to tell, so it is looked at again for a
// while and then left to a person.
func (w *Worker) stillShown(ctx context.Context, o *order) error {
	if _, ok := o.desk.Opener.(connector.Follower); !ok {
		return w.finish(ctx, o.claim, waitOr(o.past.shown, whyDoneThere, settle(model.Failed, whyDoneNot)), nil)
	}
	fail, err := w.tellStill(ctx, o, o.try.ReadAt)
	switch {
	case errors.Is(err, errFenced):
		return w.late(ctx, o.claim, "before it told anybody that it is still there")
	case errors.Is(err, errNews):
		return w.finish(ctx, o.claim, verdict{to: model.Sent, reason: whyDoneThere}, nil)
	case err != nil:
		return err
	}
	v := verdict{to: model.Sent, reason: o.stillThere(o.try.ReadAt), wait: followFirst}
	if o.ticket.Told {
		o.ticket.Looks = 0
	} else {
		o.ticket.Looks++
		v.reason, v.pause = whyDoneThere, fail.Kind == connector.Denied
		v.wait = max(doubled(followFirst, o.ticket.Looks, followMost), fail.RetryAfter)
	}
	if gone(fail) {
		v.wait = 0 // the next look finds out
	}
	o.also = func(ctx context.Context, tx *store.Tx) error { return w.keep(ctx, tx, o) }
	return w.finish(ctx, o.claim, v, fail)
}
