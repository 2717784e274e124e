package store

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// claimLock is the class of PostgreSQL's advisory locks under which claims in one source wait
// for each other; SQLite has one writer.
const claimLock = 7203

// DueSource is a source that has something to work on now.
type DueSource struct {
	ID        int64 `bun:"id"`
	Connector bool  `bun:"connector"` // removals that a connector can do
	Outside   bool  `bun:"outside"`   // removals that another system is asked for, or is looked at about
	Tasks     bool  `bun:"tasks"`     // removals that wait to become a task for a person
}

// DueSources are the sources that have removals to work on now, tasks for people among them.
func (q queries) DueSources(ctx context.Context, now model.Time) ([]DueSource, error) {
	due := func(terms ...string) string {
		var out []string
		for _, term := range terms {
			out = append(out, `EXISTS (SELECT 1 FROM remediations r WHERE r.source_id = s.id AND r.mode = `+term+` AND r.state IN ('queued', 'sent', 'came_back')
				AND r.next_at <= ?0 AND (r.lease_until IS NULL OR r.lease_until < ?0))`)
		}
		return "(" + strings.Join(out, " OR ") + ")"
	}
	const goes = "s.paused = '' AND NOT EXISTS (SELECT 1 FROM removal_stops) AND "
	var all, some []DueSource
	err := q.all(ctx, &all, "SELECT s.id, "+goes+due("'connector'")+" AS connector, "+goes+due("'ticket'", "'webhook'")+" AS outside, "+
		due("'manual' AND r.state <> 'sent'")+" AS tasks FROM sources s ORDER BY s.id", now)
	for _, d := range all {
		if d.Connector || d.Outside || d.Tasks {
			some = append(some, d)
		}
	}
	return some, err
}

// UnderWay is a removal that is claimed, or whose change may have happened without anybody knowing.
type UnderWay struct {
	ID             int64      `bun:"id"`
	AccountKey     int64      `bun:"account_key"`
	EntitlementKey *int64     `bun:"entitlement_key"`
	Mode           string     `bun:"mode"`
	LeaseUntil     model.Time `bun:"lease_until"`
}

// RemovalsUnderWay are the removals of a source that keep others of the same group or account waiting.
// Until the transaction ends nobody else claims one in the source.
func (tx *Tx) RemovalsUnderWay(ctx context.Context, source int64) ([]UnderWay, error) {
	if err := tx.LockBrake(ctx, source); err != nil {
		return nil, err
	}
	var us []UnderWay
	err := tx.hot(ctx, &us, `SELECT id, account_key, entitlement_key, mode, lease_until FROM remediations
		WHERE source_id = ? AND (lease_until IS NOT NULL OR in_doubt_since IS NOT NULL)
		AND (lease_until >= ? OR in_doubt_since IS NOT NULL AND state IN ('queued', 'sent', 'came_back'))`, source, tx.Now)
	return us, err
}

// claimPage is how many removals are looked at at a time for those that may be claimed.
const claimPage = 100

// ClaimRemediations takes up to n removals in a source that are due and that a connector can do, no two
// of one group or account: each is leased, its fence and its attempts grow by one. They come in the
// order in which they are due. under are the RemovalsUnderWay, of this transaction.
//
// A removal is not due while removals are stopped or its source is paused, while somebody else changes the same group or
// account, or while such a change may have happened without anybody knowing: versions guard
// whole objects, and two changes of our own would look like somebody else's to each other.
func (tx *Tx) ClaimRemediations(ctx context.Context, source int64, under []UnderWay, n int, lease time.Duration) ([]model.Remediation, error) {
	var goes int64
	if err := tx.one(ctx, &goes, "", "SELECT COUNT(*) FROM sources WHERE id = ? AND paused = '' AND NOT EXISTS (SELECT 1 FROM removal_stops)", source); err != nil || goes == 0 || n <= 0 {
		return nil, err
	}
	ids, err := tx.claimable(ctx, source, under, n)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var rs []model.Remediation
	err = tx.hot(ctx, &rs, `UPDATE remediations SET attempts = attempts + 1, fence = fence + 1, lease_until = ?,
		called_at = CASE WHEN called_at IS NULL THEN NULL ELSE CAST(? AS BIGINT) END
		WHERE id IN (SELECT id FROM remediations WHERE id `+tx.among()+` AND `+claimableSQL+tx.skipLocked()+`) RETURNING *`, tx.Now.Add(lease), tx.Now, ids, tx.Now, tx.Now)
	slices.SortFunc(rs, func(a, b model.Remediation) int {
		return cmp.Or(cmp.Compare(a.NextAt, b.NextAt), cmp.Compare(a.ID, b.ID))
	})
	return rs, err
}

// claimableSQL is what a removal must be to be claimed, at an instant that it takes twice, whatever else is
// under way.
const claimableSQL = `mode = 'connector' AND state IN ('queued', 'sent', 'came_back') AND next_at <= ? AND (lease_until IS NULL OR lease_until < ?)`

// claimable picks up to n removals that may be claimed. It goes through them in the order of an index:
// a single statement with all conditions is planned as a sort of everything that is due.
func (tx *Tx) claimable(ctx context.Context, source int64, under []UnderWay, n int) (ids []int64, err error) {
	accounts, groups, own := map[int64]int64{}, map[int64]int64{}, []int64{0}
	hold := func(by map[int64]int64, object, id int64) {
		if other, ok := by[object]; ok && other != id {
			id = -1 // two of them: neither may be claimed beside the other
		}
		by[object] = id
	}
	take := func(id, account int64, group *int64) {
		hold(accounts, account, id)
		if group != nil {
			hold(groups, *group, id)
		}
	}
	for _, u := range under {
		take(u.ID, u.AccountKey, u.EntitlementKey)
		own = append(own, u.ID)
	}
	free := func(c UnderWay) bool {
		by, busy := accounts[c.AccountKey]
		if busy && by != c.ID {
			return false
		}
		if c.EntitlementKey == nil {
			return true
		}
		by, busy = groups[*c.EntitlementKey]
		return !busy || by == c.ID
	}
	busyAccounts, busyGroups := append(slices.Collect(maps.Keys(accounts)), 0), append(slices.Collect(maps.Keys(groups)), 0)
	type candidate struct {
		UnderWay

		NextAt model.Time `bun:"next_at"`
	}
	for at, after := model.Time(math.MinInt64+1), int64(0); ; {
		var page []candidate
		if err := tx.hot(ctx, &page, `SELECT id, account_key, entitlement_key, next_at FROM remediations WHERE source_id = ? AND `+claimableSQL+`
			AND (next_at, id) > (?, ?) AND (id `+tx.among()+` OR account_key `+tx.notAmong()+` AND (entitlement_key IS NULL OR entitlement_key `+tx.notAmong()+`))
			ORDER BY next_at, id LIMIT `+strconv.Itoa(claimPage), source, tx.Now, tx.Now, int64(at), after, own, busyAccounts, busyGroups); err != nil {
			return nil, err
		}
		for _, c := range page {
			if at, after = c.NextAt, c.ID; !free(c.UnderWay) {
				continue
			}
			take(c.ID, c.AccountKey, c.EntitlementKey)
			if ids = append(ids, c.ID); len(ids) == n {
				return ids, nil
			}
		}
		if len(page) < claimPage {
			return ids, nil
		}
	}
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

// SubjectsOf are, by removal, the accounts of removals as they were reviewed: canonical JSON of
// model.Subject.
func (tx *Tx) SubjectsOf(ctx context.Context, rs []model.Remediation) (map[int64]string, error) {
	ids := []int64{0}
	for _, r := range rs {
		ids = append(ids, r.ID)
	}
	var found []struct {
		ID    int64  `bun:"id"`
		Value string `bun:"value"`
	}
	err := tx.hot(ctx, &found, "SELECT r.id, s.value FROM remediations r JOIN run_subjects s ON s.run_id = r.run_id AND s.account_key = r.account_key WHERE r.id "+tx.among(), ids)
	out := make(map[int64]string, len(found))
	for _, f := range found {
		out[f.ID] = f.Value
	}
	return out, err
}

// InsertAttempt writes the intents of tries down, one each.
func (tx *Tx) InsertAttempt(ctx context.Context, as ...model.Attempt) error {
	if len(as) == 0 {
		return nil
	}
	args := make([]any, 0, 5*len(as))
	for _, a := range as {
		args = append(args, a.RemediationID, a.N, a.Fence, a.Worker, a.IntentAt)
	}
	rows := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, '', NULL, '', '', NULL, NULL, ''), ", len(as)), ", ")
	_, err := tx.exec(ctx, "INSERT INTO attempts (remediation_id, n, fence, worker, intent_at, before, called_at, outcome, after, read_at, ended_at, detail) VALUES "+rows, args...)
	return err
}

// claim is what a transaction knows of a removal that it has locked.
type claim struct {
	ID         int64                  `bun:"id"`
	Fence      int64                  `bun:"fence"`
	State      model.RemediationState `bun:"state"`
	LeaseUntil model.Time             `bun:"lease_until"`
}

// LockClaims locks removals at once, in the order in which a snapshot that is sealed does. What
// MarkCalled and FinishRemediation do with them later in the transaction waits for nothing.
func (tx *Tx) LockClaims(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	var cs []claim
	if err := tx.hot(ctx, &cs, "SELECT id, fence, state, lease_until FROM remediations WHERE id "+tx.among()+" ORDER BY id"+tx.forUpdate(), ids); err != nil {
		return err
	}
	if tx.claims == nil {
		tx.claims = map[int64]*claim{}
	}
	for _, c := range cs {
		tx.claims[c.ID] = &c
	}
	return nil
}

// claimed is a removal if, locked, it is still the caller's; nil is that it was claimed or moved by
// somebody else since.
func (tx *Tx) claimed(ctx context.Context, r model.Remediation) (*claim, error) {
	if tx.claims[r.ID] == nil {
		if err := tx.LockClaims(ctx, []int64{r.ID}); err != nil {
			return nil, err
		}
	}
	if c := tx.claims[r.ID]; c != nil && c.Fence == r.Fence {
		return c, nil
	}
	return nil, nil
}

// MarkCalled writes down that the target is about to be asked, with what was seen before, and
// leases the removal anew. ok is false where the claim is no longer the caller's: then the
// target must not be asked.
func (tx *Tx) MarkCalled(ctx context.Context, r model.Remediation, before string, lease time.Duration) (ok bool, err error) {
	c, err := tx.claimed(ctx, r)
	if err != nil || c == nil || c.State != r.State || c.LeaseUntil < tx.Now {
		return false, err
	}
	c.State, c.LeaseUntil = model.Sent, tx.Now.Add(lease)
	if err := tx.later("UPDATE remediations SET state = 'sent', called_at = ?, in_doubt_since = ?, lease_until = ? WHERE id = ? AND fence = ?",
		tx.Now, tx.Now, c.LeaseUntil, r.ID, r.Fence); err != nil {
		return false, err
	}
	return true, tx.later("UPDATE attempts SET before = ?, called_at = ? WHERE remediation_id = ? AND n = ? AND ended_at IS NULL", before, tx.Now, r.ID, r.Attempts)
}

// FinishRemediation ends a claim: it writes where the removal stands, and lets go of it. r.Fence
// is the claim's; ok is false where the removal has been claimed or moved by somebody else since.
func (tx *Tx) FinishRemediation(ctx context.Context, r model.Remediation) (ok bool, err error) {
	c, err := tx.claimed(ctx, r)
	if err != nil || c == nil {
		return false, err
	}
	c.State, c.LeaseUntil = r.State, 0
	return true, tx.later(`UPDATE remediations SET state = ?, reason = ?, next_at = ?, called_at = ?, in_doubt_since = ?, proof = ?, proof_snapshot = ?, closed_at = ?, lease_until = NULL
		WHERE id = ? AND fence = ?`, r.State, r.Reason, r.NextAt, r.CalledAt, r.InDoubtSince, r.Proof, r.ProofSnapshot, r.ClosedAt, r.ID, r.Fence)
}

// EndClaimed is EndAttempt for an attempt that nobody else can have ended, because the caller has the
// claim of its removal.
func (tx *Tx) EndClaimed(a model.Attempt) error {
	return tx.later("UPDATE attempts SET before = ?, outcome = ?, after = ?, read_at = ?, ended_at = ?, detail = ? WHERE remediation_id = ? AND n = ? AND ended_at IS NULL",
		a.Before, a.Outcome, a.After, a.ReadAt, a.EndedAt, a.Detail, a.RemediationID, a.N)
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
