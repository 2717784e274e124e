package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// claim is one removal that this worker has, and what is known of it.
type claim struct {
	model.Remediation

	run     string
	subject string // whose account it is, as it was reviewed; "" is not read yet
	access  connector.Access
	past    past
	try     model.Attempt                                 // as it will be stored
	also    func(ctx context.Context, tx *store.Tx) error // stored with how the attempt ended; nil is nothing

	spec     model.RevokeSpec // of the source, as it was when the removal was claimed
	declared bool             // the source has settings
	moved    bool             // they name another system than the one that was reviewed
	failures int              // in a row, in the source, as they were then
	reach    reach

	// Times of a claim come from one clock: the database's, as of the last transaction, plus what
	// went by here since.
	base  model.Time
	local time.Time
}

func (w *Worker) sync(c *claim, base model.Time) { c.base, c.local = base, w.Now() }

func (w *Worker) at(c *claim) model.Time { return c.base.Add(w.Now().Sub(c.local)) }

// attempt works on a removal that was claimed.
func (w *Worker) attempt(ctx context.Context, c *claim) error {
	// A worker that dies from here on leaves the intent and a lease. Nothing was asked: whoever
	// claims it after the lease closes this attempt as lost and begins again.
	if err := w.fault(ctx, PointClaimed, c.ID); err != nil {
		return err
	}
	if err := json.Unmarshal(c.Access, &c.access); err != nil {
		return fmt.Errorf("read the access of removal %d: %w", c.ID, err)
	}
	if err := w.protocol(ctx, c); err != nil {
		return fmt.Errorf("removal %d: %w", c.ID, err)
	}
	return nil
}

// protocol does the attempt. It returns an error only where what happened could not be written
// down; then the attempt stays open, and is closed as lost by the next claim.
func (w *Worker) protocol(ctx context.Context, c *claim) error {
	if !c.declared {
		return w.undeclared(ctx, c)
	}
	if c.moved {
		return w.finish(ctx, c, *held(whyMoved), nil)
	}
	// The settings may come to name another system until the target is open. That is looked at again where
	// something follows: before it is asked for anything, and before what it shows is written down.
	target, err := w.Targets(ctx, c.SourceID)
	if err != nil {
		fail := unusable(err)
		c.reach.why = fail.Msg
		return w.unread(ctx, c, fail, c.State)
	}
	before, fail := w.look(ctx, c, target)
	if fail != nil {
		return w.unread(ctx, c, fail, c.State)
	}
	c.reached(true, 0)
	if c.try.Before, err = encode(before); err != nil {
		return err
	}
	// A worker that dies here has looked and asked nothing: as above.
	if err := w.fault(ctx, PointPreRead, c.ID); err != nil {
		return err
	}
	if c.Kind.Gives() {
		return w.give(ctx, c, target, before)
	}
	others, err := w.othersToo(ctx, c)
	if err != nil {
		return err
	}
	if v := beforeCall(c.Remediation, c.access, before, c.past, others); !v.call && !w.unsafe.noPreRead {
		// What the look showed is what there is to prove: it began after every earlier call.
		c.try.After = c.try.Before
		c.try.Outcome = silentOutcome(v)
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
	// A worker that dies from here until the outcome is committed leaves called_at without an
	// outcome: the call may have taken effect, or may yet. The next claim closes the attempt as
	// lost and looks. Absent: it is confirmed. There, by the same version: the call did nothing,
	// and is made again. There, by another version: it may be a newer grant, and is left alone.
	// Until then nobody else changes the same group or account, so that another version is never
	// our own doing.
	if err := w.fault(ctx, PointCalled, c.ID); err != nil {
		return err
	}
	outcome, callFail := w.revoke(ctx, c, target, before)
	if err := w.fault(ctx, PointCallDone, c.ID); err != nil {
		return err
	}
	return w.afterwards(ctx, c, target, before, outcome, callFail, others)
}

// afterwards looks again after a call, whatever the call said, and settles by what it sees.
func (w *Worker) afterwards(ctx context.Context, c *claim, target connector.Target, before connector.Observation, outcome connector.Outcome, callFail *connector.Failure, others bool) error {
	c.try.Outcome = string(outcome)
	if callFail != nil {
		c.try.Outcome = string(callFail.Kind)
		if callFail.Kind == connector.Unreachable && callFail.RetryAfter > 0 && before.Version == "" {
			// The target asks to come back later. Where it has versions they tell whether it did it
			// all the same; where it has none its word must do, or no such target could ever be slow.
			c.try.Outcome = outcomePostponed
		}
		c.reached(true, callFail.RetryAfter)
	}
	if w.unsafe.believe && outcome == connector.Removed {
		c.try.After, c.try.ReadAt = `{"presence":"absent"}`, w.at(c)
		return w.finish(ctx, c, settle(model.Confirmed, whyGone), nil)
	}
	after, fail := w.look(ctx, c, target)
	if fail != nil {
		open := model.Sent
		if nothingDone(c.try.Outcome) && c.past.call == nil {
			open = model.Queued
		}
		if callFail != nil && callFail.Kind == connector.Denied {
			fail = callFail
		}
		return w.unread(ctx, c, fail, open)
	}
	var err error
	if c.try.After, err = encode(after); err != nil {
		return err
	}
	if err := w.fault(ctx, PointReRead, c.ID); err != nil {
		return err
	}
	v := afterCall(c.access, before, after, outcome, callFail, c.past, others)
	if c.try.Outcome == outcomePostponed && after.Presence == connector.Present && v.to != model.Superseded {
		v = verdict{to: model.Queued, reason: whyUnreachable, retry: true}
		if c.past.call != nil {
			v.to = model.Sent
		}
	}
	return w.finish(ctx, c, v, callFail)
}

// silentOutcome is the outcome of an attempt that asked nothing.
func silentOutcome(v verdict) string {
	if v.to == model.Confirmed {
		return string(connector.AlreadyAbsent)
	}
	return ""
}

// unread ends an attempt whose look failed.
func (w *Worker) unread(ctx context.Context, c *claim, fail *connector.Failure, open model.RemediationState) error {
	c.reached(fail.Kind != connector.Unreachable, fail.RetryAfter)
	if c.reach.why == "" {
		c.reach.why = failed(fail)
	}
	if c.try.Outcome == "" {
		c.try.Outcome = string(fail.Kind)
	}
	c.try.ReadAt = 0 // it showed nothing
	v := notRead(open, fail, c.past, w.at(c))
	if c.Kind.Gives() && v.reason == whyRefused {
		v.reason = whyGiveRefused
	}
	return w.finish(ctx, c, v, fail)
}

// unusable is a target that cannot be opened: it is tried again, because somebody will set it right.
func unusable(err error) *connector.Failure {
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		return f
	}
	msg := "The connection to the source is not set up so that it can be used"
	if e, ok := errors.AsType[*model.Error](err); ok && e.Kind != model.Internal {
		msg += ": " + e.Msg
	}
	return &connector.Failure{Kind: connector.Unreachable, Msg: msg, Err: err}
}

// look reads the target. The time of the read is when it began.
func (w *Worker) look(ctx context.Context, c *claim, target connector.Target) (o connector.Observation, fail *connector.Failure) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout(w.ReadTimeout))
	defer cancel()
	c.try.ReadAt = w.at(c)
	err := guarded(func() (err error) {
		o, err = target.Check(ctx, c.access)
		return err
	})
	if err != nil {
		w.Log.InfoContext(ctx, "target cannot be read", slog.Int64("removal", c.ID), slog.String("error", err.Error()))
		return o, connector.FailureOf(err)
	}
	return o, nil
}

// revoke asks the target to remove the access.
func (w *Worker) revoke(ctx context.Context, c *claim, target connector.Target, seen connector.Observation) (o connector.Outcome, fail *connector.Failure) {
	w.rereads(c.SourceID)
	ctx, cancel := context.WithTimeout(ctx, c.timeout(w.CallTimeout))
	defer cancel()
	if w.unsafe.noGuard || w.unsafe.noPreRead {
		seen = connector.Observation{Presence: connector.Present}
	}
	err := guarded(func() (err error) {
		o, err = target.Revoke(ctx, c.access, seen, fmt.Sprintf("rev-%d", c.ID))
		return err
	})
	if err != nil {
		w.Log.InfoContext(ctx, "target did not do a removal", slog.Int64("removal", c.ID), slog.String("error", err.Error()))
		return "", connector.FailureOf(err)
	}
	return o, nil
}

// guarded turns a panic of a connector into an answer that makes no sense: one bad answer must
// not stop all removals.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &connector.Failure{Kind: connector.Broken, Msg: "The connector failed on the target's answer", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return f()
}

// othersToo tells whether other removals of ours changed the same object since the last call;
// it matters only where the wait for a target ends.
func (w *Worker) othersToo(ctx context.Context, c *claim) (bool, error) {
	if c.past.call == nil || c.past.shown < len(rereads) {
		return false, nil
	}
	return w.Store.OthersCalledSince(ctx, c.Remediation, c.past.call.CalledAt)
}
