package store

import (
	"context"

	"recert/model"
)

// UnfinishedReview is what a reviewer still has to do in a run.
type UnfinishedReview struct {
	RunID    int64      `bun:"run_id"`
	Name     string     `bun:"name"`
	Spec     string     `bun:"spec"` // as launched
	TimeZone string     `bun:"time_zone"`
	DueAt    model.Time `bun:"due_at"`
	Items    int64      `bun:"items"` // that still exist
	Open     int64      `bun:"open"`  // of them without an answer; 0 is that the sign-off is missing
}

// UnfinishedReviews are the running runs in which a person has not signed off what there is, what is due
// first at the top.
func (q queries) UnfinishedReviews(ctx context.Context, person int64) ([]UnfinishedReview, error) {
	var rs []UnfinishedReview
	err := q.all(ctx, &rs, `SELECT r.id AS run_id, r.name, r.spec, r.time_zone, r.due_at, v.items - v.gone AS items,
			v.items - v.gone - v.kept - v.revoked - v.reduced - v.unsure AS open
		FROM run_reviewers v JOIN runs r ON r.id = v.run_id
		WHERE v.person_key = ? AND r.state = 'running' AND v.signed_at IS NULL AND v.items > v.gone ORDER BY r.due_at, r.id`, person)
	return rs, err
}

// UnfinishedReviewers are the people, by key, who have not signed off what there is for them in a run, and
// who still work here.
func (q queries) UnfinishedReviewers(ctx context.Context, run int64) ([]int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, `SELECT v.person_key FROM run_reviewers v
		JOIN person_versions p ON p.person_key = v.person_key AND p.last_snapshot IS NULL AND p.status <> 'terminated'
		WHERE v.run_id = ? AND v.signed_at IS NULL AND v.items > v.gone ORDER BY v.person_key`, run)
	return keys, err
}

// WaitingReminders are the people, by key, for whom a reminder waits to be sent.
func (q queries) WaitingReminders(ctx context.Context) ([]int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, "SELECT DISTINCT person_key FROM messages WHERE state = 'queued' AND kind = 'reminder' AND person_key IS NOT NULL ORDER BY person_key")
	return keys, err
}

// AbsentReviewers are the parts, by reviewer, of those in a run who have left or are away and have not answered
// everything.
func (q queries) AbsentReviewers(ctx context.Context, run int64) ([]model.RunReviewer, error) {
	var rs []model.RunReviewer
	err := q.all(ctx, &rs, `SELECT v.* FROM run_reviewers v
		LEFT JOIN person_versions p ON p.person_key = v.person_key AND p.last_snapshot IS NULL
		WHERE v.run_id = ? AND v.signed_at IS NULL AND v.items > v.gone + v.kept + v.revoked + v.reduced
			AND (p.person_key IS NULL OR p.status NOT IN ('', 'active')) ORDER BY v.person_key`, run)
	return rs, err
}

// PeopleSnapshots counts the sealed lists of people, of all sources.
func (q queries) PeopleSnapshots(ctx context.Context) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM snapshots n JOIN sources s ON s.id = n.source_id WHERE s.provides = 'people' AND n.state = 'sealed'")
	return n, err
}

// MarkReplaced notes after how many lists of people reviewers of a run who are not there any more were replaced.
func (tx *Tx) MarkReplaced(ctx context.Context, run, lists int64) error {
	return tx.execOne(ctx, "UPDATE runs SET people_lists = ? WHERE id = ?", lists, run)
}

// MarkReminded notes that what there was to tell the reviewers of a run is queued.
func (tx *Tx) MarkReminded(ctx context.Context, run int64) error {
	return tx.execOne(ctx, "UPDATE runs SET reminded_at = ? WHERE id = ?", tx.Now, run)
}

// MovedSubjects are the open items of a run, by reviewer and id, that a manager reviews who is not the manager of their
// person by now, and that nobody gave to anybody since the launch.
func (q queries) MovedSubjects(ctx context.Context, run int64) ([]model.Item, error) {
	var items []model.Item
	err := q.all(ctx, &items, `SELECT i.* FROM items i
		JOIN person_versions s ON s.person_key = i.person_key AND s.last_snapshot IS NULL
		JOIN people v ON v.key = i.reviewer_key
		WHERE i.run_id = ? AND i.basis = 'manager' AND i.outcome = '' AND i.answer = '' AND s.manager_id <> '' AND s.manager_id <> v.person_id
			AND NOT EXISTS (SELECT 1 FROM assignments a WHERE a.run_id = i.run_id AND a.item_id = i.id)
		ORDER BY i.reviewer_key, i.id`, run)
	return items, err
}
