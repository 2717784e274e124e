package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"recert/model"
)

const noRemediation = "There is no such revocation."

// RemediationFilter narrows Remediations. The zero value is every removal.
type RemediationFilter struct {
	Kinds     []model.RemediationKind  // none is removals only
	States    []model.RemediationState // none is all
	Search    string                   // in people, accounts, access and systems, as frozen at launch
	ID        int64                    // 0 is all
	RunID     int64                    // 0 is all
	Owned     Owned                    // only what a person owns; zero is all
	SourceID  int64                    // 0 is all
	LateAt    model.Time               // only what is open and was due before; 0 is all
	Returned  bool                     // only what is open and was proven gone before
	Contested bool                     // only what the person concerned contests, unanswered
	Trouble   bool                     // only what Returned or Contested asks for
	Before    int64                    // only ids below it: the last id of the page before; 0 is the first page
	Limit     int                      // 1 to 200; 0 is 50
}

// Owned are the removals that a person owns: those of the runs that the person owns, and in some sources those of
// the runs that nobody owns who is there.
type Owned struct {
	Person  int64   // 0 is no narrowing
	Sources []int64 // that fall to the person where the run has nobody
	Gone    []int64 // owners of runs who are not there any more
}

// where is the condition, and its arguments.
func (o Owned) where() (string, []any) {
	term, args := "r.run_id IN (SELECT o.id FROM runs o WHERE o.owner_key = ?)", []any{o.Person}
	if len(o.Sources) == 0 {
		return term, args
	}
	nobody, gone := "o.owner_key IS NULL", []any{}
	if len(o.Gone) > 0 {
		nobody, gone = nobody+" OR o.owner_key IN (?)", append(gone, bun.List(o.Gone))
	}
	args = append(append(args, bun.List(o.Sources)), gone...)
	return "(" + term + " OR r.source_id IN (?) AND r.run_id IN (SELECT o.id FROM runs o WHERE " + nobody + "))", args
}

// RemediationRow is one removal with the names that a page shows. Names are those frozen at
// launch; they are empty once erased.
type RemediationRow struct {
	model.Remediation

	Run         string            `bun:"run"`
	Source      string            `bun:"source"`
	Paused      string            `bun:"paused"`      // why removals in the source are paused; "" when they are not
	WaitUntil   model.Time        `bun:"wait_until"`  // nothing is asked of the source before; 0 where it was always reached
	WaitReason  string            `bun:"wait_reason"` // why, for people
	Subject     model.Subject     `bun:"-"`
	Entitlement model.Entitlement `bun:"-"`          // zero for a whole account
	Assignee    model.Person      `bun:"-"`          // who has the task, as known now; zero where nobody does
	Decider     model.Person      `bun:"-"`          // who was asked about it, as known now
	Contested   bool              `bun:"contested"`  // by the person concerned, unanswered
	BackAt      model.Time        `bun:"back_at"`    // when it was seen again after it was proven gone; 0 where it never was
	ByDefault   bool              `bun:"by_default"` // nobody answered: what the campaign does then decided

	SubjectJSON     string `bun:"subject_json"`
	EntitlementJSON string `bun:"entitlement_json"`
	AssigneeJSON    string `bun:"assignee_json"`
	DeciderJSON     string `bun:"decider_json"`
}

// Began is when the time of a removal counts from: one that came back counts anew.
func (r *RemediationRow) Began() model.Time { return max(r.QueuedAt, r.BackAt) }

// Due is when it should be proven at the latest; 0 where nothing says. One that came back has the same
// time again.
func (r *RemediationRow) Due() model.Time {
	if !r.DueAt.Known() {
		return 0
	}
	return r.DueAt + r.Began() - r.QueuedAt
}

// backAt is when a removal r was seen again after it was proven gone.
const backAt = "COALESCE((SELECT MAX(z.ended_at) FROM removal_spells z WHERE z.remediation_id = r.id), 0) AS back_at"

const remediationRows = `SELECT r.*, u.name AS run, s.name AS source, s.paused, COALESCE(rs.value, '') AS subject_json,
	COALESCE(re.value, '') AS entitlement_json, COALESCE(p.data, '') AS assignee_json, COALESCE(d.data, '') AS decider_json, COALESCE(i.by_default, FALSE) AS by_default,
	EXISTS (SELECT 1 FROM contests c WHERE c.remediation_id = r.id AND c.outcome = '') AS contested,
	` + backAt + `,
	COALESCE(h.open_until, 0) AS wait_until, COALESCE(h.reason, '') AS wait_reason
	FROM remediations r JOIN runs u ON u.id = r.run_id JOIN sources s ON s.id = r.source_id LEFT JOIN source_health h ON h.source_id = r.source_id
	LEFT JOIN run_subjects rs ON rs.run_id = r.run_id AND rs.account_key = r.account_key
	LEFT JOIN run_entitlements re ON re.run_id = r.run_id AND re.entitlement_key = r.entitlement_key
	LEFT JOIN person_versions p ON p.person_key = r.assignee_key AND p.last_snapshot IS NULL
	LEFT JOIN items i ON i.run_id = r.run_id AND i.id = r.item_id
	LEFT JOIN person_versions d ON d.person_key = i.reviewer_key AND d.last_snapshot IS NULL `

// openRemediations are the states in which somebody or something is still at a removal, or must be.
var openRemediations = []model.RemediationState{model.Queued, model.Held, model.Sent, model.Failed, model.CameBack}

// where is the filter without its states, and its arguments.
func (f RemediationFilter) where() (string, []any) {
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = []model.RemediationKind{model.KindRemove}
	}
	terms, args := []string{"r.kind IN (?)"}, []any{bun.List(kinds)}
	add := func(term string, a ...any) { terms, args = append(terms, term), append(args, a...) }
	if f.ID != 0 {
		add("r.id = ?", f.ID)
	}
	if f.Owned.Person != 0 {
		term, a := f.Owned.where()
		add(term, a...)
	}
	if f.RunID != 0 {
		add("r.run_id = ?", f.RunID)
	}
	if f.SourceID != 0 {
		add("r.source_id = ?", f.SourceID)
	}
	if f.LateAt != 0 {
		add("r.due_at + COALESCE((SELECT MAX(z.ended_at) FROM removal_spells z WHERE z.remediation_id = r.id) - r.queued_at, 0) < ? AND r.state IN (?)", f.LateAt, bun.List(openRemediations))
	}
	const returned = "EXISTS (SELECT 1 FROM removal_spells z WHERE z.remediation_id = r.id) AND r.state IN (?)"
	const contested = "r.state NOT IN ('cancelled', 'superseded', 'restored') AND EXISTS (SELECT 1 FROM contests c WHERE c.remediation_id = r.id AND c.outcome = '')"
	if f.Returned {
		add(returned, bun.List(openRemediations))
	}
	if f.Contested {
		add(contested)
	}
	if f.Trouble {
		// These are few: they are found from what is said and what came back, not among all removals.
		add("r.id IN (SELECT c.remediation_id FROM contests c WHERE c.outcome = '' UNION ALL SELECT z.remediation_id FROM removal_spells z)")
		add("("+returned+" OR "+contested+")", bun.List(openRemediations))
	}
	if strings.TrimSpace(f.Search) != "" {
		p := like(f.Search)
		add(`(EXISTS (SELECT 1 FROM run_subjects x WHERE x.run_id = r.run_id AND x.account_key = r.account_key AND x.search LIKE ? ESCAPE '\')
			OR EXISTS (SELECT 1 FROM run_entitlements x WHERE x.run_id = r.run_id AND x.entitlement_key = r.entitlement_key AND x.search LIKE ? ESCAPE '\'))`, p, p)
	}
	return strings.Join(terms, " AND "), args
}

// Remediations are removals, the newest first, a page at a time.
func (q queries) Remediations(ctx context.Context, f RemediationFilter) ([]RemediationRow, error) {
	where, args := f.where()
	if len(f.States) > 0 {
		where, args = where+" AND r.state IN (?)", append(args, bun.List(f.States))
	}
	if f.Before != 0 {
		where, args = where+" AND r.id < ?", append(args, f.Before)
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	var rows []RemediationRow
	if err := q.all(ctx, &rows, remediationRows+"WHERE "+where+" ORDER BY r.id DESC LIMIT ?", append(args, limit)...); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// RemediationCounts counts removals by state; the filter's states, page and limit do not matter.
func (q queries) RemediationCounts(ctx context.Context, f RemediationFilter) (map[model.RemediationState]int64, error) {
	where, args := f.where()
	var rows []struct {
		State model.RemediationState `bun:"state"`
		N     int64                  `bun:"n"`
	}
	if err := q.all(ctx, &rows, "SELECT r.state, COUNT(*) AS n FROM remediations r WHERE "+where+" GROUP BY r.state", args...); err != nil {
		return nil, err
	}
	counts := map[model.RemediationState]int64{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// Remediation is one removal; none is NotFound.
func (q queries) Remediation(ctx context.Context, id int64) (RemediationRow, error) {
	var r RemediationRow
	if err := q.one(ctx, &r, noRemediation, remediationRows+"WHERE r.id = ?", id); err != nil {
		return r, err
	}
	err := r.decode()
	return r, err
}

func (r *RemediationRow) decode() error {
	for _, part := range []struct {
		text string
		into any
		what string
	}{{r.SubjectJSON, &r.Subject, "subject"}, {r.EntitlementJSON, &r.Entitlement, "entitlement"}, {r.AssigneeJSON, &r.Assignee, "assignee"}, {r.DeciderJSON, &r.Decider, "reviewer"}} {
		if part.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return fmt.Errorf("read the %s of removal %d: %w", part.what, r.ID, err)
		}
	}
	if r.EntitlementJSON == "" && r.EntitlementKey != nil {
		// A weaker access that is given need not be part of what was reviewed.
		var a model.Access
		if err := json.Unmarshal(r.Access, &a); err != nil {
			return fmt.Errorf("read the access of removal %d: %w", r.ID, err)
		}
		r.Entitlement = model.Entitlement{EntitlementID: a.EntitlementID, Name: a.EntitlementName}
	}
	return nil
}

// RemediationAttempts are the attempts of one removal, the first one first.
func (q queries) RemediationAttempts(ctx context.Context, id int64) ([]model.Attempt, error) {
	var as []model.Attempt
	err := q.all(ctx, &as, "SELECT * FROM attempts WHERE remediation_id = ? ORDER BY n", id)
	return as, err
}
