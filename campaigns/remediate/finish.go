package remediate

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// finishTimeout bounds what is written at the end of an attempt, also while the program ends.
const finishTimeout = 30 * time.Second

// actor names the worker in evidence.
const actor = "removal worker"

func appendEvent(ctx context.Context, tx *store.Tx, by, run, typ string, removal int64, data any) error {
	return evidence.AppendLater(ctx, tx, evidence.Event{
		Type: typ, Run: run, Object: evidence.RemediationObject(id(removal)), Data: data, Personal: map[string]string{"actor": by},
	})
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func stateEvent(ctx context.Context, tx *store.Tx, by, run string, r model.Remediation, from model.RemediationState, read model.Time) error {
	return appendEvent(ctx, tx, by, run, evidence.TypeRevocationState, r.ID, evidence.RevocationState{
		Remediation: id(r.ID), Item: id(r.ItemID), From: string(from), To: string(r.State), Reason: r.Reason, Proof: r.Proof, ReadAt: evidence.Time(read),
	})
}

// attemptEvent tells how a try ended; detail holds nothing personal.
func attemptEvent(ctx context.Context, tx *store.Tx, run string, r model.Remediation, a model.Attempt, detail string) error {
	before, err := observed(a.Before)
	if err != nil {
		return err
	}
	after, err := observed(a.After)
	if err != nil {
		return err
	}
	return appendEvent(ctx, tx, actor, run, evidence.TypeRevocationAttempt, r.ID, evidence.RevocationAttempted{
		Remediation: id(r.ID), Item: id(r.ItemID), Attempt: int64(a.N), Fence: a.Fence, IntentAt: evidence.Time(a.IntentAt), CalledAt: evidence.Time(a.CalledAt),
		Before: string(before.Presence), BeforeVersion: before.Version, Outcome: a.Outcome, After: string(after.Presence),
		ReadAt: evidence.Time(a.ReadAt), Detail: detail,
	})
}

// mark commits that the target is about to be asked, unless a brake holds the removal. ok is false
// where somebody else has the removal by now.
func (w *Worker) mark(ctx context.Context, c *claim, seen connector.Observation) (brake *verdict, ok bool, err error) {
	if w.unsafe.lateIntent || w.unsafe.noFence {
		return nil, true, nil
	}
	err = w.settle(ctx, c, func(tx *store.Tx) error {
		brake, ok = nil, false // it may be done anew, and come to another end
		var err error
		if brake, err = w.hold(ctx, tx, c, seen); err != nil || brake != nil {
			return err
		}
		if ok, err = tx.MarkCalled(ctx, c.Remediation, c.try.Before, w.lease(c.spec)); err != nil || !ok {
			return err
		}
		w.sync(c, tx.Now)
		if c.State == model.Sent {
			return nil
		}
		r := c.Remediation
		r.State, r.Reason = model.Sent, whyAsked
		if r.Kind.Gives() {
			r.Reason = whyGiveAsked
		}
		return stateEvent(ctx, tx, actor, c.run, r, c.State, 0)
	})
	if err != nil || !ok {
		return brake, ok, err
	}
	c.State, c.CalledAt, c.InDoubtSince, c.try.CalledAt = model.Sent, c.base, c.base, c.base
	return nil, true, nil
}

// finish writes the outcome of the attempt and the removal's state down and lets go of it. fail
// is what went wrong on the way, if anything did.
func (w *Worker) finish(ctx context.Context, c *claim, v verdict, fail *connector.Failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	fenced, moved := false, false
	err := w.settle(ctx, c, func(tx *store.Tx) (err error) {
		c, v, fail := *c, v, fail
		if moved, err = c.movedAway(ctx, tx); err != nil {
			return err
		}
		if moved {
			c.try.Before, c.try.After, c.try.Outcome, c.try.ReadAt = "", "", "", 0 // they speak of another system
			v, fail = *held(whyMoved), nil
		}
		c.try.Detail = v.reason
		if fail != nil {
			c.try.Detail += " " + fail.Msg
		}
		if fenced, err = w.write(ctx, tx, &c, v, fail); err != nil || fenced || c.also == nil {
			return err
		}
		return c.also(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("write down how the attempt ended: %w", err)
	}
	if fenced {
		return w.late(ctx, c, fmt.Sprintf("with %q", c.try.Outcome))
	}
	if err := w.fault(ctx, PointFinished, c.ID); err != nil {
		return err
	}
	if v.to == model.Held && v.reason == campaigns.WhyStays && !moved {
		w.staysNow(ctx, c)
	}
	if v.pause && !moved {
		return w.pause(ctx, c.SourceID, fail)
	}
	return nil
}

// staysNow ends a removal at once that was held because the access stays. Where that fails it is done with what is
// settled every minute.
func (w *Worker) staysNow(ctx context.Context, c *claim) {
	if _, err := campaigns.SettleUpheld(ctx, w.Store, c.ID); err != nil {
		w.Log.ErrorContext(ctx, "an answer that an access stays could not be carried out", slog.Int64("removal", c.ID), slog.String("error", err.Error()))
	}
}

// movedAway tells whether an attempt that asked for nothing looked at another system than the one that
// was reviewed. One that did was held to that before it asked.
func (c *claim) movedAway(ctx context.Context, tx *store.Tx) (bool, error) {
	if c.try.CalledAt.Known() || !c.declared && c.Mode == model.ModeConnector {
		return false, nil
	}
	return elsewhere(ctx, tx, c)
}

// write stores how the attempt ended, and where the removal stands, with their events. fenced is
// that somebody else has the removal by now: then nothing is stored.
func (w *Worker) write(ctx context.Context, tx *store.Tx, c *claim, v verdict, fail *connector.Failure) (fenced bool, err error) {
	r := w.outcome(c, v, fail, tx.Now)
	a := c.try
	a.EndedAt = tx.Now
	if err := w.unguarded(ctx, tx, &r, a); err != nil {
		return false, err
	}
	if err := lockFor(ctx, tx, r, v.to); err != nil {
		return false, err
	}
	ok, err := tx.FinishRemediation(ctx, r)
	if err != nil || !ok {
		return !ok, err
	}
	if err := c.noteReach(ctx, tx); err != nil {
		return false, err
	}
	if w.unsafe.noFence {
		_, err = tx.EndAttempt(ctx, a)
	} else {
		err = tx.EndClaimed(a)
	}
	if err != nil {
		return false, err
	}
	if err := attemptEvent(ctx, tx, c.run, r, a, v.reason); err != nil {
		return false, err
	}
	if r.State == c.State || w.unsafe.noFence {
		return false, nil
	}
	if !c.Kind.Can(c.State, r.State) {
		return false, fmt.Errorf("a removal cannot go from %s to %s", c.State, r.State)
	}
	read := a.ReadAt
	if r.State != model.Confirmed {
		read = 0
	}
	r.Reason = v.reason
	if v.manual {
		return false, handedOver(ctx, tx, c.run, r, c.State)
	}
	if err := stateEvent(ctx, tx, actor, c.run, r, c.State, read); err != nil || r.State != model.Confirmed {
		return false, err
	}
	return false, campaigns.Proven(ctx, tx, model.Actor{Name: actor}, r)
}

// unguarded is what the guards that tests take off keep from happening.
func (w *Worker) unguarded(ctx context.Context, tx *store.Tx, r *model.Remediation, a model.Attempt) error {
	if w.unsafe.noFence {
		now, err := tx.LockRemediation(ctx, r.ID)
		if err != nil {
			return err
		}
		r.Fence = now.Fence
	}
	if w.unsafe.lateIntent {
		return tx.InsertAttempt(ctx, a)
	}
	return nil
}

// outcome is the removal as the verdict leaves it.
func (w *Worker) outcome(c *claim, v verdict, fail *connector.Failure, now model.Time) model.Remediation {
	r := c.Remediation
	r.State, r.Reason = v.to, c.try.Detail
	wait := v.wait
	if v.retry {
		var after time.Duration
		if fail != nil {
			after = fail.RetryAfter
		}
		wait = w.backoff(c.past.failures, after)
	}
	r.NextAt = now.Add(wait)
	if !r.State.Open() || c.try.CalledAt.Known() && !c.inDoubt() || !c.try.CalledAt.Known() && !v.retry {
		r.InDoubtSince = 0
	}
	if !r.State.Open() {
		r.ClosedAt = now
	}
	if v.manual && r.State == model.Sent {
		r.CalledAt = now // the task is given
	}
	if r.State == model.Confirmed {
		r.Proof, r.ProofSnapshot = "read", nil
		if !r.CalledAt.Known() {
			// Nothing had to be asked. What a snapshot shows from here on tells whether it came back.
			r.CalledAt = c.try.IntentAt
		}
	}
	return r
}

// inDoubt tells whether the call of this attempt may have taken effect, or may yet, in a way that
// only the object's version will tell: then nobody else may change the same object. A target
// that said it did it and shows it all the same is trusted to be slow for a little while; one
// that cannot tell versions apart holds nobody up.
func (c *claim) inDoubt() bool {
	before, err := observed(c.try.Before)
	if err != nil || before.Version == "" || !mayHaveApplied(&c.try) {
		return false
	}
	after, err := observed(c.try.After)
	if err != nil || after.Presence == "" || !answered(c.try.Outcome) {
		return true
	}
	done := after.Presence != connector.Present
	if c.Kind.Gives() {
		done = !done
	}
	return !done && compare(before, after) == same && c.past.shown < holdReads
}

// late ends the attempt of a worker that has lost its claim: it writes no state. If nobody has
// ended the attempt yet, because a snapshot settled the removal, it is ended here.
func (w *Worker) late(ctx context.Context, c *claim, how string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	w.Log.WarnContext(ctx, "a worker came too late", slog.Int64("removal", c.ID), slog.Int("attempt", c.try.N), slog.String("how", how))
	note := "Its worker came back " + how + " after its lease had run out, and changed nothing here."
	return w.Store.InTx(ctx, func(tx *store.Tx) error {
		// Whoever claims it ends what it finds open, and says so, as this does.
		if _, err := tx.LockRemediation(ctx, c.ID); err != nil {
			return err
		}
		a := c.try
		a.EndedAt, a.Detail = tx.Now, note
		if a.Outcome == "" {
			a.Outcome = outcomeLost
		}
		ok, err := tx.EndAttempt(ctx, a)
		if err != nil {
			return err
		}
		if !ok {
			return tx.NoteAttempt(ctx, c.ID, a.N, " "+note)
		}
		return attemptEvent(ctx, tx, c.run, c.Remediation, a, note)
	})
}

// closeLost ends the tries of a removal whose workers ended without a word.
func closeLost(ctx context.Context, tx *store.Tx, r model.Remediation, run string) error {
	open, err := tx.OpenAttempts(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		a.Outcome, a.EndedAt, a.Detail = outcomeLost, tx.Now, whyLostEarly
		if a.CalledAt.Known() {
			a.Detail = whyLost
		}
		ok, err := tx.EndAttempt(ctx, a)
		if err != nil {
			return err
		}
		if !ok {
			continue // its worker came back, and told how it ended
		}
		if err := attemptEvent(ctx, tx, run, r, a, a.Detail); err != nil {
			return err
		}
	}
	return nil
}

// sweep ends the tries of removals that a snapshot settled after their worker had died.
func (w *Worker) sweep(ctx context.Context) error {
	ids, err := w.Store.AbandonedRemediations(ctx, 100)
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.Store.InTx(ctx, func(tx *store.Tx) error {
		for _, n := range ids {
			r, err := tx.LockRemediation(ctx, n)
			if err != nil {
				return err
			}
			if r.LeaseUntil.Known() && r.LeaseUntil >= tx.Now {
				continue // somebody is at it, and has ended them
			}
			run, err := tx.RunByID(ctx, r.RunID)
			if err != nil {
				return err
			}
			if err := closeLost(ctx, tx, r, run.Name); err != nil {
				return err
			}
		}
		return nil
	})
}
