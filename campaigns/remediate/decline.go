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
	own, err := campaigns.OwnAccess(ctx, tx, who, it)
	if err != nil {
		return err
	}
	if own {
		return model.Errorf(model.Forbidden, "It is your own access: another admin must %s.", what)
	}
	for _, person := range people {
		answered, err := tx.Answered(ctx, r.RunID, r.ItemID, person)
		switch {
		case err != nil:
			return err
		case answered:
			return model.Errorf(model.Forbidden, "You answered this item yourself: another admin must %s.", what)
		}
	}
	return nil
}

// contested is why a removal must not be asked for, or not again: the person concerned contests it and
// nobody has answered, or the answer was that the access stays. "" is that it may. It may have been said
// while a worker had the removal already, or after a try that came to nothing.
func contested(ctx context.Context, tx *store.Tx, r model.Remediation) (string, error) {
	if r.Kind != model.KindRemove {
		return "", nil
	}
	c, err := store.Once(tx, contestOf(r.ID), func() (*model.Contest, error) {
		c, ok, err := tx.Contest(ctx, r.ID)
		if err != nil || !ok {
			return nil, err
		}
		return &c, nil
	})
	switch {
	case err != nil || c == nil:
		return "", err
	case c.Outcome == model.ContestOpen:
		return campaigns.WhyContested, nil
	case c.Outcome == model.ContestUpheld:
		return campaigns.WhyStays, nil
	}
	return "", nil
}

// contestOf names, among what a transaction knows, what is said against a removal.
func contestOf(removal int64) string { return "contest of " + id(removal) }

// uncontested refuses to let a removal go on that the person concerned contests, or whose access is to stay.
func uncontested(ctx context.Context, tx *store.Tx, r model.Remediation) error {
	switch why, err := contested(ctx, tx, r); {
	case err != nil:
		return err
	case why == campaigns.WhyContested:
		return model.Errorf(model.Forbidden, "The person concerned contests it: answer that first.")
	case why != "":
		return model.Errorf(model.Forbidden, "It was decided that the access stays: decline the removal, or leave it.")
	}
	return nil
}

// Decline decides that a removal, or what gives a weaker access before one, will not be done where it is
// held or has failed: the access stays, and the reason stands in the evidence. It needs a second person, as Approve does. What the person
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
		case r.Kind != model.KindRemove && r.Kind != model.KindLower:
			return model.Errorf(model.Conflict, "This takes nothing away, now or later.")
		case r.State != model.Held && r.State != model.Failed && (r.State != model.Sent || r.Mode == model.ModeConnector):
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
