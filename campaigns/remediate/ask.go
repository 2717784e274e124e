package remediate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// ask looks whether the removal is still to be done, and asks the outside system for it. The crash
// points are those of an attempt on a target; the order's key is stored before the call, and the next
// try looks for the order by it first.
func (w *Worker) ask(ctx context.Context, o *order) error {
	if o.moved {
		return w.finish(ctx, o.claim, *held(whyMoved), nil)
	}
	var before connector.Observation
	if o.desk.Look != nil {
		var fail *connector.Failure
		if before, fail = w.look(ctx, o.claim, o.desk.Look); fail != nil {
			return w.unread(ctx, o.claim, fail, o.State)
		}
		o.reached(true, 0)
		var err error
		if o.try.Before, err = encode(before); err != nil {
			return err
		}
		if v := seenBefore(o, before); v != nil {
			o.try.After, o.try.Outcome = o.try.Before, silentOutcome(*v)
			return w.finish(ctx, o.claim, *v, nil)
		}
	}
	if err := w.fault(ctx, PointPreRead, o.ID); err != nil {
		return err
	}
	brake, ok, err := w.markAsked(ctx, o, before)
	switch {
	case err != nil:
		return err
	case brake != nil:
		o.try.After = o.try.Before
		return w.finish(ctx, o.claim, *brake, nil)
	case !ok:
		return w.late(ctx, o.claim, "before it asked anything of the other system")
	}
	o.try.ReadAt = 0 // that was before the call
	if err := w.fault(ctx, PointCalled, o.ID); err != nil {
		return err
	}
	var ref connector.Reference
	fail := w.guardedOutside(ctx, o, "open", func(ctx context.Context) (err error) {
		ref, err = o.desk.Opener.Open(ctx, o.full(), o.ticket.Key)
		return err
	})
	if err := w.fault(ctx, PointCallDone, o.ID); err != nil {
		return err
	}
	return w.asked(ctx, o, ref, fail)
}

// seenBefore is what a look before the call settles; nil is that it is to be asked for.
func seenBefore(o *order, now connector.Observation) *verdict {
	switch {
	case now.Presence == connector.Absent:
		v := settle(model.Confirmed, whyGoneAlready)
		return &v
	case now.Presence == connector.WrongTarget:
		v := settle(model.Failed, whyWrongTarget)
		return &v
	case now.Presence == connector.Present && o.Via == "" && reviewed(o.access, now) == newer:
		v := settle(model.Superseded, whyNewer)
		return &v
	case now.Presence == connector.Present, now.Presence == connector.NotDirect:
		return nil
	}
	v := settle(model.Failed, whyBroken)
	return &v
}

// full is the order with its addresses.
func (o *order) full() connector.Order {
	words := o.words
	if o.desk.Page != nil {
		words.Link = o.desk.Page(o.ID)
	}
	if a, ok := o.desk.Opener.(connector.Acknowledger); ok && o.desk.Report != nil {
		words.Acknowledge = o.desk.Report(a.Token(o.ticket.Key))
	}
	return words
}

// AckHash is what is stored of the part of an address to report to that nobody can guess.
func AckHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// markAsked commits that the outside system is about to be asked, with the order's key, unless a brake
// holds the removal. ok is false where somebody else has the removal by now.
func (w *Worker) markAsked(ctx context.Context, o *order, seen connector.Observation) (brake *verdict, ok bool, err error) {
	if a, is := o.desk.Opener.(connector.Acknowledger); is {
		o.ticket.AckHash = AckHash(a.Token(o.ticket.Key))
	}
	err = w.Store.InTx(ctx, func(tx *store.Tx) error {
		brake, ok = nil, false // it may be done anew, and come to another end
		var err error
		if brake, err = w.hold(ctx, tx, o.claim, seen); err != nil || brake != nil {
			return err
		}
		if ok, err = tx.MarkAsked(ctx, o.Remediation, o.try.Before, w.Lease); err != nil || !ok {
			return err
		}
		if err := tx.PutTicket(ctx, o.ticket); err != nil {
			return err
		}
		w.sync(o.claim, tx.Now)
		if o.State == model.Sent {
			return nil
		}
		r := o.Remediation
		r.State, r.Reason = model.Sent, whyOrdering
		return stateEvent(ctx, tx, actor, o.run, r, o.State, 0)
	})
	if err != nil || !ok {
		return brake, ok, err
	}
	o.State, o.CalledAt, o.try.CalledAt = model.Sent, o.base, o.base
	return nil, true, nil
}

// asked settles an attempt that asked. What the outside system made is kept, whoever has the removal
// by now.
func (w *Worker) asked(ctx context.Context, o *order, ref connector.Reference, fail *connector.Failure) error {
	if fail != nil {
		return w.notAsked(ctx, o, fail)
	}
	o.try.Outcome = string(connector.TaskOpened)
	o.also = func(ctx context.Context, tx *store.Tx) error { return opened(ctx, tx, o, ref) }
	if err := w.finish(ctx, o.claim, verdict{to: model.Sent, reason: whyOrdered, wait: followFirst}, nil); err != nil {
		return err
	}
	// Where somebody else has the removal by now nothing was kept with the attempt.
	return w.Store.InTx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if t, ok, err := tx.Ticket(ctx, o.ID); err != nil || ok && t.Handle == ref.Handle && t.Ref == ref.ID {
			return err
		}
		return opened(ctx, tx, o, ref)
	})
}

// opened stores what an order is called, beside what was reported of it in the meantime.
func opened(ctx context.Context, tx *store.Tx, o *order, ref connector.Reference) error {
	t, ok, err := tx.Ticket(ctx, o.ID)
	if err != nil || !ok || t.Key != o.ticket.Key {
		return err
	}
	reported := t.Ref != ""
	t.System, t.Ref, t.Handle, t.URL = o.ticket.System, ref.ID, ref.Handle, ref.URL
	if !reported {
		t.Status = ref.Status
		if ref.Closed {
			t.ClosedAt = tx.Now
		}
	}
	t.FollowedAt, t.Looks = tx.Now, 0
	if err := tx.PutTicket(ctx, t); err != nil {
		return err
	}
	if t.Closed() {
		if err := tx.HurryRemediation(ctx, o.ID); err != nil {
			return err
		}
	}
	return orderEvent(ctx, tx, actor, o.run, o.Remediation, t, model.TicketOpened, "")
}

// notAsked settles an attempt whose call failed, or whose answer was lost.
func (w *Worker) notAsked(ctx context.Context, o *order, fail *connector.Failure) error {
	o.try.Outcome = string(fail.Kind)
	if fail.Kind == connector.Unreachable && fail.RetryAfter > 0 {
		o.try.Outcome = outcomePostponed
		o.reached(true, fail.RetryAfter)
	}
	open := model.Sent
	if nothingDone(o.try.Outcome) && o.past.call == nil {
		open = model.Queued
	}
	v := verdict{to: open, retry: true}
	switch {
	case fail.Kind == connector.Denied:
		v.reason, v.pause = whyOrderDenied, true
	case fail.Kind == connector.Refused:
		v = settle(model.Failed, whyOrderRefused)
	case fail.Kind == connector.Broken && o.past.broken+1 >= mostBroken:
		v = settle(model.Failed, whyOrderBroken)
	case o.past.since.Known() && w.at(o.claim) > o.past.since.Add(giveUp):
		v = settle(model.Failed, whyTooLong)
	case fail.Kind == connector.Broken:
		v.reason = whyOrderBroken
	case o.try.Outcome == outcomePostponed:
		v.reason = whyOrderDown
	default:
		v.reason = whyOrderDoubt
		doubt := *fail
		doubt.RetryAfter = max(doubt.RetryAfter, orderInDoubt)
		fail = &doubt
	}
	return w.finish(ctx, o.claim, v, fail)
}

// gone tells whether an outside system does not have an order any more.
func gone(f *connector.Failure) bool { return f != nil && errors.Is(f, connector.ErrGone) }
