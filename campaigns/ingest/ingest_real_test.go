package ingest_test

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

const realData = "../../../shared/data"

// kubernetes is the layout of the kubernetes-org files.
var kubernetes = model.SourceSpec{
	Provides: model.ProvidesAccess, Type: "csv",
	Columns: map[string]model.Strings{"account_id": {"user"}, "entitlement_id": {"org", "kind", "entitlement", "level"}, "granted_at": {"granted_at"}},
}

func kubernetesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(realData, "kubernetes-org", "grants-*.csv"))
	if err != nil || len(files) != 32 {
		t.Fatalf("%d kubernetes-org files (%v), want 32: the shared data is missing", len(files), err)
	}
	slices.Sort(files)
	return files
}

func fileOf(kind model.Kind, path string) ingest.File {
	return ingest.File{Kind: kind, Name: filepath.Base(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// recount reads a kubernetes-org file by encoding/csv alone and gives its grants as live does.
func recount(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows[1:] {
		at, err := time.Parse(time.RFC3339, r[5])
		if err != nil {
			t.Fatal(err)
		}
		escape := strings.NewReplacer(`\`, `\\`, "/", `\/`) // a composed id tells its parts apart
		out = append(out, fmt.Sprintf("%s %s/%s/%s/%s  %s", r[0], escape.Replace(r[1]), r[2], escape.Replace(r[3]), r[4], at.UTC().Format(time.RFC3339)))
	}
	slices.Sort(out)
	return out
}

// expected are the ledger's figures, recounted from two files.
func expected(previous, now []string) (c ingest.Counts) {
	cut := func(s string) (key, at string) { i := strings.LastIndexByte(s, ' '); return s[:i], s[i+1:] }
	before := map[string]string{}
	for _, g := range previous {
		k, at := cut(g)
		before[k] = at
	}
	c.Read, c.Accepted, c.Previous = int64(len(now)), int64(len(now)), int64(len(previous))
	for _, g := range now {
		k, at := cut(g)
		was, ok := before[k]
		switch {
		case !ok:
			c.New++
		case was == at:
			c.Unchanged++
		default:
			c.Changed++
		}
		delete(before, k)
	}
	c.Gone = int64(len(before))
	return c
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			files := kubernetesFiles(t)
			dsn := storetest.DSN(t, d)
			w := &world{T: t, clock: &storetest.Clock{T: storetest.Epoch}}
			w.open(dsn)
			src := w.apply("kubernetes", kubernetes)
			var previous []string
			var snapshots []int64
			for _, path := range files {
				now := recount(t, path)
				snapshots = append(snapshots, w.kubernetesStep(src, path, previous, now))
				previous = now
			}
			for _, i := range []int{0, 9, 21, 22, 30} { // looking back; 22 was held
				if got := w.sorted(src, snapshots[i]); !slices.Equal(got, recount(t, files[i])) {
					t.Errorf("the grants as of %s are not the file's rows any more", filepath.Base(files[i]))
				}
			}
			if n, err := w.s.CountGrants(w.Context(), src.ID); err != nil || n != 13978 {
				t.Errorf("%d grant rows (%v), want 13978", n, err)
			}
			all := diskSize(t, w.s, dsn)

			lastDSN := storetest.DSN(t, d)
			w.open(lastDSN)
			w.apply("kubernetes", kubernetes)
			if res := w.run(w.request("kubernetes", 1, fileOf(model.KindGrants, files[31]))); res.Accepted != 6191 {
				t.Errorf("the last file has %d grants, want 6191", res.Accepted)
			}
			if one := diskSize(t, w.s, lastDSN); all > 3*one {
				t.Errorf("32 snapshots take %d bytes, more than 3 times the %d of the last alone", all, one)
			} else {
				t.Logf("32 snapshots take %.2f times the last alone (%d bytes)", float64(all)/float64(one), one)
			}
		})
	}
}

// kubernetesStep ingests one file and checks every figure against the files alone.
func (w *world) kubernetesStep(src store.Source, path string, previous, now []string) (snapshot int64) {
	w.Helper()
	name := filepath.Base(path)
	at, err := time.Parse("grants-2006-01-02.csv", name)
	if err != nil {
		w.Fatal(err)
	}
	req := w.request("kubernetes", 0, fileOf(model.KindGrants, path))
	req.AsOf = at
	req.Expect = map[model.Kind]int64{model.KindGrants: int64(len(now))}
	res := w.run(req)
	if held := name == "grants-2024-04-01.csv"; held != (res.State == model.SnapshotHeld) {
		w.Fatalf("%s is %s: %v", name, res.State, res.Reasons)
	} else if held {
		if !strings.Contains(strings.Join(res.Reasons, " "), "1391 of the 6735 grants of the previous snapshot are gone: 20.65 %, and the limit is 20 %") {
			w.Fatalf("reasons: %v", res.Reasons)
		}
		if got := w.sorted(src, store.Live); !slices.Equal(got, previous) {
			w.Fatal("a held snapshot is visible")
		}
		res, err = w.svc.Release(w.Context(), admin("Second Admin"), res.Snapshot, "the teams were renamed")
		if err != nil || res.State != model.SnapshotSealed {
			w.Fatalf("release: %v, %s", err, res.State)
		}
	}
	want := expected(previous, now)
	n := int64(len(now))
	want.Expected = &n
	if mustJSON(w, res.Counts) != mustJSON(w, want) {
		w.Fatalf("%s: ledger %s, recounted %s", name, mustJSON(w, res.Counts), mustJSON(w, want))
	}
	if got := w.sorted(src, store.Live); !slices.Equal(got, now) {
		w.Fatalf("%s: %d live grants are not the file's %d rows", name, len(got), len(now))
	}
	return res.Snapshot
}

func (w *world) sorted(src store.Source, snapshot int64) []string {
	w.Helper()
	got := w.live(src, snapshot)
	slices.Sort(got)
	return got
}

func (w *world) open(dsn string) {
	w.dsn = dsn
	w.s = storetest.Open(w.T, dsn, w.clock)
	w.svc = &ingest.Service{Store: w.s}
}

// diskSize is what the database takes on disk; the store is closed.
func diskSize(tb testing.TB, s *store.Store, dsn string) int64 {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		info, err := os.Stat(path)
		if err != nil {
			tb.Fatal(err)
		}
		return info.Size()
	}
	conn, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(tb.Context())
	var n int64
	if err := conn.QueryRow(tb.Context(), "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables").Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

func admin(name string) model.Actor {
	return model.Actor{UserID: 2, Name: name, Roles: []model.Role{model.Admin}}
}

// TestKubernetesControl is the negative control of TestKubernetes: a reader that drops one row
// must not pass for the file.
func TestKubernetesControl(t *testing.T) {
	each(t, func(w *world) {
		path := kubernetesFiles(w.T)[0]
		src := w.apply("kubernetes", kubernetes)
		b, err := os.ReadFile(path)
		if err != nil {
			w.Fatal(err)
		}
		lines := strings.SplitAfter(string(b), "\n")
		short := strings.Join(slices.Delete(lines, 500, 501), "")
		now := recount(w.T, path)
		res := w.run(w.request("kubernetes", 1, text(model.KindGrants, "short.csv", short)))
		if got := w.sorted(src, store.Live); slices.Equal(got, now) || res.Counts == expected(nil, now) {
			w.Error("a dropped row was not noticed")
		}
		req := w.request("kubernetes", 2, text(model.KindGrants, "short.csv", short))
		req.Expect = map[model.Kind]int64{model.KindGrants: int64(len(now))}
		if res := w.run(req); res.State != model.SnapshotHeld {
			w.Error("a control total that differs did not hold the snapshot")
		}
	})
}

func TestHPLabs(t *testing.T) {
	for name, want := range map[string][3]int{ // users, permissions, assignments
		"americas_small": {3477, 1587, 105205}, "apj": {2044, 1164, 6841}, "customer": {10021, 277, 45427}, "domino": {79, 231, 730},
		"emea": {35, 3046, 7220}, "fire1": {365, 709, 31951}, "fire2": {325, 590, 36428}, "hc": {46, 46, 1486},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				noHeader := false
				src := w.apply("hp", model.SourceSpec{
					Provides: model.ProvidesAccess, Type: "csv", Delimiter: "whitespace", Header: &noHeader,
					Columns: map[string]model.Strings{"account_id": {"1"}, "entitlement_id": {"2"}},
				})
				path := filepath.Join(realData, "hp-labs", name+".txt")
				users, permissions, pairs := map[string]bool{}, map[string]bool{}, map[string]bool{}
				f, err := os.Open(path)
				if err != nil {
					w.Fatal(err)
				}
				defer f.Close()
				sc := bufio.NewScanner(f)
				rows := int64(0)
				for sc.Scan() {
					if p := strings.Fields(sc.Text()); len(p) == 2 {
						rows++
						users[p[0]], permissions[p[1]], pairs[p[0]+" "+p[1]] = true, true, true
					}
				}
				if got := [3]int{len(users), len(permissions), len(pairs)}; got != want {
					w.Fatalf("the file has %v, want %v", got, want)
				}
				res := w.run(w.request("hp", 1, fileOf(model.KindGrants, path)))
				if res.Read != rows || res.Accepted != int64(len(pairs)) || res.Duplicates != rows-int64(len(pairs)) {
					w.Errorf("ledger %s, recounted %d rows, %d pairs", mustJSON(w, res.Counts), rows, len(pairs))
				}
				var got []string
				for _, g := range w.live(src, res.Snapshot) {
					got = append(got, strings.TrimSpace(g))
				}
				slices.Sort(got)
				if !slices.Equal(got, slices.Sorted(maps.Keys(pairs))) {
					w.Error("the live grants are not the file's pairs")
				}
				ledgers, err := w.s.Ledgers(w.Context(), res.Snapshot)
				if err != nil {
					w.Fatal(err)
				}
				for _, l := range ledgers {
					implied := map[model.Kind]int{model.KindAccounts: want[0], model.KindEntitlements: want[1]}[l.Kind]
					if l.Implied != int64(implied) || !l.Balanced() {
						w.Errorf("ledger of %s: %+v, want %d implied", l.Kind, l, implied)
					}
				}
			})
		})
	}
}
