package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"recert/model"
	"recert/model/store"
)

// Review is one person's part of one run.
type Review struct {
	Run       model.Run
	Title     string
	Statement string
	Undo      bool          // a revoke goes out soon after the answer, not at sign-off
	Wait      time.Duration // between that and the removal
	Tells     bool          // the people concerned get a mail; on their page they see it in any case
	Part      model.RunReviewer
	Counts    model.Counts
	Overdue   bool
}

// Open tells whether the reviewer still has something to do.
func (r Review) Open() bool { return r.Run.State == model.Running && !r.Part.SignedAt.Known() }

// Reviews are the actor's parts of all runs, those to do first and by their due date, then the
// others, the latest launched first.
func (s *Service) Reviews(ctx context.Context, actor model.Actor) ([]Review, error) {
	if actor.PersonKey == 0 {
		return nil, nil
	}
	parts, err := s.Store.ReviewerParts(ctx, actor.PersonKey)
	if err != nil {
		return nil, err
	}
	runs, err := s.Store.RunList(ctx, store.RunFilter{Reviewer: actor.PersonKey})
	if err != nil {
		return nil, err
	}
	byRun := map[int64]model.RunReviewer{}
	for _, p := range parts {
		byRun[p.RunID] = p
	}
	var out []Review
	for _, run := range runs {
		part := byRun[run.ID]
		if part.Items == 0 && !part.SignedAt.Known() {
			continue // all of it went to somebody else
		}
		r, err := s.review(run, part)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Review) int {
		switch {
		case a.Open() != b.Open():
			if a.Open() {
				return -1
			}
			return 1
		case a.Open():
			return int(a.Run.DueAt - b.Run.DueAt)
		}
		return int(b.Run.LaunchedAt - a.Run.LaunchedAt)
	})
	return out, nil
}

func (s *Service) review(run model.Run, part model.RunReviewer) (Review, error) {
	spec, err := specOf(run)
	if err != nil {
		return Review{}, err
	}
	return Review{
		Run: run, Title: spec.title(run.Campaign), Statement: spec.Statement, Undo: spec.Remove == RemoveDecision, Wait: spec.leads(), Tells: spec.tells(),
		Part: part, Counts: part.Counts(), Overdue: Overdue(run, s.Store.Now()),
	}, nil
}

// Answerable tells whether the reviewer can answer now.
func (r Review) Answerable() bool { return r.Open() && !r.Run.PausedAt.Known() }

// Row is one item as it is shown.
type Row struct {
	Item        model.Item
	Source      string
	Subject     model.Subject
	Entitlement *model.Entitlement // nil where the account itself is asked about
	Facts       model.Facts
	Decision    *model.Decision // the latest answer; nil where there was none
	By          string          // who gave it
	Removals    []model.Remediation
	Lowers      []model.Entitlement // what it may be lowered to, the strongest first
}

// Page is a page of rows.
type Page struct {
	Rows []Row
	Next int64 // ItemFilter.After of the next page; 0 where this is the last one
	// Total counts the rows of all pages of the filter.
	Total int64
}

// ReviewPage is a page of the actor's own part of a run.
func (s *Service) ReviewPage(ctx context.Context, actor model.Actor, runID int64, f store.ItemFilter) (Review, Page, error) {
	if actor.PersonKey == 0 {
		return Review{}, Page{}, noRun()
	}
	part, ok, err := s.Store.RunReviewer(ctx, runID, actor.PersonKey)
	if err != nil {
		return Review{}, Page{}, err
	}
	if !ok {
		return Review{}, Page{}, noRun()
	}
	run, err := s.Store.RunByID(ctx, runID)
	if err != nil {
		return Review{}, Page{}, err
	}
	r, err := s.review(run, part)
	if err != nil {
		return r, Page{}, err
	}
	f.Reviewer = actor.PersonKey
	page, err := s.page(ctx, run.ID, f)
	return r, page, err
}

// RunItems is a page of a run's items that the actor may see.
func (s *Service) RunItems(ctx context.Context, actor model.Actor, runID int64, f store.ItemFilter) (Page, error) {
	ok, err := s.CanSeeRun(ctx, actor, runID)
	if err != nil {
		return Page{}, err
	}
	if !ok {
		return Page{}, noRun()
	}
	if !readsAll(actor) {
		f.Reviewer = actor.PersonKey
	}
	return s.page(ctx, runID, f)
}

// Item is one item that the actor may see.
func (s *Service) Item(ctx context.Context, actor model.Actor, runID, id int64) (Row, error) {
	page, err := s.RunItems(ctx, actor, runID, store.ItemFilter{Item: id})
	if err != nil {
		return Row{}, err
	}
	if len(page.Rows) != 1 || !CanSeeItem(actor, page.Rows[0].Item) {
		return Row{}, model.Errorf(model.NotFound, "There is no such item in your review.")
	}
	return page.Rows[0], nil
}

// defaultPage is how many rows a page has where nobody says.
const defaultPage = 50

func (s *Service) page(ctx context.Context, run int64, f store.ItemFilter) (Page, error) {
	if f.Limit <= 0 || f.Limit >= store.MaxPage {
		f.Limit = defaultPage
	}
	want := f.Limit
	f.Limit++ // one more tells whether there is a next page
	rows, err := s.Store.ItemRows(ctx, run, f)
	if err != nil {
		return Page{}, err
	}
	var p Page
	if len(rows) > want {
		rows = rows[:want]
		p.Next = rows[want-1].ID
	}
	if p.Total, err = s.Store.ItemCount(ctx, run, f); err != nil {
		return p, err
	}
	p.Rows, err = s.rows(ctx, run, rows)
	return p, err
}

// rows adds to items what was answered and what became of it, in one query each.
func (s *Service) rows(ctx context.Context, run int64, items []store.ItemRow) ([]Row, error) {
	ids := make([]int64, len(items))
	at := make(map[int64]int, len(items))
	out := make([]Row, len(items))
	for i := range items {
		ids[i], at[items[i].ID] = items[i].ID, i
		var err error
		if out[i], err = rowOf(&items[i]); err != nil {
			return nil, err
		}
	}
	decisions, err := s.Store.Decisions(ctx, run, ids)
	if err != nil {
		return nil, err
	}
	for _, d := range decisions { // in order, so the latest stays
		out[at[d.ItemID]].Decision = &d
	}
	removals, err := s.Store.ItemRemediations(ctx, run, ids)
	if err != nil {
		return nil, err
	}
	lowers, err := s.Store.ItemLowers(ctx, run, ids)
	if err != nil {
		return nil, err
	}
	if err := s.addLowers(ctx, out); err != nil {
		return nil, err
	}
	for _, r := range append(removals, lowers...) {
		row := &out[at[r.ItemID]]
		row.Removals = append(row.Removals, r)
	}
	return out, s.nameDeciders(ctx, run, out)
}

func (s *Service) nameDeciders(ctx context.Context, run int64, rows []Row) error {
	names := map[int64]string{}
	for i := range rows {
		if rows[i].Decision == nil {
			continue
		}
		key := rows[i].Decision.ReviewerKey
		if _, ok := names[key]; !ok {
			part, _, err := s.Store.RunReviewer(ctx, run, key)
			if err != nil {
				return err
			}
			v, err := reviewerValue(part.Value)
			if err != nil {
				return err
			}
			names[key] = v.Name
		}
		rows[i].By = names[key]
	}
	return nil
}

func rowOf(it *store.ItemRow) (Row, error) {
	r := Row{Item: it.Item, Source: it.Source}
	var err error
	if r.Facts, err = ParseFacts([]byte(it.Facts)); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(it.Subject), &r.Subject); err != nil {
		return r, fmt.Errorf("read the subject of item %d: %w", it.ID, err)
	}
	if it.Entitlement == "" {
		return r, nil
	}
	r.Entitlement = &model.Entitlement{}
	if err := json.Unmarshal([]byte(it.Entitlement), r.Entitlement); err != nil {
		return r, fmt.Errorf("read the entitlement of item %d: %w", it.ID, err)
	}
	return r, nil
}

// RunView is one run as its page shows it.
type RunView struct {
	Run       model.Run
	Title     string
	Spec      model.CampaignSpec
	Counts    model.Counts // of what the actor may see
	Sources   []store.RunSource
	Summary   Summary
	Reviewers []ReviewerView
	Overdue   bool
}

// RunPage is one run. Who is not staff sees the own part of it alone.
func (s *Service) RunPage(ctx context.Context, actor model.Actor, runID int64) (*RunView, error) {
	ok, err := s.CanSeeRun(ctx, actor, runID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noRun()
	}
	run, err := s.Store.RunByID(ctx, runID)
	if err != nil {
		return nil, err
	}
	spec, err := specOf(run)
	if err != nil {
		return nil, err
	}
	v := &RunView{Run: run, Title: spec.title(run.Campaign), Spec: spec.CampaignSpec, Overdue: Overdue(run, s.Store.Now())}
	if err := json.Unmarshal([]byte(run.Summary), &v.Summary); err != nil {
		return nil, fmt.Errorf("read what the launch of %s counted: %w", run.Name, err)
	}
	if v.Sources, err = s.Store.RunSources(ctx, runID); err != nil {
		return nil, err
	}
	parts, err := s.Store.RunReviewers(ctx, runID)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if !readsAll(actor) && p.PersonKey != actor.PersonKey {
			continue
		}
		if err := v.add(p); err != nil {
			return nil, err
		}
	}
	v.order()
	return v, nil
}

func (v *RunView) add(p model.RunReviewer) error {
	who, err := reviewerValue(p.Value)
	if err != nil {
		return err
	}
	c := p.Counts()
	v.Reviewers = append(v.Reviewers, ReviewerView{Key: p.PersonKey, Reviewer: who, Counts: c, SignedAt: p.SignedAt})
	v.Counts.Items += c.Items
	v.Counts.Kept += c.Kept
	v.Counts.Revoked += c.Revoked
	v.Counts.Reduced += c.Reduced
	v.Counts.Unsure += c.Unsure
	v.Counts.Unanswered += c.Unanswered
	v.Counts.Gone += c.Gone
	return nil
}

// RunStatus is one run in a list. Its JSON is public.
type RunStatus struct {
	Name  string         `json:"name"`
	State model.RunState `json:"state"`
	model.Counts
	Due     model.Time `json:"due"`
	Overdue bool       `json:"overdue"`
	Run     model.Run  `json:"-"`
	Title   string     `json:"title"`
}

// Runs lists the runs that the actor may know of, the latest launch first. Who is not staff sees
// the own counts.
func (s *Service) Runs(ctx context.Context, actor model.Actor) ([]RunStatus, error) {
	f := store.RunFilter{}
	if !readsAll(actor) {
		if actor.PersonKey == 0 {
			return nil, nil
		}
		f.Reviewer = actor.PersonKey
	}
	runs, err := s.Store.RunList(ctx, f)
	if err != nil {
		return nil, err
	}
	counts, err := s.Store.AllRunCounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]RunStatus, len(runs))
	for i, run := range runs {
		c := counts[run.ID]
		if f.Reviewer != 0 {
			part, _, err := s.Store.RunReviewer(ctx, run.ID, f.Reviewer)
			if err != nil {
				return nil, err
			}
			c = part.Counts()
		}
		spec, err := specOf(run)
		if err != nil {
			return nil, err
		}
		out[i] = RunStatus{Name: run.Name, State: run.State, Counts: c, Due: run.DueAt, Overdue: Overdue(run, s.Store.Now()), Run: run, Title: spec.title(run.Campaign)}
	}
	return out, nil
}
