package campaigns

import (
	"context"
	"fmt"
	"slices"

	"recert/campaigns/evidence"
	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// basisCloser is why somebody reviews an item that nobody answered in time.
const basisCloser = "closer"

// escalator is the actor of what on_no_answer: escalate does when a run is due.
var escalator = system("escalation")

// escalation is what becomes of a run with on_no_answer: escalate instead of its close, while items have
// no answer.
type escalation string

// The steps, in their order: the first two make the run due later, and the last is its close.
const (
	escalateExtend escalation = evidence.CauseExtended
	escalateCloser escalation = evidence.CauseCloser
	escalateNone   escalation = ""
)

type escalateReader interface {
	amendReader
	CountOpen(ctx context.Context, run int64) (int64, error)
}

// nextEscalation is the step that a run comes to when it is due, or is to be closed.
func nextEscalation(ctx context.Context, q escalateReader, run model.Run, spec *parsed) (escalation, error) {
	if spec.OnNoAnswer != OnNoAnswerEscalate {
		return escalateNone, nil
	}
	open, err := q.CountOpen(ctx, run.ID)
	if err != nil || open == 0 {
		return escalateNone, err
	}
	done, err := amendments(ctx, q, run.Name)
	if err != nil {
		return escalateNone, err
	}
	for _, step := range []escalation{escalateExtend, escalateCloser} {
		if !slices.ContainsFunc(done, func(a Amendment) bool { return a.Cause == string(step) }) {
			return step, nil
		}
	}
	return escalateNone, nil
}

// Escalate does what on_no_answer: escalate says where a run is due and items have no answer, or are
// not sure and not signed off: first their reviewers get more time, then the items go to the campaign's
// closer, who gets as much again. It gives the number of steps. Any number of replicas may do it at once.
func (s *Service) Escalate(ctx context.Context) (int, error) {
	return s.eachRunning(ctx, func(run model.Run) (bool, error) {
		spec, err := specOf(run)
		return err == nil && spec.OnNoAnswer == OnNoAnswerEscalate && Overdue(run, s.Store.Now()), err
	}, func(ctx context.Context, tx *store.Tx, run model.Run) (int, error) {
		spec, err := specOf(run)
		if err != nil || run.State != model.Running || !Overdue(run, tx.Now.Std()) {
			return 0, err
		}
		step, err := nextEscalation(ctx, tx, run, spec)
		if err != nil || step == escalateNone {
			return 0, err
		}
		return 1, escalate(ctx, tx, escalator, &run, spec, step)
	})
}

// escalate takes one step.
func escalate(ctx context.Context, tx *store.Tx, actor model.Actor, run *model.Run, spec *parsed, step escalation) error {
	// First, so that who is new to the run is told of it in one mail.
	if err := amend(ctx, tx, actor, run, spec.endOf(max(tx.Now, run.DueAt), spec.extend), string(step), ""); err != nil || step != escalateCloser {
		return err
	}
	return toClosers(ctx, tx, actor, *run, spec)
}

// closers are who may be asked what nobody answered, in their order: the closer, the campaign's owner, and
// the fallback. Who has signed off is none of them any more.
func closers(ctx context.Context, tx *store.Tx, run model.Run, spec *parsed) ([]*scope.Person, error) {
	dir := scope.NewDirectory(store.Fold)
	ids := []string{spec.Closer, spec.Owner, spec.Stages[0].Fallback}
	for i, id := range ids {
		ids[i] = store.Fold(id)
	}
	if err := tx.LaunchPeopleByID(ctx, ids, func(key, source int64, data []byte) error { return addPerson(dir, key, source, data) }); err != nil {
		return nil, err
	}
	var out []*scope.Person
	for _, id := range ids {
		p := dir.ID(id, 0)
		if p == nil || !p.Active() || slices.Contains(out, p) {
			continue
		}
		part, _, err := tx.RunReviewer(ctx, run.ID, p.Key)
		if err != nil {
			return nil, err
		}
		if !part.SignedAt.Known() {
			out = append(out, p)
		}
	}
	return out, nil
}

// toClosers gives what is open in a run to its closers.
func toClosers(ctx context.Context, tx *store.Tx, actor model.Actor, run model.Run, spec *parsed) error {
	to, err := closers(ctx, tx, run, spec)
	if err != nil {
		return err
	}
	parts, err := tx.RunReviewers(ctx, run.ID)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if part.SignedAt.Known() || part.Items == part.Gone {
			continue
		}
		d, err := movingFrom(tx, actor, run, spec, part)
		if err != nil {
			return err
		}
		if err := d.toClosers(ctx, to, "Nobody answered in time."); err != nil {
			return err
		}
	}
	return nil
}

// movingFrom moves items of a reviewer who does not do it.
func movingFrom(tx *store.Tx, actor model.Actor, run model.Run, spec *parsed, part model.RunReviewer) (*deciding, error) {
	v, err := reviewerValue(part.Value)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.Name, err)
	}
	return &deciding{tx: tx, actor: actor, run: run, spec: spec, part: part, from: v.PersonID}, nil
}

// toClosers gives what the reviewer has not answered, or is not sure of, to the first closer whose own access it
// is not. What already is with the closer, and what none of them may answer, stays.
func (d *deciding) toClosers(ctx context.Context, to []*scope.Person, reason string) error {
	items, err := d.tx.UnansweredItems(ctx, d.run.ID, d.part.PersonKey)
	if err != nil {
		return err
	}
	m := newMoving(d)
	for _, it := range items {
		for _, p := range to {
			barred, err := d.barred(ctx, it, p.Key)
			if err != nil {
				return err
			}
			if barred {
				continue
			}
			if p.Key != it.ReviewerKey {
				if err := m.move(ctx, it, scope.Choice{Reviewer: p, Basis: basisCloser}, reason); err != nil {
					return err
				}
			}
			break
		}
	}
	return m.done(ctx)
}
