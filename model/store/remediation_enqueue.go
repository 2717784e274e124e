package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"recert/model"
)

// InsertRemediation queues a removal, or what its kind says, and gives its id. No kind is a removal.
func (tx *Tx) InsertRemediation(ctx context.Context, r model.Remediation) (int64, error) {
	if r.Kind == "" {
		r.Kind = model.KindRemove
	}
	return tx.insertID(ctx, `INSERT INTO remediations (run_id, item_id, source_id, grant_id, account_key, entitlement_key, via, mode, access, state, reason, task,
		assignee_key, attempts, fence, lease_until, next_at, called_at, proof, proof_snapshot, queued_at, closed_at, kind, for_id, asked_by, asked_for, due_at,
		cause, person_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, NULL, ?, NULL, '', NULL, ?, NULL, ?, ?, ?, ?, ?,
		?, (SELECT i.person_key FROM items i WHERE i.run_id = ? AND i.id = ?)) RETURNING id`,
		r.RunID, r.ItemID, r.SourceID, r.GrantID, r.AccountKey, r.EntitlementKey, r.Via, r.Mode, string(r.Access), r.State, r.Reason, r.Task,
		r.AssigneeKey, r.NextAt, r.QueuedAt, r.Kind, r.ForID, r.AskedBy, r.AskedFor, r.DueAt,
		r.Cause, r.RunID, r.ItemID)
}

// ItemRemediations are the removals of some items of a run, by item and id; ItemLowers what gives the
// weaker access before those go.
func (q queries) ItemRemediations(ctx context.Context, run int64, items []int64) ([]model.Remediation, error) {
	if len(items) == 0 {
		return nil, nil
	}
	var rs []model.Remediation
	err := q.all(ctx, &rs, "SELECT * FROM remediations WHERE run_id = ? AND item_id IN (?) AND kind = 'remove' ORDER BY item_id, id", run, bun.List(items))
	return rs, err
}

// CancelRemediation cancels a removal that nothing was asked for. ok is false where it has been claimed
// in the meantime, or is in another state.
func (tx *Tx) CancelRemediation(ctx context.Context, id int64, reason string) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = 'cancelled', reason = ?, closed_at = ?
		WHERE id = ? AND state IN ('queued', 'held') AND called_at IS NULL AND (lease_until IS NULL OR lease_until < ?)`, reason, tx.Now, id, tx.Now)
	return n == 1, err
}

// RemediationAtSeal is one removal as a sealed snapshot is held against it.
type RemediationAtSeal struct {
	model.Remediation

	Run         string `bun:"run"`
	Restore     bool   `bun:"restore"`      // of a removal: somebody asked for the access back
	GrantClosed bool   `bun:"grant_closed"` // the reviewed grant itself is over
	SamePath    bool   `bun:"same_path"`    // another grant by the same path is live
	AnyPath     bool   `bun:"any_path"`     // the access is live by some path
	Account     string `bun:"account"`      // current data of the account; "" where it is gone
	Elsewhere   bool   `bun:"elsewhere"`    // what was reviewed was read before the source's settings named another system
}

// RemediationsAtSeal gives up to limit removals in a source that a snapshot may settle or reopen,
// in the order of their ids, locked. One that a worker is at right now is left to it.
func (tx *Tx) RemediationsAtSeal(ctx context.Context, source, after int64, limit int) ([]RemediationAtSeal, error) {
	lock := ""
	if tx.dialect == Postgres {
		lock = " FOR UPDATE OF r"
	}
	var rs []RemediationAtSeal
	err := tx.all(ctx, &rs, `SELECT r.*, u.name AS run,
		EXISTS (SELECT 1 FROM remediations o WHERE o.for_id = r.id AND o.kind = 'restore' AND o.state <> 'cancelled') AS restore,
		EXISTS (SELECT 1 FROM grants g WHERE g.source_id = r.source_id AND g.id = r.grant_id AND g.last_snapshot IS NOT NULL) AS grant_closed,
		EXISTS (SELECT 1 FROM grants g WHERE g.source_id = r.source_id AND g.account_key = r.account_key AND g.entitlement_key = r.entitlement_key
			AND g.via = r.via AND g.id <> r.grant_id AND g.last_snapshot IS NULL) AS same_path,
		EXISTS (SELECT 1 FROM grants g WHERE g.source_id = r.source_id AND g.account_key = r.account_key AND g.entitlement_key = r.entitlement_key
			AND g.last_snapshot IS NULL) AS any_path,
		COALESCE((SELECT v.data FROM account_versions v WHERE v.source_id = r.source_id AND v.account_key = r.account_key AND v.last_snapshot IS NULL), '') AS account
		, `+strings.ReplaceAll(elsewhereSQL, "t.", "r.")+` AS elsewhere
		FROM remediations r JOIN runs u ON u.id = r.run_id
		WHERE r.source_id = ? AND r.id > ? AND r.state IN ('queued', 'held', 'sent', 'failed', 'came_back', 'confirmed')
		AND (r.kind = 'remove' OR r.kind IN ('restore', 'lower') AND r.state <> 'confirmed')
		AND (r.lease_until IS NULL OR r.lease_until < ?) ORDER BY r.id LIMIT ?`+lock,
		source, after, tx.Now, limit)
	return rs, err
}

// MoveRemediation writes the state that a snapshot gives a removal that is in state from, with
// its reason, proof, times and the next time to look at it.
func (tx *Tx) MoveRemediation(ctx context.Context, r model.Remediation, from model.RemediationState) error {
	return tx.execOne(ctx, `UPDATE remediations SET state = ?, reason = ?, proof = ?, proof_snapshot = ?, next_at = ?, lease_until = NULL, fence = fence + 1, closed_at = ?
		WHERE id = ? AND state = ?`, r.State, r.Reason, r.Proof, r.ProofSnapshot, r.NextAt, r.ClosedAt, r.ID, from)
}

// NoteRemediation writes why a removal is where it is.
func (tx *Tx) NoteRemediation(ctx context.Context, id int64, reason string) error {
	return tx.execOne(ctx, "UPDATE remediations SET reason = ? WHERE id = ?", reason, id)
}
