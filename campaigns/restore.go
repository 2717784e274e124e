package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// OwnAccess tells whether an item is about an account of the actor's own, under whichever identity, at
// launch or now.
func OwnAccess(ctx context.Context, tx *store.Tx, actor model.Actor, it model.Item) (bool, error) {
	people, err := PeopleBehind(ctx, tx, actor)
	if err != nil || len(people) == 0 {
		return false, err
	}
	holder, err := tx.AccountPerson(ctx, it.AccountKey)
	if err != nil {
		return false, err
	}
	return slices.Contains(people, holder) || it.PersonKey != nil && slices.Contains(people, *it.PersonKey), nil
}

// QueueRestore queues what gives back the access that a proven removal took, exactly as it was frozen,
// and tells its id. Who may ask for it is for the caller to say, who has locked the removal.
func QueueRestore(ctx context.Context, tx *store.Tx, actor model.Actor, removal model.Remediation, it model.Item, reason string) (int64, error) {
	run, err := tx.RunByID(ctx, removal.RunID)
	if err != nil {
		return 0, err
	}
	rm := newRemover(tx, actor, run)
	src, err := rm.source(ctx, removal.SourceID)
	if err != nil {
		return 0, err
	}
	_, ent, err := rm.frozen(ctx, it)
	if err != nil {
		return 0, err
	}
	var a model.Access
	if err := json.Unmarshal(removal.Access, &a); err != nil {
		return 0, fmt.Errorf("read the access of removal %d: %w", removal.ID, err)
	}
	owner := ent.OwnerID
	if a.Via != "" {
		if _, owner, err = rm.giver(ctx, src.ID, a.Via); err != nil {
			return 0, err
		}
	}
	task, err := restoreTask(a, src.Name, run, it, removal.GrantID)
	if err != nil {
		return 0, err
	}
	return rm.give(ctx, model.Remediation{
		Kind: model.KindRestore, ForID: &removal.ID, RunID: removal.RunID, ItemID: removal.ItemID, GrantID: removal.GrantID, AccountKey: removal.AccountKey,
		EntitlementKey: removal.EntitlementKey, NextAt: tx.Now, Task: task, AskedBy: actor.Label(), AskedFor: reason,
	}, a, src, owner, reason)
}

// restoreTask is what a person has to do where no connector can.
func restoreTask(a model.Access, source string, run model.Run, it model.Item, grant int64) (string, error) {
	who, what := called(a.Username, a.AccountID), called(a.EntitlementName, a.EntitlementID)
	var task string
	switch pathKind(a) {
	case pathAccount:
		task = fmt.Sprintf("Enable the account %s in %s again. It is closed when the next snapshot of %s shows it, and not as disabled.", who, source, source)
	case pathInherited:
		task = fmt.Sprintf("Give %s back to %s in %s, through %s as before. It is closed when the next snapshot of %s shows the access by that path.", what, who, source, a.Via, source)
	default:
		task = fmt.Sprintf("Give %s back to %s in %s. It is closed when the next snapshot of %s shows the access.", what, who, source, source)
	}
	end, err := GrantEnd(it, grant)
	if err != nil || !end.Known() {
		return task, err
	}
	loc, err := zone(run.TimeZone)
	if err != nil {
		return "", err
	}
	return task + " It was to end on " + end.Std().In(loc).Format("2 Jan 2006") + ": see to it that it still does.", nil
}

// GrantEnd is when one of an item's grants was to end, as it was reviewed; 0 where nothing said so. No
// connector sets it again where the access is given back.
func GrantEnd(it model.Item, grant int64) (model.Time, error) {
	facts, err := ParseFacts([]byte(it.Facts))
	if err != nil {
		return 0, err
	}
	for _, p := range facts.Paths {
		if p.GrantID == grant {
			return p.ExpiresAt, nil
		}
	}
	return 0, nil
}

// restored ends the removal whose access is proven to be back.
func restored(ctx context.Context, tx *store.Tx, by model.Actor, run model.Run, r model.Remediation) error {
	if r.ForID == nil {
		return fmt.Errorf("restore %d names no removal", r.ID)
	}
	removal, err := tx.LockRemediation(ctx, *r.ForID)
	if err != nil {
		return err
	}
	ok, err := tx.RestoreRemediation(ctx, removal.ID, whyRestored)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("removal %d is %s, not confirmed, yet %d gives its access back", removal.ID, removal.State, r.ID)
	}
	return stateEvent(ctx, tx, by, run.Name, removal, model.Restored, whyRestored, evidence.RevocationState{})
}
