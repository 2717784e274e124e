package store_test

import (
	"reflect"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

func TestConfigsAndSources(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := t.Context()
		put := func(spec, sum string) (action string) {
			err := s.InTx(ctx, func(tx *store.Tx) (err error) {
				action, err = tx.PutConfig(ctx, model.ConfigSource, "wiki", spec, sum)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return action
		}
		for _, c := range []struct{ spec, sum, want string }{
			{`{"provides":"access","shrink_limit":"5%"}`, "s1", "created"},
			{`{"provides":"access","shrink_limit":"5%"}`, "s1", ""},
			{`{"provides":"access","shrink_limit":"6%"}`, "s2", "changed"},
		} {
			clock.Add(time.Hour)
			if got := put(c.spec, c.sum); got != c.want {
				t.Errorf("put %s: %q, want %q", c.sum, got, c.want)
			}
		}
		c, err := s.Config(ctx, model.ConfigSource, "wiki")
		if err != nil || c.Version != 2 || c.UpdatedAt != model.TimeOf(clock.T) {
			t.Errorf("%+v (%v)", c, err)
		}
		if spec, err := s.SourceSpec(ctx, "wiki"); err != nil || spec.ShrinkLimit != "6%" {
			t.Errorf("%+v (%v)", spec, err)
		}
		if _, err := s.SourceSpec(ctx, "none"); model.KindOf(err) != model.NotFound {
			t.Errorf("a source that is not declared: %v", err)
		}
		if set, err := s.Settings(ctx); err != nil || !reflect.DeepEqual(set, model.SettingsSpec{}) {
			t.Errorf("no settings: %+v (%v)", set, err)
		}
		var src store.Source
		put2 := func(p model.Provides, typ string) error {
			return s.InTx(ctx, func(tx *store.Tx) (err error) {
				src, err = tx.PutSource(ctx, "wiki", p, typ)
				return err
			})
		}
		if err := put2(model.ProvidesAccess, "csv"); err != nil {
			t.Fatal(err)
		}
		id := src.ID
		if err := put2(model.ProvidesAccess, "scim"); err != nil || src.ID != id {
			t.Errorf("%+v (%v)", src, err)
		}
		if err := put2(model.ProvidesPeople, "csv"); model.KindOf(err) != model.Invalid {
			t.Errorf("a source that begins to provide people: %v", err)
		}
		if got, err := s.Source(ctx, "wiki"); err != nil || got.Type != "scim" || got.Provides != model.ProvidesAccess {
			t.Errorf("%+v (%v)", got, err)
		}
		err = s.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteConfig(ctx, model.ConfigSource, "wiki") })
		if err != nil {
			t.Error(err)
		}
		err = s.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteConfig(ctx, model.ConfigSource, "wiki") })
		if model.KindOf(err) != model.NotFound {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

// TestSnapshotMoves tries every move of a snapshot; only those of the model's table may pass.
func TestSnapshotMoves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := t.Context()
		states := []model.SnapshotState{model.SnapshotLoading, model.SnapshotHeld, model.SnapshotSealed, model.SnapshotDiscarded}
		for _, from := range states {
			for _, to := range states {
				err := s.Dry(ctx, func(tx *store.Tx) error {
					src, err := tx.PutSource(ctx, "wiki", model.ProvidesAccess, "csv")
					if err != nil {
						return err
					}
					snap := model.Snapshot{SourceID: src.ID, AsOf: 5, StartedAt: 5, State: model.SnapshotLoading}
					if snap.ID, err = tx.InsertSnapshot(ctx, snap); err != nil {
						return err
					}
					if from != model.SnapshotLoading {
						snap.State = from
						if err := tx.UpdateSnapshot(ctx, snap, model.SnapshotLoading); err != nil {
							return err
						}
					}
					snap.State = to
					if err := tx.UpdateSnapshot(ctx, snap, from); (err == nil) != from.Can(to) {
						t.Errorf("%s to %s: %v, and the table says %v", from, to, err, from.Can(to))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestOneLoading relies on the index, not on the code before it.
func TestOneLoading(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := t.Context()
		err := s.InTx(ctx, func(tx *store.Tx) error {
			src, err := tx.PutSource(ctx, "wiki", model.ProvidesAccess, "csv")
			if err != nil {
				return err
			}
			for range 2 {
				if _, err := tx.InsertSnapshot(ctx, model.Snapshot{SourceID: src.ID, AsOf: 5, StartedAt: 5}); err != nil {
					return err
				}
			}
			return nil
		})
		if model.KindOf(err) != model.Conflict {
			t.Errorf("two snapshots load at once: %v", err)
		}
	})
}
