package campaigns

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// Reasons of a removal that is contested after it was asked for in another system, and once that is answered
// until whoever works on it there was told.
const (
	WhyOrderContested = "The person concerned contests it, after it was asked for in another system: nothing is asked for again until that is answered."
	WhyOrderAnswered  = "What the person concerned said was answered. Who works on it in the other system is told at the next look."
)

// WhyStays holds what may have been asked for before it was decided that the access stays.
const WhyStays = "It was decided that the access stays, after the system may have been asked for it. What came of that decides how: there, the removal ends; gone, the access is given back."

// WhyUpheldLeft is said of what is proven gone and was to be given back to somebody who has left.
const WhyUpheldLeft = "It was decided that the access stays, but the person has left: nothing is given back by itself. Give it back by hand if it is needed again."

// whyUpheldThere ends such a removal; the words of the answer follow it.
const whyUpheldThere = "The person concerned was right, and the system still shows the access: it stays."

// SettleUpheld carries out answers that an access stays, of removals that were asked for by then and of which
// it is known now what came of that: what is proven gone is asked for again, and what is still there is not
// removed any more. Both are done in the name of who answered, with the words of the answer; it gives how
// many. Nothing is given back to who has left: that waits for somebody to decide. Any number of replicas
// may do it at once.
func (s *Service) SettleUpheld(ctx context.Context) (int, error) {
	ids, err := s.Store.UpheldRemovals(ctx, WhyStays, WhyUpheldLeft)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		done, err := SettleUpheld(ctx, s.Store, id)
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

// SettleUpheld is Service.SettleUpheld for one removal; done is that there was something to do.
func SettleUpheld(ctx context.Context, s *store.Store, id int64) (done bool, err error) {
	err = s.InTx(ctx, func(tx *store.Tx) (err error) {
		done, err = settleUpheld(ctx, tx, id)
		return err
	})
	return done, err
}

func settleUpheld(ctx context.Context, tx *store.Tx, id int64) (done bool, err error) {
	r, err := tx.LockRemediation(ctx, id)
	if err != nil {
		return false, err
	}
	c, ok, err := tx.Contest(ctx, id)
	if err != nil || !ok || c.Outcome != model.ContestUpheld {
		return false, err
	}
	by := model.Actor{Name: c.AnsweredBy}
	switch {
	case r.State == model.Held && r.Reason == WhyStays:
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return false, err
		}
		return true, Decline(ctx, tx, by, run.Name, r, whyUpheldThere, c.Answer)
	case r.State == model.Confirmed:
		if err := StillHere(ctx, tx, r); model.KindOf(err) == model.Conflict {
			// Who is hired again later does not get it back by an answer of before.
			return false, tx.NoteRemediation(ctx, r.ID, WhyUpheldLeft)
		}
		err := giveBack(ctx, tx, by, r, c.Answer)
		return err == nil, err
	}
	return false, nil
}
