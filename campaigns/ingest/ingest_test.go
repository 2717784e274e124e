package ingest_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// world is a database with its clock and a service on it.
type world struct {
	*testing.T

	dsn   string
	s     *store.Store
	clock *storetest.Clock
	svc   *ingest.Service
}

// each runs fn in a world of its own on either database.
func each(t *testing.T, fn func(w *world)) {
	t.Helper()
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, clock: &storetest.Clock{T: storetest.Epoch}}
			w.open(storetest.Migrated(t, d))
			fn(w)
		})
	}
}

// apply declares a source.
func (w *world) apply(name string, spec model.SourceSpec) store.Source {
	w.Helper()
	return applySource(w, w.s, name, spec)
}

func applySource(tb testing.TB, s *store.Store, name string, spec model.SourceSpec) (src store.Source) {
	tb.Helper()
	b, err := json.Marshal(spec)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(b)
	err = s.InTx(tb.Context(), func(tx *store.Tx) error {
		if _, err := tx.PutConfig(tb.Context(), model.ConfigSource, name, string(b), hex.EncodeToString(sum[:])); err != nil {
			return err
		}
		src, err = tx.PutSource(tb.Context(), name, spec.Provides, spec.Type)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

func text(kind model.Kind, name, content string) ingest.File {
	return ingest.File{Kind: kind, Name: name, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// grantsCSV is a file of grants.
func grantsCSV(lines ...string) ingest.File {
	return text(model.KindGrants, "grants.csv", "account_id,entitlement_id,granted_at,granted_by,last_used_at,via\n"+strings.Join(lines, "\n")+"\n")
}

func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func (w *world) request(source string, n int, files ...ingest.File) ingest.Request {
	return ingest.Request{Source: source, AsOf: day(n), Files: files, Origin: ingest.OriginCLI, Actor: "cli"}
}

// run ingests and must succeed.
func (w *world) run(req ingest.Request) ingest.Result {
	w.Helper()
	res, err := w.svc.Run(w.Context(), req)
	if err != nil {
		w.Fatalf("ingest: %v", err)
	}
	return res
}

// counts checks how many rows tables have.
func (w *world) counts(when string, want map[string]int) {
	w.Helper()
	for table, n := range want {
		if got := w.number("SELECT count(*) FROM " + table); got != int64(n) {
			w.Errorf("%s: %d rows in %s, want %d", when, got, table, n)
		}
	}
}

// number asks the database for a number, past the store.
func (w *world) number(query string) (n int64) {
	w.Helper()
	driver, dsn := "pgx", w.dsn
	if path, ok := strings.CutPrefix(w.dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(w.Context(), query).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// refused ingests and must fail with a kind and words.
func (w *world) refused(req ingest.Request, kind model.ErrorKind, words string) {
	w.Helper()
	_, err := w.svc.Run(w.Context(), req)
	if model.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), words) {
		w.Fatalf("ingest: error %v (%s), want a %s one with %q", err, model.KindOf(err), kind, words)
	}
}

// live are the live grants of a source as "account entitlement via granted_at", in the order of
// the natural keys.
func (w *world) live(src store.Source, snapshot int64) []string {
	w.Helper()
	accounts, entitlements := map[int64]string{}, map[int64]string{}
	for a, err := range w.s.AccountsAsOf(w.Context(), src.ID, snapshot) {
		if err != nil {
			w.Fatal(err)
		}
		accounts[a.Key] = a.AccountID
	}
	for e, err := range w.s.EntitlementsAsOf(w.Context(), src.ID, snapshot) {
		if err != nil {
			w.Fatal(err)
		}
		entitlements[e.Key] = e.EntitlementID
	}
	var out []string
	for g, err := range w.s.GrantsAsOf(w.Context(), src.ID, snapshot) {
		if err != nil {
			w.Fatal(err)
		}
		if accounts[g.AccountKey] == "" || entitlements[g.EntitlementKey] == "" {
			w.Fatalf("grant %d names what is not there", g.ID)
		}
		out = append(out, strings.Join([]string{accounts[g.AccountKey], entitlements[g.EntitlementKey], g.Via, g.GrantedAt.String()}, " "))
	}
	return out
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFirstAndSecond(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"})
		first := w.run(w.request("wiki", 1, grantsCSV(
			"ann,admin,2025-01-01,,,", "bob,reader,2025-01-01,eve,2025-06-01,", "cat,reader,,,,staff>readers", "dan,reader,,,,")))
		if first.State != model.SnapshotSealed || first.New != 4 || first.Accepted != 4 || first.Read != 4 || first.Previous != 0 {
			w.Fatalf("first: %s", mustJSON(w, first))
		}
		second := w.run(w.request("wiki", 2, grantsCSV(
			"ann,admin,2025-02-02,,,", "bob,reader,2025-01-01,zoe,2025-07-01,", "cat,reader,,,2025-07-02,staff>readers", "dan,reader,,,,", "eli,admin,,,,")))
		want := ingest.Counts{Read: 5, Accepted: 5, New: 1, Changed: 2, Unchanged: 2, Gone: 0, Previous: 4}
		if second.Counts != want {
			w.Fatalf("second: %s", mustJSON(w, second))
		}
		if n, err := w.s.CountGrants(w.Context(), src.ID); err != nil || n != 6 {
			w.Fatalf("%d grant rows (%v), want 6: ann was granted admin anew", n, err)
		}
	})
}
