package campaigns

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// replacer is the actor of what becomes of items whose reviewer is not there any more.
var replacer = system("replacement")

// whyReplaced stands in the evidence and names nobody.
const whyReplaced = "The reviewer has left, or is away."

// ReplaceReviewers gives what reviewers who have left, or are away, have not answered to whom the campaign's
// rules give next, and what is about people who have another manager since to that one. It looks after each new list
// of people, once a run, and gives the number of items. What nobody else may answer stays, for who runs the campaign
// to hand over.
func (s *Service) ReplaceReviewers(ctx context.Context) (int, error) {
	// Counted, as one that is sealed later may have begun earlier.
	lists, err := s.Store.PeopleSnapshots(ctx)
	if err != nil {
		return 0, err
	}
	return s.eachRunning(ctx, func(run model.Run) (bool, error) { return run.PeopleLists != lists, nil },
		func(ctx context.Context, tx *store.Tx, run model.Run) (int, error) {
			if run.State != model.Running {
				return 0, nil
			}
			n, err := replaceReviewers(ctx, tx, run)
			if err != nil {
				return 0, err
			}
			moved, err := followMovers(ctx, tx, run)
			if err != nil {
				return 0, err
			}
			return n + moved, tx.MarkReplaced(ctx, run.ID, lists)
		})
}

func replaceReviewers(ctx context.Context, tx *store.Tx, run model.Run) (n int, err error) {
	spec, err := specOf(run)
	if err != nil {
		return 0, err
	}
	parts, err := tx.AbsentReviewers(ctx, run.ID)
	if err != nil {
		return 0, err
	}
	for _, part := range parts {
		d, err := movingFrom(tx, replacer, run, spec, part)
		if err != nil {
			return 0, err
		}
		moved, err := d.replace(ctx)
		if err != nil {
			return 0, err
		}
		n += moved
	}
	return n, nil
}

// replace gives what the reviewer has not answered, or is not sure of, to whom the rules give next.
func (d *deciding) replace(ctx context.Context) (n int, err error) {
	items, err := d.tx.UnansweredItems(ctx, d.run.ID, d.part.PersonKey)
	if err != nil {
		return 0, err
	}
	m := newMoving(d)
	for _, it := range items {
		choice, err := d.next(ctx, it)
		if model.KindOf(err) == model.Invalid {
			continue // nobody else is left
		}
		if err != nil {
			return 0, err
		}
		if err := m.move(ctx, it, choice, whyReplaced); err != nil {
			return 0, err
		}
		n++
	}
	return n, m.done(ctx)
}
