package remediate

import (
	"context"
	"testing"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// TestLowerThere: where a person would have to give what is there already, the system is read again at once, which
// ends the task; the last snapshot, of before, does not.
func TestLowerThere(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"there": true, "not there": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				w := newGiveWorld(t, s, clock, nil, func(s *model.SourceSpec) { s.Revoke = model.RevokeSpec{Mode: model.ModeManual} })
				reads := 0
				w.worker.Reread = func(context.Context, int64) error {
					reads++
					return nil
				}
				if there {
					w.must(w.srv.AddMember("readers", "a1"))
				}
				w.launch()
				w.answer("a1", "writers", model.Reduce, "readers")
				w.end()
				w.work()
				w.are("lower a1 readers sent")
				if want := map[bool]int{true: 1}[there]; reads != want {
					t.Errorf("the system is read %d times, want %d", reads, want)
				}
				w.read()
				if there {
					w.are("lower a1 readers confirmed; remove a1 writers queued")
				} else {
					w.are("lower a1 readers sent")
				}
				w.fine()
			})
		})
	}
}
