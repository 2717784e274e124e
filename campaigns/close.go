package campaigns

import (
	"context"
	"strconv"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Closing is what a close does, or would do.
type Closing struct {
	Run        model.Run
	Counts     model.Counts
	OnNoAnswer string
	Defaulted  int64 // items without an answer or with unsure, which on_no_answer decides
	Removals   int64 // items whose removal goes out with the close
	Unsigned   int64 // reviewers who have not signed off
	Repeated   bool  // it was closed before: nothing was changed
	DueAt      model.Time
	BeforeDue  bool
	// Escalated is what a close does instead, while items have no answer and on_no_answer escalates them:
	// evidence.CauseExtended or evidence.CauseCloser. The run goes on, and is due at Until.
	Escalated   string
	Until       model.Time
	Explanation string // the effect in one sentence
}

// ClosePreview tells what closing the run would do now.
func (s *Service) ClosePreview(ctx context.Context, actor model.Actor, runID int64) (*Closing, error) {
	if err := mayRun(actor); err != nil {
		return nil, err
	}
	run, err := s.Store.RunByID(ctx, runID)
	if err != nil {
		return nil, err
	}
	c, _, err := closing(ctx, s.Store, run, model.TimeOf(s.Store.Now()))
	if err != nil || c.Repeated || c.Escalated != "" {
		return c, err
	}
	// What was answered revoke and not signed off goes out too.
	if c.Removals, err = s.Store.CountUnremoved(ctx, runID); err != nil {
		return nil, err
	}
	if c.OnNoAnswer == OnNoAnswerRevoke {
		c.Removals += c.Defaulted
	}
	c.explain()
	return c, nil
}

type closeReader interface {
	escalateReader
	CountUnsettled(ctx context.Context, run int64) (int64, error)
	RunCounts(ctx context.Context, run int64) (model.Counts, error)
	RunReviewers(ctx context.Context, run int64) ([]model.RunReviewer, error)
}

func closing(ctx context.Context, q closeReader, run model.Run, now model.Time) (*Closing, *parsed, error) {
	spec, err := specOf(run)
	if err != nil {
		return nil, nil, err
	}
	c := &Closing{Run: run, OnNoAnswer: spec.OnNoAnswer, DueAt: run.DueAt, BeforeDue: now < run.DueAt, Repeated: run.State == model.Closed}
	if c.Counts, err = q.RunCounts(ctx, run.ID); err != nil {
		return nil, nil, err
	}
	if c.Repeated {
		return c, spec, nil
	}
	if c.Defaulted, err = q.CountUnsettled(ctx, run.ID); err != nil {
		return nil, nil, err
	}
	parts, err := q.RunReviewers(ctx, run.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		if !p.SignedAt.Known() && p.Items > p.Gone {
			c.Unsigned++
		}
	}
	step, err := nextEscalation(ctx, q, run, spec)
	if err == nil && step != escalateNone {
		c.Escalated, c.Until = string(step), spec.endOf(max(now, run.DueAt), spec.extend)
		c.explain()
	}
	return c, spec, err
}

func (c *Closing) explain() {
	n := strconv.FormatInt(c.Defaulted, 10)
	switch {
	case c.Escalated == evidence.CauseExtended:
		c.Explanation = "It does not close yet: items have no answer, so their reviewers get more time."
	case c.Escalated == evidence.CauseCloser:
		c.Explanation = "It does not close yet: what has no answer goes to the person whom the campaign names for that."
	case c.Defaulted == 0:
		c.Explanation = "Every item has an answer."
	case c.OnNoAnswer == OnNoAnswerRevoke:
		c.Explanation = n + " items without an answer, or with “not sure”, will be removed."
	default:
		c.Explanation = n + " items without an answer, or with “not sure”, stay as they are."
	}
}

// Close ends a run: what has no answer, or unsure, gets what on_no_answer says and still counts as
// unanswered or unsure; every answer becomes final; the removals that have not gone out go out.
// The second time changes nothing. reason is kept as evidence and names nobody. Where on_no_answer escalates
// items without an answer, and not every step of that was taken, the next one is taken instead.
func (s *Service) Close(ctx context.Context, actor model.Actor, runID int64, reason string) (*Closing, error) {
	if err := mayRun(actor); err != nil {
		return nil, err
	}
	var out *Closing
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		run, err := tx.LockRun(ctx, runID, true)
		if err != nil {
			return err
		}
		out, err = closeRun(ctx, tx, actor, run, reason)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func closeRun(ctx context.Context, tx *store.Tx, actor model.Actor, run model.Run, reason string) (*Closing, error) {
	c, spec, err := closing(ctx, tx, run, tx.Now)
	if err != nil || c.Repeated {
		return c, err
	}
	if c.Escalated != "" {
		err := escalate(ctx, tx, actor, &run, spec, escalation(c.Escalated))
		c.Run = run
		return c, err
	}
	if err := tx.SettleRun(ctx, run.ID); err != nil {
		return nil, err
	}
	if err := applyDefault(ctx, tx, actor, run, spec); err != nil {
		return nil, err
	}
	c.explain()
	if _, err := appendEvent(ctx, tx, actor, run.Name, evidence.TypeCampaignClosed, evidence.RunObject(run.Name), evidence.CampaignClosed{
		Items: c.Counts.Items, Kept: c.Counts.Kept, Revoked: c.Counts.Revoked, Reduced: c.Counts.Reduced, Unsure: c.Counts.Unsure,
		Unanswered: c.Counts.Unanswered, Gone: c.Counts.Gone, Reason: reason,
	}, nil); err != nil {
		return nil, err
	}
	if err := tx.CloseRun(ctx, run.ID, actor.Label()); err != nil {
		return nil, err
	}
	c.Run.State, c.Run.ClosedAt, c.Run.ClosedBy = model.Closed, tx.Now, actor.Label()
	c.Removals, err = newRemover(tx, actor, c.Run).queueAll(ctx, 0)
	return c, err
}

// applyDefault gives what on_no_answer says to every item without an answer or with unsure.
func applyDefault(ctx context.Context, tx *store.Tx, actor model.Actor, run model.Run, spec *parsed) error {
	const chunk = 500
	var after int64
	for {
		items, err := tx.UnsettledItems(ctx, run.ID, after, chunk)
		if err != nil {
			return err
		}
		objects := make([]string, len(items))
		for i := range items {
			objects[i] = evidence.ItemObject(strconv.FormatInt(items[i].ID, 10))
		}
		if err := tx.ReadLastEvents(ctx, run.Name, objects); err != nil {
			return err
		}
		for i, it := range items {
			after = it.ID
			it.Outcome, it.Version = spec.byDefault(), it.Version+1
			if err := evidence.AppendLater(ctx, tx, evidence.Event{
				Type: evidence.TypeItemDefaulted, Run: run.Name, Object: objects[i], Personal: map[string]string{"actor": actor.Label()},
				Data: evidence.ItemDefaulted{Item: strconv.FormatInt(it.ID, 10), Version: it.Version, Outcome: string(it.Outcome), By: spec.OnNoAnswer},
			}); err != nil {
				return err
			}
			if err := tx.DefaultItem(it); err != nil {
				return err
			}
		}
		if len(items) < chunk {
			return nil
		}
	}
}

// Overdue tells whether a running run that is not paused is past its due date at a time.
func Overdue(run model.Run, now time.Time) bool {
	return run.State == model.Running && !run.PausedAt.Known() && model.TimeOf(now) > run.DueAt
}
