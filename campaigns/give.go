package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

const (
	whyRestored = "The access was given back on purpose, and is proven to be there again."
	whyThere    = "The snapshot of %s shows it."
	whyNotThere = "Not yet there in the snapshot of %s."
)

// give queues what gives access, frozen as it is given, and tells its id. The connector gives it where
// the source's settings let it remove, a person otherwise, and an inherited access always: r.Task says
// what to do in either case, since only the connector knows whether it can. owner is the person_id of
// who is asked first, the source's owner comes next; reason is why, "" where an answer says it.
func (rm *remover) give(ctx context.Context, r model.Remediation, a model.Access, src removalSource, owner, reason string) (int64, error) {
	var err error
	if r.Access, err = json.Marshal(a); err != nil {
		return 0, fmt.Errorf("encode the access of item %d: %w", r.ItemID, err)
	}
	r.SourceID, r.State, r.QueuedAt, r.Via = src.ID, model.Queued, rm.tx.Now, a.Via
	r.Mode = model.ModeManual
	if src.mode == model.ModeConnector && a.Via == "" {
		r.Mode = model.ModeConnector
	}
	for _, id := range []string{owner, src.owner} {
		key, err := rm.person(ctx, id)
		if err != nil {
			return 0, err
		}
		if key != 0 {
			r.AssigneeKey = &key
			break
		}
	}
	r.DueAt = r.NextAt.Add(time.Duration(src.due) * 24 * time.Hour)
	id, err := rm.tx.InsertRemediation(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("queue what is given of item %d: %w", r.ItemID, err)
	}
	rid := strconv.FormatInt(id, 10)
	personal := map[string]string{"account": a.AccountID, "username": a.Username}
	if reason != "" {
		personal["reason"] = reason
	}
	_, err = appendEvent(ctx, rm.tx, rm.actor, rm.run.Name, evidence.TypeRevocationQueued, evidence.RemediationObject(rid), evidence.RevocationQueued{
		Kind: string(r.Kind), For: idText(r.ForID), Remediation: rid, Item: strconv.FormatInt(r.ItemID, 10), Source: src.Name, Mode: r.Mode,
		Grant: r.GrantID, GrantedAt: verifyTime(a.GrantedAt), PathKind: pathKind(a), Entitlement: a.EntitlementID, Via: a.Via,
	}, personal)
	return id, err
}

func idText(id *int64) string {
	if id == nil {
		return ""
	}
	return strconv.FormatInt(*id, 10)
}

func pathKind(a model.Access) string {
	switch {
	case a.EntitlementID == "":
		return pathAccount
	case a.Via != "":
		return pathInherited
	}
	return pathDirect
}

// called is a name with its id, where they differ.
func called(name, id string) string {
	if name == "" || name == id {
		return id
	}
	return name + " (" + id + ")"
}

// Proven does what follows from what was given and is proven to be there, in the transaction that says
// so: what was to be given back is restored, and what was to be lowered goes now. Of what was removed
// and is proven to be gone, a secret may be left that somebody knows.
func Proven(ctx context.Context, tx *store.Tx, by model.Actor, r model.Remediation) error {
	if r.Kind == model.KindRemove {
		return rotate(ctx, tx, by, r)
	}
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	switch r.Kind {
	case model.KindRestore:
		return restored(ctx, tx, by, run, r)
	case model.KindLower:
		return lowered(ctx, tx, by, run, r)
	case model.KindRemove, model.KindRotate:
	}
	return nil
}

// settleGiven says what one snapshot means for what gives access: shown by the path that it is given
// by, in a read that began after it was asked for, it is proven.
func settleGiven(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, snap model.Snapshot) error {
	there, err := givenThere(r)
	if err != nil {
		return err
	}
	read := readBegan(snap)
	date := snap.AsOf.Std().Format("2 Jan 2006 15:04 MST")
	switch {
	case r.Elsewhere:
		return nil // another system proves nothing
	case there && read > max(r.CalledAt, r.QueuedAt):
		if err := confirm(ctx, tx, r, snap, fmt.Sprintf(whyThere, date)); err != nil {
			return err
		}
		return Proven(ctx, tx, system("snapshot"), r.Remediation)
	case !there && r.State == model.Sent && read > r.CalledAt:
		return tx.NoteRemediation(ctx, r.ID, fmt.Sprintf(whyNotThere, date))
	}
	return nil
}

// givenThere tells whether the snapshot shows what was to be given: the reviewed grant that never went,
// or another one by the same path; of a whole account, that it is there and not disabled.
func givenThere(r store.RemediationAtSeal) (bool, error) {
	if r.EntitlementKey == nil {
		return stillThere(r)
	}
	return r.SamePath || r.GrantID != 0 && !r.GrantClosed, nil
}
