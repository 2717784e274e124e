package ingest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// content is what a source holds: the lines of each kind by their keys.
type content map[model.Kind]map[string]string

var contentHeads = map[model.Kind]string{
	model.KindPeople:       "person_id,name,title,email",
	model.KindAccounts:     "account_id,username,status,last_login_at",
	model.KindEntitlements: "entitlement_id,name,risk",
	model.KindGrants:       "account_id,entitlement_id,via,granted_at,reason",
}

// files are the content as files; a kind without rows is not given.
func (c content) files() []ingest.File {
	var out []ingest.File
	for _, kind := range model.Kinds {
		if len(c[kind]) > 0 {
			lines := slices.Sorted(maps.Values(c[kind]))
			out = append(out, text(kind, string(kind)+".csv", contentHeads[kind]+"\n"+strings.Join(lines, "\n")+"\n"))
		}
	}
	return out
}

// next is the content some time later: a part is gone, a part says something else, a part is new.
func (c content) next(rnd *rand.Rand, kinds []model.Kind) content {
	out := content{}
	for _, kind := range kinds {
		out[kind] = map[string]string{}
		for range 25 {
			k, line := randomRow(rnd, kind)
			out[kind][k] = line
		}
		for _, k := range slices.Sorted(maps.Keys(c[kind])) {
			if rnd.IntN(4) > 0 {
				out[kind][k] = c[kind][k]
			}
		}
	}
	return out
}

func randomRow(rnd *rand.Rand, kind model.Kind) (key, line string) {
	n, v := rnd.IntN(60), rnd.IntN(3)
	switch kind {
	case model.KindPeople:
		key = fmt.Sprintf("p%02d", n)
		line = fmt.Sprintf("%s,Person %d,title %d,", key, n, v)
	case model.KindAccounts:
		key = fmt.Sprintf("a%02d", n)
		line = fmt.Sprintf("%s,user%d,%s,2026-01-0%d", key, n, []string{"enabled", "disabled", ""}[v], rnd.IntN(9)+1)
	case model.KindEntitlements:
		key = fmt.Sprintf("e%02d", n)
		line = fmt.Sprintf("%s,Group %d,%s", key, n, []string{"low", "high", ""}[v])
	case model.KindGrants:
		via := []string{"", "e01", "e02>e01"}[rnd.IntN(3)]
		key = fmt.Sprintf("a%02d/e%02d/%s", rnd.IntN(12), rnd.IntN(6), via)
		p := strings.Split(key, "/")
		line = fmt.Sprintf("%s,%s,%s,%s,%s", p[0], p[1], via, []string{"", "2026-01-01", "2026-02-02"}[v], []string{"", "asked for"}[rnd.IntN(2)])
	}
	return key, line
}

// said is what makes a row another one: everything but usage.
func said(kind model.Kind, line string) string {
	if kind == model.KindAccounts {
		return line[:strings.LastIndex(line, ",")]
	}
	return line
}

func keyOf(r *model.Record) string {
	switch r.Kind {
	case model.KindPeople:
		return r.Person.PersonID
	case model.KindAccounts:
		return r.Account.AccountID
	case model.KindEntitlements:
		return r.Entitlement.EntitlementID
	case model.KindGrants:
		return r.Grant.AccountID + "/" + r.Grant.EntitlementID + "/" + r.Grant.Via
	}
	return ""
}

func lineOf(r *model.Record) string {
	date := func(t model.Time) string {
		if !t.Known() {
			return ""
		}
		return t.Std().UTC().Format("2006-01-02")
	}
	switch r.Kind {
	case model.KindPeople:
		return strings.Join([]string{r.Person.PersonID, r.Person.Name, r.Person.Title, r.Person.Email}, ",")
	case model.KindAccounts:
		return strings.Join([]string{r.Account.AccountID, r.Account.Username, r.Account.Status, date(r.Account.LastLoginAt)}, ",")
	case model.KindEntitlements:
		return strings.Join([]string{r.Entitlement.EntitlementID, r.Entitlement.Name, r.Entitlement.Risk}, ",")
	case model.KindGrants:
		g := &r.Grant
		return strings.Join([]string{g.AccountID, g.EntitlementID, g.Via, date(g.GrantedAt), g.Reason}, ",")
	}
	return ""
}

// list reads a list to its end by pages of a size that divides nothing.
func (w *world) list(f store.RowsFilter) []store.SnapshotRow {
	w.Helper()
	f.Limit = 7
	var all []store.SnapshotRow
	for {
		page, err := w.s.SnapshotRows(w.Context(), f)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < f.Limit {
			return all
		}
		f.After = page[len(page)-1].Cursor
	}
}

// checkRows holds every list of a snapshot against what its source held then and before.
func (w *world) checkRows(snap model.Snapshot, before, now content, kinds []model.Kind) {
	w.Helper()
	for _, kind := range kinds {
		want := map[store.RowChange][]string{}
		for _, k := range slices.Sorted(maps.Keys(now[kind])) {
			was, there := before[kind][k]
			change := store.RowUnchanged
			switch {
			case !there:
				change = store.RowNew
			case said(kind, was) != said(kind, now[kind][k]):
				change = store.RowChanged
			}
			want[change] = append(want[change], k)
			want[store.AnyChange] = append(want[store.AnyChange], k)
		}
		for _, k := range slices.Sorted(maps.Keys(before[kind])) {
			if _, there := now[kind][k]; !there {
				want[store.RowGone] = append(want[store.RowGone], k)
			}
		}
		for _, change := range []store.RowChange{store.AnyChange, store.RowNew, store.RowChanged, store.RowGone} {
			var got []string
			for _, r := range w.list(store.RowsFilter{Snapshot: snap, Kind: kind, Change: change}) {
				k := keyOf(&r.Record)
				got = append(got, k)
				if !slices.Contains(want[r.Change], k) || change != store.AnyChange && r.Change != change {
					w.Errorf("snapshot %d: %s is told to be %s", snap.ID, k, r.Change)
				}
				says, was := now[kind][k], before[kind][k]
				if r.Change == store.RowGone {
					says = was
				}
				if said(kind, lineOf(&r.Record)) != said(kind, says) {
					w.Errorf("snapshot %d, %s %s: says %q, want %q", snap.ID, r.Change, k, lineOf(&r.Record), says)
				}
				if (r.Before != nil) != (r.Change == store.RowChanged) {
					w.Errorf("snapshot %d, %s %s: before is %+v", snap.ID, r.Change, k, r.Before)
				} else if r.Before != nil && said(kind, lineOf(r.Before)) != said(kind, was) {
					w.Errorf("snapshot %d, %s: said %q before, want %q", snap.ID, k, lineOf(r.Before), was)
				}
				if kind == model.KindGrants && r.Account.AccountID != r.Grant.AccountID {
					w.Errorf("the account of %s is %+v", k, r.Account)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want[change]) {
				w.Errorf("snapshot %d, %s %q:\n%v, want\n%v", snap.ID, kind, change, got, want[change])
			}
		}
	}
}

func (w *world) snapshot(id int64) model.Snapshot {
	w.Helper()
	snap, err := w.s.Snapshot(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return snap
}

// TestSnapshotRows: what a list tells of every row of every snapshot is what its files said, before and after
// later snapshots were sealed; of a held one, what it would change.
func TestSnapshotRows(t *testing.T) {
	each(t, func(w *world) {
		rnd := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // the same each time
		for source, kinds := range map[string][]model.Kind{"hr": {model.KindPeople}, "wiki": {model.KindAccounts, model.KindEntitlements, model.KindGrants}} {
			spec := model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", ShrinkLimit: "100%"}
			if source == "hr" {
				spec.Provides = model.ProvidesPeople
			}
			w.apply(source, spec)
			states, ids := []content{{}}, []int64{0}
			for n := range 4 {
				states = append(states, states[n].next(rnd, kinds))
				res := w.run(w.request(source, n+1, states[n+1].files()...))
				if len(res.Rejects) > 0 || res.State != model.SnapshotSealed {
					w.Fatalf("%+v", res)
				}
				ids = append(ids, res.Snapshot)
			}
			for n := 1; n < len(ids); n++ {
				w.checkRows(w.snapshot(ids[n]), states[n-1], states[n], kinds)
			}
			held := states[4].next(rnd, kinds)
			req := w.request(source, 6, held.files()...)
			req.Expect = map[model.Kind]int64{kinds[0]: 1}
			res := w.run(req)
			if res.State != model.SnapshotHeld {
				w.Fatalf("%+v", res)
			}
			w.checkRows(w.snapshot(res.Snapshot), states[4], held, kinds)
			w.checkRows(w.snapshot(ids[3]), states[2], states[3], kinds) // its neighbour is staged: nothing else is
		}
	})
}

// TestSnapshotRowsFirst: all that a first snapshot would bring is new while it is held; a kind that was not
// given again is unchanged.
func TestSnapshotRowsFirst(t *testing.T) {
	each(t, func(w *world) {
		w.apply("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", ShrinkLimit: "100%"})
		kinds := []model.Kind{model.KindAccounts, model.KindEntitlements, model.KindGrants}
		first := content{}.next(rand.New(rand.NewPCG(1, 2)), kinds) //nolint:gosec // the same each time
		req := w.request("wiki", 1, first.files()...)
		req.Expect = map[model.Kind]int64{model.KindGrants: 1}
		held := w.run(req)
		w.checkRows(w.snapshot(held.Snapshot), content{}, first, kinds)

		res := w.run(w.request("wiki", 2, first.files()...))
		grants := content{model.KindGrants: first[model.KindGrants]}
		again := w.run(w.request("wiki", 3, grants.files()...))
		w.checkRows(w.snapshot(res.Snapshot), content{}, first, kinds)
		w.checkRows(w.snapshot(again.Snapshot), first, first, kinds)
	})
}

// TestSnapshotRowsSearch: ids and names are found whatever their case, and a pattern is no pattern.
func TestSnapshotRowsSearch(t *testing.T) {
	each(t, func(w *world) {
		w.apply("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"})
		res := w.run(w.request("wiki", 1, content{
			model.KindAccounts:     {"": "A-1,Ana_F,enabled,\nb-2,bo,enabled,"},
			model.KindEntitlements: {"": "G-1,Editors,high\ng-2,Readers,low"},
			model.KindGrants:       {"": "A-1,G-1,,,\nb-2,g-2,G-1,,\nnew,g-2,,,"},
		}.files()...))
		snap := w.snapshot(res.Snapshot)
		for _, c := range []struct {
			kind   model.Kind
			search string
			want   string
		}{
			{model.KindAccounts, "ana_", "A-1"},
			{model.KindAccounts, "a_a", ""},
			{model.KindAccounts, "%", ""},
			{model.KindAccounts, "-2", "b-2"},
			{model.KindEntitlements, "EDIT", "G-1"},
			{model.KindGrants, "editors", "A-1/G-1/"},
			{model.KindGrants, "BO", "b-2/g-2/G-1"},
			{model.KindGrants, "new", "new/g-2/"},
			{model.KindGrants, "g-2", "b-2/g-2/G-1 new/g-2/"},
		} {
			for _, change := range []store.RowChange{store.AnyChange, store.RowNew} {
				var got []string
				for _, r := range w.list(store.RowsFilter{Snapshot: snap, Kind: c.kind, Search: c.search, Change: change}) {
					got = append(got, keyOf(&r.Record))
				}
				if strings.Join(got, " ") != c.want {
					w.Errorf("%s %q %q: %v, want %s", c.kind, change, c.search, got, c.want)
				}
			}
		}
		names, err := w.s.EntitlementNames(w.Context(), snap.SourceID, snap.ID, []string{"G-1", "g-2", "nobody"})
		if err != nil || !maps.Equal(names, map[string]string{"G-1": "Editors", "g-2": "Readers"}) {
			w.Errorf("names %v, %v", names, err)
		}
	})
}
