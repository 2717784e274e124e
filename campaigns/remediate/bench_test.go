package remediate

import (
	"context"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/model"
	"recert/model/store"
)

// What a run of a benchmark does, and how much of it at once.
const (
	benchRemovals = 4000
	benchAtOnce   = 64
)

// BenchmarkRevoke measures how many removals a second are asked for and proven, on a target that
// answers over HTTP on this machine, by one worker.
//
//	go test -run '^$' -bench Revoke ./campaigns/remediate
func BenchmarkRevoke(b *testing.B) {
	// With the few megabytes of this process the collector would run several times as often as with the
	// tens of the application's.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(string(d), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := newCrashWorld(b, d, 1, 1, benchRemovals)
				c.srv.Hook(nil, nil)
				b.StartTimer()
				used := processorTime(b)
				b.ReportMetric(c.rate(b), "removals/s")
				b.ReportMetric((processorTime(b)-used).Seconds()*1000/benchRemovals, "cpu-ms/removal")
			}
		})
	}
}

// BenchmarkRevokeBeside measures the same with and without a second source whose target never answers,
// by turns, so that other work on the machine weighs on both.
func BenchmarkRevokeBeside(b *testing.B) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(string(d), func(b *testing.B) {
			var alone, beside float64
			n := 0
			for b.Loop() {
				for range 3 {
					c := newCrashWorld(b, d, 1, 1, benchRemovals/4)
					c.srv.Hook(nil, nil)
					alone += c.rate(b)
					c = newCrashWorld(b, d, 1, 1, benchRemovals/4)
					c.srv.Hook(nil, nil)
					c.hang(b)
					beside += c.rate(b)
					n++
				}
			}
			b.ReportMetric(alone/float64(n), "alone/s")
			b.ReportMetric(beside/float64(n), "beside/s")
		})
	}
}

// hang adds a source whose target never answers, with removals that are all due.
func (c *crashWorld) hang(b *testing.B) {
	b.Helper()
	err := c.s.InTx(b.Context(), func(tx *store.Tx) error {
		src, err := tx.PutSource(b.Context(), "hangs", model.ProvidesAccess, "scim")
		if err != nil {
			return err
		}
		if _, err := tx.PutConfig(b.Context(), model.ConfigSource, "hangs", `{"provides":"access","type":"scim","revoke":{"mode":"connector"}}`, "h"); err != nil {
			return err
		}
		for n := range int64(200) {
			if _, err := tx.InsertRemediation(b.Context(), model.Remediation{
				RunID: 1, ItemID: 1_000_000 + n, SourceID: src.ID, GrantID: n + 1, AccountKey: 1_000_000 + n, Mode: model.ModeConnector,
				Access: []byte(`{"account_id":"a"}`), State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
			}); err != nil {
				return err
			}
		}
		c.hangs = src.ID
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// hanging never answers.
type hanging struct{ connector.Target }

func (hanging) Check(ctx context.Context, _ connector.Access) (o connector.Observation, err error) {
	<-ctx.Done()
	return o, ctx.Err()
}

// rate has one worker do all removals, and gives how many it did a second.
func (c *crashWorld) rate(b *testing.B) float64 {
	b.Helper()
	client, err := scim.New(scim.Config{URL: c.job.URL, Token: c.job.Token, Now: c.job.now})
	if err != nil {
		b.Fatal(err)
	}
	w := &Worker{
		Store: c.s, Name: "bench", Concurrency: benchAtOnce, Now: c.job.now,
		DrainFor: time.Millisecond,
		Targets: func(_ context.Context, source int64) (connector.Target, error) {
			if source == c.hangs {
				return hanging{}, nil
			}
			return client, nil
		},
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- w.Run(ctx) }()
	for c.open() > 0 {
		time.Sleep(250 * time.Millisecond)
	}
	took := time.Since(began)
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	return float64(len(c.ids)) / took.Seconds()
}

// processorTime is what this process, the target in it, and those that it started and that have ended,
// have used so far: on a machine with other work it tells more than the rate. A database server's own
// is not in it.
func processorTime(tb testing.TB) (used time.Duration) {
	tb.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			tb.Fatal(err)
		}
		used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return used
}
