package campaigns

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"recert/model"
	"recert/model/store"
)

// mostLowers bounds a chain of lower_id, which a source may tie into a ring.
const mostLowers = 20

type lowerReader interface {
	LaunchEntitlementByID(ctx context.Context, source int64, id string) (data string, ok bool, err error)
}

// Lowers are the weaker entitlements that an entitlement, as it was frozen, may be lowered to: what its
// lower_id names, what that one's names, and so on. One that its source does not know ends the chain.
func Lowers(ctx context.Context, q lowerReader, source int64, e model.Entitlement) ([]model.Entitlement, error) {
	var out []model.Entitlement
	seen := map[string]bool{e.EntitlementID: true}
	for id := e.LowerID; id != "" && !seen[id] && len(out) < mostLowers; {
		seen[id] = true
		data, ok, err := q.LaunchEntitlementByID(ctx, source, id)
		if err != nil {
			return nil, err
		}
		if !ok || data == "" {
			break
		}
		var low model.Entitlement
		if err := json.Unmarshal([]byte(data), &low); err != nil {
			return nil, fmt.Errorf("read entitlement %s: %w", id, err)
		}
		low.EntitlementID = id
		out = append(out, low)
		id = low.LowerID
	}
	return out, nil
}

// addLowers tells of each row what its access may be lowered to.
func (s *Service) addLowers(ctx context.Context, rows []Row) error {
	type key struct {
		source int64
		id     string
	}
	known := map[key][]model.Entitlement{}
	for i := range rows {
		e := rows[i].Entitlement
		if e == nil || e.LowerID == "" {
			continue
		}
		k := key{rows[i].Item.SourceID, e.EntitlementID}
		list, ok := known[k]
		if !ok {
			var err error
			if list, err = Lowers(ctx, s.Store, k.source, *e); err != nil {
				return err
			}
			known[k] = list
		}
		rows[i].Lowers = list
	}
	return nil
}

// lowerable refuses what an item cannot be lowered to.
func (d *deciding) lowerable(ctx context.Context, it model.Item, to string) error {
	if it.EntitlementKey == nil {
		return model.Errorf(model.Invalid, "An account without any access cannot be lowered. Answer keep or revoke.")
	}
	value, err := d.tx.RunEntitlement(ctx, it.RunID, *it.EntitlementKey)
	if err != nil {
		return err
	}
	var e model.Entitlement
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return fmt.Errorf("read the entitlement of item %d: %w", it.ID, err)
	}
	list, err := Lowers(ctx, d.tx, it.SourceID, e)
	if err != nil {
		return err
	}
	for _, low := range list {
		if low.EntitlementID == to {
			return d.notRemoved(ctx, it, low)
		}
	}
	return model.Errorf(model.Invalid, "This access cannot be lowered to %q: its system names no such weaker access. Answer keep or revoke, and say in the comment what it should be.", to)
}

// notRemoved refuses to lower an item to an access that the same run takes away from the same account.
func (d *deciding) notRemoved(ctx context.Context, it model.Item, low model.Entitlement) error {
	key, err := d.tx.EntitlementKey(ctx, it.SourceID, low.EntitlementID)
	if err != nil {
		return err
	}
	other, ok, err := d.tx.LockItemOfAccess(ctx, it.RunID, it.SourceID, it.AccountKey, key)
	if err != nil || !ok {
		return err
	}
	if final := other.Outcome; final != model.NoAnswer && !removes(final) || final == model.NoAnswer && !removes(other.Answer) {
		return nil
	}
	who, err := d.answeredBy(ctx, other)
	if err != nil {
		return err
	}
	return model.Errorf(model.Conflict, "This access cannot be lowered to “%s”: this review takes that one away from the same account%s. Have that answer changed first, or answer revoke.",
		cmp.Or(low.Name, low.EntitlementID), who)
}

// removable refuses to take an access away that another answer in the same run lowers the same account to.
func (d *deciding) removable(ctx context.Context, it model.Item) error {
	if it.EntitlementKey == nil {
		return nil
	}
	lowered, err := d.tx.LoweredItems(ctx, it.RunID, it.SourceID, it.AccountKey)
	if err != nil {
		return err
	}
	for i := range lowered {
		if lowered[i].ID == it.ID {
			continue
		}
		ds, err := d.tx.Decisions(ctx, it.RunID, []int64{lowered[i].ID})
		if err != nil || len(ds) == 0 {
			return err
		}
		key, err := d.tx.EntitlementKey(ctx, it.SourceID, ds[len(ds)-1].LowerTo)
		if model.KindOf(err) == model.NotFound || err == nil && key != *it.EntitlementKey {
			continue
		}
		if err != nil {
			return err
		}
		return d.neededBy(ctx, it, lowered[i])
	}
	return nil
}

// neededBy says that an access must stay, because another one is lowered to it.
func (d *deciding) neededBy(ctx context.Context, it, lowered model.Item) error {
	who, err := d.answeredBy(ctx, lowered)
	if err != nil {
		return err
	}
	low, err := d.accessName(ctx, it)
	if err != nil {
		return err
	}
	high, err := d.accessName(ctx, lowered)
	if err != nil {
		return err
	}
	return model.Errorf(model.Conflict, "“%s” cannot be taken away: this review lowers “%s” of the same account to it%s. Have that answer changed first, or answer keep.", low, high, who)
}

// answeredBy is " (answered by NAME)", or "" where nobody did.
func (d *deciding) answeredBy(ctx context.Context, it model.Item) (string, error) {
	ds, err := d.tx.Decisions(ctx, it.RunID, []int64{it.ID})
	if err != nil || len(ds) == 0 {
		return "", err
	}
	name, err := d.reviewerName(ctx, ds[len(ds)-1].ReviewerKey)
	if err != nil || name == "" {
		return "", err
	}
	return " (answered by " + name + ")", nil
}

// accessName is what the access of an item was called at launch.
func (d *deciding) accessName(ctx context.Context, it model.Item) (string, error) {
	value, err := d.tx.RunEntitlement(ctx, it.RunID, *it.EntitlementKey)
	if err != nil {
		return "", err
	}
	var e model.Entitlement
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return "", fmt.Errorf("read the entitlement of item %d: %w", it.ID, err)
	}
	return cmp.Or(e.Name, e.EntitlementID), nil
}

// send queues what an item's answer asks for: its removals, or the weaker access that must be proven
// before those.
func (rm *remover) send(ctx context.Context, it model.Item, nextAt model.Time) error {
	answer := it.Outcome
	if answer == model.NoAnswer {
		answer = it.Answer
	}
	if answer == model.Reduce {
		return rm.lower(ctx, it, nextAt)
	}
	return rm.queue(ctx, it, nextAt)
}

// lower queues the weaker access of an item. The reviewed one stays until that is proven.
func (rm *remover) lower(ctx context.Context, it model.Item, nextAt model.Time) error {
	ds, err := rm.tx.Decisions(ctx, it.RunID, []int64{it.ID})
	if err != nil {
		return err
	}
	if len(ds) == 0 || ds[len(ds)-1].Answer != model.Reduce || ds[len(ds)-1].LowerTo == "" {
		return fmt.Errorf("the last decision of item %d does not say what it is lowered to", it.ID)
	}
	to := ds[len(ds)-1].LowerTo
	src, err := rm.source(ctx, it.SourceID)
	if err != nil {
		return err
	}
	subject, old, err := rm.frozen(ctx, it)
	if err != nil {
		return err
	}
	key, err := rm.tx.EntitlementKey(ctx, it.SourceID, to)
	if err != nil {
		return err
	}
	data, _, err := rm.tx.LaunchEntitlementByID(ctx, it.SourceID, to)
	if err != nil {
		return err
	}
	var low model.Entitlement
	if data != "" { // else it vanished since: the connector, or a person, will see
		if err := json.Unmarshal([]byte(data), &low); err != nil {
			return fmt.Errorf("read entitlement %s: %w", to, err)
		}
	}
	a := model.Access{AccountID: subject.AccountID, Username: subject.Username, EntitlementID: to, EntitlementName: low.Name}
	task := fmt.Sprintf("Give %s to %s in %s. It takes the place of %s, which is taken away once a snapshot of %s shows the new one.",
		called(low.Name, to), called(a.Username, a.AccountID), src.Name, called(old.Name, old.EntitlementID), src.Name)
	_, err = rm.give(ctx, model.Remediation{
		Kind: model.KindLower, RunID: it.RunID, ItemID: it.ID, AccountKey: it.AccountKey, EntitlementKey: &key, NextAt: nextAt, Task: task,
	}, a, src, low.OwnerID, "")
	return err
}

// lowered queues the removals of the access that was reviewed: the weaker one is proven.
func lowered(ctx context.Context, tx *store.Tx, by model.Actor, run model.Run, r model.Remediation) error {
	items, err := tx.ItemsByID(ctx, r.RunID, []int64{r.ItemID})
	if err != nil {
		return err
	}
	if len(items) != 1 {
		return fmt.Errorf("lower %d is of no item", r.ID)
	}
	rm := newRemover(tx, by, run)
	rm.lowerID = &r.ID
	return rm.queue(ctx, items[0], tx.Now)
}
