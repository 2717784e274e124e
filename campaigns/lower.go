package campaigns

import (
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
			return nil
		}
	}
	return model.Errorf(model.Invalid, "This access cannot be lowered to %q: its system names no such weaker access. Answer keep or revoke, and say in the comment what it should be.", to)
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
