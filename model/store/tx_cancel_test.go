package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"recert/model/store"
	"recert/model/store/storetest"
)

// TestCancelled: a transaction whose context ends at any moment is rolled back or committed whole, and nothing
// else touches its connection meanwhile: the race detector looks.
func TestCancelled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		const events = 20
		for n := range 60 {
			ctx, cancel := context.WithCancel(t.Context())
			object := fmt.Sprintf("cancelled:%d", n)
			err := s.InTx(ctx, func(tx *store.Tx) error {
				for i := range events {
					if i == n%events {
						go cancel()
					}
					hash := sha256.Sum256(fmt.Appendf(nil, "%d.%d", n, i))
					if err := tx.InsertEventLater(store.Event{Type: "test", Run: "r", Object: object, Leaf: hash[:], Hash: hash[:], At: tx.Now}, nil); err != nil {
						return err
					}
					if _, err := tx.LastEvent(ctx); err != nil { // sends what waits
						return err
					}
				}
				return nil
			})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %v", n, err)
			}
			stored, rerr := s.EventsOf(t.Context(), "r", object)
			if rerr != nil {
				t.Fatal(rerr)
			}
			if want := map[bool]int{true: events, false: 0}[err == nil]; len(stored) != want {
				t.Errorf("%d: %d events are stored, and InTx gives %v", n, len(stored), err)
			}
		}
	})
}
