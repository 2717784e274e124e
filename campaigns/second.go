package campaigns

import (
	"context"
	"slices"

	"recert/model"
	"recert/model/store"
)

// identities is what is known of who is behind a mail address.
type identities interface {
	PersonsByEmail(ctx context.Context, email string) ([]store.PersonTie, error)
	UserPersons(ctx context.Context, email string) ([]int64, error)
}

// PeopleBehind are the keys of the people that an actor may be: the one that the user is tied to, and
// whoever has the actor's mail address. The user of a break-glass link is tied to nobody, and is
// still no second person beside the one whose address it has.
func PeopleBehind(ctx context.Context, q identities, actor model.Actor) ([]int64, error) {
	keys, err := peopleOf(ctx, q, actor.Email)
	if actor.PersonKey != 0 {
		keys = append(keys, actor.PersonKey)
	}
	return keys, err
}

func peopleOf(ctx context.Context, q identities, email string) ([]int64, error) {
	if email == "" {
		return nil, nil
	}
	keys, err := q.UserPersons(ctx, email)
	if err != nil {
		return nil, err
	}
	ties, err := q.PersonsByEmail(ctx, email)
	for _, t := range ties {
		keys = append(keys, t.PersonKey)
	}
	return keys, err
}

// SameOne tells whether an actor may be the one who stands in evidence under a label: by the label,
// by the mail address in it, or because one person is behind both. Where a second person is needed,
// such an actor is none.
func SameOne(ctx context.Context, q identities, label string, actor model.Actor) (bool, error) {
	email := model.LabelEmail(label)
	switch {
	case label == actor.Label():
		return true, nil
	case email == "":
		return false, nil
	case store.Fold(email) == store.Fold(actor.Email):
		return true, nil
	}
	was, err := peopleOf(ctx, q, email)
	if err != nil || len(was) == 0 {
		return false, err
	}
	is, err := PeopleBehind(ctx, q, actor)
	return slices.ContainsFunc(is, func(key int64) bool { return slices.Contains(was, key) }), err
}
