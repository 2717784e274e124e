package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Attributes by which a source tells of shared secrets: columns of its files that no other name has.
const (
	attrSharedAccount = "shared_account"    // of an entitlement: the account_id whose secret its holders know
	attrSecretChanged = "secret_changed_at" // of an account: when its secret was last changed
)

// proofPerson is the proof of what only a person can know.
const proofPerson = "person"

const (
	whyRotate        = "Somebody who knew the secret may use it no more: a person has to change it."
	whyRotatedPerson = "A person says that the secret was changed."
)

// rotate asks for a new secret where who held a removed access knows the old one: taking the access
// takes nothing from who wrote the secret down. There is one such task for an item at a time. It is
// called when the removal r is proven, in the same transaction.
func rotate(ctx context.Context, tx *store.Tx, by model.Actor, r model.Remediation) error {
	if r.EntitlementKey == nil {
		return nil
	}
	data, err := tx.EntitlementData(ctx, *r.EntitlementKey)
	if err != nil || data == "" {
		return err
	}
	var e model.Entitlement
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("read the entitlement of removal %d: %w", r.ID, err)
	}
	shared := e.Attrs[attrSharedAccount]
	if shared == "" {
		return nil
	}
	open, err := tx.RotationOf(ctx, r.RunID, r.ItemID)
	if err != nil || open {
		return err
	}
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	return newRemover(tx, by, run).rotate(ctx, r, shared)
}

// rotate opens the task to change the secret of an account that who held r shared.
func (rm *remover) rotate(ctx context.Context, r model.Remediation, shared string) error {
	src, err := rm.source(ctx, r.SourceID)
	if err != nil {
		return err
	}
	a, err := sharedAccount(ctx, rm.tx, r.SourceID, shared)
	if err != nil {
		return err
	}
	var was model.Access
	if err := json.Unmarshal(r.Access, &was); err != nil {
		return fmt.Errorf("read the access of removal %d: %w", r.ID, err)
	}
	next := model.Remediation{
		Kind: model.KindRotate, ForID: &r.ID, RunID: r.RunID, ItemID: r.ItemID, SourceID: r.SourceID, GrantID: r.GrantID, AccountKey: r.AccountKey,
		EntitlementKey: r.EntitlementKey, Via: r.Via, Mode: model.ModeManual, Access: r.Access, State: model.Queued, NextAt: rm.tx.Now, QueuedAt: rm.tx.Now,
		DueAt: rm.tx.Now.Add(time.Duration(src.due) * 24 * time.Hour),
	}
	next.Task = fmt.Sprintf("Change the secret of %s in %s: %s, who knew it through %s, may use it no more. Then say here that it is done; a snapshot of %s that shows the account's %s after this closes it too.",
		called(a.Username, shared), src.Name, called(was.Username, was.AccountID), called(was.EntitlementName, was.EntitlementID), src.Name, attrSecretChanged)
	for _, id := range []string{a.OwnerID, src.owner} {
		key, err := rm.person(ctx, id)
		if err != nil {
			return err
		}
		if key != 0 && (r.PersonKey == nil || key != *r.PersonKey) { // who left does not change it
			next.AssigneeKey = &key
			break
		}
	}
	if next.ID, err = rm.tx.InsertRemediation(ctx, next); err != nil {
		return fmt.Errorf("ask for a new secret after removal %d: %w", r.ID, err)
	}
	id := strconv.FormatInt(next.ID, 10)
	if _, err := appendEvent(ctx, rm.tx, rm.actor, rm.run.Name, evidence.TypeRevocationQueued, evidence.RemediationObject(id), evidence.RevocationQueued{
		Kind: string(next.Kind), For: idText(next.ForID), Remediation: id, Item: strconv.FormatInt(next.ItemID, 10), Source: src.Name, Mode: next.Mode,
		Grant: next.GrantID, GrantedAt: verifyTime(was.GrantedAt), PathKind: pathKind(was), Entitlement: was.EntitlementID, Via: was.Via,
	}, map[string]string{"account": was.AccountID, "username": was.Username}); err != nil {
		return err
	}
	if err := rm.tx.OpenTask(ctx, next, whyRotate); err != nil {
		return err
	}
	if err := stateEvent(ctx, rm.tx, rm.actor, rm.run.Name, next, model.Sent, whyRotate, evidence.RevocationState{}); err != nil || next.AssigneeKey == nil {
		return err
	}
	return rm.tx.AddTaskNotice(ctx, rm.run.ID, *next.AssigneeKey, next.ID)
}

// sharedAccount is what is known now of an account of a source; zero where nothing is.
func sharedAccount(ctx context.Context, tx *store.Tx, source int64, id string) (model.Account, error) {
	key, err := tx.AccountKey(ctx, source, id)
	if model.KindOf(err) == model.NotFound {
		return model.Account{}, nil
	}
	if err != nil {
		return model.Account{}, err
	}
	a, err := tx.AccountByKey(ctx, key)
	if err != nil && model.KindOf(err) != model.NotFound {
		return model.Account{}, err
	}
	return a.Account, nil
}

// mayRotate refuses who may be the one who knew the secret: that one's word is none.
func mayRotate(ctx context.Context, tx *store.Tx, actor model.Actor, r model.Remediation) error {
	people, err := PeopleBehind(ctx, tx, actor)
	if err != nil {
		return err
	}
	if r.PersonKey != nil && slices.Contains(people, *r.PersonKey) {
		return model.Errorf(model.Forbidden, "The secret is to be changed because you may use it no more: somebody else must do it.")
	}
	return nil
}

// rotated closes the task to change a secret: proof is a person's word, or the snapshot that shows it.
func rotated(ctx context.Context, tx *store.Tx, actor model.Actor, run string, r model.Remediation, why string, proof evidence.RevocationState) error {
	next := r
	next.State, next.Reason, next.Proof, next.ClosedAt = model.Confirmed, why, proof.Proof, tx.Now
	if proof.Snapshot != 0 {
		next.ProofSnapshot = &proof.Snapshot
	}
	if err := tx.MoveRemediation(ctx, next, r.State); err != nil {
		return err
	}
	return stateEvent(ctx, tx, actor, run, r, model.Confirmed, why, proof)
}

// settleRotations closes the tasks to change a secret that a snapshot shows to have been changed since
// they were given.
func settleRotations(ctx context.Context, tx *store.Tx, snap model.Snapshot) error {
	open, err := tx.OpenRotations(ctx, snap.SourceID)
	if err != nil {
		return err
	}
	read := readBegan(snap)
	for _, r := range open {
		changed, err := secretChanged(ctx, tx, r.Remediation)
		if err != nil {
			return err
		}
		if !changed.Known() || changed <= r.CalledAt || read <= r.CalledAt {
			continue
		}
		why := "The snapshot of " + snap.AsOf.Std().Format("2 Jan 2006 15:04 MST") + " shows that the secret was changed."
		if err := rotated(ctx, tx, system("snapshot"), r.Run, r.Remediation, why, evidence.RevocationState{Proof: "snapshot", ReadAt: verifyTime(read), Snapshot: snap.ID}); err != nil {
			return err
		}
	}
	return nil
}

// secretChanged is when the secret of a task was changed last, as far as its source tells; 0 is
// unknown. What is no time tells nothing.
func secretChanged(ctx context.Context, tx *store.Tx, r model.Remediation) (model.Time, error) {
	if r.EntitlementKey == nil {
		return 0, nil
	}
	data, err := tx.EntitlementData(ctx, *r.EntitlementKey)
	if err != nil || data == "" {
		return 0, err
	}
	var e model.Entitlement
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return 0, fmt.Errorf("read the entitlement of removal %d: %w", r.ID, err)
	}
	a, err := sharedAccount(ctx, tx, r.SourceID, e.Attrs[attrSharedAccount])
	if err != nil {
		return 0, err
	}
	text := a.Attrs[attrSecretChanged]
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return model.TimeOf(at), nil
		}
	}
	return 0, nil
}
