package ingest_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// ingestRows is how many grants a benchmark ingests; RECERT_BENCH_ROWS says otherwise.
func ingestRows(b *testing.B) int {
	text := os.Getenv("RECERT_BENCH_ROWS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("RECERT_BENCH_ROWS: %v", err)
	}
	return n
}

const benchHeader = "account_id,entitlement_id,granted_at,granted_by,reason,expires_at,last_used_at,via,application,environment,ticket,comment\n"

// benchFile writes grants of 12 columns in the order of applications and accounts: of a million,
// 300,000 accounts in 200 applications with 100 roles each. churn is the
// share, in percent, of rows that are not those of churn 0: a third each gone, new and changed.
func benchFile(b *testing.B, rows int, churn float64, generation int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), fmt.Sprintf("grants-%d.csv", generation))
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	w.WriteString(benchHeader) //nolint:errcheck // Flush below tells
	rnd := rand.New(rand.NewPCG(7, uint64(generation)))
	day := func(n int) string {
		return time.Date(2020, 1, 1+n%2000, n%24, n%60, n%60, 0, time.UTC).Format(time.RFC3339)
	}
	for i := range rows {
		account, entitlement, reason := i*3/10, i%100, "joined the team"
		if p := rnd.Float64() * 300; p < churn {
			entitlement += 100 // gone, and another one new
		} else if p < 2*churn {
			reason = fmt.Sprintf("moved in %d", generation)
		}
		used := i
		if i%5 < 2 {
			used += generation // two fifths were used since the last snapshot
		}
		if i%6 == 0 {
			reason = `"` + reason + `, see the request"`
		}
		_, err := fmt.Fprintf(w, "app%03d:user%06d,app%03d:role%03d,%s,manager%05d,%s,,%s,,application %d,production,REQ-%07d,reviewed in the last campaign\n",
			account/1500, account, account/1500, entitlement, day(i), i%9999, reason, day(used), account/1500, i)
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// tool runs a database's own loader, which is the floor.
func tool(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	start := time.Now()
	if out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v: %s", name, err, out)
	}
	return time.Since(start)
}

const benchTable = `CREATE TABLE g (account_id text, entitlement_id text, granted_at text, granted_by text, reason text, expires_at text,
 last_used_at text, via text, application text, environment text, ticket text, comment text);`

const benchIndexes = `CREATE UNIQUE INDEX g1 ON g (account_id, entitlement_id, via); CREATE INDEX g2 ON g (entitlement_id);`

// floor loads the file by the database's own tool, without or with the indexes that we have.
func floor(b *testing.B, d store.Dialect, path string, indexes bool) time.Duration {
	b.Helper()
	schema := benchTable
	if indexes {
		schema += benchIndexes
	}
	if d == store.SQLite {
		return tool(b, "sqlite3", filepath.Join(b.TempDir(), "floor.db"), "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", schema, ".import --csv --skip 1 "+path+" g", "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	dsn := storetest.DSN(b, d)
	tool(b, "psql", "-q", "-d", dsn, "-c", schema)
	return tool(b, "psql", "-q", "-d", dsn, "-c", `\copy g FROM '`+path+`' CSV HEADER`)
}

// BenchmarkIngest compares whole ingests, to sealed and queryable, with the databases' own loaders
// of the same file in interleaved rounds: P1, P2 and P3 of the targets.
func BenchmarkIngest(b *testing.B) {
	rows := ingestRows(b)
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(fmt.Sprintf("%s/rows=%d", d, rows), func(b *testing.B) {
			var bare, indexed, first, second []time.Duration
			var loaderCPU, ourCPU time.Duration // only the sum over all rounds is of use
			path, next := benchFile(b, rows, 0, 0), benchFile(b, rows, 1, 1)
			for b.Loop() {
				bare = append(bare, floor(b, d, path, false))
				before := cpu(b, syscall.RUSAGE_CHILDREN)
				indexed = append(indexed, floor(b, d, path, true))
				loaderCPU += cpu(b, syscall.RUSAGE_CHILDREN) - before
				w := benchWorld(b, storetest.DSN(b, d))
				before = cpu(b, syscall.RUSAGE_SELF)
				first = append(first, w.ingest(b, path, 1))
				ourCPU += cpu(b, syscall.RUSAGE_SELF) - before
				second = append(second, w.ingest(b, next, 2))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(bare), "s/loader")
			b.ReportMetric(median(indexed), "s/loader+indexes")
			b.ReportMetric(median(first), "s/first")
			b.ReportMetric(median(second), "s/next")
			b.ReportMetric(median(first)/median(indexed), "x-loader+indexes")
			b.ReportMetric(median(first)/median(bare), "x-loader")
			b.ReportMetric(median(second)/median(first), "x-next")
			if d == store.SQLite { // PostgreSQL works in a process that is not counted
				b.ReportMetric(ourCPU.Seconds()/loaderCPU.Seconds(), "x-loader+indexes-cpu")
			}
		})
	}
}

// BenchmarkTwelve compares the bytes after twelve snapshots with those after one.
func BenchmarkTwelve(b *testing.B) {
	rows := ingestRows(b)
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(fmt.Sprintf("%s/rows=%d", d, rows), func(b *testing.B) {
			for b.Loop() {
				one, twelve := int64(0), int64(0)
				for _, n := range []int{1, 12} {
					dsn := storetest.DSN(b, d)
					w := benchWorld(b, dsn)
					for i := range n {
						w.ingest(b, benchFile(b, rows, 1, i), i+1)
					}
					one, twelve = twelve, diskSize(b, w.s, dsn)
				}
				b.ReportMetric(float64(twelve)/float64(one), "x-bytes")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

type benchIngest struct {
	s   *store.Store
	svc *ingest.Service
}

func benchWorld(b *testing.B, dsn string) benchIngest {
	b.Helper()
	s := storetest.Open(b, dsn, &storetest.Clock{T: storetest.Epoch})
	spec := model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"}
	applySource(b, s, "bench", spec)
	return benchIngest{s: s, svc: &ingest.Service{Store: s}}
}

func (w benchIngest) ingest(b *testing.B, path string, n int) time.Duration {
	b.Helper()
	start := time.Now()
	res, err := w.svc.Run(b.Context(), ingest.Request{Source: "bench", AsOf: day(n), Files: []ingest.File{fileOf(model.KindGrants, path)}, Origin: ingest.OriginCLI, Actor: "bench"})
	took := time.Since(start)
	if err != nil || res.State != model.SnapshotSealed || res.Rejected != 0 {
		b.Fatalf("%v, %s, %+v", err, res.State, res.Counts)
	}
	return took
}

// cpu is the time that this process, or its children, spent computing: what a busy machine leaves
// comparable.
func cpu(b *testing.B, who int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return d[len(d)/2].Seconds()
}
