package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"recert/campaigns/scope"
	"recert/model"
)

// A reviewer takes about half a minute for one item; a snapshot is stale after a week.
const (
	secondsAnItem = 30
	staleAfter    = 7 * 24 * time.Hour
)

// PreviewOptions say how much of a preview is wanted.
type PreviewOptions struct {
	// Rows is how many rows each list holds at most: 0 none, -1 all.
	Rows int
}

// Preview is what a launch would ask, of whom, and what stands against it. Its JSON is public.
type Preview struct {
	Campaign        string            `json:"campaign"`
	Title           string            `json:"title"`
	Items           int64             `json:"items"`
	Excluded        int64             `json:"excluded"` // grants, and accounts without any, that are not in scope
	ExcludedBy      map[string]int64  `json:"excluded_by_reason"`
	Reviewers       []PreviewReviewer `json:"reviewers"`
	WithoutReviewer int64             `json:"without_reviewer"`
	Avoided         int64             `json:"self_review_avoided"` // items of own access that somebody else got
	Unknown         int64             `json:"unknown"`             // in only because the filter could not tell
	Sources         []PreviewSource   `json:"sources"`
	Balanced        bool              `json:"balanced"` // the population ledgers of all sources balance
	OnNoAnswer      string            `json:"on_no_answer"`
	Defaulted       PreviewDefault    `json:"if_nobody_answered"`
	Due             model.Time        `json:"due"` // if it were launched now
	Notices         []string          `json:"notices"`
	Warnings        []string          `json:"warnings"` // what is known and would not be reviewed: held snapshots, rejected rows
	Blocked         []string          `json:"blocked"`  // why a launch would be refused; none where it would not

	PreviewCheck

	ItemRows            []PreviewRow `json:"item_rows,omitempty"`
	ExcludedRows        []PreviewRow `json:"excluded_rows,omitempty"`
	WithoutReviewerRows []PreviewRow `json:"without_reviewer_rows,omitempty"`
	AvoidedRows         []PreviewRow `json:"self_review_avoided_rows,omitempty"`
}

// PreviewReviewer is what one reviewer would get.
type PreviewReviewer struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Items   int64  `json:"items"`
	Minutes int64  `json:"minutes"`
	// Overloaded is more than two hours.
	Overloaded bool `json:"overloaded"`
}

// PreviewSource is one source that the campaign is about, as it was last read.
type PreviewSource struct {
	Source   string     `json:"source"`
	Snapshot int64      `json:"snapshot"`
	AsOf     model.Time `json:"as_of"`
	Grants   int64      `json:"grants"`
	Stale    bool       `json:"stale"` // read more than a week ago
}

// PreviewDefault is what on_no_answer would do if nobody answered at all.
type PreviewDefault struct {
	Keep   int64 `json:"keep"`
	Revoke int64 `json:"revoke"`
}

// PreviewRow is one row of a list.
type PreviewRow struct {
	Source      string `json:"source"`
	Account     string `json:"account"`
	Person      string `json:"person"`      // whose account it is, as people read it
	Entitlement string `json:"entitlement"` // "" is the account itself
	Via         string `json:"via,omitempty"`
	Reviewer    string `json:"reviewer,omitempty"` // person_id
	Basis       string `json:"basis,omitempty"`
	Avoided     string `json:"avoided,omitempty"` // whom a rule gave for the own access: person_id
	Unknown     bool   `json:"unknown,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

// previewTries is how often a preview starts again because a snapshot was sealed while it read.
const previewTries = 3

// Preview tells what a launch of the campaign would do now. It changes nothing, and waits for
// nobody: where a snapshot is sealed meanwhile, it reads again.
func (s *Service) Preview(ctx context.Context, name string, opt PreviewOptions) (*Preview, error) {
	for range previewTries {
		p, err := newPlan(ctx, s.Store, name, model.TimeOf(s.Store.Now()))
		if err != nil {
			return nil, err
		}
		ferr := p.fill(ctx, s.Store)
		same, err := p.same(ctx, s.Store)
		if err != nil {
			return nil, err
		}
		if same && ferr != nil {
			return nil, ferr
		}
		if !same {
			continue
		}
		v := p.preview(opt)
		v.PreviewCheck = p.checked(opt.Rows)
		v.Since, err = p.since(ctx, s.Store)
		return v, err
	}
	return nil, model.Errorf(model.Conflict, "New snapshots arrived while the preview was made. Try again in a minute.")
}

// same tells whether the latest snapshots are still those that the plan began with.
func (p *plan) same(ctx context.Context, q Reader) (bool, error) {
	all, err := q.LaunchSources(ctx)
	if err != nil {
		return false, err
	}
	latest := map[int64]int64{}
	for _, s := range all {
		latest[s.ID] = s.Snapshot
	}
	for _, s := range p.frozenSources() {
		if latest[s.ID] != s.Snapshot {
			return false, nil
		}
	}
	return true, nil
}

func (p *plan) preview(opt PreviewOptions) *Preview {
	v := &Preview{
		Campaign: p.name, Title: p.spec.title(p.name), Items: int64(len(p.items)), Excluded: int64(len(p.excluded)),
		ExcludedBy: map[string]int64{}, Reviewers: []PreviewReviewer{}, WithoutReviewer: p.withoutReviewer, Avoided: p.avoided,
		Unknown: p.unknown, Balanced: len(p.ledgers) == 0, OnNoAnswer: p.spec.OnNoAnswer, Due: p.spec.due(p.now),
		Notices: append([]string{}, p.notices...), Warnings: append([]string{}, p.warnings...), Blocked: append([]string{}, p.blocked()...),
	}
	for i := range p.excluded {
		v.ExcludedBy[p.excluded[i].reason]++
	}
	if p.spec.OnNoAnswer == OnNoAnswerRevoke {
		v.Defaulted.Revoke = v.Items
	} else {
		v.Defaulted.Keep = v.Items
	}
	for _, r := range p.reviewers {
		v.Reviewers = append(v.Reviewers, PreviewReviewer{ID: r.PersonID, Name: r.Name, Items: r.items, Minutes: minutes(r.items), Overloaded: overloaded(r.items)})
	}
	slices.SortFunc(v.Reviewers, func(a, b PreviewReviewer) int { return or(int(b.Items-a.Items), strings.Compare(a.ID, b.ID)) })
	p.previewSources(v)
	p.previewRows(v, opt.Rows)
	return v
}

func (p *plan) previewSources(v *Preview) {
	for _, s := range p.sources {
		stale := s.AsOf < p.now.Add(-staleAfter)
		v.Sources = append(v.Sources, PreviewSource{Source: s.Name, Snapshot: s.Snapshot, AsOf: s.AsOf, Grants: s.grants, Stale: stale})
		if stale {
			v.Notices = append(v.Notices, fmt.Sprintf("The snapshot of %s is from %s, more than a week ago.", s.Name, s.AsOf.Std().Format(time.DateOnly)))
		}
	}
	for _, s := range p.people {
		if s.AsOf < p.now.Add(-staleAfter) {
			v.Notices = append(v.Notices, fmt.Sprintf("The people of %s are from %s, more than a week ago.", s.Name, s.AsOf.Std().Format(time.DateOnly)))
		}
	}
}

func (p *plan) previewRows(v *Preview, limit int) {
	if limit == 0 {
		return
	}
	add := func(list *[]PreviewRow, row PreviewRow) {
		if limit < 0 || len(*list) < limit {
			*list = append(*list, row)
		}
	}
	for i := range p.items {
		it := &p.items[i]
		row := p.row(it.account, it.entitlement)
		row.Unknown, row.Basis = it.unknown, bases[it.basis]
		if it.reviewer >= 0 {
			row.Reviewer = p.reviewers[it.reviewer].PersonID
		}
		if it.avoided >= 0 {
			row.Avoided = p.avoidedPeople[it.avoided].PersonID
		}
		switch {
		case it.reviewer < 0:
			row.Basis = ""
			add(&v.WithoutReviewerRows, row)
		case it.avoided >= 0:
			add(&v.AvoidedRows, row)
		}
		add(&v.ItemRows, row)
	}
	for i := range p.excluded {
		x := &p.excluded[i]
		row := p.row(x.account, x.entitlement)
		row.Via, row.Reason = x.via, x.reason
		add(&v.ExcludedRows, row)
	}
}

func (p *plan) row(account, entitlement int32) PreviewRow {
	a := p.accounts[account].Account
	row := PreviewRow{Source: a.Source.Name, Account: a.AccountID, Person: label(a)}
	if entitlement >= 0 {
		row.Entitlement = entitlementLabel(p.entitlements[entitlement].Entitlement)
	}
	return row
}

func entitlementLabel(e *scope.Entitlement) string {
	if e.Name != "" {
		return e.Name
	}
	return e.EntitlementID
}

// listed is how many rows an error names; the preview lists the others.
const listed = 3

// blocked says why a launch would be refused.
func (p *plan) blocked() []string {
	out := slices.Clone(p.ledgers)
	if len(p.items) == 0 {
		out = append(out, "Nothing is in scope: the sources are empty, or scope.where leaves everything out.")
	}
	if p.withoutReviewer == 0 {
		return out
	}
	var rows []string
	for i := range p.items {
		if it := &p.items[i]; it.reviewer < 0 && len(rows) < listed {
			r := p.row(it.account, it.entitlement)
			rows = append(rows, fmt.Sprintf("%s: %s, %s", r.Source, r.Account, r.Access()))
		}
	}
	few := strings.Join(rows, "; ")
	if n := p.withoutReviewer; n > int64(len(rows)) {
		few = fmt.Sprintf("%s; and %d more, which the preview lists", few, n-int64(len(rows)))
	}
	if p.withoutReviewer == 1 {
		return append(out, fmt.Sprintf("1 item has nobody who may review it (%s). Add a rule or a fallback.", few))
	}
	return append(out, fmt.Sprintf("%d items have nobody who may review them (%s). Add a rule or a fallback.", p.withoutReviewer, few))
}

// Access is what the row is about, as people read it.
func (r *PreviewRow) Access() string {
	if r.Entitlement == "" {
		return "the account itself"
	}
	return r.Entitlement
}

// title is what reviewers read.
func (p *parsed) title(name string) string {
	if p.Title != "" {
		return p.Title
	}
	return name
}
