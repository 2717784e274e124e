package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

func access() model.SourceSpec { return model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"} }

// TestGrantWords goes through what the words mean, one snapshot after the other.
func TestGrantWords(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", access())
		for i, step := range []struct {
			name  string
			file  []string
			want  ingest.Counts // Read, Accepted and Previous apart
			rows  int64         // of the table
			usage string        // of ann's grant
		}{
			{"first", []string{"ann,x,2025-01-01,,2025-03-01,", "bob,x,,,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{New: 6}, 6, "2025-03-01T00:00:00Z"},
			{"the same, in another order", []string{"bob,x,,,,", "ann,x,2025-01-01,,2025-03-01,", "cat,x,,,,", "fay,x,,,,", "dan,x,,,,", "eve,x,,,,"}, ingest.Counts{Unchanged: 6}, 6, "2025-03-01T00:00:00Z"},
			{"usage is no change", []string{"ann,x,2025-01-01,,2025-04-01,", "bob,x,,,2025-04-01,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 6}, 6, "2025-04-01T00:00:00Z"},
			{"unknown usage leaves what was known", []string{"ann,x,2025-01-01,,,", "bob,x,,,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 6}, 6, "2025-04-01T00:00:00Z"},
			{"other data, in place", []string{"ann,x,2025-01-01,zoe,,", "bob,x,,,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 5, Changed: 1}, 6, "2025-04-01T00:00:00Z"},
			{"granted anew is another grant", []string{"ann,x,2025-02-02,zoe,,", "bob,x,,,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 5, Changed: 1}, 7, ""},
			{"absence", []string{"ann,x,2025-02-02,zoe,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 5, Gone: 1}, 7, ""},
			{"return", []string{"ann,x,2025-02-02,zoe,,", "bob,x,,,,", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 5, New: 1}, 8, ""},
			{"another path is another grant", []string{"ann,x,2025-02-02,zoe,,", "bob,x,,,,", "bob,x,,,,staff > eng", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 6, New: 1}, 9, ""},
			{"a granted_at that is not known any more", []string{"ann,x,,zoe,,", "bob,x,,,,", "bob,x,,,,staff>eng", "cat,x,,,,", "dan,x,,,,", "eve,x,,,,", "fay,x,,,,"}, ingest.Counts{Unchanged: 6, Changed: 1}, 10, ""},
		} {
			res := w.run(w.request("wiki", i+1, grantsCSV(step.file...)))
			c := res.Counts
			c.Read, c.Accepted, c.Previous = 0, 0, 0
			if res.State != model.SnapshotSealed || c != step.want || res.Accepted != int64(len(step.file)) {
				w.Fatalf("%s: %s", step.name, mustJSON(w, res))
			}
			if n, err := w.s.CountGrants(w.Context(), src.ID); err != nil || n != step.rows {
				w.Fatalf("%s: %d grant rows (%v), want %d", step.name, n, err, step.rows)
			}
			key, err := w.s.AccountKey(w.Context(), src.ID, "ann")
			if err != nil {
				w.Fatal(err)
			}
			ann, err := w.s.GrantsOfAccount(w.Context(), src.ID, key, store.Live)
			if err != nil || len(ann) != 1 || ann[0].LastUsedAt.String() != step.usage {
				w.Fatalf("%s: ann has %+v (%v), want last used %q", step.name, ann, err, step.usage)
			}
		}
		w.past(src)
	})
}

// past looks back at what earlier snapshots of TestGrantWords showed.
func (w *world) past(src store.Source) {
	w.Helper()
	snaps, err := w.s.Snapshots(w.Context(), src.ID, 0, 100)
	if err != nil || len(snaps) != 10 {
		w.Fatalf("%d snapshots (%v)", len(snaps), err)
	}
	slices.Reverse(snaps)
	key, err := w.s.AccountKey(w.Context(), src.ID, "ann")
	if err != nil {
		w.Fatal(err)
	}
	for i, want := range []string{"2025-01-01 ", "2025-01-01 ", "2025-01-01 ", "2025-01-01 ", "2025-01-01 zoe", "2025-02-02 zoe", "2025-02-02 zoe", "2025-02-02 zoe", "2025-02-02 zoe", " zoe"} {
		gs, err := w.s.GrantsOfAccount(w.Context(), src.ID, key, snaps[i].ID)
		if err != nil || len(gs) != 1 {
			w.Fatalf("snapshot %d: %+v (%v)", i+1, gs, err)
		}
		date, _, _ := strings.Cut(gs[0].GrantedAt.String(), "T")
		if got := date + " " + gs[0].GrantedBy; got != want {
			w.Errorf("as of snapshot %d ann's grant is %q, want %q", i+1, got, want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	each(t, func(w *world) {
		w.svc.Shrink(3, 2) // duplicates far apart, and a cache that forgets
		src := w.apply("wiki", access())
		res := w.run(w.request("wiki", 1,
			grantsCSV("ann,x,,,,", "bob,x,,,,", "ann,x,,,,", "cat,x,,,,", "dan,x,,,,", "ann,x,,,,a>b", "ann,x,2025-01-01,zoe,,", "bob,x,bad date,,,", "ann,x,,,,a> b"),
			text(model.KindAccounts, "accounts.csv", "account_id,email\nann,a@x\nbob,b@x\nann,other@x\n")))
		want := ingest.Counts{Read: 9, Accepted: 5, Rejected: 4, Duplicates: 3, New: 5}
		if res.Counts != want {
			w.Errorf("grants: %s", mustJSON(w, res.Counts))
		}
		if got := res.Kinds[model.KindAccounts]; got != (ingest.Counts{Read: 3, Accepted: 2, Rejected: 1, Duplicates: 1, New: 2, Implied: 2}) {
			w.Errorf("accounts: %s", mustJSON(w, got))
		}
		if _, ok := res.Kinds[model.KindEntitlements]; ok {
			w.Error("entitlements were not given")
		}
		var got []string
		for _, r := range res.Rejects {
			got = append(got, fmt.Sprintf("%s %s:%d %s: %s", r.Kind, r.File, r.Line, r.Column, r.Reason))
		}
		wantRejects := []string{
			"accounts accounts.csv:4 account_id: the same account_id was read already, on line 2",
			"grants grants.csv:4 account_id, entitlement_id, via: the same account_id, entitlement_id, via was read already, on line 2",
			"grants grants.csv:8 account_id, entitlement_id, via: the same account_id, entitlement_id, via was read already, on line 2",
			"grants grants.csv:9 granted_at: ",
			"grants grants.csv:10 account_id, entitlement_id, via: the same account_id, entitlement_id, via was read already, on line 7",
		}
		if len(got) != len(wantRejects) {
			w.Fatalf("rejects: %s", strings.Join(got, "\n"))
		}
		for i := range got {
			if !strings.HasPrefix(got[i], wantRejects[i]) {
				w.Errorf("reject %q, want %q", got[i], wantRejects[i])
			}
		}
		stored, err := w.s.Rejects(w.Context(), res.Snapshot, 0, 10)
		if err != nil || len(stored) != 5 || !strings.Contains(stored[2].Raw, `"granted_by":"zoe"`) {
			w.Errorf("stored rejects: %+v (%v)", stored, err)
		}
		a, err := w.s.AccountKey(w.Context(), src.ID, "ann")
		if err != nil {
			w.Fatal(err)
		}
		if acc, err := w.s.AccountByKey(w.Context(), a); err != nil || acc.Email != "a@x" {
			w.Errorf("ann is %+v (%v): the first row counts", acc, err)
		}
	})
}

func TestCarriedForward(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", access())
		accounts := func(lines ...string) ingest.File {
			return text(model.KindAccounts, "a.csv", "account_id,username,last_login_at,team\n"+strings.Join(lines, "\n")+"\n")
		}
		list := func(snapshot int64) string {
			var out []string
			for a, err := range w.s.AccountsAsOf(w.Context(), src.ID, snapshot) {
				if err != nil {
					w.Fatal(err)
				}
				out = append(out, fmt.Sprintf("%s=%s/%s/%s", a.AccountID, a.Username, a.Attrs["team"], a.LastLoginAt))
			}
			slices.Sort(out)
			return strings.Join(out, " ")
		}
		first := w.run(w.request("wiki", 1, accounts("a1,ann,2025-01-01,red", "a2,bob,,blue"), grantsCSV("a1,x,,,,", "a1,y,,,,", "a1,z,,,,", "a1,v,,,,", "a3,x,,,,")))
		if got := list(store.Live); got != "a1=ann/red/2025-01-01T00:00:00Z a2=bob/blue/ a3=//" {
			w.Fatalf("first: %s", got)
		}
		w.run(w.request("wiki", 2, grantsCSV("a1,x,,,,", "a1,y,,,,", "a1,z,,,,", "a1,v,,,,")))
		if got := list(store.Live); got != "a1=ann/red/2025-01-01T00:00:00Z a2=bob/blue/" {
			w.Fatalf("accounts were not carried forward: %s", got)
		}
		res := w.run(w.request("wiki", 3, accounts("a1,ann,2025-02-02,red", "a2,bob,,green")))
		if got := res.Kinds[model.KindAccounts]; got.Unchanged != 1 || got.Changed != 1 || res.Counts != (ingest.Counts{}) {
			w.Fatalf("usage made an account changed: %s", mustJSON(w, res))
		}
		if got := w.live(src, store.Live); len(got) != 4 {
			w.Fatalf("grants were not carried forward: %q", got)
		}
		if got := list(store.Live); got != "a1=ann/red/2025-02-02T00:00:00Z a2=bob/green/" {
			w.Fatalf("third: %s", got)
		}
		if got := list(first.Snapshot); !strings.Contains(got, "a2=bob/blue") || !strings.Contains(got, "a3=") {
			w.Fatalf("as of the first snapshot: %s", got)
		}
		res = w.run(w.request("wiki", 4, accounts("a1,ann,,red")))
		if res.State != model.SnapshotHeld || !strings.Contains(res.Reasons[0], "1 of the 2 accounts of the previous snapshot are gone: 50 %, and the limit is 20 %") {
			w.Fatalf("half of the accounts went: %s", mustJSON(w, res))
		}
	})
}

func TestIdentity(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", access())
		rows := []string{"ann,x,,,,", "bob,x,,,,", "cat,x,,,,", "bad,x,1970-01-01T00:00:00Z,,,"}
		first := w.run(w.request("wiki", 1, grantsCSV(rows...)))
		slices.Reverse(rows)
		again := w.run(w.request("wiki", 1, grantsCSV(rows...)))
		if again.Snapshot != first.Snapshot || !again.Existing || again.Counts != first.Counts {
			w.Fatalf("the same triple is not the same snapshot: %s", mustJSON(w, again))
		}
		w.counts("after the same again", map[string]int{"snapshots": 1, "rejects": 1, "events": 1, "stage_grants": 0})
		later := w.run(w.request("wiki", 2, grantsCSV(rows...)))
		if later.Snapshot == first.Snapshot || later.Digest != first.Digest || later.Unchanged != 3 {
			w.Fatalf("the same content later is not a new observation: %s", mustJSON(w, later))
		}
		w.refused(w.request("wiki", 0, grantsCSV(rows...)), model.Invalid, "as of 2026-01-01T00:00:00Z is not after the latest sealed one, as of 2026-01-03T00:00:00Z")
		w.refused(w.request("wiki", 2, grantsCSV("ann,x,,,,")), model.Invalid, "is not after the latest sealed one")
		old := w.run(w.request("wiki", 1, grantsCSV(rows...)))
		if old.Snapshot != first.Snapshot || !old.Existing {
			w.Fatalf("an older triple is not found: %s", mustJSON(w, old))
		}

		held := w.run(w.request("wiki", 3, grantsCSV("ann,x,,,,")))
		again = w.run(w.request("wiki", 3, grantsCSV("ann,x,,,,")))
		if held.State != model.SnapshotHeld || again.Snapshot != held.Snapshot || again.State != model.SnapshotHeld || !again.Existing {
			w.Fatalf("a held snapshot given again: %s", mustJSON(w, again))
		}
		good := w.run(w.request("wiki", 3, grantsCSV("ann,x,,,,", "bob,x,,,,", "cat,x,,,,")))
		if good.State != model.SnapshotSealed || good.Previous != 3 {
			w.Fatalf("a corrected file at the as_of of a held snapshot: %s", mustJSON(w, good))
		}
		if n := len(w.live(src, store.Live)); n != 3 {
			w.Errorf("%d live grants", n)
		}
		now := w.request("wiki", 0, grantsCSV("ann,x,,,,", "bob,x,,,,", "cat,x,,,,"))
		now.AsOf = time.Time{}
		if res := w.run(now); res.AsOf != model.TimeOf(w.clock.T) {
			w.Errorf("without as_of it is as of %s, not when the read began", res.AsOf)
		}
	})
}

func TestHold(t *testing.T) {
	people := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("u%d,x,2025-01-01,,,", i))
		}
		return out
	}
	regranted := func(n int) []string {
		out := people(n)
		for i := range out {
			out[i] = strings.Replace(out[i], "2025-01-01", "2025-09-09", 1)
		}
		return out
	}
	four := int64(4)
	for _, c := range []struct {
		name   string
		limit  string
		file   []string
		expect *int64
		reason string // "" is sealed
	}{
		{"just the limit", "", people(8), nil, ""},
		{"more than the limit", "", people(7), nil, "3 of the 10 grants of the previous snapshot are gone: 30 %, and the limit is 20 %."},
		{"shrink is before additions", "", append(people(7), "v,x,,,,", "w,x,,,,", "y,x,,,,"), nil, "3 of the 10 grants"},
		{"granted anew is not gone", "", regranted(10), nil, ""},
		{"a limit of its own", "12.5%", people(8), nil, "20 %, and the limit is 12.50 %."},
		{"a wider limit", "30%", people(7), nil, ""},
		{"empty", "100%", nil, nil, "There are no grants, and the previous snapshot had 10."},
		{"all rejected", "100%", []string{"a,,,,,", "b,,,,,"}, nil, "None of the 2 grants could be taken: all were rejected."},
		{"expected", "100%", append(people(3), "a,,,,,"), &four, ""},
		{"expected other", "100%", people(3), &four, "4 grants were expected and 3 were read."},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(w *world) {
				spec := access()
				spec.ShrinkLimit = c.limit
				src := w.apply("wiki", spec)
				w.run(w.request("wiki", 1, grantsCSV(people(10)...)))
				before := w.live(src, store.Live)
				req := w.request("wiki", 2, grantsCSV(c.file...))
				if c.expect != nil {
					req.Expect = map[model.Kind]int64{model.KindGrants: *c.expect}
				}
				res := w.run(req)
				if (c.reason == "") != (res.State == model.SnapshotSealed) || !strings.Contains(strings.Join(res.Reasons, " "), c.reason) {
					w.Fatalf("%s: %q, want %q", res.State, res.Reasons, c.reason)
				}
				if res.State == model.SnapshotHeld && (len(res.Reasons) != 1 || !slices.Equal(before, w.live(src, store.Live))) {
					w.Errorf("held for %q; %d grants are live", res.Reasons, len(w.live(src, store.Live)))
				}
			})
		})
	}
}
