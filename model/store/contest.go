package store

import (
	"context"

	"github.com/uptrace/bun"

	"recert/model"
)

// Contest is what was said against a removal; ok is false where nothing was.
func (q queries) Contest(ctx context.Context, remediation int64) (c model.Contest, ok bool, err error) {
	var cs []model.Contest
	err = q.all(ctx, &cs, "SELECT * FROM contests WHERE remediation_id = ?", remediation)
	if err != nil || len(cs) == 0 {
		return c, false, err
	}
	return cs[0], true, nil
}

// Contested tells whether somebody contests a removal and nobody has answered.
func (q queries) Contested(ctx context.Context, remediation int64) (bool, error) {
	c, ok, err := q.Contest(ctx, remediation)
	return ok && c.Outcome == model.ContestOpen, err
}

// ContestsOf are those of some removals.
func (q queries) ContestsOf(ctx context.Context, remediations []int64) ([]model.Contest, error) {
	if len(remediations) == 0 {
		return nil, nil
	}
	var cs []model.Contest
	err := q.all(ctx, &cs, "SELECT * FROM contests WHERE remediation_id IN (?) ORDER BY remediation_id", bun.List(remediations))
	return cs, err
}

// CountContested counts the removals that somebody contests and nobody has answered; what is not
// being removed any more needs no answer.
func (q queries) CountContested(ctx context.Context) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", `SELECT COUNT(*) FROM contests c JOIN remediations r ON r.id = c.remediation_id
		WHERE c.outcome = '' AND r.state NOT IN ('cancelled', 'superseded', 'restored')`)
	return n, err
}

// InsertContest stores what is said against a removal. A second one breaks a unique key.
func (tx *Tx) InsertContest(ctx context.Context, c model.Contest) error {
	return tx.execOne(ctx, `INSERT INTO contests (remediation_id, person_key, reason, at, outcome, answered_by, answer, answered_at)
		VALUES (?, ?, ?, ?, '', '', '', NULL)`, c.RemediationID, c.PersonKey, c.Reason, tx.Now)
}

// AnswerContest stores the answer to an open contest; one that is answered is a Conflict.
func (tx *Tx) AnswerContest(ctx context.Context, c model.Contest) error {
	return tx.execOne(ctx, "UPDATE contests SET outcome = ?, answered_by = ?, answer = ?, answered_at = ? WHERE remediation_id = ? AND outcome = ''",
		c.Outcome, c.AnsweredBy, c.Answer, tx.Now, c.RemediationID)
}

// HoldRemediation makes a queued removal wait for a person. ok is false where it has been claimed,
// or is in another state; when it would have gone out stays.
func (tx *Tx) HoldRemediation(ctx context.Context, id int64, reason string) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = 'held', reason = ?, lease_until = NULL, fence = fence + 1
		WHERE id = ? AND state = 'queued' AND in_doubt_since IS NULL AND (lease_until IS NULL OR lease_until < ?)`, reason, id, tx.Now)
	return n == 1, err
}

// ReleaseRemediation lets a held removal go on as it would have: at the time that it was to go out.
func (tx *Tx) ReleaseRemediation(ctx context.Context, id int64, reason string) error {
	return tx.execOne(ctx, "UPDATE remediations SET state = 'queued', reason = ?, lease_until = NULL, fence = fence + 1 WHERE id = ? AND state = 'held'", reason, id)
}

// DeclineRemediation cancels a removal because who decided that it will not be done. from is the
// state that it is in; one that somebody is at is a Conflict.
func (tx *Tx) DeclineRemediation(ctx context.Context, id int64, from model.RemediationState, who, reason string) error {
	return tx.execOne(ctx, `UPDATE remediations SET state = 'cancelled', declined = ?, reason = ?, closed_at = ?, in_doubt_since = NULL, lease_until = NULL, fence = fence + 1
		WHERE id = ? AND state = ? AND (lease_until IS NULL OR lease_until < ?)`, who, reason, tx.Now, id, from, tx.Now)
}

// NoticeRow is a removal as the person whose access it is sees it.
type NoticeRow struct {
	RemediationRow

	RunSpec  string `bun:"run_spec"`  // canonical JSON of the campaign, as launched
	OwnerKey *int64 `bun:"owner_key"` // of the run
}

// Notices are the removals of a person's own access: those that are open, and those that ended
// since an instant. The latest queued comes first; id narrows to one, 0 is all.
func (q queries) Notices(ctx context.Context, person, id int64, since model.Time) ([]NoticeRow, error) {
	var rows []NoticeRow
	if err := q.all(ctx, &rows, `SELECT r.*, u.name AS run, s.name AS source, s.paused, COALESCE(rs.value, '') AS subject_json,
		COALESCE(re.value, '') AS entitlement_json, COALESCE(p.data, '') AS assignee_json, u.owner_key, u.spec AS run_spec, `+backAt+`
		FROM remediations r JOIN runs u ON u.id = r.run_id JOIN sources s ON s.id = r.source_id
		LEFT JOIN run_subjects rs ON rs.run_id = r.run_id AND rs.account_key = r.account_key
		LEFT JOIN run_entitlements re ON re.run_id = r.run_id AND re.entitlement_key = r.entitlement_key
		LEFT JOIN person_versions p ON p.person_key = r.assignee_key AND p.last_snapshot IS NULL
		WHERE r.person_key = ?0 AND r.kind = 'remove' AND (?1 = 0 OR r.id = ?1) AND (r.closed_at IS NULL OR r.closed_at >= ?2) ORDER BY r.id DESC LIMIT 500`,
		person, id, since); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// UpheldRemovals are the removals, by id, of which it was answered that the access stays after they were
// asked for, and that are known to have come to nothing, which reason says of held ones, or to be proven gone
// since. What somebody asked for back already is not among them, nor what settled says is left to a person.
func (q queries) UpheldRemovals(ctx context.Context, reason, settled string) ([]int64, error) {
	var ids []int64
	err := q.all(ctx, &ids, `SELECT r.id FROM contests c JOIN remediations r ON r.id = c.remediation_id WHERE c.outcome = 'upheld' AND r.kind = 'remove'
		AND (r.state = 'held' AND r.reason = ? OR r.state = 'confirmed' AND r.closed_at >= c.answered_at AND r.reason <> ?
			AND NOT EXISTS (SELECT 1 FROM remediations o WHERE o.for_id = r.id AND o.kind = 'restore')) ORDER BY r.id`, reason, settled)
	return ids, err
}
