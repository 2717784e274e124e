package campaigns

import (
	"context"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// whyMoved stands in the evidence and names nobody.
const whyMoved = "The person reports to somebody else now."

// followMovers gives items that a manager has not answered, about people who have another manager since the launch, to
// that one. What somebody handed over, or passed on, stays where it went; so does what the new manager may not answer.
func followMovers(ctx context.Context, tx *store.Tx, run model.Run) (n int, err error) {
	spec, err := specOf(run)
	if err != nil {
		return 0, err
	}
	items, err := tx.MovedSubjects(ctx, run.ID)
	if err != nil {
		return 0, err
	}
	for len(items) > 0 {
		last := 1
		for last < len(items) && items[last].ReviewerKey == items[0].ReviewerKey {
			last++
		}
		part, err := tx.LockRunReviewer(ctx, run.ID, items[0].ReviewerKey)
		if err != nil {
			return n, err
		}
		if !part.SignedAt.Known() {
			d, err := movingFrom(tx, replacer, run, spec, part)
			if err != nil {
				return n, err
			}
			moved, err := d.toNewManagers(ctx, items[:last])
			if err != nil {
				return n, err
			}
			n += moved
		}
		items = items[last:]
	}
	return n, nil
}

// toNewManagers gives items of one reviewer to whom their people report now.
func (d *deciding) toNewManagers(ctx context.Context, items []model.Item) (n int, err error) {
	m := newMoving(d)
	for _, it := range items {
		to, err := d.newManager(ctx, it)
		if err != nil {
			return n, err
		}
		if to == nil {
			continue
		}
		if err := m.move(ctx, it, scope.Choice{Reviewer: to, Basis: scope.Manager}, whyMoved); err != nil {
			return n, err
		}
		n++
	}
	return n, m.done(ctx)
}

// newManager is to whom an item goes as its person has another manager; nil is nobody.
func (d *deciding) newManager(ctx context.Context, it model.Item) (*scope.Person, error) {
	row, dir, err := d.row(ctx, it)
	if err != nil {
		return nil, err
	}
	to := dir.Candidate(scope.Rule{Basis: scope.Manager}, row)
	if to == nil || !to.Active() || to.Key == it.ReviewerKey {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	part, _, err := d.tx.RunReviewer(ctx, it.RunID, to.Key)
	if err != nil || part.SignedAt.Known() {
		return nil, err
	}
	if barred, err := d.barred(ctx, it, to.Key); err != nil || barred {
		return nil, err
	}
	return to, nil
}
