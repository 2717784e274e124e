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
	if err := StillHere(ctx, tx, removal); err != nil {
		return 0, err
	}
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

// StillHere refuses to give access back to who has left, by what the sources of people say now.
func StillHere(ctx context.Context, tx *store.Tx, r model.Remediation) error {
	holder, err := tx.AccountPerson(ctx, r.AccountKey)
	if err != nil {
		return err
	}
	people := []int64{holder}
	if r.PersonKey != nil {
		people = append(people, *r.PersonKey)
	}
	for _, key := range people {
		if key == 0 {
			continue
		}
		status, err := tx.PersonStatus(ctx, key)
		if err != nil {
			return err
		}
		if !left(status) {
			continue
		}
		p, err := tx.PersonByKey(ctx, key)
		if err != nil {
			return err
		}
		return model.Errorf(model.Conflict, "%s has left (%s in the source of people), so no access is given back. Where that is wrong, set it right there first.", p.Name, status)
	}
	return nil
}

// left tells whether a person with a status is not employed any more.
func left(status string) bool { return status == "terminated" || status == "gone" }

// giveBack queues what gives back the access of a proven removal, unless that is queued already.
func giveBack(ctx context.Context, tx *store.Tx, actor model.Actor, removal model.Remediation, reason string) error {
	if _, ok, err := tx.RestoreOf(ctx, removal.ID); err != nil || ok {
		return err
	}
	items, err := tx.ItemsByID(ctx, removal.RunID, []int64{removal.ItemID})
	if err != nil {
		return err
	}
	if len(items) != 1 {
		return fmt.Errorf("removal %d is of no item", removal.ID)
	}
	_, err = QueueRestore(ctx, tx, actor, removal, items[0], reason)
	return err
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
