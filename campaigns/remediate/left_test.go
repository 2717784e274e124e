package remediate

import (
	"context"
	"testing"
	"time"

	"recert/model"
)

// Ana, who holds the account, has left.
const leftPeople = "person_id,name,email,manager_id,status\nu1,Boss Bosman,boss@example.com,u4,active\nu2,Ana Anders,ana@example.com,u1,terminated" +
	"\nu3,Bob Bates,bob@example.com,u1,active\nu4,Cleo Clark,cleo@example.com,,active\n"

func (w *giveWorld) people(people string) {
	w.Helper()
	w.clock.Add(time.Minute)
	w.ingest("hr", map[model.Kind]string{model.KindPeople: people})
	w.clock.Add(time.Minute)
}

// TestLeftBeforeRestore: who leaves between the click and the call gets nothing back, until the source
// of people says otherwise.
func TestLeftBeforeRestore(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		other := model.Actor{Name: "Otto Other", Roles: []model.Role{model.Admin}}
		removal := w.removed()
		w.must(Stop(t.Context(), w.s, admin, "pause"))
		w.restore(removal.ID)
		w.people(leftPeople)
		w.must(Go(t.Context(), w.s, admin))
		w.work()
		r := w.last(model.KindRestore)
		if w.srv.HasMember("writers", "a1") || r.State != model.Held || r.Reason != whyGiveLeft {
			t.Errorf("%s: %s", r.State, r.Reason)
		}
		if _, err := Approve(t.Context(), w.s, other, []int64{r.ID}, 0); model.KindOf(err) != model.Conflict {
			t.Errorf("let go on: %v", err)
		}
		w.people(givePeople)
		if _, err := Approve(t.Context(), w.s, other, []int64{r.ID}, 0); err != nil {
			t.Error(err)
		}
		w.work()
		if !w.srv.HasMember("writers", "a1") {
			t.Error("it was not given back")
		}
	})
}

// TestLeftBeforeLower: nothing weaker is given to who has left.
func TestLeftBeforeLower(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a1", "writers", model.Reduce, "readers")
		w.people(leftPeople)
		w.end()
		w.work()
		r := w.last(model.KindLower)
		if w.srv.HasMember("readers", "a1") || r.State != model.Held || r.Reason != whyLowerLeft {
			t.Errorf("%s: %s", r.State, r.Reason)
		}
	})
}

// TestLeftAndHiredAgain: an answer of before that the access stays gives nothing to who left and comes
// back later.
func TestLeftAndHiredAgain(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a1", "writers", model.Revoke, "")
		w.end()
		id := w.last(model.KindRemove).ID
		w.worker.Fault = func(ctx context.Context, p Point, _ int64) error {
			if p != PointCalled {
				return nil
			}
			if err := w.svc.Contest(ctx, w.person("u2"), id, "I need it."); err != nil {
				return err
			}
			return w.svc.AnswerContest(ctx, admin, id, true, "True.")
		}
		w.work()
		w.worker.Fault = nil
		for _, people := range []string{leftPeople, givePeople} {
			w.people(people)
			if n, err := w.svc.SettleUpheld(t.Context()); n != 0 || err != nil {
				t.Errorf("%d given back, %v", n, err)
			}
			w.work()
			if w.srv.HasMember("writers", "a1") {
				t.Error("it was given back")
			}
		}
	})
}
