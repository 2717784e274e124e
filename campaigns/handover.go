package campaigns

import (
	"context"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// basisManual is why somebody reviews an item that a person handed over.
const basisManual = "manual"

// HandOverInput moves what reviewers have not answered to somebody else.
type HandOverInput struct {
	RunID  int64
	From   string // person_id of the reviewer
	All    bool   // of all reviewers; then From counts for nothing
	To     string // person_id of who answers from now on; "" is whom the rules give next
	Source string // only access in this source; "" is all
	Reason string // stands in the evidence
}

// HandedOver is what a hand-over did.
type HandedOver struct {
	Moved int64
	Left  int64  // that stay, because who was to get them may not answer them, or nobody else may
	To    string // name; "" where the rules gave them
}

// HandOver moves the items of a reviewer, or of all, that are neither answered keep or revoke nor final to another
// active person, or to whom the rules give next: for who left, is away, or has come to hold what they review. What the
// new reviewer may not answer stays where it is. Only an admin or a campaign manager may.
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
		h, err := newHandOver(ctx, tx, in)
		if err != nil {
			return err
		}
		out = HandedOver{}
		if h.to != nil {
			out.To = h.to.Name
		}
		for _, part := range h.from {
			d, err := movingFrom(tx, actor, h.run, h.spec, part)
			if err != nil {
				return err
			}
			if err := d.handOver(ctx, h, reason, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// handingOver is one hand-over, with all parts that it touches locked against their sign-off.
type handingOver struct {
	run    model.Run
	spec   *parsed
	from   []model.RunReviewer
	to     *scope.Person // nil is whom the rules give
	source int64         // 0 is all
}

// newHandOver locks the run against its close, and the parts.
func newHandOver(ctx context.Context, tx *store.Tx, in HandOverInput) (*handingOver, error) {
	run, err := tx.LockRun(ctx, in.RunID, false)
	if err != nil {
		return nil, err
	}
	if run.State != model.Running {
		return nil, model.Errorf(model.Conflict, "This campaign is closed; nothing can be handed over.")
	}
	h := &handingOver{run: run}
	if h.spec, err = specOf(run); err != nil {
		return nil, err
	}
	if in.To != "" {
		if h.to, err = activeNamed(ctx, tx, in.To); err != nil {
			return nil, err
		}
		if h.to == nil {
			return nil, model.Errorf(model.Invalid, "There is no active person with the person_id %q.", in.To)
		}
	}
	if in.Source != "" {
		src, err := tx.Source(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		h.source = src.ID
	}
	if in.All {
		err = h.all(ctx, tx)
	} else {
		err = h.one(ctx, tx, in.From)
	}
	return h, err
}

// one takes the part of one reviewer.
func (h *handingOver) one(ctx context.Context, tx *store.Tx, id string) error {
	from, err := tx.PersonByID(ctx, id)
	if err != nil {
		return err
	}
	to := from.Key
	if h.to != nil {
		if to = h.to.Key; from.Key == to {
			return model.Errorf(model.Invalid, "Choose somebody else than the reviewer who has the items now.")
		}
	}
	parts, err := lockParts(ctx, tx, h.run.ID, from.Key, to)
	if err != nil {
		return err
	}
	part, ok := parts[from.Key]
	switch {
	case !ok:
		return model.Errorf(model.NotFound, "%s reviews nothing in this campaign.", id)
	case part.SignedAt.Known():
		return model.Errorf(model.Conflict, "%s has signed off: those answers are final.", id)
	case parts[to].SignedAt.Known():
		return model.Errorf(model.Conflict, "%s has signed off already. Choose somebody else.", h.to.Name)
	}
	h.from = []model.RunReviewer{part}
	return nil
}

// all takes the parts of all reviewers who have not signed off, but that of who gets the items.
func (h *handingOver) all(ctx context.Context, tx *store.Tx) error {
	parts, err := tx.RunReviewers(ctx, h.run.ID)
	if err != nil {
		return err
	}
	for _, p := range parts { // by key, as lockParts does
		part, err := tx.LockRunReviewer(ctx, h.run.ID, p.PersonKey)
		if err != nil {
			return err
		}
		gets := h.to != nil && part.PersonKey == h.to.Key
		switch {
		case gets && part.SignedAt.Known():
			return model.Errorf(model.Conflict, "%s has signed off already. Choose somebody else.", h.to.Name)
		case !gets && !part.SignedAt.Known() && part.Items > part.Gone:
			h.from = append(h.from, part)
		}
	}
	return nil
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

func (d *deciding) handOver(ctx context.Context, h *handingOver, reason string, out *HandedOver) error {
	items, err := d.tx.UnansweredItems(ctx, d.run.ID, d.part.PersonKey)
	if err != nil {
		return err
	}
	m := newMoving(d)
	for _, it := range items {
		if h.source != 0 && it.SourceID != h.source {
			continue
		}
		choice, ok, err := d.handTo(ctx, it, h.to)
		if err != nil {
			return err
		}
		if !ok {
			out.Left++
			continue
		}
		if err := m.move(ctx, it, choice, reason); err != nil {
			return err
		}
		out.Moved++
	}
	return m.done(ctx)
}

// handTo is who gets an item: to, or where that is nil whom the rules give next; ok is false where that one may not
// answer it, or nobody else may.
func (d *deciding) handTo(ctx context.Context, it model.Item, to *scope.Person) (c scope.Choice, ok bool, err error) {
	if to != nil {
		barred, err := d.barred(ctx, it, to.Key)
		return scope.Choice{Reviewer: to, Basis: basisManual}, !barred, err
	}
	c, err = d.next(ctx, it)
	if model.KindOf(err) == model.Invalid {
		return c, false, nil
	}
	return c, err == nil, err
}
