package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

type peopleReader interface {
	LaunchPeopleByID(ctx context.Context, folded []string, fn func(key, source int64, data []byte) error) error
}

// ownerReader is what OwnerOf looks into.
type ownerReader interface {
	peopleReader
	sourceReader
	PersonByKey(ctx context.Context, key int64) (store.Person, error)
}

// isThere tells whether a source of people lists a person, as one who has not left.
func isThere(ctx context.Context, q ownerReader, key int64) (bool, error) {
	p, err := q.PersonByKey(ctx, key)
	if model.KindOf(err) == model.NotFound {
		return false, nil
	}
	return err == nil && p.LastSnapshot == nil && !left(p.Status), err
}

// activeNamed is the active person with a person_id, nil where there is none.
func activeNamed(ctx context.Context, q peopleReader, id string) (*scope.Person, error) {
	dir := scope.NewDirectory(store.Fold)
	if err := q.LaunchPeopleByID(ctx, []string{store.Fold(id)}, func(key, source int64, data []byte) error { return addPerson(dir, key, source, data) }); err != nil {
		return nil, err
	}
	if p := dir.ID(id, 0); p != nil && p.Active() {
		return p, nil
	}
	return nil, nil //nolint:nilnil // nobody is an answer
}

// activePerson is the key of the active person with a person_id, 0 where there is none.
func activePerson(ctx context.Context, q peopleReader, id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	p, err := activeNamed(ctx, q, id)
	if err != nil || p == nil {
		return 0, err
	}
	return p.Key, nil
}

// runOwner is who is told of what happens to the removals of a run that is being launched: the person
// that the campaign names, else who launches it; nil where that is nobody that a source knows.
func (p *plan) runOwner(ctx context.Context, q Reader, actor model.Actor) (*int64, error) {
	key := actor.PersonKey
	if p.spec.Owner != "" {
		var err error
		if key, err = activePerson(ctx, q, p.spec.Owner); err != nil {
			return nil, err
		}
		if key == 0 {
			return nil, model.Errorf(model.Invalid, "%s cannot be launched. owner: there is no active person with the person_id %q.", p.name, p.spec.Owner)
		}
	}
	if key == 0 {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	return &key, nil
}

// OwnerOf is the key of the person who is told of what happens to a run's removals in a source: the
// run's owner, else, where that is nobody or nobody who is still there, the source's. 0 is that
// nobody can be told.
func OwnerOf(ctx context.Context, q ownerReader, run model.Run, source int64) (int64, error) {
	if run.OwnerKey != nil {
		if there, err := isThere(ctx, q, *run.OwnerKey); err != nil || there {
			return *run.OwnerKey, err
		}
	}
	_, spec, err := sourceOf(ctx, q, source)
	if model.KindOf(err) == model.NotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return activePerson(ctx, q, spec.Owner)
}

// ownedReader is what ownedBy looks into.
type ownedReader interface {
	ownerReader
	Sources(ctx context.Context) ([]store.Source, error)
	Configs(ctx context.Context, kind model.ConfigKind) ([]store.Config, error)
	RunOwners(ctx context.Context) ([]int64, error)
}

// ownedBy is which removals OwnerOf gives a person for; its Person is 0 where it gives that one for none.
func ownedBy(ctx context.Context, q ownedReader, person int64) (o store.Owned, err error) {
	if person == 0 {
		return o, nil
	}
	p, err := q.PersonByKey(ctx, person)
	if model.KindOf(err) == model.NotFound {
		return o, nil
	}
	if err != nil || p.LastSnapshot != nil || left(p.Status) {
		return o, err
	}
	o.Person = person
	if o.Sources, err = sourcesOf(ctx, q, person, p.PersonID); err != nil || len(o.Sources) == 0 {
		return o, err
	}
	owners, err := q.RunOwners(ctx)
	if err != nil {
		return o, err
	}
	for _, key := range owners {
		there, err := isThere(ctx, q, key)
		if err != nil {
			return o, err
		}
		if !there {
			o.Gone = append(o.Gone, key)
		}
	}
	return o, nil
}

// sourcesOf are the sources that name a person as their owner.
func sourcesOf(ctx context.Context, q ownedReader, person int64, id string) ([]int64, error) {
	docs, err := q.Configs(ctx, model.ConfigSource)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range docs {
		var spec model.SourceSpec
		if err := json.Unmarshal([]byte(docs[i].Spec), &spec); err != nil {
			return nil, fmt.Errorf("read the stored spec of source %s: %w", docs[i].Name, err)
		}
		if store.Fold(spec.Owner) != store.Fold(id) {
			continue
		}
		key, err := activePerson(ctx, q, spec.Owner)
		if err != nil {
			return nil, err
		}
		names[docs[i].Name] = key == person
	}
	if len(names) == 0 {
		return nil, nil
	}
	sources, err := q.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for i := range sources {
		if names[sources[i].Name] {
			ids = append(ids, sources[i].ID)
		}
	}
	return ids, nil
}

// tellCameBack tells the owner that a removal came back; r is as it was before. Each return is told
// once: whatever moves a removal raises its fence.
func tellCameBack(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, why string) error {
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	owner, err := OwnerOf(ctx, tx, run, r.SourceID)
	if err != nil || owner == 0 {
		return err // the board says that nobody could be told
	}
	_, _, err = tx.AddMessage(ctx, store.NewMessage{
		Key: fmt.Sprintf("came_back/%d/%d", r.ID, r.Fence), Kind: model.MessageCameBack, RunID: r.RunID, PersonKey: owner,
		Data: model.MessageData{Removal: r.ID, Reason: why},
	})
	return err
}

// PersonNamed is the one current person with a person_id, or else with a mail address.
func PersonNamed(ctx context.Context, q interface {
	PeopleByID(ctx context.Context, personID string) ([]store.Person, error)
	PeopleByEmail(ctx context.Context, email string) ([]store.Person, error)
}, typed string) (store.Person, error) {
	typed = strings.TrimSpace(typed)
	found, err := q.PeopleByID(ctx, typed)
	if err == nil && len(found) == 0 {
		found, err = q.PeopleByEmail(ctx, typed)
	}
	switch {
	case err != nil:
		return store.Person{}, err
	case len(found) == 0:
		return store.Person{}, model.Errorf(model.Invalid, "Nobody has this person_id or mail address. Take the people in first, or name somebody else.")
	case len(found) > 1:
		return store.Person{}, model.Errorf(model.Invalid, "Several people have it. Type the person_id of the one, as a single source of people knows it.")
	}
	return found[0], nil
}
