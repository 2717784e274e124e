package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// Who may know what. A list and a single page ask the same predicate, and what a person may not
// see does not exist for that person.

// readsAll tells whether the actor reads every run, item and person.
func readsAll(actor model.Actor) bool {
	return actor.Has(model.Admin, model.CampaignManager, model.Auditor)
}

func noRun() error { return model.Errorf(model.NotFound, "There is no such review.") }

// CanSeeRun tells whether the actor may know that a run exists: staff, and who has a part in it.
func (s *Service) CanSeeRun(ctx context.Context, actor model.Actor, run int64) (bool, error) {
	if readsAll(actor) {
		return true, nil
	}
	if actor.PersonKey == 0 {
		return false, nil
	}
	_, ok, err := s.Store.RunReviewer(ctx, run, actor.PersonKey)
	return ok, err
}

// CanSeeItem tells whether the actor may read an item: staff, and who is asked now.
func CanSeeItem(actor model.Actor, it model.Item) bool {
	return readsAll(actor) || actor.PersonKey != 0 && it.ReviewerKey == actor.PersonKey
}

// maxLine bounds a walk up a reporting line: people sources may hold cycles.
const maxLine = 100

// CanSeePerson tells whether the actor may open a person's page: staff, who is asked about the
// person, and whoever the person reports to, directly or not.
func (s *Service) CanSeePerson(ctx context.Context, actor model.Actor, person int64) (bool, error) {
	if readsAll(actor) {
		return true, nil
	}
	if actor.PersonKey == 0 {
		return false, nil
	}
	asked, err := s.Store.HasItemAbout(ctx, actor.PersonKey, person)
	if err != nil || asked {
		return asked, err
	}
	return s.reportsTo(ctx, person, actor.PersonKey)
}

func (s *Service) reportsTo(ctx context.Context, person, boss int64) (bool, error) {
	seen := map[int64]bool{}
	for range maxLine {
		if seen[person] {
			return false, nil
		}
		seen[person] = true
		source, data, ok, err := s.Store.LaunchPerson(ctx, person)
		if err != nil || !ok {
			return false, err
		}
		var p model.Person
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			return false, fmt.Errorf("read person %d: %w", person, err)
		}
		dir := scope.NewDirectory(store.Fold)
		if err := s.Store.LaunchPeopleByID(ctx, []string{store.Fold(p.ManagerID)}, func(key, source int64, data []byte) error {
			return addPerson(dir, key, source, data)
		}); err != nil {
			return false, err
		}
		up := dir.ID(p.ManagerID, source)
		if up == nil {
			return false, nil
		}
		if up.Key == boss {
			return true, nil
		}
		person = up.Key
	}
	return false, nil
}

// VisiblePeople are the keys of all people whose pages the actor may open. It is CanSeePerson for
// everybody at once.
func (s *Service) VisiblePeople(ctx context.Context, actor model.Actor) (map[int64]bool, error) {
	dir := scope.NewDirectory(store.Fold)
	var all []*scope.Person
	if err := s.Store.LaunchPeople(ctx, func(key, source int64, data []byte) error {
		if err := addPerson(dir, key, source, data); err != nil {
			return err
		}
		all = append(all, dir.Key(key))
		return nil
	}); err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	if actor.PersonKey == 0 && !readsAll(actor) {
		return out, nil
	}
	asked, err := s.Store.PeopleAsked(ctx, actor.PersonKey)
	if err != nil {
		return nil, err
	}
	for _, key := range asked {
		if dir.Key(key) != nil {
			out[key] = true
		}
	}
	for _, p := range all {
		if readsAll(actor) || under(dir, p, actor.PersonKey) {
			out[p.Key] = true
		}
	}
	return out, nil
}

func under(dir *scope.Directory, p *scope.Person, boss int64) bool {
	seen := map[int64]bool{}
	for range maxLine {
		if p == nil || seen[p.Key] {
			return false
		}
		seen[p.Key] = true
		p = dir.ID(p.ManagerID, p.SourceID)
		if p != nil && p.Key == boss {
			return true
		}
	}
	return false
}

// Run is a run by its name, by its campaign's name (the latest) or by its number, if the actor
// may know of it.
func (s *Service) Run(ctx context.Context, actor model.Actor, ref string) (model.Run, error) {
	run, err := s.findRun(ctx, ref)
	if err != nil {
		return run, err
	}
	ok, err := s.CanSeeRun(ctx, actor, run.ID)
	if err == nil && !ok {
		err = noRun()
	}
	if err != nil {
		return model.Run{}, err
	}
	return run, nil
}

func (s *Service) findRun(ctx context.Context, ref string) (model.Run, error) {
	if n, err := strconv.ParseInt(ref, 10, 64); err == nil {
		run, err := s.Store.RunByID(ctx, n)
		if e, ok := errors.AsType[*model.Error](err); !ok || e.Kind != model.NotFound {
			return run, err
		}
	}
	return s.Store.RunByName(ctx, ref)
}
