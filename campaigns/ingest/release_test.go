package ingest_test

import (
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// held makes a source with a sealed snapshot of ten grants and a held one of three.
func (w *world) held() (store.Source, ingest.Result) {
	w.Helper()
	src := w.apply("wiki", access())
	w.run(w.request("wiki", 1, grantsCSV("a,x,,,,", "b,x,,,,", "c,x,,,,", "d,x,,,,", "e,x,,,,", "f,x,,,,", "g,x,,,,", "h,x,,,,", "i,x,,,,", "j,x,,,,")))
	req := w.request("wiki", 2, grantsCSV("a,x,,,,", "b,x,2025-01-01,,,", "k,x,,,,", "bad,,,,,"))
	req.Actor = admin("First Admin").Label()
	res := w.run(req)
	if res.State != model.SnapshotHeld {
		w.Fatalf("not held: %s", mustJSON(w, res))
	}
	return src, res
}

func (w *world) wantError(err error, kind model.ErrorKind, words string) {
	w.Helper()
	if err == nil || model.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		w.Errorf("error %v (%s), want a %s one with %q", err, model.KindOf(err), kind, words)
	}
}

func TestRelease(t *testing.T) {
	each(t, func(w *world) {
		src, held := w.held()
		second := admin("Second Admin")
		release := func(actor model.Actor, reason string) error {
			_, err := w.svc.Release(w.Context(), actor, held.Snapshot, reason)
			return err
		}
		w.wantError(release(admin("First Admin"), "fine"), model.Forbidden, "another admin must release it")
		w.wantError(release(model.Actor{UserID: 9, Name: "Auditor", Roles: []model.Role{model.Auditor}}, "fine"), model.Forbidden, "Only an admin")
		w.wantError(release(second, "  "), model.Invalid, "Say why")
		w.wantError(func() error { _, err := w.svc.Release(w.Context(), second, 999, "x"); return err }(), model.NotFound, "no such snapshot")

		res, err := w.svc.Release(w.Context(), second, held.Snapshot, "half of the company was sold")
		if err != nil {
			w.Fatal(err)
		}
		want := ingest.Counts{Read: 4, Accepted: 3, Rejected: 1, New: 1, Changed: 1, Unchanged: 1, Gone: 8, Previous: 10}
		if res.State != model.SnapshotSealed || res.Counts != want || len(res.Reasons) != 1 {
			w.Errorf("released: %s", mustJSON(w, res))
		}
		if n := len(w.live(src, store.Live)); n != 3 {
			w.Errorf("%d live grants", n)
		}
		w.counts("after the release", map[string]int{"stage_grants": 0, "stage_rows": 0, "stage_deltas": 0, "grants": 12, "events": 4})
		snap, err := w.s.Snapshot(w.Context(), held.Snapshot)
		if err != nil || snap.ReleasedBy != second.Label() || !snap.SealedAt.Known() {
			w.Errorf("%+v (%v)", snap, err)
		}
		w.wantError(release(second, "again"), model.Conflict, "is sealed, not held")
	})
}

func TestReleaseLate(t *testing.T) {
	each(t, func(w *world) {
		_, held := w.held()
		w.run(w.request("wiki", 3, grantsCSV("a,x,,,,", "b,x,,,,", "c,x,,,,", "d,x,,,,", "e,x,,,,", "f,x,,,,", "g,x,,,,", "h,x,,,,", "i,x,,,,", "j,x,,,,", "z,x,,,,")))
		_, err := w.svc.Release(w.Context(), admin("Second Admin"), held.Snapshot, "fine")
		w.wantError(err, model.Conflict, "came after this one and is sealed: this one can only be discarded")
		if err := w.svc.Discard(w.Context(), admin("First Admin"), held.Snapshot, "a broken export"); err != nil {
			w.Fatal(err)
		}
		w.counts("after the discard", map[string]int{"stage_grants": 0, "stage_rows": 0, "grants": 11, "rejects": 1})
		res, err := w.svc.Result(w.Context(), held.Snapshot)
		if err != nil || res.State != model.SnapshotDiscarded || res.Gone != 8 || len(res.Rejects) != 1 {
			w.Errorf("a discarded snapshot keeps its ledger and rejects: %s (%v)", mustJSON(w, res), err)
		}
		w.wantError(w.svc.Discard(w.Context(), admin("First Admin"), held.Snapshot, "again"), model.Conflict, "is discarded, not held")
	})
}

// TestReleaseComparesAgain releases two held snapshots one after the other: the second is
// compared with the first, which was not there when it was loaded.
func TestReleaseComparesAgain(t *testing.T) {
	each(t, func(w *world) {
		src, one := w.held()
		two := w.run(w.request("wiki", 3, grantsCSV("a,x,,,,", "k,x,,,,", "l,x,,,,")))
		if two.State != model.SnapshotHeld || two.Previous != 10 || two.New != 2 {
			w.Fatalf("a held snapshot was compared with a held one: %s", mustJSON(w, two))
		}
		second := admin("Second Admin")
		if _, err := w.svc.Release(w.Context(), second, one.Snapshot, "fine"); err != nil {
			w.Fatal(err)
		}
		res, err := w.svc.Release(w.Context(), second, two.Snapshot, "fine")
		if err != nil || res.Previous != 3 || res.New != 1 || res.Unchanged != 2 || res.Gone != 1 {
			w.Fatalf("%s (%v)", mustJSON(w, res), err)
		}
		if n := len(w.live(src, store.Live)); n != 3 {
			w.Errorf("%d live grants", n)
		}
		snap, err := w.s.Snapshot(w.Context(), two.Snapshot)
		if err != nil || snap.PreviousID == nil || *snap.PreviousID != one.Snapshot {
			w.Errorf("compared with %v (%v)", snap.PreviousID, err)
		}
	})
}
