package campaigns

import (
	"context"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// basisManual is why somebody reviews an item that a person handed over.
const basisManual = "manual"

// HandOverInput moves what a reviewer has not answered to somebody else.
type HandOverInput struct {
	RunID  int64
	From   string // person_id of the reviewer
	To     string // person_id of who answers from now on
	Reason string // stands in the evidence
}

// HandedOver is what a hand-over did.
type HandedOver struct {
	Moved int64
	Left  int64  // that stay, because they are the own access of who was to get them
	To    string // name
}

// HandOver moves the items of a reviewer that are neither answered keep or revoke nor final to
// another active person: for who left, is away, or has come to hold what they review. What is the
// own access of the new reviewer stays where it is. Only an admin or a campaign manager may.
func (s *Service) HandOver(ctx context.Context, actor model.Actor, in HandOverInput) (HandedOver, error) {
	if err := mayRun(actor); err != nil {
		return HandedOver{}, err
	}
	reason, err := reasonOf(in.Reason, "Say why the items are handed over: it stands in the evidence.")
	if err != nil {
		return HandedOver{}, err
	}
	var out HandedOver
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		d, to, err := newHandOver(ctx, tx, actor, in)
		if err != nil {
			return err
		}
		out = HandedOver{To: to.Name}
		return d.handOver(ctx, to, reason, &out)
	})
	return out, err
}

// newHandOver locks the run against its close, and both parts against their sign-off.
func newHandOver(ctx context.Context, tx *store.Tx, actor model.Actor, in HandOverInput) (*deciding, *scope.Person, error) {
	run, err := tx.LockRun(ctx, in.RunID, false)
	if err != nil {
		return nil, nil, err
	}
	if run.State != model.Running {
		return nil, nil, model.Errorf(model.Conflict, "This campaign is closed; nothing can be handed over.")
	}
	dir := scope.NewDirectory(store.Fold)
	ids := []string{store.Fold(in.To)}
	if err := tx.LaunchPeopleByID(ctx, ids, func(key, source int64, data []byte) error { return addPerson(dir, key, source, data) }); err != nil {
		return nil, nil, err
	}
	to := dir.ID(in.To, 0)
	if to == nil || !to.Active() {
		return nil, nil, model.Errorf(model.Invalid, "There is no active person with the person_id %q.", in.To)
	}
	from, err := tx.PersonByID(ctx, in.From)
	switch {
	case err != nil:
		return nil, nil, err
	case from.Key == to.Key:
		return nil, nil, model.Errorf(model.Invalid, "Choose somebody else than the reviewer who has the items now.")
	}
	parts, err := lockParts(ctx, tx, in.RunID, from.Key, to.Key)
	if err != nil {
		return nil, nil, err
	}
	part, ok := parts[from.Key]
	switch {
	case !ok:
		return nil, nil, model.Errorf(model.NotFound, "%s reviews nothing in this campaign.", in.From)
	case part.SignedAt.Known():
		return nil, nil, model.Errorf(model.Conflict, "%s has signed off: those answers are final.", in.From)
	case parts[to.Key].SignedAt.Known():
		return nil, nil, model.Errorf(model.Conflict, "%s has signed off already. Choose somebody else.", to.Name)
	}
	spec, err := specOf(run)
	return &deciding{tx: tx, actor: actor, run: run, spec: spec, part: part, from: in.From}, to, err
}

// lockParts locks the parts of two reviewers, in one order for all, so that two hand-overs never
// wait for each other. Who has no part yet is missing.
func lockParts(ctx context.Context, tx *store.Tx, run, a, b int64) (map[int64]model.RunReviewer, error) {
	parts := map[int64]model.RunReviewer{}
	for _, key := range []int64{min(a, b), max(a, b)} {
		part, err := tx.LockRunReviewer(ctx, run, key)
		switch {
		case model.KindOf(err) == model.NotFound:
		case err != nil:
			return nil, err
		default:
			parts[key] = part
		}
	}
	return parts, nil
}

func (d *deciding) handOver(ctx context.Context, to *scope.Person, reason string, out *HandedOver) error {
	items, err := d.tx.UnansweredItems(ctx, d.run.ID, d.part.PersonKey)
	if err != nil {
		return err
	}
	m := newMoving(d)
	for _, it := range items {
		barred, err := d.barred(ctx, it, to.Key)
		if err != nil {
			return err
		}
		if barred {
			out.Left++
			continue
		}
		if err := m.move(ctx, it, scope.Choice{Reviewer: to, Basis: basisManual}, reason); err != nil {
			return err
		}
		out.Moved++
	}
	return m.done(ctx)
}
