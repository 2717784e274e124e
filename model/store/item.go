package store

import (
	"context"

	"github.com/uptrace/bun"

	"recert/model"
)

// What an item is is told as one thing: whether it exists and whether the reader may know it.
const noItem = "There is no such item in your review."

// Item is one item of a run.
func (q queries) Item(ctx context.Context, run, id int64) (model.Item, error) {
	var it model.Item
	err := q.one(ctx, &it, noItem, "SELECT * FROM items WHERE run_id = ? AND id = ?", run, id)
	return it, err
}

// LockItem reads an item for a change.
func (tx *Tx) LockItem(ctx context.Context, run, id int64) (model.Item, error) {
	var it model.Item
	err := tx.one(ctx, &it, noItem, "SELECT * FROM items WHERE run_id = ? AND id = ?"+tx.forUpdate(), run, id)
	return it, err
}

// LockItemOfAccess is the item of an access in a run, locked; ok is false where the run has none.
func (tx *Tx) LockItemOfAccess(ctx context.Context, run, source, account, entitlement int64) (it model.Item, ok bool, err error) {
	var its []model.Item
	err = tx.all(ctx, &its, "SELECT * FROM items WHERE run_id = ? AND source_id = ? AND account_key = ? AND entitlement_key = ?"+tx.forUpdate(), run, source, account, entitlement)
	if err != nil || len(its) == 0 {
		return it, false, err
	}
	return its[0], true, nil
}

// LoweredItems are the items of an account in a run that are answered reduce, and not gone.
func (q queries) LoweredItems(ctx context.Context, run, source, account int64) ([]model.Item, error) {
	var its []model.Item
	err := q.all(ctx, &its, "SELECT * FROM items WHERE run_id = ? AND source_id = ? AND account_key = ? AND answer = 'reduce' AND outcome IN ('', 'reduce') ORDER BY id", run, source, account)
	return its, err
}

// OwnAnswers counts the answers of a reviewer in a run, not final yet, about accounts that are the
// reviewer's own by now.
func (q queries) OwnAnswers(ctx context.Context, run, reviewer int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", `SELECT COUNT(*) FROM items i JOIN correlations c ON c.account_key = i.account_key
		WHERE i.run_id = ? AND i.reviewer_key = ? AND i.outcome = '' AND i.answer <> '' AND c.person_key = ?`, run, reviewer, reviewer)
	return n, err
}

// UnansweredItems are the items of a reviewer that are not final and have no answer but unsure, by
// id, locked.
func (tx *Tx) UnansweredItems(ctx context.Context, run, reviewer int64) ([]model.Item, error) {
	var items []model.Item
	err := tx.all(ctx, &items, "SELECT * FROM items WHERE run_id = ? AND reviewer_key = ? AND outcome = '' AND answer IN ('', 'unsure') ORDER BY id"+tx.forUpdate(), run, reviewer)
	return items, err
}

// ItemRow is one item with what its reviewer was shown.
type ItemRow struct {
	model.Item

	Source      string `bun:"source"`
	Subject     string `bun:"subject"`     // canonical JSON of model.Subject
	Entitlement string `bun:"entitlement"` // canonical JSON of model.Entitlement; "" for an account
}

const itemRowSQL = `SELECT i.*, src.name AS source, s.value AS subject, COALESCE(e.value, '') AS entitlement FROM items i
	JOIN sources src ON src.id = i.source_id
	JOIN run_subjects s ON s.run_id = i.run_id AND s.account_key = i.account_key
	LEFT JOIN run_entitlements e ON e.run_id = i.run_id AND e.entitlement_key = i.entitlement_key`

// ItemStates that a list can be narrowed to.
const (
	ItemsUndecided = "undecided"
	ItemsDecided   = "decided" // gone ones too: they need no answer any more
)

// ItemFilter narrows ItemRows.
type ItemFilter struct {
	Reviewer int64  // 0 is all reviewers
	State    string // ItemsUndecided, ItemsDecided or "" for all
	Answer   model.Answer
	Search   string // "" is all
	Source   string // a source's name; "" is all
	Item     int64  // this one item, whatever the rest says; 0 is all
	After    int64  // the last item of the page before
	Limit    int    // at most MaxPage are given
}

// MaxPage is how many rows a page has at most.
const MaxPage = 200

// where gives the condition and its arguments.
func (f ItemFilter) where(run int64) (string, []any) {
	cond, args := " WHERE i.run_id = ?", []any{run}
	add := func(c string, a ...any) {
		cond += " AND " + c
		args = append(args, a...)
	}
	if f.Reviewer != 0 {
		add("i.reviewer_key = ?", f.Reviewer)
	}
	if f.Item != 0 {
		add("i.id = ?", f.Item)
		return cond, args
	}
	switch f.State {
	case ItemsUndecided:
		add("i.answer = '' AND i.outcome = ''")
	case ItemsDecided:
		add("(i.answer <> '' OR i.outcome <> '')")
	}
	if f.Answer != "" {
		add("i.answer = ?", f.Answer)
	}
	if f.Source != "" {
		add("src.name = ?", f.Source)
	}
	if f.Search != "" {
		add(`(s.search LIKE ? ESCAPE '\' OR e.search LIKE ? ESCAPE '\')`, like(f.Search), like(f.Search))
	}
	return cond, args
}

// ItemRows is one page of a run's items in the order of their ids.
func (q queries) ItemRows(ctx context.Context, run int64, f ItemFilter) ([]ItemRow, error) {
	limit := f.Limit
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	cond, args := f.where(run)
	if f.After != 0 && f.Item == 0 {
		cond += " AND i.id > ?"
		args = append(args, f.After)
	}
	var rows []ItemRow
	err := q.all(ctx, &rows, itemRowSQL+cond+" ORDER BY i.id LIMIT ?", append(args, limit)...)
	return rows, err
}

// ItemCount counts what ItemRows lists over all its pages.
func (q queries) ItemCount(ctx context.Context, run int64, f ItemFilter) (int64, error) {
	cond, args := f.where(run)
	query := "SELECT COUNT(*) FROM items i"
	if f.Source != "" {
		query += " JOIN sources src ON src.id = i.source_id"
	}
	if f.Search != "" {
		query += ` JOIN run_subjects s ON s.run_id = i.run_id AND s.account_key = i.account_key
			LEFT JOIN run_entitlements e ON e.run_id = i.run_id AND e.entitlement_key = i.entitlement_key`
	}
	var n int64
	err := q.all(ctx, &n, query+cond, args...)
	return n, err
}

// ReviewSources are the names of the sources that a reviewer's items are of.
func (q queries) ReviewSources(ctx context.Context, run, reviewer int64) ([]string, error) {
	var names []string
	err := q.all(ctx, &names, `SELECT src.name FROM sources src WHERE EXISTS
		(SELECT 1 FROM items i WHERE i.run_id = ? AND i.reviewer_key = ? AND i.source_id = src.id) ORDER BY src.name`, run, reviewer)
	return names, err
}

// UnsettledItems gives up to limit items of a running run, in the order of their ids, whose answer
// is none or unsure and which have no outcome.
func (q queries) UnsettledItems(ctx context.Context, run, after int64, limit int) ([]model.Item, error) {
	var out []model.Item
	err := q.all(ctx, &out, "SELECT * FROM items WHERE run_id = ? AND id > ? AND (outcome = '' OR outcome = 'unsure') AND answer IN ('', 'unsure') AND NOT by_default ORDER BY id LIMIT ?", run, after, limit)
	return out, err
}

// CountUnsettled counts what UnsettledItems lists.
func (q queries) CountUnsettled(ctx context.Context, run int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM items WHERE run_id = ? AND (outcome = '' OR outcome = 'unsure') AND answer IN ('', 'unsure') AND NOT by_default", run)
	return n, err
}

// CountOpen counts the items of a run that are not final and have no answer but unsure.
func (q queries) CountOpen(ctx context.Context, run int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM items WHERE run_id = ? AND outcome = '' AND answer IN ('', 'unsure')", run)
	return n, err
}

// UnansweredOf counts the items of a reviewer that are not gone and have no answer.
func (q queries) UnansweredOf(ctx context.Context, run, reviewer int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM items WHERE run_id = ? AND reviewer_key = ? AND answer = '' AND outcome = ''", run, reviewer)
	return n, err
}

// unremoved tells of an item i with an answer that nothing was queued for it: no removal for revoke,
// and for reduce nothing that gives the weaker access first. What somebody decided not to do is not
// queued again.
const unremoved = `AND NOT EXISTS (SELECT 1 FROM remediations r WHERE r.run_id = i.run_id AND r.item_id = i.id AND (r.state <> 'cancelled' OR r.declined <> '')
	AND r.kind = CASE WHEN 'reduce' IN (i.outcome, i.answer) THEN 'lower' ELSE 'remove' END)`

// UnremovedItems gives up to limit items of a run, in the order of their ids, that are to be removed
// or lowered and for which nothing was queued. reviewer 0 is all.
func (q queries) UnremovedItems(ctx context.Context, run, reviewer, after int64, limit int) ([]model.Item, error) {
	var out []model.Item
	err := q.all(ctx, &out, `SELECT i.* FROM items i WHERE i.run_id = ? AND i.id > ? AND (? = 0 OR i.reviewer_key = ?) AND i.outcome IN ('revoke', 'reduce')
		`+unremoved+` ORDER BY i.id LIMIT ?`,
		run, after, reviewer, reviewer, limit)
	return out, err
}

// AnswerItem writes a new answer to the item that stood at version was, and who is asked from then on.
func (tx *Tx) AnswerItem(ctx context.Context, it model.Item, was int64) error {
	return tx.execOne(ctx, "UPDATE items SET answer = ?, reviewer_key = ?, version = ?, decided_at = ? WHERE run_id = ? AND id = ? AND version = ? AND outcome = ''",
		it.Answer, it.ReviewerKey, it.Version, it.DecidedAt, it.RunID, it.ID, was)
}

// SettleReviewer makes the answers of a reviewer, who signs off, the outcomes.
func (tx *Tx) SettleReviewer(ctx context.Context, run, reviewer int64) error {
	_, err := tx.exec(ctx, "UPDATE items SET outcome = answer WHERE run_id = ? AND reviewer_key = ? AND outcome = '' AND answer <> ''", run, reviewer)
	return err
}

// SettleRun makes every answer that is still open the outcome, when a run closes.
func (tx *Tx) SettleRun(ctx context.Context, run int64) error {
	_, err := tx.exec(ctx, "UPDATE items SET outcome = answer WHERE run_id = ? AND outcome = '' AND answer <> ''", run)
	return err
}

// DefaultItem gives an item the outcome that on_no_answer says. It is sent with others: an error comes later.
func (tx *Tx) DefaultItem(it model.Item) error {
	return tx.later("UPDATE items SET outcome = ?, by_default = TRUE, version = ? WHERE run_id = ? AND id = ? AND version = ? AND (outcome = '' OR outcome = 'unsure')",
		it.Outcome, it.Version, it.RunID, it.ID, it.Version-1)
}

// GoneItem marks an undecided item whose access vanished.
func (tx *Tx) GoneItem(ctx context.Context, run, id, snapshot int64) error {
	return tx.execOne(ctx, "UPDATE items SET outcome = 'gone', gone_snapshot = ? WHERE run_id = ? AND id = ? AND answer = '' AND outcome = ''", snapshot, run, id)
}

// VanishedItems gives up to limit undecided items of a run in a source, in the order of their ids,
// whose first grant, or whose account where there is no grant, is gone. Their other paths are for
// the caller to look at.
func (q queries) VanishedItems(ctx context.Context, run, source, after int64, limit int) ([]model.Item, error) {
	var out []model.Item
	err := q.all(ctx, &out, `SELECT i.* FROM items i WHERE i.run_id = ? AND i.source_id = ? AND i.id > ? AND i.answer = '' AND i.outcome = ''
		AND ((i.grant_id IS NOT NULL AND EXISTS (SELECT 1 FROM grants g WHERE g.source_id = i.source_id AND g.id = i.grant_id AND g.last_snapshot IS NOT NULL))
			OR (i.grant_id IS NULL AND NOT EXISTS (SELECT 1 FROM account_versions v WHERE v.source_id = i.source_id AND v.account_key = i.account_key AND v.last_snapshot IS NULL)))
		ORDER BY i.id LIMIT ?`, run, source, after, limit)
	return out, err
}

// LiveGrantIDs are those of the given grants of a source that are live.
func (q queries) LiveGrantIDs(ctx context.Context, source int64, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var out []int64
	err := q.all(ctx, &out, "SELECT id FROM grants WHERE source_id = ? AND last_snapshot IS NULL AND id IN (?)", source, bun.List(ids))
	return out, err
}

// RunningRunsOfSource are the ids of the running runs that a source is part of, in order.
func (q queries) RunningRunsOfSource(ctx context.Context, source int64) ([]int64, error) {
	var out []int64
	err := q.all(ctx, &out, `SELECT r.id FROM runs r JOIN run_sources s ON s.run_id = r.id WHERE s.source_id = ? AND r.state = 'running' ORDER BY r.id`, source)
	return out, err
}

// RunSubject is the frozen subject of an account in a run.
func (q queries) RunSubject(ctx context.Context, run, account int64) (value string, err error) {
	err = q.one(ctx, &value, noItem, "SELECT value FROM run_subjects WHERE run_id = ? AND account_key = ?", run, account)
	return value, err
}

// RunEntitlement is the frozen entitlement in a run.
func (q queries) RunEntitlement(ctx context.Context, run, entitlement int64) (value string, err error) {
	err = q.one(ctx, &value, noItem, "SELECT value FROM run_entitlements WHERE run_id = ? AND entitlement_key = ?", run, entitlement)
	return value, err
}

// AccountPerson is the person an account is tied to now, 0 where it is nobody.
func (q queries) AccountPerson(ctx context.Context, account int64) (int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, "SELECT person_key FROM correlations WHERE account_key = ? AND person_key IS NOT NULL", account)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return keys[0], nil
}

// Reviews tells whether a reviewer has an item about a person in a run, that is not gone.
func (q queries) Reviews(ctx context.Context, run, reviewer, person int64) (bool, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 AS x FROM items WHERE run_id = ? AND reviewer_key = ? AND person_key = ? AND outcome <> 'gone' LIMIT 1) t", run, reviewer, person)
	return n > 0, err
}

// HasItemAbout tells whether a reviewer has an item about a person in any run.
func (q queries) HasItemAbout(ctx context.Context, reviewer, person int64) (bool, error) {
	var n int64
	err := q.all(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 AS x FROM items i JOIN run_reviewers v ON v.run_id = i.run_id AND v.person_key = ?
		WHERE i.reviewer_key = ? AND i.person_key = ? LIMIT 1) t`, reviewer, reviewer, person)
	return n > 0, err
}

// CountUnremoved counts the items of a run that are answered or settled revoke or reduce and for
// which nothing was queued.
func (q queries) CountUnremoved(ctx context.Context, run int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, `SELECT COUNT(*) FROM items i WHERE i.run_id = ? AND (i.outcome IN ('revoke', 'reduce') OR (i.outcome = '' AND i.answer IN ('revoke', 'reduce')))
		`+unremoved, run)
	return n, err
}

// PeopleAsked are the keys of all people about whom a reviewer has an item in any run.
func (q queries) PeopleAsked(ctx context.Context, reviewer int64) ([]int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, `SELECT DISTINCT i.person_key FROM run_reviewers v JOIN items i ON i.run_id = v.run_id AND i.reviewer_key = v.person_key
		WHERE v.person_key = ? AND i.person_key IS NOT NULL ORDER BY i.person_key`, reviewer)
	return keys, err
}
