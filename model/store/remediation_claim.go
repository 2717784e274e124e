package store

import (
	"context"
	"fmt"
	"time"

	"recert/model"
)

// claimLock is the class of PostgreSQL's advisory locks under which claims in one source wait
// for each other; SQLite has one writer.
const claimLock = 7203

// DueSources are the sources that have removals to work on now, tasks for people among them.
func (q queries) DueSources(ctx context.Context, now model.Time) ([]int64, error) {
	var ids []int64
	const due = `EXISTS (SELECT 1 FROM remediations r WHERE r.source_id = s.id AND r.mode = '%s' AND r.state IN ('queued', 'sent', 'came_back')
		AND r.next_at <= ?0 AND (r.lease_until IS NULL OR r.lease_until < ?0)`
	err := q.all(ctx, &ids, "SELECT s.id FROM sources s WHERE s.paused = '' AND NOT EXISTS (SELECT 1 FROM removal_stops) AND "+fmt.Sprintf(due, model.ModeConnector)+") OR "+
		fmt.Sprintf(due, model.ModeManual)+" AND r.state <> 'sent') ORDER BY s.id", now)
	return ids, err
}

// ClaimRemediation takes the next removal in a source that is due and that a connector can do:
// it is leased, its fence and its attempts grow by one. ok is false where there is none.
//
// A removal is not due while removals are stopped or its source is paused, while somebody else changes the same group or
// account, or while such a change may have happened without anybody knowing: versions guard
// whole objects, and two changes of our own would look like somebody else's to each other.
func (tx *Tx) ClaimRemediation(ctx context.Context, source int64, lease time.Duration) (r model.Remediation, ok bool, err error) {
	switch tx.dialect {
	case SQLite:
	case Postgres:
		if _, err := tx.exec(ctx, "SELECT pg_advisory_xact_lock(?, CAST(? AS integer))", claimLock, source); err != nil {
			return r, false, err
		}
	}
	const busy = `SELECT 1 FROM remediations o WHERE o.source_id = r.source_id AND o.id <> r.id AND (o.lease_until IS NOT NULL OR o.in_doubt_since IS NOT NULL)
		AND (o.lease_until >= ?0 OR o.in_doubt_since IS NOT NULL AND o.state IN ('queued', 'sent', 'came_back'))`
	var rs []model.Remediation
	err = tx.all(ctx, &rs, `UPDATE remediations SET attempts = attempts + 1, fence = fence + 1, lease_until = ?2,
		called_at = CASE WHEN called_at IS NULL THEN NULL ELSE ?0 END
		WHERE id IN (SELECT r.id FROM remediations r WHERE r.source_id = ?1 AND r.mode = 'connector' AND r.state IN ('queued', 'sent', 'came_back')
		AND r.next_at <= ?0 AND (r.lease_until IS NULL OR r.lease_until < ?0)
		AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.id = r.source_id AND s.paused <> '') AND NOT EXISTS (SELECT 1 FROM removal_stops)
		AND NOT EXISTS (`+busy+` AND o.entitlement_key = r.entitlement_key)
		AND NOT EXISTS (`+busy+` AND o.account_key = r.account_key)
		ORDER BY r.next_at, r.id LIMIT 1`+tx.skipLocked()+`) RETURNING *`, tx.Now, source, tx.Now.Add(lease))
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// DueTasks gives up to limit removals in a source that wait to become a task for a person, locked.
func (tx *Tx) DueTasks(ctx context.Context, source int64, limit int) ([]model.Remediation, error) {
	var rs []model.Remediation
	err := tx.all(ctx, &rs, `SELECT * FROM remediations WHERE source_id = ? AND mode = 'manual' AND state IN ('queued', 'came_back') AND next_at <= ?
		ORDER BY id LIMIT ?`+tx.skipLocked(), source, tx.Now, limit)
	return rs, err
}

// OpenTask makes a removal a task that a person has to do: only what is read from now on tells
// whether it was done.
func (tx *Tx) OpenTask(ctx context.Context, r model.Remediation, reason string) error {
	return tx.execOne(ctx, "UPDATE remediations SET state = 'sent', reason = ?, called_at = ? WHERE id = ? AND state = ?", reason, tx.Now, r.ID, r.State)
}

// InsertAttempt writes the intent of one try down.
func (tx *Tx) InsertAttempt(ctx context.Context, a model.Attempt) error {
	_, err := tx.exec(ctx, `INSERT INTO attempts (remediation_id, n, fence, worker, intent_at, before, called_at, outcome, after, read_at, ended_at, detail)
		VALUES (?, ?, ?, ?, ?, '', NULL, '', '', NULL, NULL, '')`, a.RemediationID, a.N, a.Fence, a.Worker, a.IntentAt)
	return err
}

// MarkCalled writes down that the target is about to be asked, with what was seen before, and
// leases the removal anew. ok is false where the claim is no longer the caller's: then the
// target must not be asked.
func (tx *Tx) MarkCalled(ctx context.Context, r model.Remediation, before string, lease time.Duration) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = 'sent', called_at = ?, in_doubt_since = ?, lease_until = ?
		WHERE id = ? AND fence = ? AND lease_until >= ? AND state = ?`, tx.Now, tx.Now, tx.Now.Add(lease), r.ID, r.Fence, tx.Now, r.State)
	if err != nil || n != 1 {
		return false, err
	}
	return true, tx.execOne(ctx, "UPDATE attempts SET before = ?, called_at = ? WHERE remediation_id = ? AND n = ? AND ended_at IS NULL",
		before, tx.Now, r.ID, r.Attempts)
}

// FinishRemediation ends a claim: it writes where the removal stands, and lets go of it. r.Fence
// is the claim's; ok is false where the removal has been claimed or moved by somebody else since.
func (tx *Tx) FinishRemediation(ctx context.Context, r model.Remediation) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = ?, reason = ?, next_at = ?, called_at = ?, in_doubt_since = ?, proof = ?, proof_snapshot = ?, closed_at = ?, lease_until = NULL
		WHERE id = ? AND fence = ?`, r.State, r.Reason, r.NextAt, r.CalledAt, r.InDoubtSince, r.Proof, r.ProofSnapshot, r.ClosedAt, r.ID, r.Fence)
	return n == 1, err
}

// EndAttempt writes how one try ended. ok is false where it was ended before.
func (tx *Tx) EndAttempt(ctx context.Context, a model.Attempt) (ok bool, err error) {
	n, err := tx.exec(ctx, "UPDATE attempts SET before = ?, outcome = ?, after = ?, read_at = ?, ended_at = ?, detail = ? WHERE remediation_id = ? AND n = ? AND ended_at IS NULL",
		a.Before, a.Outcome, a.After, a.ReadAt, a.EndedAt, a.Detail, a.RemediationID, a.N)
	return n == 1, err
}

// NoteAttempt adds to what is told of a try that somebody else has ended.
func (tx *Tx) NoteAttempt(ctx context.Context, id int64, n int, more string) error {
	return tx.execOne(ctx, "UPDATE attempts SET detail = detail || ? WHERE remediation_id = ? AND n = ?", more, id, n)
}

// OpenAttempts are the tries of a removal that nobody has ended, the first one first.
func (q queries) OpenAttempts(ctx context.Context, id int64) ([]model.Attempt, error) {
	var as []model.Attempt
	err := q.all(ctx, &as, "SELECT * FROM attempts WHERE remediation_id = ? AND ended_at IS NULL ORDER BY n", id)
	return as, err
}

// AbandonedRemediations are removals with a try that nobody will end: the removal moved on
// without it, because a snapshot settled it.
func (q queries) AbandonedRemediations(ctx context.Context, limit int) ([]int64, error) {
	var ids []int64
	err := q.all(ctx, &ids, `SELECT DISTINCT r.id FROM attempts a JOIN remediations r ON r.id = a.remediation_id
		WHERE a.ended_at IS NULL AND a.fence < r.fence ORDER BY r.id LIMIT ?`, limit)
	return ids, err
}

// OthersCalledSince tells whether another removal changed, or may have changed, the same group or
// account of a source since an instant.
func (q queries) OthersCalledSince(ctx context.Context, r model.Remediation, since model.Time) (bool, error) {
	var n int64
	err := q.all(ctx, &n, `SELECT COUNT(*) FROM remediations o JOIN attempts a ON a.remediation_id = o.id
		WHERE o.source_id = ? AND o.id <> ? AND (o.account_key = ? OR o.entitlement_key = ?) AND a.called_at >= ?`,
		r.SourceID, r.ID, r.AccountKey, r.EntitlementKey, since)
	return n > 0, err
}

// Answered tells whether a person answered an item, now or before.
func (q queries) Answered(ctx context.Context, run, item, person int64) (bool, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT COUNT(*) FROM decisions WHERE run_id = ? AND item_id = ? AND reviewer_key = ?", run, item, person)
	return n > 0, err
}

// LockRemediation reads one removal and locks it; none is NotFound.
func (tx *Tx) LockRemediation(ctx context.Context, id int64) (model.Remediation, error) {
	var r model.Remediation
	err := tx.one(ctx, &r, noRemediation, "SELECT * FROM remediations WHERE id = ?"+tx.forUpdate(), id)
	return r, err
}

// RequeueRemediation lets a failed removal go on: what was tried, and what was approved, before counts no more.
func (tx *Tx) RequeueRemediation(ctx context.Context, id int64, reason string) error {
	return tx.execOne(ctx, `UPDATE remediations SET state = 'queued', reason = ?, next_at = ?, in_doubt_since = NULL, closed_at = NULL, lease_until = NULL,
		fence = fence + 1, retry_base = attempts, approved = '', approved_for = '' WHERE id = ? AND state = 'failed'`, reason, tx.Now, id)
}
