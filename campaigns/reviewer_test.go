package campaigns_test

import "testing"

// TestReviewersInOrder: who has most left stands first while a run goes on, and who has signed off last; of a closed
// run everybody is by name.
func TestReviewersInOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		order := func() (names []string, left []int64) {
			t.Helper()
			v, err := w.svc.RunPage(t.Context(), admin, run.ID)
			mustNot(t, err)
			for _, r := range v.Reviewers {
				names, left = append(names, r.Reviewer.Name), append(left, r.Counts.Unanswered)
			}
			return names, left
		}
		names, left := order()
		if len(names) < 2 || left[0] <= left[1] {
			t.Fatalf("at first %q have %d left", names, left)
		}
		first := names[0]
		o.finish(run, as(o.boss, "u1"))
		names, left = order()
		if names[len(names)-1] != first || left[len(left)-1] != 0 {
			t.Errorf("after %s signed off: %q have %d left", first, names, left)
		}
		o.close(run)
		byName, _ := order()
		for i := range byName[1:] {
			if byName[i] > byName[i+1] {
				t.Errorf("closed: %q", byName)
			}
		}
	})
}
