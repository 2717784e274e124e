package remediate

import (
	"context"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// Restore asks for the access back that a proven removal took, exactly as it was, and gives the id of
// what brings it back. Admins and campaign managers may, unless it is their own access; reason is why,
// and stands in the evidence. The second click changes nothing and gives the same id.
func Restore(ctx context.Context, s *store.Store, who model.Actor, removal int64, reason string) (int64, error) {
	if !who.Has(model.Admin, model.CampaignManager) {
		return 0, model.Errorf(model.Forbidden, "Only an admin or a campaign manager may give an access back.")
	}
	reason, err := campaigns.CheckReason(reason, "Say why the access is given back: it stands in the evidence.")
	if err != nil {
		return 0, err
	}
	var id int64
	err = s.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, removal)
		if err != nil {
			return err
		}
		it, err := notOwn(ctx, tx, who, r)
		if err != nil {
			return err
		}
		before, ok, err := tx.RestoreOf(ctx, removal)
		switch {
		case err != nil:
			return err
		case ok && before.State == model.Failed:
			return model.Errorf(model.Conflict, "It was to be given back before, and that failed: look at it and try it again there.")
		case ok:
			id = before.ID
			return nil
		case r.Kind != model.KindRemove || r.State != model.Confirmed:
			return model.Errorf(model.Conflict, "Only what is proven gone can be given back; this one is %s. Load the page again.", r.State)
		}
		id, err = campaigns.QueueRestore(ctx, tx, who, r, it, reason)
		return err
	})
	return id, err
}

const whyGivenUp = "Somebody decided that it will not be given back."

// GiveUp ends what was to give an access back and has not: it stays gone, and what a snapshot shows from
// here on counts again as coming back. What is being worked on right now is a Conflict. Admins and
// campaign managers may; the second click changes nothing.
func GiveUp(ctx context.Context, s *store.Store, who model.Actor, restore int64) error {
	if !who.Has(model.Admin, model.CampaignManager) {
		return model.Errorf(model.Forbidden, "Only an admin or a campaign manager may do this.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, restore)
		switch {
		case err != nil:
			return err
		case r.Kind != model.KindRestore:
			return model.Errorf(model.Conflict, "This gives nothing back.")
		case r.State == model.Cancelled:
			return nil
		case !r.Kind.Can(r.State, model.Cancelled):
			return model.Errorf(model.Conflict, "It is %s by now. Load the page again.", r.State)
		}
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return err
		}
		ok, err := tx.CancelRestore(ctx, restore, whyGivenUp)
		if err != nil {
			return err
		}
		if !ok {
			return model.Errorf(model.Conflict, "It is being given back right now. Look again in a moment.")
		}
		from := r.State
		r.State, r.Reason, r.Proof = model.Cancelled, whyGivenUp, ""
		return stateEvent(ctx, tx, who.Label(), run.Name, r, from, 0)
	})
}

// notOwn refuses to give people access of their own, and gives the item that it is about.
func notOwn(ctx context.Context, tx *store.Tx, who model.Actor, r model.Remediation) (it model.Item, err error) {
	items, err := tx.ItemsByID(ctx, r.RunID, []int64{r.ItemID})
	if err != nil {
		return it, err
	}
	if len(items) != 1 {
		return it, model.Errorf(model.Internal, "removal %d is of no item", r.ID)
	}
	own, err := campaigns.OwnAccess(ctx, tx, who, items[0])
	if err != nil {
		return it, err
	}
	if own {
		return it, model.Errorf(model.Forbidden, "It is your own access: somebody else must give it back.")
	}
	return items[0], nil
}
