package campaigns

import (
	"context"
	"errors"
	"fmt"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// Why somebody reviews an item as a deputy, and again after that.
const (
	basisDeputy   = "deputy"
	basisReturned = "returned"
)

// deputizer is the actor of what a deputy gets and gives back.
var deputizer = system("deputy")

// Deputize gives the open items of who is away to the deputy, in every running run that is not paused, and what a
// deputy has not answered back when that is over. It gives the number of items. Any number of replicas may do it.
func (s *Service) Deputize(ctx context.Context) (int, error) {
	list, err := s.Store.OpenDeputies(ctx, 0)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	day, err := today(ctx, s.Store, model.TimeOf(s.Store.Now()))
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, d := range list {
		done, err := 0, error(nil)
		switch {
		case d.Over(day):
			done, err = s.takeBack(ctx, d)
		case d.Active(day):
			done, err = s.eachRunning(ctx, func(model.Run) (bool, error) { return true, nil }, func(ctx context.Context, tx *store.Tx, run model.Run) (int, error) {
				return deputize(ctx, tx, run, d, d.PersonKey, d.DeputyKey)
			})
		}
		n += done
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

// takeBack gives back what the deputy has not answered, in paused runs too, and only then says that it is over: where
// it is cut off, it is done again.
func (s *Service) takeBack(ctx context.Context, d model.Deputy) (n int, err error) {
	runs, err := s.Store.RunList(ctx, store.RunFilter{State: model.Running, Reviewer: d.DeputyKey})
	if err != nil {
		return 0, err
	}
	for _, run := range runs {
		done := 0
		if err := s.Store.InTx(ctx, func(tx *store.Tx) error {
			run, err := tx.LockRun(ctx, run.ID, true)
			if err == nil && run.State == model.Running {
				done, err = deputize(ctx, tx, run, d, d.DeputyKey, d.PersonKey)
			}
			return err
		}); err != nil {
			return n, err
		}
		n += done
	}
	return n, s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.EndDeputy(ctx, d.ID) })
}

// deputize moves the items that one has not answered to the other, who is the deputy, or gets them back.
func deputize(ctx context.Context, tx *store.Tx, run model.Run, d model.Deputy, from, to int64) (n int, err error) {
	part, ok, err := tx.RunReviewer(ctx, run.ID, from)
	if err != nil || !ok || part.SignedAt.Known() || run.State != model.Running {
		return 0, err
	}
	person, err := reviewerByKey(ctx, tx, run, to)
	if err != nil || person == nil {
		return 0, err
	}
	spec, err := specOf(run)
	if err != nil {
		return 0, err
	}
	m, err := movingFrom(tx, deputizer, run, spec, part)
	if err != nil {
		return 0, err
	}
	items, err := tx.UnansweredItems(ctx, run.ID, from)
	if err != nil {
		return 0, err
	}
	mv := newMoving(m)
	choice, why := scope.Choice{Reviewer: person, Basis: basisDeputy}, fmt.Sprintf("Away until %s: %s", d.UntilDay, d.Reason)
	if from == d.DeputyKey {
		choice.Basis, why = basisReturned, "Back: "+d.Reason
	}
	for _, it := range items {
		ok, err := m.deputized(ctx, it, d, to)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		if err := mv.move(ctx, it, choice, why); err != nil {
			return n, err
		}
		n++
	}
	return n, mv.done(ctx)
}

// deputized tells whether an item goes to the deputy, or back. What a deputy got goes to no other deputy; what was not
// got as a deputy does not go back; what somebody has given an answer to, if only "not sure", stays.
func (d *deciding) deputized(ctx context.Context, it model.Item, dep model.Deputy, to int64) (bool, error) {
	if it.Answer != model.NoAnswer {
		return false, nil
	}
	moves, err := d.tx.Assignments(ctx, it.RunID, it.ID)
	if err != nil {
		return false, err
	}
	var last model.Assignment
	if len(moves) > 0 {
		last = moves[len(moves)-1]
	}
	as := last.Basis == basisDeputy
	if to == dep.PersonKey && (!as || last.FromKey != dep.PersonKey) || to == dep.DeputyKey && as {
		return false, nil
	}
	barred, err := d.barred(ctx, it, to)
	return !barred, err
}

// reviewerByKey is an active person who may still answer in a run; nil is that there is none.
func reviewerByKey(ctx context.Context, tx *store.Tx, run model.Run, key int64) (*scope.Person, error) {
	source, data, ok, err := tx.LaunchPerson(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	dir := scope.NewDirectory(store.Fold)
	if err := addPerson(dir, key, source, []byte(data)); err != nil {
		return nil, err
	}
	p := dir.Key(key)
	part, _, err := tx.RunReviewer(ctx, run.ID, key)
	if err != nil || !p.Active() || part.SignedAt.Known() {
		return nil, err
	}
	return p, nil
}
