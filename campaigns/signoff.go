package campaigns

import (
	"context"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// SignOffInput is a reviewer's acknowledgement of the own answers.
type SignOffInput struct {
	RunID int64
	// Statement is what the reviewer was shown and confirms; it must be the run's.
	Statement string
}

// SignedOff is a reviewer's finished part.
type SignedOff struct {
	Part      model.RunReviewer
	Statement string
	EventID   int64 // 0 where it had been signed off before
	Removals  int64 // items whose removal was queued now
	Repeated  bool
}

// SignOff ends the actor's part of a run: every item that is not gone has an answer (unsure is
// one), the answers become final, and what they remove goes out. The second time changes nothing.
func (s *Service) SignOff(ctx context.Context, actor model.Actor, in SignOffInput) (*SignedOff, error) {
	var out *SignedOff
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		d, err := newDeciding(ctx, tx, actor, in.RunID)
		if err != nil {
			return err
		}
		out, err = d.signOff(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (d *deciding) signOff(ctx context.Context, in SignOffInput) (*SignedOff, error) {
	out := &SignedOff{Part: d.part, Statement: d.spec.Statement}
	if d.part.SignedAt.Known() {
		out.Repeated = true
		return out, nil
	}
	if d.run.State != model.Running {
		return nil, model.Errorf(model.Conflict, "This review was closed on %s; it can no longer be signed off.", d.day(d.run.ClosedAt))
	}
	if d.run.PausedAt.Known() {
		return nil, d.paused()
	}
	if in.Statement != d.spec.Statement {
		return nil, model.Errorf(model.Conflict, "The statement to sign is another one. Load the page again.")
	}
	left, err := d.tx.UnansweredOf(ctx, d.run.ID, d.actor.PersonKey)
	if err != nil {
		return nil, err
	}
	if left > 0 {
		return nil, model.Errorf(model.Invalid, "%d of your items have no answer yet. Answer them, or say that you are not sure.", left)
	}
	own, err := d.tx.OwnAnswers(ctx, d.run.ID, d.actor.PersonKey)
	if err != nil {
		return nil, err
	}
	if own > 0 {
		return nil, model.Errorf(model.Conflict, "%d of your answers are about what has become your own access since. Pass them on with “Not mine” in their notes.", own)
	}
	if err := d.escalateUnsure(ctx); err != nil {
		return nil, err
	}
	if err := d.tx.SettleReviewer(ctx, d.run.ID, d.actor.PersonKey); err != nil {
		return nil, err
	}
	if err := d.tx.SignRunReviewer(ctx, d.run.ID, d.actor.PersonKey); err != nil {
		return nil, err
	}
	out.Part = d.part
	out.Part.SignedAt = d.tx.Now
	c := d.part.Counts()
	out.EventID, err = appendEvent(ctx, d.tx, d.actor, d.run.Name, evidence.TypeReviewSignedOff, reviewObject(d.part), evidence.ReviewSignedOff{
		Items: c.Items - c.Gone, Kept: c.Kept, Revoked: c.Revoked, Reduced: c.Reduced, Unsure: c.Unsure, Unanswered: c.Unanswered,
		Statement: d.spec.Statement, ACR: d.actor.ACR, AMR: d.actor.AMR, AuthTime: verifyTime(d.actor.AuthTime),
	}, map[string]string{"reviewer": d.actor.PersonID})
	if err != nil {
		return nil, err
	}
	out.Removals, err = newRemover(d.tx, d.actor, d.run).queueAll(ctx, d.actor.PersonKey)
	return out, err
}

// escalateUnsure gives what the reviewer is not sure of to the campaign's closer, where it has one: "not sure" is
// an honest answer, and somebody has to give another.
func (d *deciding) escalateUnsure(ctx context.Context) error {
	if d.spec.OnNoAnswer != OnNoAnswerEscalate || d.part.Unsure == 0 {
		return nil
	}
	to, err := closers(ctx, d.tx, d.run, d.spec)
	if err != nil {
		return err
	}
	if err := d.toClosers(ctx, to, "The reviewer is not sure."); err != nil {
		return err
	}
	d.part, err = d.tx.LockRunReviewer(ctx, d.run.ID, d.actor.PersonKey)
	return err
}

// reviewObject names a reviewer's part of a run by the commitment, which tells nobody who it is.
func reviewObject(part model.RunReviewer) string { return "review:" + part.Commitment[:32] }
