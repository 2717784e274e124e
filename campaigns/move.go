package campaigns

import (
	"context"
	"maps"
	"slices"

	"recert/campaigns/scope"
	"recert/model"
)

// moving gives open items of one reviewer, d.part, to others. Where many move the counters of who is concerned
// are written once.
type moving struct {
	*deciding

	counts map[int64]model.Counts
	to     map[int64]*scope.Person
}

func newMoving(d *deciding) *moving {
	return &moving{deciding: d, counts: map[int64]model.Counts{}, to: map[int64]*scope.Person{}}
}

// barred tells whether a person may not get an item: it was about own access at launch, or is by now, or it would
// have two people review each other.
func (d *deciding) barred(ctx context.Context, it model.Item, person int64) (bool, error) {
	holder, err := d.tx.AccountPerson(ctx, it.AccountKey)
	if err != nil || holder == person || it.PersonKey != nil && *it.PersonKey == person {
		return true, err
	}
	return d.swaps(ctx, it, person)
}

// swaps tells whether a person who got the item would review somebody who reviews that person, where the campaign
// prevents it.
func (d *deciding) swaps(ctx context.Context, it model.Item, person int64) (bool, error) {
	if d.spec.Swaps != SwapsPrevent || it.PersonKey == nil {
		return false, nil
	}
	return d.tx.Reviews(ctx, it.RunID, *it.PersonKey, person)
}

// move gives one item, which has no answer or is not sure, to another reviewer. The answer goes with it.
func (m *moving) move(ctx context.Context, it model.Item, choice scope.Choice, reason string) error {
	was := it.Version
	it.Version, it.ReviewerKey = was+1, choice.Reviewer.Key
	if err := m.moved(ctx, it, choice, reason); err != nil {
		return err
	}
	if err := m.tx.AnswerItem(ctx, it, was); err != nil {
		return err
	}
	m.to[choice.Reviewer.Key] = choice.Reviewer
	for person, n := range map[int64]int64{m.part.PersonKey: -1, choice.Reviewer.Key: 1} {
		c := m.counts[person]
		c.Items += n
		if it.Answer == model.Unsure {
			c.Unsure += n
		}
		m.counts[person] = c
	}
	return nil
}

// done writes the counters, in one order for all.
func (m *moving) done(ctx context.Context) error {
	for _, person := range slices.Sorted(maps.Keys(m.counts)) {
		if p := m.to[person]; p != nil {
			if err := m.ensureReviewer(ctx, p); err != nil {
				return err
			}
		}
		if err := m.tx.AddRunReviewer(ctx, m.run.ID, person, m.counts[person]); err != nil {
			return err
		}
	}
	return nil
}
