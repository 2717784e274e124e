package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Kinds of paths that a removal is about, as evidence names them.
const (
	pathDirect    = "direct"
	pathInherited = "inherited"
	pathAccount   = "account"
)

// remover queues the removals of a run. It remembers what it read of sources.
type remover struct {
	tx      *store.Tx
	actor   model.Actor
	run     model.Run
	sources map[int64]removalSource
	owners  map[string]int64 // person_id -> key
	lowerID *int64           // the weaker access that was proven before the removals; nil where they follow from the answer alone
	spec    *parsed          // of the run; nil until it is needed
	ended   *endedKeep       // the keep that ended, where no answer asked for the removals
}

type removalSource struct {
	store.Source

	owner string
	mode  string
	dry   bool
	due   int // days that a removal may take
}

func newRemover(tx *store.Tx, actor model.Actor, run model.Run) *remover {
	return &remover{tx: tx, actor: actor, run: run, sources: map[int64]removalSource{}, owners: map[string]int64{}}
}

// queue makes the removals of an item: one for each path, or one for an account without any grant.
// An inherited path cannot be taken from the account alone, so it is a task for a person.
func (rm *remover) queue(ctx context.Context, it model.Item, nextAt model.Time) error {
	src, err := rm.source(ctx, it.SourceID)
	if err != nil {
		return err
	}
	facts, err := ParseFacts([]byte(it.Facts))
	if err != nil {
		return err
	}
	subject, entitlement, err := rm.frozen(ctx, it)
	if err != nil {
		return err
	}
	if nextAt, err = rm.afterGrace(nextAt); err != nil {
		return err
	}
	base := model.Remediation{
		PersonKey: it.PersonKey, Cause: rm.ended.cause(), RunID: it.RunID, ItemID: it.ID, SourceID: it.SourceID, AccountKey: it.AccountKey, EntitlementKey: it.EntitlementKey,
		State: model.Queued, NextAt: nextAt, QueuedAt: rm.tx.Now, Mode: src.mode, ForID: rm.lowerID,
	}
	access := model.Access{AccountID: subject.AccountID, Username: subject.Username, EntitlementID: entitlement.EntitlementID, EntitlementName: entitlement.Name}
	if it.EntitlementKey == nil {
		return rm.one(ctx, base, access, pathAccount, src, entitlement)
	}
	for _, path := range facts.Paths {
		if rm.ended.without(path.GrantID) {
			continue
		}
		r, a, kind := base, access, pathDirect
		r.GrantID, r.Via, a.Via, a.GrantedAt = path.GrantID, path.Via, path.Via, path.GrantedAt
		if path.Via != "" {
			kind, r.Mode = pathInherited, inheritedMode(r.Mode)
		}
		if err := rm.one(ctx, r, a, kind, src, entitlement); err != nil {
			return err
		}
	}
	return nil
}

func (rm *remover) source(ctx context.Context, id int64) (removalSource, error) {
	if s, ok := rm.sources[id]; ok {
		return s, nil
	}
	src, spec, err := sourceOf(ctx, rm.tx, id)
	if err != nil {
		return removalSource{}, err
	}
	s := removalSource{Source: src, owner: spec.Owner, mode: spec.Revoke.Mode, dry: spec.Revoke.DryRun}
	if s.mode == "" {
		s.mode = model.ModeManual
	}
	if s.due, err = removalDue(spec.Revoke.Due); err != nil {
		return removalSource{}, err
	}
	rm.sources[id] = s
	return s, nil
}

// frozen is what the reviewer saw: the removal is of that, whatever has changed since.
func (rm *remover) frozen(ctx context.Context, it model.Item) (s model.Subject, e model.Entitlement, err error) {
	value, err := rm.tx.RunSubject(ctx, it.RunID, it.AccountKey)
	if err != nil {
		return s, e, err
	}
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return s, e, fmt.Errorf("read the subject of item %d: %w", it.ID, err)
	}
	if it.EntitlementKey == nil {
		return s, e, nil
	}
	if value, err = rm.tx.RunEntitlement(ctx, it.RunID, *it.EntitlementKey); err != nil {
		return s, e, err
	}
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return s, e, fmt.Errorf("read the entitlement of item %d: %w", it.ID, err)
	}
	return s, e, nil
}

func (rm *remover) one(ctx context.Context, r model.Remediation, a model.Access, kind string, src removalSource, ent model.Entitlement) error {
	var err error
	if r.Access, err = json.Marshal(a); err != nil {
		return fmt.Errorf("encode the access of item %d: %w", r.ItemID, err)
	}
	if r.Mode == model.ModeManual {
		if err := rm.task(ctx, &r, a, kind, src, ent); err != nil {
			return err
		}
	}
	r.DueAt = r.NextAt.Add(time.Duration(src.due) * 24 * time.Hour)
	id, err := rm.tx.InsertRemediation(ctx, r)
	if err != nil {
		return fmt.Errorf("queue the removal of item %d: %w", r.ItemID, err)
	}
	rid := strconv.FormatInt(id, 10)
	_, err = appendEvent(ctx, rm.tx, rm.actor, rm.run.Name, evidence.TypeRevocationQueued, evidence.RemediationObject(rid), evidence.RevocationQueued{
		For: idText(r.ForID), Remediation: rid, Item: strconv.FormatInt(r.ItemID, 10), Source: src.Name, Mode: r.Mode, Grant: r.GrantID, GrantedAt: verifyTime(a.GrantedAt),
		PathKind: kind, Entitlement: a.EntitlementID, Via: a.Via, Cause: r.Cause, KeptUntil: rm.ended.at(),
	}, map[string]string{"account": a.AccountID, "username": a.Username})
	if err != nil {
		return err
	}
	r.ID = id
	return rm.tell(ctx, r)
}

// task says what a person has to do, and who. An inherited path belongs to the owner of the group
// that gives it: the innermost one that the source knows and that has an owner.
func (rm *remover) task(ctx context.Context, r *model.Remediation, a model.Access, kind string, src removalSource, ent model.Entitlement) error {
	who := a.Username
	if who == "" || who == a.AccountID {
		who = a.AccountID
	} else {
		who += " (" + a.AccountID + ")"
	}
	what := a.EntitlementName
	if what == "" || what == a.EntitlementID {
		what = a.EntitlementID
	} else {
		what += " (" + a.EntitlementID + ")"
	}
	var owner string
	switch kind {
	case pathAccount:
		r.Task = fmt.Sprintf("Deactivate the account %s in %s. It is closed when the next snapshot of %s no longer shows it as enabled.", who, src.Name, src.Name)
	case pathInherited:
		group, groupOwner, err := rm.giver(ctx, src.ID, a.Via)
		if err != nil {
			return err
		}
		owner = groupOwner
		r.Task = fmt.Sprintf("%s has %s in %s through %s. Remove %s from %s, or take %s from %s. It is closed when the next snapshot of %s no longer shows the access by any path.",
			who, what, src.Name, a.Via, who, group, what, group, src.Name)
	default:
		owner = ent.OwnerID
		r.Task = fmt.Sprintf("Remove %s from %s in %s. It is closed when the next snapshot of %s no longer shows the access.", who, what, src.Name, src.Name)
	}
	for _, id := range []string{owner, src.owner} {
		key, err := rm.person(ctx, id)
		if err != nil {
			return err
		}
		if key != 0 {
			r.AssigneeKey = &key
			return nil
		}
	}
	return nil
}

// giver finds the group of a path that a task is about, and its owner's person_id.
func (rm *remover) giver(ctx context.Context, source int64, via string) (group, owner string, err error) {
	parts := strings.Split(via, ">")
	for i := len(parts) - 1; i >= 0; i-- {
		data, ok, err := rm.tx.LaunchEntitlementByID(ctx, source, parts[i])
		if err != nil {
			return "", "", err
		}
		if !ok || data == "" {
			continue
		}
		var e model.Entitlement
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return "", "", fmt.Errorf("read entitlement %s: %w", parts[i], err)
		}
		if e.OwnerID == "" {
			continue
		}
		if e.Name == "" {
			e.Name = parts[i]
		}
		return e.Name, e.OwnerID, nil
	}
	return parts[len(parts)-1], "", nil
}

// person is the key of an active person, 0 where there is none.
func (rm *remover) person(ctx context.Context, id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	if key, ok := rm.owners[id]; ok {
		return key, nil
	}
	key, err := activePerson(ctx, rm.tx, id)
	if err != nil {
		return 0, err
	}
	rm.owners[id] = key
	return key, nil
}

// queueAll queues the removals of all items whose outcome is revoke and that have none yet;
// reviewer 0 is all reviewers. It gives the number of items.
func (rm *remover) queueAll(ctx context.Context, reviewer int64) (int64, error) {
	const chunk = 500
	var n, after int64
	for {
		items, err := rm.tx.UnremovedItems(ctx, rm.run.ID, reviewer, after, chunk)
		if err != nil {
			return n, err
		}
		for _, it := range items {
			if err := rm.send(ctx, it, rm.tx.Now); err != nil {
				return n, err
			}
			after = it.ID
			n++
		}
		if len(items) < chunk {
			return n, nil
		}
	}
}

// cancelRemovals takes back the removals of an item whose answer changes, and what lowers it, if none
// has begun.
func (d *deciding) cancelRemovals(ctx context.Context, it model.Item) error {
	rs, err := d.tx.ItemRemediations(ctx, it.RunID, []int64{it.ID})
	if err != nil {
		return err
	}
	lowers, err := d.tx.ItemLowers(ctx, it.RunID, []int64{it.ID})
	if err != nil {
		return err
	}
	for _, r := range append(rs, lowers...) {
		if r.State == model.Cancelled {
			continue
		}
		const why = "The answer was changed before the removal began."
		ok, err := d.tx.CancelRemediation(ctx, r.ID, why)
		if err != nil {
			return err
		}
		if !ok {
			return model.Errorf(model.Conflict, "The removal has begun already, so the answer stands. Ask for the access to be granted again if it is needed.")
		}
		if err := stateEvent(ctx, d.tx, d.actor, d.run.Name, r, model.Cancelled, why, evidence.RevocationState{}); err != nil {
			return err
		}
	}
	return nil
}

// stateEvent says that a removal, which was as r, moved to a state. proof carries what proves it.
func stateEvent(ctx context.Context, tx *store.Tx, actor model.Actor, run string, r model.Remediation, to model.RemediationState, reason string, proof evidence.RevocationState) error {
	id := strconv.FormatInt(r.ID, 10)
	proof.Remediation, proof.Item, proof.From, proof.To, proof.Reason = id, strconv.FormatInt(r.ItemID, 10), string(r.State), string(to), reason
	_, err := appendEvent(ctx, tx, actor, run, evidence.TypeRevocationState, evidence.RemediationObject(id), proof, nil)
	return err
}

// inheritedMode is how a path that comes through something else is taken away in a source of a mode:
// no connector can, but whoever works on tickets may.
func inheritedMode(mode string) string {
	if model.Outside(mode) {
		return mode
	}
	return model.ModeManual
}
