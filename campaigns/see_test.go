package campaigns_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/model"
	"recert/model/store"
)

// everybody are actors of every kind.
func (o *office) everybody() map[string]model.Actor {
	return map[string]model.Actor{
		"nobody": {}, "admin": admin, "manager": {Name: "m", Roles: []model.Role{model.CampaignManager}},
		"auditor": {Name: "a", Roles: []model.Role{model.Auditor}},
		"boss":    as(o.boss, "u1"), "ana": as(o.ana, "u2"), "bob": as(o.bob, "u3"), "cleo": as(o.cleo, "u4"), "dora": as(o.dora, "u5"),
	}
}

// TestListsAreWhatSinglePagesAllow compares each list with what asking for every single thing gives.
func TestListsAreWhatSinglePagesAllow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		first := o.launch("first")
		o.mustAnswer(first, as(o.boss, "u1"), 1, model.NotMine, "x")
		second := o.launch("second", func(s *model.CampaignSpec) { s.Stages[0].Reviewers = model.Strings{"u5"} })
		runs := []model.Run{first, second}
		wantRuns := map[string]int{"nobody": 0, "admin": 2, "manager": 2, "auditor": 2, "boss": 1, "ana": 1, "bob": 0, "cleo": 1, "dora": 1}
		wantPeople := map[string]int{"nobody": 0, "admin": 5, "manager": 5, "auditor": 5, "boss": 2, "ana": 0, "bob": 0, "cleo": 3, "dora": 3}
		for name, actor := range o.everybody() {
			list, err := w.svc.Runs(t.Context(), actor)
			mustNot(t, err)
			seen := map[int64]bool{}
			for _, r := range list {
				seen[r.Run.ID] = true
			}
			for _, run := range runs {
				for _, ref := range []string{run.Name, run.Campaign, strconv.FormatInt(run.ID, 10)} {
					_, err := w.svc.Run(t.Context(), actor, ref)
					if (err == nil) != seen[run.ID] || err != nil && model.KindOf(err) != model.NotFound {
						t.Errorf("%s: run %s: %v; in the list: %v", name, ref, err, seen[run.ID])
					}
				}
				v, err := w.svc.RunPage(t.Context(), actor, run.ID)
				if (err == nil) != seen[run.ID] {
					t.Errorf("%s: page of %s: %v", name, run.Name, err)
				}
				if err == nil && v.Counts.Items != o.checkItems(name, actor, run) {
					t.Errorf("%s: the page of %s counts %d items", name, run.Name, v.Counts.Items)
				}
			}
			if len(list) != wantRuns[name] {
				t.Errorf("%s sees %d runs", name, len(list))
			}
			if n := o.checkPeople(name, actor); n != wantPeople[name] {
				t.Errorf("%s sees %d people, want %d", name, n, wantPeople[name])
			}
		}
	})
}

// checkItems gives the number of items of a run that the actor's list shows, after it has asked
// for each single one.
func (o *office) checkItems(name string, actor model.Actor, run model.Run) int64 {
	o.tb.Helper()
	page, err := o.svc.RunItems(o.ctx(), actor, run.ID, store.ItemFilter{})
	mustNot(o.tb, err)
	listed := map[int64]bool{}
	for _, r := range page.Rows {
		listed[r.Item.ID] = true
	}
	for id := range run.Items {
		if _, err := o.svc.Item(o.ctx(), actor, run.ID, id+1); (err == nil) != listed[id+1] || err != nil && model.KindOf(err) != model.NotFound {
			o.tb.Errorf("%s: item %d of %s: %v; in the list: %v", name, id+1, run.Name, err, listed[id+1])
		}
	}
	return int64(len(page.Rows))
}

func (o *office) checkPeople(name string, actor model.Actor) int {
	o.tb.Helper()
	visible, err := o.svc.VisiblePeople(o.ctx(), actor)
	mustNot(o.tb, err)
	for _, key := range []int64{o.boss, o.ana, o.bob, o.cleo, o.dora} {
		can, err := o.svc.CanSeePerson(o.ctx(), actor, key)
		mustNot(o.tb, err)
		if can != visible[key] {
			o.tb.Errorf("%s: person %d: can %v, list %v", name, key, can, visible[key])
		}
	}
	return len(visible)
}

func TestReportingLineWithACycle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", ManagerID: "U2"}) // cleo -> ana -> boss -> cleo
		for name, actor := range o.everybody() {
			o.checkPeople(name, actor)
		}
		if can, err := w.svc.CanSeePerson(t.Context(), as(o.dora, "u5"), o.ana); err != nil || can {
			t.Errorf("dora sees ana: %v, %v", can, err)
		}
	})
}

func TestReviewPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Title, s.Remove = "Quarterly", "decision" })
		boss := as(o.boss, "u1")
		o.mustAnswer(run, boss, 2, model.Revoke, "left")
		ids := func(f store.ItemFilter) (ids []int64) {
			t.Helper()
			r, page, err := w.svc.ReviewPage(t.Context(), boss, run.ID, f)
			mustNot(t, err)
			if r.Title != "Quarterly" || r.Counts.Items != 5 || r.Counts.Unanswered != 4 || r.Overdue {
				t.Errorf("review %+v", r)
			}
			for _, row := range page.Rows {
				ids = append(ids, row.Item.ID)
			}
			if f.After == 0 && f.Limit == 0 && page.Total != int64(len(ids)) {
				t.Errorf("%+v: total %d, %d rows", f, page.Total, len(ids))
			}
			return ids
		}
		for _, c := range []struct {
			f    store.ItemFilter
			want []int64
		}{
			{store.ItemFilter{}, []int64{1, 2, 3, 4, 5}},
			{store.ItemFilter{State: store.ItemsUndecided}, []int64{1, 3, 4, 5}},
			{store.ItemFilter{State: store.ItemsDecided}, []int64{2}},
			{store.ItemFilter{Answer: model.Revoke}, []int64{2}},
			{store.ItemFilter{Search: "ANA and"}, []int64{1, 2}},
			{store.ItemFilter{Search: "any PAGE"}, []int64{2, 4}},
			{store.ItemFilter{Search: "100%"}, nil},
			{store.ItemFilter{Search: "a_boss"}, nil},
			{store.ItemFilter{Source: "wiki", Search: "bob"}, []int64{3, 4, 5}},
			{store.ItemFilter{Source: "other"}, nil},
			{store.ItemFilter{Item: 2, State: store.ItemsUndecided}, []int64{2}},
			{store.ItemFilter{Item: 7}, nil}, // cleo's
			{store.ItemFilter{Limit: 2}, []int64{1, 2}},
			{store.ItemFilter{Limit: 2, After: 2}, []int64{3, 4}},
			{store.ItemFilter{Limit: 2, After: 4}, []int64{5}},
		} {
			if d := cmp.Diff(c.want, ids(c.f)); d != "" {
				t.Errorf("%+v: %s", c.f, d)
			}
		}
		_, page, err := w.svc.ReviewPage(t.Context(), boss, run.ID, store.ItemFilter{Item: 2})
		mustNot(t, err)
		row := page.Rows[0]
		if row.By != "Boss Bosman" || row.Decision.Comment != "left" || len(row.Removals) != 1 || row.Removals[0].State != model.Queued || row.Source != "wiki" || !row.Facts.Direct {
			t.Errorf("row %+v", row)
		}
		_, _, err = w.svc.ReviewPage(t.Context(), as(o.dora, "u5"), run.ID, store.ItemFilter{})
		wantKind(t, err, model.NotFound, "no such review")
		reviews, err := w.svc.Reviews(t.Context(), boss)
		mustNot(t, err)
		if len(reviews) != 1 || !reviews[0].Open() || !reviews[0].Undo || reviews[0].Counts.Revoked != 1 {
			t.Errorf("reviews %+v", reviews)
		}
		names, err := w.store.ReviewSources(t.Context(), run.ID, o.boss)
		mustNot(t, err)
		if len(names) != 1 || names[0] != "wiki" {
			t.Errorf("sources %v", names)
		}
	})
}
