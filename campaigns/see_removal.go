package campaigns

import (
	"context"
	"slices"

	"recert/model"
	"recert/model/store"
)

// ownsRemoval tells whether the actor is the one who is told of what happens to a removal: whoever gets
// a mail about it may follow its link.
func ownsRemoval(ctx context.Context, q removalReader, actor model.Actor, r model.Remediation) (bool, error) {
	if actor.PersonKey == 0 {
		return false, nil
	}
	run, err := q.RunByID(ctx, r.RunID)
	if err != nil {
		return false, err
	}
	owner, err := OwnerOf(ctx, q, run, r.SourceID)
	return err == nil && owner == actor.PersonKey, err
}

type removalReader interface {
	ownerReader
	RunByID(ctx context.Context, id int64) (model.Run, error)
}

// CanSeeRemoval tells whether the actor may read a removal: staff, and who is told of it.
func (s *Service) CanSeeRemoval(ctx context.Context, actor model.Actor, r model.Remediation) (bool, error) {
	if readsAll(actor) {
		return true, nil
	}
	return ownsRemoval(ctx, s.Store, actor, r)
}

// AnswersContests tells whether the actor is among those who answer what is said against a removal: admins,
// campaign managers, and who is told of it. MayAnswerContest tells whether there is a reason against it.
func (s *Service) AnswersContests(ctx context.Context, actor model.Actor, r model.Remediation) (bool, error) {
	return answersContests(ctx, s.Store, actor, r)
}

func answersContests(ctx context.Context, q removalReader, actor model.Actor, r model.Remediation) (bool, error) {
	if actor.Has(model.Admin, model.CampaignManager) {
		return true, nil
	}
	return ownsRemoval(ctx, q, actor, r)
}

// MayAnswerContest is nil where the actor may answer what is said against a removal, and else Forbidden, with
// the reason.
func (s *Service) MayAnswerContest(ctx context.Context, actor model.Actor, r model.Remediation, c model.Contest) error {
	return mayAnswerContest(ctx, s.Store, actor, r, c)
}

// MayLetGo is nil where the actor, who is an admin, is a second person beside those who decided about a removal, or
// asked for it, and whom it concerns; else Forbidden, with the reason. Only such a one may let what is held go on.
func (s *Service) MayLetGo(ctx context.Context, actor model.Actor, r model.Remediation) error {
	people, err := PeopleBehind(ctx, s.Store, actor)
	if err != nil {
		return err
	}
	holder, err := s.Store.AccountPerson(ctx, r.AccountKey)
	if err != nil {
		return err
	}
	if slices.Contains(people, holder) || r.PersonKey != nil && slices.Contains(people, *r.PersonKey) {
		return model.Errorf(model.Forbidden, "It is your own access, so another admin must decide about it.")
	}
	for _, person := range people {
		if answered, err := s.Store.Answered(ctx, r.RunID, r.ItemID, person); err != nil {
			return err
		} else if answered {
			return model.Errorf(model.Forbidden, "You answered this item yourself, so another admin must decide about it.")
		}
	}
	if r.AskedBy == "" {
		return nil
	}
	if same, err := SameOne(ctx, s.Store, r.AskedBy, actor); err != nil {
		return err
	} else if same {
		return model.Errorf(model.Forbidden, "You asked for it yourself, so another admin must decide about it.")
	}
	return nil
}

// NeedsOwner are the removals, the latest first and limit at most, of which the actor must know as their owner, by
// OwnerOf: those that the person concerned contests, unanswered, and those that were proven gone and are there
// again. It is empty for who owns none.
func (s *Service) NeedsOwner(ctx context.Context, actor model.Actor, limit int) ([]store.RemediationRow, error) {
	owned, err := ownedBy(ctx, s.Store, actor.PersonKey)
	if err != nil || owned.Person == 0 {
		return nil, err
	}
	return s.Store.Remediations(ctx, store.RemediationFilter{Owned: owned, Trouble: true, Limit: limit})
}

// Untold tells of a removal that is open whether nobody could be told by mail that it came back, or that the
// person concerned contests it, because neither the run nor the source had an owner.
func (s *Service) Untold(ctx context.Context, r *store.RemediationRow, told []store.MessageRow) (cameBack, contested bool, err error) {
	n := map[model.MessageKind]int{}
	for i := range told {
		n[told[i].Kind]++
	}
	if r.Contested && n[model.MessageContested] == 0 {
		contested = r.State.Open() || r.State == model.Failed || r.State == model.Confirmed
	}
	if n[model.MessageCameBack] > 0 {
		return false, contested, nil
	}
	counts, err := s.Store.RemediationCounts(ctx, store.RemediationFilter{Kinds: model.RemediationKinds, ID: r.ID, Returned: true})
	return len(counts) > 0, contested, err
}
