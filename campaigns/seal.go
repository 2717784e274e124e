package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// sealChunk is how many rows AfterSeal looks at at once.
const sealChunk = 500

// AfterSeal holds a snapshot that has just been sealed, in its transaction and after its event,
// against what is open: undecided items whose access has vanished are gone, and removals are
// confirmed, superseded or reopened.
func (s *Service) AfterSeal(ctx context.Context, tx *store.Tx, snap model.Snapshot) error {
	if snap.State != model.SnapshotSealed {
		return fmt.Errorf("snapshot %d is %s, not sealed", snap.ID, snap.State)
	}
	runs, err := tx.RunningRunsOfSource(ctx, snap.SourceID)
	if err != nil {
		return err
	}
	read, err := readWhole(ctx, tx, snap)
	if err != nil {
		return err
	}
	for _, id := range runs {
		if !read.grants {
			break // what seems to have vanished may only not have been read
		}
		elsewhere, err := tx.ReviewedElsewhere(ctx, id, snap.SourceID)
		if err != nil {
			return err
		}
		if elsewhere {
			continue // another system does not show what was reviewed: that is no news
		}
		if err := goneItems(ctx, tx, id, snap); err != nil {
			return err
		}
	}
	if err := settleRemovals(ctx, tx, snap, read); err != nil {
		return err
	}
	return settleRotations(ctx, tx, snap)
}

// whole tells of which kinds a snapshot shows all there is: those that were given and of which
// every row could be read. Only of these does it prove that something is absent.
type whole struct{ accounts, grants bool }

// proves tells whether the snapshot could show the access of a removal.
func (w whole) proves(r store.RemediationAtSeal) bool {
	if r.EntitlementKey == nil {
		return w.accounts
	}
	return w.grants
}

func readWhole(ctx context.Context, tx *store.Tx, snap model.Snapshot) (whole, error) {
	ledgers, err := tx.Ledgers(ctx, snap.ID)
	if err != nil {
		return whole{}, err
	}
	given, clean := map[model.Kind]bool{}, true
	for _, l := range ledgers {
		given[l.Kind] = l.Given
		clean = clean && l.Rejected == l.Duplicates
	}
	return whole{accounts: clean && given[model.KindAccounts], grants: clean && given[model.KindGrants]}, nil
}

// goneItems marks the undecided items of a run of which every path has ended. A path that was
// granted anew is another grant: the item is gone, and the new grant is for the next review.
func goneItems(ctx context.Context, tx *store.Tx, runID int64, snap model.Snapshot) error {
	first, err := tx.VanishedItems(ctx, runID, snap.SourceID, 0, 1)
	if err != nil || len(first) == 0 {
		return err
	}
	run, err := tx.LockRun(ctx, runID, true)
	if err != nil || run.State != model.Running {
		return err
	}
	var after int64
	for {
		items, err := tx.VanishedItems(ctx, runID, snap.SourceID, after, sealChunk)
		if err != nil {
			return err
		}
		for _, it := range items {
			after = it.ID
			if err := goneItem(ctx, tx, run, it, snap); err != nil {
				return err
			}
		}
		if len(items) < sealChunk {
			return nil
		}
	}
}

func goneItem(ctx context.Context, tx *store.Tx, run model.Run, it model.Item, snap model.Snapshot) error {
	facts, err := ParseFacts([]byte(it.Facts))
	if err != nil {
		return err
	}
	if len(facts.Paths) > 1 {
		ids := make([]int64, len(facts.Paths))
		for i, p := range facts.Paths {
			ids[i] = p.GrantID
		}
		live, err := tx.LiveGrantIDs(ctx, it.SourceID, ids)
		if err != nil || len(live) > 0 {
			return err
		}
	}
	if err := tx.GoneItem(ctx, it.RunID, it.ID, snap.ID); err != nil {
		return err
	}
	if err := tx.AddRunReviewer(ctx, it.RunID, it.ReviewerKey, model.Counts{Gone: 1}); err != nil {
		return err
	}
	id := strconv.FormatInt(it.ID, 10)
	_, err = appendEvent(ctx, tx, system("snapshot"), run.Name, evidence.TypeItemGone, evidence.ItemObject(id), evidence.ItemGone{Item: id, Snapshot: snap.ID}, nil)
	return err
}

// readBegan is when what a snapshot shows was read at the earliest: a file may be loaded long after
// the time that it speaks of.
func readBegan(snap model.Snapshot) model.Time { return min(snap.StartedAt, snap.AsOf) }

func settleRemovals(ctx context.Context, tx *store.Tx, snap model.Snapshot, read whole) error {
	var after int64
	for {
		rs, err := tx.RemediationsAtSeal(ctx, snap.SourceID, after, sealChunk)
		if err != nil {
			return err
		}
		for _, r := range rs {
			after = r.ID
			if err := settle(ctx, tx, r, snap, read); err != nil {
				return err
			}
		}
		if len(rs) < sealChunk {
			return nil
		}
	}
}

// WhyElsewhere is why a snapshot proves nothing of what was reviewed before the source's settings came
// to name another system. A second person may say that it is the same.
const WhyElsewhere = "The settings of the source were changed since this was reviewed, and may name another system by now. Let it go on only if it is the same system."

func holdRemoval(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal) error {
	next := r.Remediation
	next.State, next.Reason, next.NextAt = model.Held, WhyElsewhere, tx.Now
	if err := tx.MoveRemediation(ctx, next, r.State); err != nil {
		return err
	}
	return stateEvent(ctx, tx, system("snapshot"), r.Run, r.Remediation, model.Held, WhyElsewhere, evidence.RevocationState{})
}

// settle says what one snapshot means for one removal. Only a read that began after the last call
// proves anything of that call's effect.
func settle(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, snap model.Snapshot, whole whole) error {
	if r.Kind.Gives() {
		return settleGiven(ctx, tx, r, snap)
	}
	present, err := stillThere(r)
	if err != nil {
		return err
	}
	read := readBegan(snap)
	date := snap.AsOf.Std().Format("2 Jan 2006 15:04 MST")
	proves := r.CalledAt.Known() && read > r.CalledAt
	switch {
	case !present && !proves, !present && r.State == model.Confirmed:
		return nil
	case !present && !whole.proves(r):
		return tx.NoteRemediation(ctx, r.ID, "Not shown in the snapshot of "+date+", of which not every row could be read: that proves nothing.")
	case !present && r.Elsewhere && !strings.Contains(r.ApprovedFor, WhyElsewhere):
		if !r.State.Can(model.Held) {
			return tx.NoteRemediation(ctx, r.ID, WhyElsewhere)
		}
		return holdRemoval(ctx, tx, r)
	case !present:
		if err := confirm(ctx, tx, r, snap, "Absent by every path in the snapshot of "+date+"."); err != nil {
			return err
		}
		return Proven(ctx, tx, system("snapshot"), r.Remediation)
	case r.State == model.Confirmed:
		if !proves || r.Restore {
			return nil // it is there on purpose where somebody gives it back
		}
		return reopen(ctx, tx, r, snap, "Seen again in the snapshot of "+date+".")
	case grantedAnew(r):
		return supersede(ctx, tx, r, snap, "Granted anew since the review, as the snapshot of "+date+" shows: the new grant is not what was reviewed.")
	case r.State == model.Sent && proves:
		return tx.NoteRemediation(ctx, r.ID, "Still there in the snapshot of "+date+".")
	}
	return nil
}

// stillThere tells whether the snapshot shows the access. A deleted account shows nothing, and a
// whole account is absent too where it is disabled.
func stillThere(r store.RemediationAtSeal) (bool, error) {
	if r.EntitlementKey != nil {
		return r.AnyPath, nil
	}
	if r.Account == "" {
		return false, nil
	}
	var a model.Account
	if err := json.Unmarshal([]byte(r.Account), &a); err != nil {
		return false, fmt.Errorf("read the account of removal %d: %w", r.ID, err)
	}
	return a.Status != "disabled", nil
}

// grantedAnew tells whether the reviewed grant has ended and another one by the same path is there.
// After a removal came back the one that is there is the one to remove.
func grantedAnew(r store.RemediationAtSeal) bool {
	return r.GrantID != 0 && r.GrantClosed && r.SamePath && r.ProofSnapshot == nil && r.Proof == "" && r.State != model.CameBack
}

func confirm(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, snap model.Snapshot, why string) error {
	next := r.Remediation
	next.State, next.Reason, next.Proof, next.ProofSnapshot, next.ClosedAt = model.Confirmed, why, "snapshot", &snap.ID, tx.Now
	return move(ctx, tx, r, next, evidence.RevocationState{Proof: "snapshot", ReadAt: verifyTime(readBegan(snap)), Snapshot: snap.ID})
}

// reopen keeps the snapshot that saw the access again as proof_snapshot.
func reopen(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, snap model.Snapshot, why string) error {
	next := r.Remediation
	next.State, next.Reason, next.Proof, next.ProofSnapshot, next.ClosedAt, next.NextAt = model.CameBack, why, "", &snap.ID, 0, tx.Now
	if err := tx.EndSpell(ctx, r.ID); err != nil {
		return err
	}
	if err := move(ctx, tx, r, next, evidence.RevocationState{ReadAt: verifyTime(readBegan(snap)), Snapshot: snap.ID}); err != nil {
		return err
	}
	return tellCameBack(ctx, tx, r, why)
}

func supersede(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, snap model.Snapshot, why string) error {
	next := r.Remediation
	next.State, next.Reason, next.ClosedAt = model.Superseded, why, tx.Now
	return move(ctx, tx, r, next, evidence.RevocationState{ReadAt: verifyTime(readBegan(snap)), Snapshot: snap.ID})
}

func move(ctx context.Context, tx *store.Tx, r store.RemediationAtSeal, next model.Remediation, proof evidence.RevocationState) error {
	if !r.State.Can(next.State) {
		return fmt.Errorf("removal %d cannot go from %s to %s", r.ID, r.State, next.State)
	}
	if err := tx.MoveRemediation(ctx, next, r.State); err != nil {
		return err
	}
	return stateEvent(ctx, tx, system("snapshot"), r.Run, r.Remediation, next.State, next.Reason, proof)
}
