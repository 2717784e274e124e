package report_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"recert/campaigns/report"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// history is a database in which removals are moved at times since Epoch.
type history struct {
	t       *testing.T
	store   *store.Store
	db      *sql.DB
	clock   *storetest.Clock
	run     int64
	sources map[string]int64
	n       int64
}

func each(t *testing.T, fn func(t *testing.T, h *history)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dsn := storetest.Migrated(t, d)
			h := &history{t: t, clock: &storetest.Clock{T: storetest.Epoch}, sources: map[string]int64{}}
			h.store = storetest.Open(t, dsn, h.clock)
			driver, name := "pgx", dsn
			if d == store.SQLite {
				driver, name = "sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(dsn, "sqlite:")}).EscapedPath()+"?_pragma=busy_timeout(10000)"
			}
			var err error
			if h.db, err = sql.Open(driver, name); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { h.db.Close() })
			h.at(0, func(ctx context.Context, tx *store.Tx) error {
				for _, name := range []string{"wiki", "crm"} {
					src, err := tx.PutSource(ctx, name, model.ProvidesAccess, "scim")
					if err != nil {
						return err
					}
					h.sources[name] = src.ID
				}
				var err error
				h.run, err = tx.InsertRun(ctx, model.Run{Campaign: "q", Name: "q@1", State: model.Running, Spec: "{}", TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"})
				return err
			})
			fn(t, h)
		})
	}
}

// at does something at a time since Epoch.
func (h *history) at(since time.Duration, fn func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	h.clock.T = storetest.Epoch.Add(since)
	if err := h.store.InTx(h.t.Context(), func(tx *store.Tx) error { return fn(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) exec(q string, args ...any) {
	h.t.Helper()
	if h.store.Dialect() == store.Postgres {
		for n := 1; strings.Contains(q, "?"); n++ {
			q = strings.Replace(q, "?", fmt.Sprintf("$%d", n), 1)
		}
	}
	if _, err := h.db.ExecContext(h.t.Context(), q, args...); err != nil {
		h.t.Fatalf("%s: %v", q, err)
	}
}

// queue queues a removal.
func (h *history) queue(since time.Duration, source, mode string) int64 {
	h.t.Helper()
	var id int64
	h.n++
	h.at(since, func(ctx context.Context, tx *store.Tx) error {
		var err error
		id, err = tx.InsertRemediation(ctx, model.Remediation{
			Kind: model.KindRemove, RunID: h.run, ItemID: h.n, SourceID: h.sources[source], GrantID: h.n, AccountKey: h.n, Mode: mode,
			Access: []byte("{}"), State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
		})
		return err
	})
	return id
}

// called writes an attempt that asked, or a task that was given.
func (h *history) called(since time.Duration, id int64, n int) {
	h.t.Helper()
	at := int64(model.TimeOf(storetest.Epoch.Add(since)))
	h.exec("UPDATE remediations SET called_at = ?, state = 'sent' WHERE id = ?", at, id)
	if n > 0 {
		h.exec(`INSERT INTO attempts (remediation_id, n, fence, worker, intent_at, before, called_at, outcome, after, read_at, ended_at, detail)
			VALUES (?, ?, 1, 'w', ?, '', ?, 'removed', '', NULL, ?, '')`, id, n, at-1, at, at)
	}
}

// move gives a removal a state.
func (h *history) move(since time.Duration, id int64, to model.RemediationState) {
	h.t.Helper()
	h.at(since, func(ctx context.Context, tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, id)
		if err != nil {
			return err
		}
		from := r.State
		r.State = to
		switch to {
		case model.Confirmed, model.Superseded, model.Cancelled:
			r.ClosedAt = tx.Now
		case model.CameBack:
			r.ClosedAt = 0
			if err := tx.EndSpell(ctx, id); err != nil {
				return err
			}
		case model.Restored:
			ok, err := tx.RestoreRemediation(ctx, id, "on purpose")
			if err == nil && !ok {
				return fmt.Errorf("removal %d was not restored", id)
			}
			return err
		case model.Queued, model.Held, model.Sent, model.Failed:
		}
		return tx.MoveRemediation(ctx, r, from)
	})
}

func TestLagFigures(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *history) {
		const m, hr = time.Minute, time.Hour
		if got, err := report.LagFigures(t.Context(), h.store, store.LagFilter{}, model.TimeOf(h.clock.T)); err != nil || got != nil {
			t.Fatalf("of nothing: %+v, %v", got, err)
		}
		plain := h.queue(0, "wiki", "connector")
		h.called(10*m, plain, 1)
		h.called(12*m, plain, 2) // asked again: the first time counts
		h.move(15*m, plain, model.Confirmed)

		back := h.queue(0, "wiki", "connector")
		h.called(1*hr, back, 1)
		h.move(2*hr, back, model.Confirmed)
		h.move(26*hr, back, model.CameBack)
		h.called(27*hr, back, 2)
		h.move(30*hr, back, model.Confirmed)

		h.queue(0, "wiki", "connector") // open, never asked
		undone := h.queue(0, "wiki", "connector")
		h.move(5*m, undone, model.Cancelled)
		held := h.queue(1*hr, "wiki", "connector")
		h.move(2*hr, held, model.Held)
		anew := h.queue(0, "wiki", "connector")
		h.called(1*m, anew, 1)
		h.move(3*m, anew, model.Superseded)

		task := h.queue(0, "crm", "manual")
		h.called(30*m, task, 0)
		h.move(10*hr, task, model.Confirmed)
		failed := h.queue(2*hr, "crm", "connector")
		h.called(2*hr+20*m, failed, 1)
		h.move(4*hr, failed, model.Failed)
		given := h.queue(0, "crm", "connector")
		h.called(2*hr, given, 1)
		h.move(3*hr, given, model.Confirmed)
		h.move(50*hr, given, model.Restored)
		again := h.queue(0, "crm", "connector")
		h.exec("UPDATE remediations SET kind = 'restore' WHERE id = ?", again) // gives, takes nothing

		// What is lowered is open from the first, and its time counts from there.
		h.exec("UPDATE remediations SET kind = 'lower' WHERE id = ?", h.queue(3*hr, "crm", "connector"))
		done := h.queue(4*hr, "crm", "connector")
		h.exec("UPDATE remediations SET kind = 'lower', state = 'confirmed' WHERE id = ?", done)
		after := h.queue(5*hr, "crm", "connector")
		h.exec("UPDATE remediations SET for_id = ? WHERE id = ?", done, after)
		h.called(10*hr, after, 1)
		h.move(10*hr, after, model.Confirmed)
		h.exec("UPDATE remediations SET kind = 'lower', state = 'cancelled' WHERE id = ?", h.queue(4*hr, "crm", "connector"))

		h.clock.T = storetest.Epoch.Add(60 * hr)
		// In order, asked: 10m 20m 30m 1h 1h 2h 6h; proven: 15m 2h 3h 4h 6h 10h.
		want := []report.Lag{
			{
				Called: report.Spread{N: 7, Of: 6, Median: 1 * hr, P95: 6 * hr, Worst: 6 * hr}, Proven: report.Spread{N: 6, Of: 5, Median: 3 * hr, P95: 10 * hr, Worst: 10 * hr},
				Open: 4, Oldest: 60 * hr,
			},
			{
				Source: "crm", Called: report.Spread{N: 4, Of: 4, Median: 30 * m, P95: 6 * hr, Worst: 6 * hr}, Proven: report.Spread{N: 3, Of: 3, Median: 6 * hr, P95: 10 * hr, Worst: 10 * hr},
				Open: 2, Oldest: 58 * hr,
			},
			{
				Source: "wiki", Called: report.Spread{N: 3, Of: 2, Median: 1 * hr, P95: 1 * hr, Worst: 1 * hr}, Proven: report.Spread{N: 3, Of: 2, Median: 2 * hr, P95: 4 * hr, Worst: 4 * hr},
				Open: 2, Oldest: 60 * hr,
			},
		}
		now := model.TimeOf(h.clock.T)
		got, err := report.LagFigures(t.Context(), h.store, store.LagFilter{}, now)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("figures (-want +got):\n%s", d)
		}
		for name, c := range map[string]struct {
			filter store.LagFilter
			proven int64
			open   int64
		}{
			"a run":           {store.LagFilter{RunID: h.run}, 6, 4},
			"another run":     {store.LagFilter{RunID: 99}, 0, 0},
			"a source":        {store.LagFilter{SourceID: h.sources["crm"]}, 3, 2},
			"since a day":     {store.LagFilter{Since: model.TimeOf(storetest.Epoch.Add(24 * hr))}, 1, 4}, // what is open stays, however old
			"of all and none": {store.LagFilter{RunID: h.run, SourceID: 99}, 0, 0},
		} {
			got, err := report.LagFigures(t.Context(), h.store, c.filter, now)
			if err != nil {
				t.Fatal(err)
			}
			var proven, open int64
			if len(got) > 0 {
				proven, open = got[0].Proven.N, got[0].Open
			}
			if proven != c.proven || open != c.open {
				t.Errorf("%s: %d proven, %d open", name, proven, open)
			}
		}
	})
}

// TestSpread: the places of nearest rank, against a count of how many took no longer.
func TestSpread(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *history) {
		if h.store.Dialect() != store.SQLite {
			return // the same sums
		}
		for n := 1; n <= 41; n++ {
			id := h.queue(0, "wiki", "manual")
			h.move(time.Duration(n)*time.Hour, id, model.Confirmed)
			got, err := report.LagFigures(t.Context(), h.store, store.LagFilter{}, model.TimeOf(h.clock.T))
			if err != nil {
				t.Fatal(err)
			}
			p := got[0].Proven
			rank := func(share int) time.Duration { // the least duration that at least that share took no longer than
				i := 1
				for 100*i < share*n {
					i++
				}
				return time.Duration(i) * time.Hour
			}
			if p.Median != rank(50) || p.P95 != rank(95) || p.Worst != time.Duration(n)*time.Hour || p.N != int64(n) {
				t.Errorf("of %d: %+v", n, p)
			}
		}
	})
}
