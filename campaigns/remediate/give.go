package remediate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// What gives access is the mirror of a removal: the same claim, intent, brakes and fence, a look before
// and a look after, and proof is a clean read that shows it held directly. Asking twice for a grant
// that is there does no harm, so after a lost answer the look decides: there, it is proven; not there,
// it is asked for again, unless the target shows that the object changed since: then it may have been
// given and taken away again by somebody, and a person must look.

// Reasons, which are shown and stand in the evidence: nothing personal is in them.
const (
	whyGiveAsked    = "The target is being asked to give it."
	whyGivenAlready = "It was there already when the target was read."
	whyGiven        = "A read after the call shows that it is there."
	whyGiveWrong    = "The id names somebody or something else now than it did at the review. Nothing was given."
	whyGiveWaits    = "The target was asked; it does not show the access yet and is read again."
	whyGiveLied     = "The target says it gave the access, but does not show it."
	whyGiveTaken    = "It was changed after a call whose answer was lost, and does not show the access: somebody may have taken it away again. Look at it; then try again."
	whyGiveRefused  = "The target refuses to be read about it for good."
	whyGiveTask     = "The connector cannot give it, so a person has to; the next snapshot shows whether it was done."
	whyGiveDryRun   = "Dry run: it would be given now. Nothing was asked of the target. Switch dry_run off, then let it go on."
	whyGiveLeft     = "The person has left, so nothing is given. If that is wrong, set it right in the source of people, then let this go on."
	whyLowerLeft    = "The person has left, so nothing weaker is given. What was reviewed is still there: decline this and take the access away in the system."
	whyGiveHourCap  = "More was given in this source in an hour than may be without a second person."
)

// give does the attempt from the look on.
func (w *Worker) give(ctx context.Context, c *claim, target connector.Target, before connector.Observation) error {
	granter, can := target.(connector.Granter)
	v := beforeGive(before, c.past)
	if v.call && !can {
		v = handOver(c.State)
	}
	if !v.call {
		c.try.After = c.try.Before
		if v.to == model.Confirmed {
			c.try.Outcome = string(connector.AlreadyHeld)
		}
		return w.finish(ctx, c, v, nil)
	}
	brake, ok, err := w.mark(ctx, c, before)
	switch {
	case err != nil:
		return err
	case brake != nil:
		c.try.After = c.try.Before
		return w.finish(ctx, c, *brake, nil)
	case !ok:
		return w.late(ctx, c, "before it asked anything of the target")
	}
	// A worker that dies from here until the outcome is committed leaves called_at without an outcome.
	// The next claim closes the attempt as lost and looks: there, it is proven, whoever's call gave it;
	// not there, the call did nothing, or came to nothing, and is made again.
	if err := w.fault(ctx, PointCalled, c.ID); err != nil {
		return err
	}
	outcome, callFail := w.grant(ctx, c, granter)
	if err := w.fault(ctx, PointCallDone, c.ID); err != nil {
		return err
	}
	return w.afterwardsGive(ctx, c, target, before, outcome, callFail)
}

// afterwardsGive looks again after a call, whatever the call said, and settles by what it sees.
func (w *Worker) afterwardsGive(ctx context.Context, c *claim, target connector.Target, before connector.Observation, outcome connector.Outcome, callFail *connector.Failure) error {
	c.try.Outcome = string(outcome)
	if callFail != nil {
		c.try.Outcome = string(callFail.Kind)
		c.reached(true, callFail.RetryAfter)
	}
	if w.unsafe.believe && outcome == connector.Granted {
		c.try.After, c.try.ReadAt = `{"presence":"present"}`, w.at(c)
		return w.finish(ctx, c, settle(model.Confirmed, whyGiven), nil)
	}
	after, fail := w.look(ctx, c, target)
	if fail != nil {
		if callFail != nil && callFail.Kind == connector.Denied {
			fail = callFail
		}
		return w.unread(ctx, c, fail, stillOpen(c.try.Outcome, c.past))
	}
	var err error
	if c.try.After, err = encode(after); err != nil {
		return err
	}
	if err := w.fault(ctx, PointReRead, c.ID); err != nil {
		return err
	}
	return w.finish(ctx, c, afterGive(before, after, outcome, callFail, c.past), callFail)
}

// grant asks the target to give the access, at most once.
func (w *Worker) grant(ctx context.Context, c *claim, target connector.Granter) (o connector.Outcome, fail *connector.Failure) {
	w.rereads(c.SourceID)
	ctx, cancel := context.WithTimeout(ctx, c.timeout(w.CallTimeout))
	defer cancel()
	err := guarded(func() (err error) {
		o, err = target.Grant(ctx, c.access, fmt.Sprintf("give-%d", c.ID))
		return err
	})
	if err != nil {
		w.Log.InfoContext(ctx, "target did not give an access", slog.Int64("removal", c.ID), slog.String("error", err.Error()))
		return "", connector.FailureOf(err)
	}
	return o, nil
}

// beforeGive decides by a clean look, before anything is asked.
func beforeGive(now connector.Observation, p past) verdict {
	switch now.Presence {
	case connector.Present:
		if p.call != nil {
			return settle(model.Confirmed, whyGiven)
		}
		return settle(model.Confirmed, whyGivenAlready)
	case connector.WrongTarget:
		return settle(model.Failed, whyGiveWrong)
	case connector.Absent, connector.NotDirect:
	default:
		return settle(model.Failed, whyBroken)
	}
	switch {
	case p.call == nil:
		return verdict{call: true}
	case moved(p.seen, now):
		return settle(model.Failed, whyGiveTaken)
	case p.answered:
		return waitOr(p.shown, whyGiveWaits, settle(model.Failed, whyGiveLied))
	case p.calls >= mostCalls:
		return settle(model.Failed, whyNoAnswer)
	}
	return verdict{call: true}
}

// afterGive decides by the clean look after a call. fail is nil where the call was answered.
func afterGive(then, now connector.Observation, outcome connector.Outcome, fail *connector.Failure, p past) verdict {
	switch now.Presence {
	case connector.Present:
		return settle(model.Confirmed, whyGiven)
	case connector.WrongTarget:
		return settle(model.Failed, whyGiveWrong)
	case connector.Absent, connector.NotDirect:
	}
	if fail != nil {
		open := stillOpen(string(fail.Kind), p)
		switch {
		case fail.Kind == connector.Denied:
			return verdict{to: open, reason: whyDenied, retry: true, pause: true}
		case fail.Kind == connector.Refused:
			return handOver(model.Sent)
		case moved(then, now):
			return settle(model.Failed, whyGiveTaken)
		}
		return verdict{to: open, reason: failed(fail), retry: true}
	}
	switch outcome {
	case connector.Granted, connector.AlreadyHeld:
		return waitOr(p.shown, whyGiveWaits, settle(model.Failed, whyGiveLied))
	case connector.Changed:
		return verdict{to: stillOpen(string(outcome), p), reason: whyAgain, retry: true}
	case connector.RefusedDirect, connector.TaskOpened:
		return handOver(model.Sent)
	case connector.RefusedTarget:
		return settle(model.Failed, whyGiveWrong)
	case connector.Removed, connector.AlreadyAbsent:
	}
	return settle(model.Failed, whyBroken)
}

// stillOpen is where what is not settled stays: asked for, unless certainly nothing was done.
func stillOpen(outcome string, p past) model.RemediationState {
	if nothingDone(outcome) && p.call == nil {
		return model.Queued
	}
	return model.Sent
}

// handOver leaves to a person what the connector cannot give: it becomes a task at once, or, where the
// connector was asked, the next time somebody looks for tasks.
func handOver(from model.RemediationState) verdict {
	to := model.Sent
	if from == model.Sent {
		to = model.Queued
	}
	return verdict{to: to, reason: whyGiveTask, manual: true}
}

// handedOver writes down that a person gives it from here on.
func handedOver(ctx context.Context, tx *store.Tx, run string, r model.Remediation, from model.RemediationState) error {
	if err := tx.HandOver(ctx, r); err != nil {
		return err
	}
	return appendEvent(ctx, tx, actor, run, evidence.TypeRevocationState, r.ID, evidence.RevocationState{
		Remediation: id(r.ID), Item: id(r.ItemID), From: string(from), To: string(r.State), Mode: model.ModeManual, Reason: r.Reason,
	})
}

// holdGive is the brake on what gives access: dry run, and how much may be given in an hour.
func (w *Worker) holdGive(ctx context.Context, tx *store.Tx, c *claim, spec model.SourceSpec) (*verdict, error) {
	if why, err := hasLeft(ctx, tx, c.Remediation); err != nil || why != "" {
		return held(why), err
	}
	if spec.Revoke.DryRun {
		return held(whyGiveDryRun), nil
	}
	if c.CalledAt.Known() || approvedFor(c.Remediation, whyGiveHourCap) {
		return nil, nil
	}
	most, err := campaigns.HourlyCap(spec.Revoke.HourlyCap)
	if err != nil || most < 0 {
		return nil, err
	}
	n, err := tx.CalledSince(ctx, c.Remediation, tx.Now.Add(-time.Hour), most)
	if err == nil && n >= most {
		return held(whyGiveHourCap), nil
	}
	return nil, err
}

// hasLeft is why nothing is given to a person who has left; "" is that it may be, or takes access away.
func hasLeft(ctx context.Context, tx *store.Tx, r model.Remediation) (string, error) {
	if !r.Kind.Gives() {
		return "", nil
	}
	switch err := campaigns.StillHere(ctx, tx, r); {
	case model.KindOf(err) == model.Conflict && r.Kind == model.KindLower:
		return whyLowerLeft, nil
	case model.KindOf(err) == model.Conflict:
		return whyGiveLeft, nil
	default:
		return "", err
	}
}

// lockFor locks what is moved together with a remediation that is proven, before that one: a snapshot
// that is being sealed takes them in this order too.
func lockFor(ctx context.Context, tx *store.Tx, r model.Remediation, to model.RemediationState) error {
	if r.Kind != model.KindRestore || r.ForID == nil || to != model.Confirmed {
		return nil
	}
	_, err := tx.LockRemediation(ctx, *r.ForID)
	return err
}
