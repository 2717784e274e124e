package remediate

import (
	"context"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
)

// TestMovedMeanwhile: settings that come to name another system while an attempt is under way: nothing is
// asked of the system, and what it showed proves nothing.
func TestMovedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"there": true, "gone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, 1, 1, func(t *testing.T, r *rig) {
				r.reviewed(1)
				if !there {
					if err := r.srv.RemoveMember("g1", "u1"); err != nil {
						t.Fatal(err)
					}
				}
				r.tx(func(tx *store.Tx) error {
					s := model.Snapshot{SourceID: r.source, AsOf: tx.Now, State: model.SnapshotLoading, Origin: "live", Actor: "tester", Extraction: "{}", Unmatched: "{}", Problems: "{}", Reasons: "[]", StartedAt: tx.Now}
					snap, err := tx.InsertSnapshot(t.Context(), s)
					if err != nil {
						return err
					}
					return tx.InsertRunSource(t.Context(), r.run.ID, r.source, snap)
				})
				r.clock.Add(time.Minute)
				w := r.worker("w1")
				w.Fault = r.with(func(ctx context.Context, p Point, _ int64) error {
					if p != PointPreRead {
						return nil
					}
					return r.s.InTx(ctx, func(tx *store.Tx) error { return tx.MarkMoved(ctx, r.source) })
				})
				r.settle(w)
				r.is("u1/g1", model.Held, whyMoved)
				if n := r.patches(); n != 0 {
					t.Errorf("another system was asked %d times", n)
				}
				r.holds()
			})
		})
	}
}
