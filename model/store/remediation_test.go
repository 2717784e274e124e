package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// removals makes a run with n removals, of account 1…n and entitlement 1 or 2 by turns.
func removals(t *testing.T, s *store.Store, n int) (source int64, ids []int64) {
	t.Helper()
	ctx := t.Context()
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	err := s.InTx(ctx, func(tx *store.Tx) error {
		src, err := tx.PutSource(ctx, "wiki", model.ProvidesAccess, "scim")
		if err != nil {
			return err
		}
		source = src.ID
		run, err := tx.InsertRun(ctx, model.Run{Campaign: "q", Name: "q@2026-10-01", State: model.Running, Spec: "{}", TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"})
		if err != nil {
			return err
		}
		subjects, err := tx.RunSubjectsBulk(ctx)
		if err != nil {
			return err
		}
		for i := 1; i <= n; i++ {
			name := fmt.Sprintf("Zoë %d", i)
			if err := subjects.Add(run, i, nil, text(model.Subject{AccountID: fmt.Sprintf("a%d", i), Name: name}), []byte("salt"), "", store.Fold(name)); err != nil {
				return err
			}
		}
		if _, err := subjects.Close(); err != nil {
			return err
		}
		ents, err := tx.RunEntitlementsBulk(ctx)
		if err != nil {
			return err
		}
		for i, name := range []string{"Edit 100%", "Read_all"} {
			if err := ents.Add(run, i+1, text(model.Entitlement{EntitlementID: fmt.Sprintf("e%d", i+1), Name: name}), store.Fold(name)); err != nil {
				return err
			}
		}
		if _, err := ents.Close(); err != nil {
			return err
		}
		for i := 1; i <= n; i++ {
			key := int64(2 - i%2)
			id, err := tx.InsertRemediation(ctx, model.Remediation{
				RunID: run, ItemID: int64(i), SourceID: src.ID, GrantID: int64(i), AccountKey: int64(i), EntitlementKey: &key, Mode: model.ModeConnector,
				Access: []byte("{}"), State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
			})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return source, ids
}

func TestRemediations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		_, ids := removals(t, s, 7)
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			for _, id := range ids[:2] {
				if ok, err := tx.CancelRemediation(t.Context(), id, "undone"); err != nil || !ok {
					return fmt.Errorf("cancel: %v, %w", ok, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		open := []model.RemediationState{model.Queued, model.Sent}
		tests := map[string]struct {
			filter store.RemediationFilter
			want   []int // accounts
		}{
			"all":              {store.RemediationFilter{}, []int{7, 6, 5, 4, 3, 2, 1}},
			"open":             {store.RemediationFilter{States: open}, []int{7, 6, 5, 4, 3}},
			"first page":       {store.RemediationFilter{States: open, Limit: 3}, []int{7, 6, 5}},
			"second page":      {store.RemediationFilter{States: open, Limit: 3, Before: ids[4]}, []int{4, 3}},
			"a person":         {store.RemediationFilter{Search: "ZOË 5"}, []int{5}},
			"an access":        {store.RemediationFilter{Search: "100%"}, []int{7, 5, 3, 1}},
			"no wildcard":      {store.RemediationFilter{Search: "%"}, []int{7, 5, 3, 1}},
			"no wildcard here": {store.RemediationFilter{Search: "t_1"}, nil},
			"nothing":          {store.RemediationFilter{Search: "nobody"}, nil},
			"another run":      {store.RemediationFilter{RunID: 99}, nil},
			"another source":   {store.RemediationFilter{SourceID: 99}, nil},
		}
		for name, c := range tests {
			t.Run(name, func(t *testing.T) {
				rows, err := s.Remediations(t.Context(), c.filter)
				if err != nil {
					t.Fatal(err)
				}
				var got []int
				for _, r := range rows {
					got = append(got, int(r.AccountKey))
					if want := fmt.Sprintf("Zoë %d", r.AccountKey); r.Subject.Name != want || r.Run != "q@2026-10-01" || r.Source != "wiki" {
						t.Errorf("row %d is of %q in %q of %q", r.ID, r.Subject.Name, r.Run, r.Source)
					}
					if want := fmt.Sprintf("e%d", *r.EntitlementKey); r.Entitlement.EntitlementID != want {
						t.Errorf("row %d is about %q, want %q", r.ID, r.Entitlement.EntitlementID, want)
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
		counts, err := s.RemediationCounts(t.Context(), store.RemediationFilter{Search: "zoë", States: open, Limit: 1})
		if err != nil || counts[model.Queued] != 5 || counts[model.Cancelled] != 2 || len(counts) != 2 {
			t.Errorf("counts: %v, %v", counts, err)
		}
		if row, err := s.Remediation(t.Context(), ids[3]); err != nil || row.Subject.Name != "Zoë 4" {
			t.Errorf("one: %+v, %v", row, err)
		}
		if _, err := s.Remediation(t.Context(), 9999); model.KindOf(err) != model.NotFound {
			t.Errorf("none: %v", err)
		}
	})
}

// claim claims the next removal of a source; 0 is that there is none.
func claim(t *testing.T, s *store.Store, source int64) (r model.Remediation) {
	t.Helper()
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		under, err := tx.RemovalsUnderWay(t.Context(), source)
		if err != nil {
			return err
		}
		rs, err := tx.ClaimRemediations(t.Context(), source, under, 1, time.Minute)
		if len(rs) > 0 {
			r = rs[0]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestClaim: one removal of one object at a time, none that is paused, leased, cancelled or not due.
func TestClaim(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		source, ids := removals(t, s, 4) // 1 and 3 are of one entitlement, 2 and 4 of another
		tx := func(fn func(*store.Tx) error) {
			t.Helper()
			if err := s.InTx(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		pause := func(why string) {
			tx(func(tx *store.Tx) error { return tx.PauseSource(t.Context(), source, why) })
		}
		due := func(want bool) {
			t.Helper()
			got, err := s.DueSources(t.Context(), model.TimeOf(clock.T))
			if err != nil || slices.Contains(got, store.DueSource{ID: source, Connector: true}) != want {
				t.Errorf("due are %v (%v), want this source: %v", got, err, want)
			}
		}
		pause("no credentials")
		due(false)
		if r := claim(t, s, source); r.ID != 0 {
			t.Errorf("removal %d was claimed in a paused source", r.ID)
		}
		pause("")
		due(true)
		clock.T = clock.T.Add(-time.Second)
		due(false)
		if r := claim(t, s, source); r.ID != 0 {
			t.Errorf("removal %d was claimed before its time", r.ID)
		}
		clock.T = clock.T.Add(time.Second)
		if r := claim(t, s, source+1); r.ID != 0 {
			t.Errorf("removal %d was claimed in another source", r.ID)
		}

		a, b, none := claim(t, s, source), claim(t, s, source), claim(t, s, source)
		if a.ID != ids[0] || b.ID != ids[1] || none.ID != 0 || a.Attempts != 1 || a.Fence != 1 {
			t.Fatalf("claimed %d, %d, %d; want %d, %d, 0", a.ID, b.ID, none.ID, ids[0], ids[1])
		}
		// a is done; b's call stays in doubt after its lease.
		tx(func(tx *store.Tx) error {
			a.State = model.Failed
			if ok, err := tx.FinishRemediation(t.Context(), a); err != nil || !ok {
				return fmt.Errorf("finish: %v, %w", ok, err)
			}
			if err := tx.InsertAttempt(t.Context(), model.Attempt{RemediationID: b.ID, N: 1, Fence: 1, IntentAt: tx.Now}); err != nil {
				return err
			}
			if ok, err := tx.MarkCalled(t.Context(), b, "{}", time.Minute); err != nil || !ok {
				return fmt.Errorf("mark: %v, %w", ok, err)
			}
			return nil
		})
		if r := claim(t, s, source); r.ID != ids[2] {
			t.Errorf("claimed %d, want %d", r.ID, ids[2])
		}
		clock.Add(2 * time.Minute)
		again := claim(t, s, source)
		if again.ID != ids[2] && again.ID != ids[1] {
			t.Errorf("claimed %d after its lease", again.ID)
		}
		other := claim(t, s, source)
		if last := claim(t, s, source); again.ID+other.ID != ids[1]+ids[2] || last.ID != 0 {
			t.Errorf("claimed %d, %d and %d: what is in doubt did not come first", again.ID, other.ID, last.ID)
		}
		// The one that was fenced off writes nothing.
		tx(func(tx *store.Tx) error {
			b.State = model.Confirmed
			if ok, err := tx.FinishRemediation(t.Context(), b); err != nil || ok {
				return fmt.Errorf("a late finish: %v, %w", ok, err)
			}
			if ok, err := tx.MarkCalled(t.Context(), b, "{}", time.Minute); err != nil || ok {
				return fmt.Errorf("a late call: %v, %w", ok, err)
			}
			return nil
		})
	})
}
