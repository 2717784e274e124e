package remediate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// TestMarkedAgain: what shares a transaction with a mark fails, so that both are done anew; meanwhile
// removals are stopped. The mark of the second time counts, and nothing is asked.
func TestMarkedAgain(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.reviewed(1)
		w := r.worker("w1")
		var others sync.WaitGroup
		w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
			if p == PointPreRead {
				r.fails(w, &others)
			}
			return nil
		})
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		others.Wait()
		if n := r.patches(); n != 0 || !r.srv.HasMember("g1", "u1") {
			t.Errorf("the target was asked %d times although removals are stopped", n)
		}
		r.is("u1/g1", model.Queued, whyStopped)
		r.holds()
	})
}

// fails has the next change in the worker's source share a transaction with one that fails, and that
// stops removals when it is done anew, before the other is.
func (r *rig) fails(w *Worker, others *sync.WaitGroup) {
	source := r.source
	if r.s.Dialect() == store.SQLite {
		source = 0
	}
	w.mu.Lock()
	g := w.groups[source]
	w.mu.Unlock()
	waits := func(n int) {
		for waiting := -1; waiting < n; time.Sleep(time.Millisecond) {
			g.mu.Lock()
			waiting = len(g.waiting)
			g.mu.Unlock()
		}
	}
	began := make(chan struct{})
	change := func(fn func(*store.Tx) error) {
		others.Go(func() {
			if err := w.inTx(context.Background(), r.source, fn); err != nil {
				r.t.Error(err)
			}
		})
	}
	change(func(*store.Tx) error { // until both wait
		close(began)
		waits(2)
		return nil
	})
	<-began
	runs := 0
	change(func(tx *store.Tx) error {
		if runs++; runs == 1 {
			return errors.New("the connection broke")
		}
		if _, err := tx.StopRemovals(context.Background(), "a wrong campaign", "tester"); err != nil {
			return err
		}
		return switched(context.Background(), tx, "tester", evidence.RemovalsSwitched{Stopped: true, Reason: "a wrong campaign"})
	})
	waits(1)
}

// TestLateAndClaimed: a worker whose lease has run out comes back while another one claims the removal:
// one of them tells how the attempt ended.
func TestLateAndClaimed(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.reviewed(1)
		w1, w2 := r.worker("w1"), r.worker("w2")
		var others sync.WaitGroup
		var once sync.Once
		w1.Fault = r.with(func(_ context.Context, p Point, n int64) error {
			if p != PointPreRead {
				return nil
			}
			once.Do(func() {
				r.clock.Add(6 * time.Minute)
				held := make(chan struct{})
				others.Go(func() { // both come to the attempt while somebody else has it
					err := r.s.InTx(context.Background(), func(tx *store.Tx) error {
						if err := tx.NoteAttempt(context.Background(), n, 1, ""); err != nil {
							return err
						}
						close(held)
						time.Sleep(500 * time.Millisecond)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
				<-held
				others.Go(func() {
					time.Sleep(200 * time.Millisecond)
					if _, err := w2.Step(context.Background()); err != nil {
						t.Error(err)
					}
				})
			})
			return nil
		})
		if _, err := w1.Step(t.Context()); err != nil {
			t.Error(err)
		}
		others.Wait()
		r.settle(w1, w2)
		r.holds()
	})
}
