package store

import (
	"context"
	"fmt"

	"recert/model"
)

const noRun = "There is no such review."

// RunByID is one run.
func (q queries) RunByID(ctx context.Context, id int64) (model.Run, error) {
	var r model.Run
	err := q.one(ctx, &r, noRun, "SELECT * FROM runs WHERE id = ?", id)
	return r, err
}

// RunOwners are the people who own runs, by key.
func (q queries) RunOwners(ctx context.Context) ([]int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, "SELECT DISTINCT owner_key FROM runs WHERE owner_key IS NOT NULL ORDER BY owner_key")
	return keys, err
}

// RunByName is the run named NAME@DATE; a bare NAME means the campaign's latest run.
func (q queries) RunByName(ctx context.Context, name string) (model.Run, error) {
	var r model.Run
	err := q.one(ctx, &r, fmt.Sprintf("There is no run %q; recert campaign status lists them.", name),
		"SELECT * FROM runs WHERE name = ? OR campaign = ? ORDER BY CASE WHEN name = ? THEN 0 ELSE 1 END, launched_at DESC, id DESC LIMIT 1", name, name, name)
	return r, err
}

// RunningRun is the campaign's run that is not closed yet; ok is false where there is none.
func (q queries) RunningRun(ctx context.Context, campaign string) (r model.Run, ok bool, err error) {
	var rs []model.Run
	err = q.all(ctx, &rs, "SELECT * FROM runs WHERE campaign = ? AND state = 'running'", campaign)
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// RunNamesLike counts the runs of a campaign that were launched on a date: NAME@DATE and NAME@DATE.N.
func (q queries) RunNamesLike(ctx context.Context, campaign, base string) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM runs WHERE campaign = ? AND (name = ? OR substr(name, 1, ?) = ?)", campaign, base, len([]rune(base))+1, base+".")
	return n, err
}

// RunFilter narrows RunList. The zero value is every run.
type RunFilter struct {
	Campaign string // "" is all
	State    model.RunState
	// Reviewer narrows to the runs in which this person has or had a part; 0 is all. Use it for
	// everybody who may not read all runs.
	Reviewer int64
}

// RunList lists runs, the latest launch first.
func (q queries) RunList(ctx context.Context, f RunFilter) ([]model.Run, error) {
	var rs []model.Run
	err := q.all(ctx, &rs, `SELECT r.* FROM runs r WHERE (? = '' OR r.campaign = ?) AND (? = '' OR r.state = ?)
		AND (? = 0 OR EXISTS (SELECT 1 FROM run_reviewers v WHERE v.run_id = r.id AND v.person_key = ?))
		ORDER BY r.launched_at DESC, r.id DESC`, f.Campaign, f.Campaign, string(f.State), string(f.State), f.Reviewer, f.Reviewer)
	return rs, err
}

// RunReviewers are the reviewers of a run with their counters, by key.
func (q queries) RunReviewers(ctx context.Context, run int64) ([]model.RunReviewer, error) {
	var rs []model.RunReviewer
	err := q.all(ctx, &rs, "SELECT * FROM run_reviewers WHERE run_id = ? ORDER BY person_key", run)
	return rs, err
}

// RunReviewer is one reviewer's part of a run; ok is false where the person has none.
func (q queries) RunReviewer(ctx context.Context, run, person int64) (r model.RunReviewer, ok bool, err error) {
	var rs []model.RunReviewer
	err = q.all(ctx, &rs, "SELECT * FROM run_reviewers WHERE run_id = ? AND person_key = ?", run, person)
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// ReviewerParts are all parts that a person has in runs.
func (q queries) ReviewerParts(ctx context.Context, person int64) ([]model.RunReviewer, error) {
	var rs []model.RunReviewer
	err := q.all(ctx, &rs, "SELECT * FROM run_reviewers WHERE person_key = ? ORDER BY run_id DESC", person)
	return rs, err
}

// RunCounts adds up the counters of a run's reviewers.
func (q queries) RunCounts(ctx context.Context, run int64) (model.Counts, error) {
	m, err := q.runCounts(ctx, run)
	return m[run], err
}

// AllRunCounts are the counts of every run, by its id.
func (q queries) AllRunCounts(ctx context.Context) (map[int64]model.Counts, error) {
	return q.runCounts(ctx, 0)
}

func (q queries) runCounts(ctx context.Context, run int64) (map[int64]model.Counts, error) {
	var rs []model.RunReviewer
	if err := q.all(ctx, &rs, `SELECT run_id, CAST(SUM(items) AS BIGINT) AS items, CAST(SUM(kept) AS BIGINT) AS kept, CAST(SUM(revoked) AS BIGINT) AS revoked,
		CAST(SUM(reduced) AS BIGINT) AS reduced, CAST(SUM(unsure) AS BIGINT) AS unsure, CAST(SUM(gone) AS BIGINT) AS gone
		FROM run_reviewers WHERE ? = 0 OR run_id = ? GROUP BY run_id`, run, run); err != nil {
		return nil, err
	}
	m := make(map[int64]model.Counts, len(rs))
	for _, r := range rs {
		m[r.RunID] = r.Counts()
	}
	return m, nil
}

// RunSource is one source of a run and the snapshot that the run was frozen at.
type RunSource struct {
	SourceID   int64      `bun:"source_id"`
	Name       string     `bun:"name"`
	Provides   string     `bun:"provides"`
	SnapshotID int64      `bun:"snapshot_id"`
	AsOf       model.Time `bun:"as_of"`
	Digest     string     `bun:"digest"`
}

// RunSources are the sources of a run, by name.
func (q queries) RunSources(ctx context.Context, run int64) ([]RunSource, error) {
	var out []RunSource
	err := q.all(ctx, &out, `SELECT rs.source_id, s.name, s.provides, rs.snapshot_id, n.as_of, n.digest FROM run_sources rs
		JOIN sources s ON s.id = rs.source_id JOIN snapshots n ON n.id = rs.snapshot_id WHERE rs.run_id = ? ORDER BY s.name`, run)
	return out, err
}

// LockRun reads a run and keeps it from changing until the transaction ends: shared, by those who
// answer in it, or alone, by what changes it as a whole. Take it before any other lock of the run.
func (tx *Tx) LockRun(ctx context.Context, id int64, alone bool) (model.Run, error) {
	lock := tx.forUpdate()
	if !alone && tx.dialect == Postgres {
		lock = " FOR SHARE"
	}
	var r model.Run
	err := tx.one(ctx, &r, noRun, "SELECT * FROM runs WHERE id = ?"+lock, id)
	return r, err
}

// LockRunReviewer reads one reviewer's part for a change.
func (tx *Tx) LockRunReviewer(ctx context.Context, run, person int64) (model.RunReviewer, error) {
	var r model.RunReviewer
	err := tx.one(ctx, &r, noRun, "SELECT * FROM run_reviewers WHERE run_id = ? AND person_key = ?"+tx.forUpdate(), run, person)
	return r, err
}

// InsertRun stores a new run and gives its id. A Conflict says that the name is taken or that the
// campaign runs already.
func (tx *Tx) InsertRun(ctx context.Context, r model.Run) (int64, error) {
	return tx.insertID(ctx, `INSERT INTO runs (campaign, name, state, spec, time_zone, due_at, launched_at, launched_by, closed_at, closed_by,
		items, items_root, excluded, excluded_root, summary, owner_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, '', ?, ?, ?, ?, ?, ?) RETURNING id`,
		r.Campaign, r.Name, r.State, r.Spec, r.TimeZone, r.DueAt, r.LaunchedAt, r.LaunchedBy, r.Items, r.ItemsRoot, r.Excluded, r.ExcludedRoot, r.Summary, r.OwnerKey)
}

// FreezeRun writes what the launch counted.
func (tx *Tx) FreezeRun(ctx context.Context, r model.Run) error {
	return tx.execOne(ctx, "UPDATE runs SET items = ?, items_root = ?, excluded = ?, excluded_root = ?, summary = ? WHERE id = ?",
		r.Items, r.ItemsRoot, r.Excluded, r.ExcludedRoot, r.Summary, r.ID)
}

// InsertRunSource freezes one source of a run.
func (tx *Tx) InsertRunSource(ctx context.Context, run, source, snapshot int64) error {
	return tx.execOne(ctx, "INSERT INTO run_sources (run_id, source_id, snapshot_id) VALUES (?, ?, ?)", run, source, snapshot)
}

// InsertRunReviewer adds a reviewer to a run.
func (tx *Tx) InsertRunReviewer(ctx context.Context, r model.RunReviewer) error {
	return tx.execOne(ctx, `INSERT INTO run_reviewers (run_id, person_key, value, salt, commitment, items, kept, revoked, reduced, unsure, gone, signed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.RunID, r.PersonKey, r.Value, r.Salt, r.Commitment, r.Items, r.Kept, r.Revoked, r.Reduced, r.Unsure, r.Gone, r.SignedAt)
}

// AddRunReviewer moves the counters of one reviewer by the difference d; its Unanswered is not
// stored. The reviewer must exist.
func (tx *Tx) AddRunReviewer(ctx context.Context, run, person int64, d model.Counts) error {
	if err := tx.addPace(ctx, run, person, d.Kept+d.Revoked+d.Reduced+d.Unsure+d.Gone); err != nil {
		return err
	}
	return tx.execOne(ctx, `UPDATE run_reviewers SET items = items + ?, kept = kept + ?, revoked = revoked + ?, reduced = reduced + ?, unsure = unsure + ?, gone = gone + ?
		WHERE run_id = ? AND person_key = ?`, d.Items, d.Kept, d.Revoked, d.Reduced, d.Unsure, d.Gone, run, person)
}

// SignRunReviewer marks a reviewer's part as signed off.
func (tx *Tx) SignRunReviewer(ctx context.Context, run, person int64) error {
	return tx.execOne(ctx, "UPDATE run_reviewers SET signed_at = ? WHERE run_id = ? AND person_key = ? AND signed_at IS NULL", tx.Now, run, person)
}

// AmendRun makes a running run due at another time.
func (tx *Tx) AmendRun(ctx context.Context, id int64, due model.Time) error {
	return tx.execOne(ctx, "UPDATE runs SET due_at = ? WHERE id = ? AND state = 'running'", due, id)
}

// PauseRun pauses a running run, or with an unknown time lets it go on.
func (tx *Tx) PauseRun(ctx context.Context, id int64, since model.Time) error {
	return tx.execOne(ctx, "UPDATE runs SET paused_at = ? WHERE id = ? AND state = 'running'", since, id)
}

// CloseRun moves a run to closed.
func (tx *Tx) CloseRun(ctx context.Context, id int64, by string) error {
	return tx.execOne(ctx, "UPDATE runs SET state = 'closed', paused_at = NULL, closed_at = ?, closed_by = ? WHERE id = ? AND state = 'running'", tx.Now, by, id)
}

// RunSubjectsBulk starts the insert of run_subjects: run, account key, person key or nil, value,
// salt, commitment, search.
func (tx *Tx) RunSubjectsBulk(ctx context.Context) (*Bulk, error) {
	return tx.bulk(ctx, "run_subjects", "run_id", "account_key", "person_key", "value", "salt", "commitment", "search")
}

// RunEntitlementsBulk starts the insert of run_entitlements: run, entitlement key, value, search.
func (tx *Tx) RunEntitlementsBulk(ctx context.Context) (*Bulk, error) {
	return tx.bulk(ctx, "run_entitlements", "run_id", "entitlement_key", "value", "search")
}

// RunReviewersBulk starts the insert of run_reviewers: run, person key, value, salt, commitment,
// items, kept, revoked, reduced, unsure, gone, signed_at.
func (tx *Tx) RunReviewersBulk(ctx context.Context) (*Bulk, error) {
	return tx.bulk(ctx, "run_reviewers", "run_id", "person_key", "value", "salt", "commitment", "items", "kept", "revoked", "reduced", "unsure", "gone", "signed_at")
}

// ItemsBulk starts the insert of items, undecided: run, id, source, account key, entitlement key
// or nil, grant id or nil, person key or nil, reviewer key, basis, facts, text hash, record hash,
// answer, outcome, by_default, version.
func (tx *Tx) ItemsBulk(ctx context.Context) (*Bulk, error) {
	return tx.bulk(ctx, "items", "run_id", "id", "source_id", "account_key", "entitlement_key", "grant_id", "person_key", "reviewer_key",
		"basis", "facts", "text_hash", "record_hash", "answer", "outcome", "by_default", "version")
}

// ExcludedBulk starts the insert of excluded: run, n, source, grant id or nil, account key, reason.
func (tx *Tx) ExcludedBulk(ctx context.Context) (*Bulk, error) {
	return tx.bulk(ctx, "excluded", "run_id", "n", "source_id", "grant_id", "account_key", "reason")
}

// HoldSource keeps snapshots of a source from being sealed until the transaction ends, and nothing
// else: removals in it go on.
func (tx *Tx) HoldSource(ctx context.Context, id int64) error {
	lock := ""
	if tx.dialect == Postgres {
		lock = " FOR SHARE"
	}
	var got int64
	return tx.one(ctx, &got, "There is no such source.", "SELECT id FROM sources WHERE id = ?"+lock, id)
}
