package evidence

import (
	"context"
	"crypto/rand"
	"fmt"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// Append seals ev with the transaction's time and stores it there: the event exists if, and only
// if, the change that it speaks of does. It gives the event's id. The caller holds the lock on
// the object, so that events of one object form one chain.
func Append(ctx context.Context, tx *store.Tx, ev verify.Event) (int64, error) {
	leaf, open, err := seal(ctx, tx, ev)
	if err != nil {
		return 0, err
	}
	id, err := tx.InsertEvent(ctx, leaf, open)
	if err != nil {
		return 0, fmt.Errorf("store event %s of %s: %w", ev.Type, ev.Object, err)
	}
	return id, nil
}

// AppendLater is Append for who needs no id: the event is stored together with others, before anything
// else of the transaction is, so that it costs far less.
func AppendLater(ctx context.Context, tx *store.Tx, ev verify.Event) error {
	leaf, open, err := seal(ctx, tx, ev)
	if err != nil {
		return err
	}
	if err := tx.InsertEventLater(leaf, open); err != nil {
		return fmt.Errorf("store event %s of %s: %w", ev.Type, ev.Object, err)
	}
	return nil
}

func seal(ctx context.Context, tx *store.Tx, ev verify.Event) (store.Event, []store.Disclosure, error) {
	ev.At = tx.Now.Std()
	prev, err := tx.LastEventHash(ctx, ev.Run, ev.Object)
	if err != nil {
		return store.Event{}, nil, fmt.Errorf("read the last event of %s: %w", ev.Object, err)
	}
	leaf, hash, open, err := verify.Seal(ev, prev, rand.Reader)
	if err != nil {
		return store.Event{}, nil, err
	}
	ds := make([]store.Disclosure, len(open))
	for i, d := range open {
		ds[i] = store.Disclosure{Field: d.Field, Salt: d.Salt, Value: d.Value}
	}
	return store.Event{Type: ev.Type, Run: ev.Run, Object: ev.Object, Leaf: leaf, Hash: hash[:], At: model.TimeOf(ev.At)}, ds, nil
}
