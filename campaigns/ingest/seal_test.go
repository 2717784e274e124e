package ingest_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"recert/campaigns/diff"
	"recert/campaigns/evidence/verify"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// grantsOf gives the grants of a snapshot to the pure comparison.
func (w *world) grantsOf(src store.Source, snapshot int64) iter.Seq2[diff.Grant, error] {
	return func(yield func(diff.Grant, error) bool) {
		for g, err := range w.s.GrantsAsOf(w.Context(), src.ID, snapshot) {
			d := diff.Grant{Account: fmt.Sprintf("%09d", g.AccountKey), Entitlement: fmt.Sprintf("%09d", g.EntitlementKey), Via: g.Via, GrantedAt: g.GrantedAt, Data: g.GrantedBy}
			if !yield(d, err) {
				return
			}
		}
	}
}

// TestAgainstDiff ingests random worlds; every ledger must be what the pure comparison of the two
// snapshots says, also when it looks back later.
func TestAgainstDiff(t *testing.T) {
	each(t, func(w *world) {
		w.svc.Shrink(11, 6)
		spec := access()
		spec.ShrinkLimit = "100%"
		src := w.apply("wiki", spec)
		rnd := rand.New(rand.NewPCG(3, 4))
		var results []ingest.Result
		for n := range 12 {
			var rows []string
			for a := range 9 {
				for e := range 9 {
					if rnd.IntN(4) > 0 {
						rows = append(rows, fmt.Sprintf("a%d,e%d,2025-01-0%d,by%d,2025-02-0%d,%s", a, e, 1+rnd.IntN(10)/9, rnd.IntN(10)/9, 1+rnd.IntN(9), []string{"", "p>q"}[e%2]))
					}
				}
			}
			rnd.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			res := w.run(w.request("wiki", n+1, grantsCSV(rows...)))
			if res.State != model.SnapshotSealed || res.Accepted != int64(len(rows)) {
				w.Fatalf("%s", mustJSON(w, res))
			}
			results = append(results, res)
		}
		regranted := 0
		for i := 1; i < len(results); i++ {
			deltas := diff.Grants(w.grantsOf(src, results[i-1].Snapshot), w.grantsOf(src, results[i].Snapshot))
			for d, err := range deltas {
				if err != nil {
					w.Fatal(err)
				}
				if d.Op == diff.Regranted {
					regranted++
				}
			}
			got, err := diff.Count(deltas)
			r := results[i]
			if want := (diff.Counts{New: r.New, Changed: r.Changed, Unchanged: r.Unchanged, Gone: r.Gone}); err != nil || got != want {
				w.Errorf("snapshot %d: the comparison says %+v (%v), the ledger %+v", i+1, got, err, want)
			}
		}
		if regranted == 0 {
			w.Error("nothing was granted anew: this tests too little")
		}
	})
}

// TestSealedEvent recomputes what the event says from what is stored.
func TestSealedEvent(t *testing.T) {
	each(t, func(w *world) {
		w.apply("wiki", access())
		var hooked []model.Snapshot
		w.svc.AfterSeal = append(w.svc.AfterSeal, func(ctx context.Context, tx *store.Tx, s model.Snapshot) error {
			if got, err := tx.LatestSealed(ctx, s.SourceID); err != nil || got.ID != s.ID || got.State != model.SnapshotSealed {
				t.Errorf("the hook sees %+v (%v)", got, err)
			}
			hooked = append(hooked, s)
			return nil
		})
		expect := int64(4)
		req := w.request("wiki", 1, grantsCSV("a,x,,,,", "b,x,yesterday,,,", "c,x,,,,", "a,x,,,,"))
		req.Expect = map[model.Kind]int64{model.KindGrants: expect}
		var seen []ingest.Progress
		req.Progress = func(p ingest.Progress) { seen = append(seen, p) }
		res := w.run(req)
		if len(hooked) != 1 || hooked[0].ID != res.Snapshot {
			w.Fatalf("hooked: %+v", hooked)
		}
		if len(seen) != 2 || seen[0] != (ingest.Progress{Kind: model.KindGrants, Rows: 4}) || !seen[1].Done {
			w.Errorf("progress: %+v", seen)
		}
		ev, err := w.s.EventByID(w.Context(), 1)
		if err != nil {
			w.Fatal(err)
		}
		leaf, data, err := verify.ParseLeaf(ev.Leaf)
		if err != nil || leaf.Type != verify.TypeSnapshotSealed || leaf.Commitments["actor"] == "" {
			w.Fatalf("%+v (%v)", leaf, err)
		}
		body, ok := data.(*verify.SnapshotSealed)
		if !ok {
			w.Fatalf("the body is a %T", data)
		}
		if k := body.Kinds["grants"]; len(body.Kinds) != 1 || k.Read != 4 || k.Accepted != 2 || k.Rejected != 2 || k.Duplicates != 1 || k.Expected == nil || *k.Expected != 4 {
			w.Errorf("kinds: %+v", body.Kinds)
		}
		if len(body.Files) != 1 || body.Files[0].Name != "grants.csv" || len(body.Files[0].SHA256) != 64 || body.Digest != res.Digest || body.Unmatched["nothing to match by"] != 2 {
			w.Errorf("event: %+v", body)
		}
		var root verify.Root
		rejects, err := w.s.Rejects(w.Context(), res.Snapshot, 0, 10)
		if err != nil || len(rejects) != 2 {
			w.Fatalf("%+v (%v)", rejects, err)
		}
		for _, r := range rejects {
			details := verify.RejectDetails{Raw: r.Raw, Reason: r.Reason}
			bound, err := verify.Bind(r.Salt, "details", details)
			if err != nil || bound.Commitment != r.Commitment {
				w.Fatalf("commitment %s, want %s (%v)", r.Commitment, bound.Commitment, err)
			}
			row := verify.Rejection{Snapshot: r.SnapshotID, Source: "wiki", Kind: string(r.Kind), File: r.File, Line: r.Line, Column: r.Column, Details: details, Bound: bound}
			h, err := row.Hash()
			if err != nil {
				w.Fatal(err)
			}
			root.Add(h)
		}
		sum := root.Sum()
		if body.Rejects != 2 || body.RejectsRoot != hex.EncodeToString(sum[:]) {
			w.Errorf("rejects_root %s, recomputed %x", body.RejectsRoot, sum)
		}
	})
}
