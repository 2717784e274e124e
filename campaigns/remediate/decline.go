package remediate

import (
	"context"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

const whyDeclined = "Somebody decided that it will not be done."

// secondPerson refuses who may not decide about a removal that waits for a second person: whoever,
// under whichever identity, answered the item or is the one whose access goes. what is what
// another admin must do.
func secondPerson(ctx context.Context, tx *store.Tx, who model.Actor, r model.Remediation, what string) error {
	items, err := tx.ItemsByID(ctx, r.RunID, []int64{r.ItemID})
	if err != nil {
		return err
	}
	if len(items) != 1 {
		return model.Errorf(model.Internal, "removal %d is of no item", r.ID)
	}
	people, err := campaigns.PeopleBehind(ctx, tx, who)
	if err != nil {
		return err
	}
	it := items[0]
	for _, person := range people {
		answered, err := tx.Answered(ctx, r.RunID, r.ItemID, person)
		switch {
		case err != nil:
			return err
		case answered:
			return model.Errorf(model.Forbidden, "You answered this item yourself: another admin must %s.", what)
		case it.PersonKey != nil && *it.PersonKey == person:
			return model.Errorf(model.Forbidden, "It is your own access: another admin must %s.", what)
		}
	}
	return nil
}

// contested tells whether a removal that nothing was asked for yet must wait for the answer to what
// the person concerned says against it. It was said while a worker had the removal already.
func contested(ctx context.Context, tx *store.Tx, c *claim) (bool, error) {
	if c.Kind != model.KindRemove || c.CalledAt.Known() {
		return false, nil
	}
	return tx.Contested(ctx, c.ID)
}

// Decline decides that a removal which is held, or has failed, will not be done: the access stays, and
// the reason stands in the evidence. It needs a second person, as Approve does. What the person
// concerned contests is answered instead.
//
// fence is that of the removal as the admin saw it; if it moved since, that is a Conflict.
func Decline(ctx context.Context, s *store.Store, who model.Actor, id, fence int64, reason string) error {
	if !who.Has(model.Admin) {
		return model.Errorf(model.Forbidden, "Only an admin may decide that a removal will not be done.")
	}
	reason, err := campaigns.CheckReason(reason, "Say why it will not be done: it stands in the evidence.")
	if err != nil {
		return err
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case r.Declined == who.Label():
			return nil // the same click twice
		case r.Kind != model.KindRemove:
			return model.Errorf(model.Conflict, "This is no removal.")
		case r.State != model.Held && r.State != model.Failed:
			return model.Errorf(model.Conflict, "This revocation is %s by now. Load the page again.", r.State)
		case r.Fence != fence:
			return model.Errorf(model.Conflict, "It moved in the meantime, maybe for another reason. Load the page again.")
		}
		if err := secondPerson(ctx, tx, who, r, "decide about its removal"); err != nil {
			return err
		}
		contested, err := tx.Contested(ctx, id)
		if err != nil {
			return err
		}
		if contested {
			return model.Errorf(model.Forbidden, "The person concerned contests it: answer that.")
		}
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return err
		}
		return campaigns.Decline(ctx, tx, who, run.Name, r, whyDeclined, reason)
	})
}
