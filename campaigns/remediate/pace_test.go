package remediate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
	"recert/model/store"
)

// settings gives the rig's source settings of how it is asked; "" takes its document away.
func (r *rig) settings(revoke string) {
	r.t.Helper()
	r.tx(func(tx *store.Tx) error {
		if revoke == "" {
			return tx.DeleteConfig(r.t.Context(), model.ConfigSource, r.system)
		}
		spec := fmt.Sprintf(`{"provides":"access","type":"scim","revoke":{"mode":"connector","hourly_cap":"none",%s}}`, revoke)
		_, err := tx.PutConfig(r.t.Context(), model.ConfigSource, r.system, spec, revoke)
		return err
	})
}

// steps has workers do one round each, at once, and gives how many removals they worked on.
func (r *rig) steps(ws ...*Worker) int {
	r.t.Helper()
	var wg sync.WaitGroup
	var n atomic.Int64
	for _, w := range ws {
		wg.Go(func() {
			done, err := w.Step(r.t.Context())
			if err != nil && !errors.Is(err, errCrash) {
				r.t.Error(err)
			}
			n.Add(int64(done))
		})
	}
	wg.Wait()
	return int(n.Load())
}

func (r *rig) health() store.SourceHealth {
	r.t.Helper()
	h, err := r.s.SourceHealth(r.t.Context(), r.source)
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

// TestRate: two workers keep one rate together.
func TestRate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rate          string
		first, second int // removals in the first moment, and after half a second
	}{
		"5 a second":   {"5/s", 5, 2},
		"240 a minute": {"240/m", 4, 2},
		"1 an hour":    {"1/h", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, 5, 5, func(t *testing.T, r *rig) { rate(t, r, c.rate, c.first, c.second) })
		})
	}
}

func rate(t *testing.T, r *rig, most string, first, second int) {
	t.Helper()
	r.settings(`"concurrency":50,"rate":"` + most + `"`)
	a, b := r.worker("a"), r.worker("b")
	all := func() (n int) {
		for did := 1; did > 0; n += did {
			did = r.steps(a, b)
		}
		return n
	}
	if n := all(); n != first {
		t.Errorf("%d removals at first, want %d", n, first)
	}
	r.clock.Add(500 * time.Millisecond)
	if n := all(); n != second {
		t.Errorf("%d removals after half a second, want %d", n, second)
	}
	r.clock.Add(time.Hour) // what was not used is not saved up
	if n := all(); n != first {
		t.Errorf("%d removals after an hour, want %d", n, first)
	}
	r.holds()
}

// gate lets calls of a target wait, and counts how many wait at most.
type gate struct {
	connector.Target

	open chan struct{}
	mu   sync.Mutex
	now  int
	most int
}

func (g *gate) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	g.mu.Lock()
	g.now++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	defer func() { g.mu.Lock(); g.now--; g.mu.Unlock() }()
	select {
	case <-g.open:
	case <-ctx.Done():
	}
	return g.Target.Check(ctx, a)
}

// TestConcurrencyShared: what one worker is at counts for the other.
func TestConcurrencyShared(t *testing.T) {
	t.Parallel()
	each(t, 4, 4, func(t *testing.T, r *rig) {
		r.settings(`"concurrency":3`)
		g := &gate{Target: r.target, open: make(chan struct{})}
		r.target = g
		go func() {
			time.Sleep(300 * time.Millisecond)
			close(g.open)
		}()
		if n := r.steps(r.worker("a"), r.worker("b")); n != 3 || g.most != 3 {
			t.Errorf("%d removals were worked on, %d at once; want 3", n, g.most)
		}
		r.settle(r.worker("a"), r.worker("b"))
		r.holds()
	})
}

// TestBreakerShared: what one worker finds out about a source keeps the other from asking it, and one
// of them, once, tries whether it is there again.
func TestBreakerShared(t *testing.T) {
	t.Parallel()
	each(t, 5, 5, func(t *testing.T, r *rig) {
		r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503})
		a, b := r.worker("a"), r.worker("b")
		r.steps(a) // 4 at once
		r.steps(a) // and one more opens it
		h := r.health()
		if h.Failures < breakAfter || h.OpenUntil != model.TimeOf(r.clock.T.Add(breakFirst)) || h.Reason != whyUnreachable {
			t.Fatalf("after five failures it is known that %+v", h)
		}
		calls := len(r.srv.Calls())
		r.clock.Add(breakFirst - time.Second)
		if n := r.steps(b); n != 0 || len(r.srv.Calls()) != calls {
			t.Errorf("the other worker tried %d removals while nothing was to be asked", n)
		}
		rows := r.rows()
		if rows[0].WaitUntil != h.OpenUntil || rows[0].WaitReason != whyUnreachable {
			t.Errorf("the board knows of a wait until %s: %s", rows[0].WaitUntil, rows[0].WaitReason)
		}
		r.clock.Add(time.Second + time.Microsecond)
		if n := r.steps(a, b); n != 1 {
			t.Errorf("%d removals were tried to see whether it is there again, want 1", n)
		}
		if h = r.health(); h.OpenUntil != model.TimeOf(r.clock.T.Add(2*breakFirst)) {
			t.Errorf("after that one failed, nothing is asked until %s, now %s", h.OpenUntil, model.TimeOf(r.clock.T))
		}
		r.srv.ClearFaults()
		r.clock.Add(2*breakFirst + time.Microsecond)
		// The other one would find out at once that it may go on.
		if n := r.steps(a); n != 1 {
			t.Errorf("%d removals were tried, want 1", n)
		}
		if h = r.health(); h.Failures != 0 {
			t.Errorf("it is there again, and %+v", h)
		}
		r.settle(a, b)
		r.holds()
	})
}

// TestRetryAfterShared: a target that asks one worker for time is left alone by the other.
func TestRetryAfterShared(t *testing.T) {
	t.Parallel()
	each(t, 2, 2, func(t *testing.T, r *rig) {
		r.srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "1200", Times: 1})
		a, b := r.worker("a"), r.worker("b")
		a.Concurrency = 1
		r.steps(a)
		h, want := r.health(), model.TimeOf(r.clock.T.Add(20*time.Minute))
		if h.OpenUntil != want || h.Reason != whyAskedToWait {
			t.Fatalf("it is known that %+v, want until %s", h, want)
		}
		r.clock.Add(19 * time.Minute)
		if n := r.steps(b); n != 0 {
			t.Errorf("the other worker tried %d removals", n)
		}
		r.clock.Add(time.Minute + time.Second)
		if n := r.steps(b); n == 0 {
			t.Error("after the wait nothing is tried")
		}
		r.settle(a, b)
		r.holds()
	})
}

// TestUndeclared: removals in a source whose document is gone come to an end that a person
// understands, and go on once it is declared again.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.settings("")
		w := r.worker("w1")
		r.settle(w)
		row := r.row("u1/g1")
		if row.State != model.Failed || !strings.HasPrefix(row.Reason, whyUndeclared) || row.Attempts != mostUndeclared || r.patches() != 0 {
			t.Errorf("after %d attempts it is %s (%s)", row.Attempts, row.State, row.Reason)
		}
		r.settings(`"concurrency":1`)
		if err := Retry(t.Context(), r.s, model.Actor{Roles: []model.Role{model.Admin}, Name: "Ada"}, row.ID); err != nil {
			t.Fatal(err)
		}
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// TestTimeoutSetting: a source's own timeout is that of its looks and calls, and its leases are longer.
func TestTimeoutSetting(t *testing.T) {
	t.Parallel()
	w := &Worker{}
	w.init()
	c := &claim{spec: model.RevokeSpec{Timeout: "10m"}}
	if d := c.timeout(w.ReadTimeout); d != 10*time.Minute {
		t.Errorf("a look may take %s", d)
	}
	if d := w.lease(c.spec); d <= 30*time.Minute {
		t.Errorf("a lease is %s, which a look, a call and a look of 10m outlast", d)
	}
	if d := w.lease(model.RevokeSpec{}); d != w.Lease || d <= 3*w.CallTimeout {
		t.Errorf("a lease is %s, a call may take %s", d, w.CallTimeout)
	}
}

// TestGrouped: of changes that share a transaction a bad one takes none of the others with it.
func TestGrouped(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		w := r.worker("w1")
		w.init()
		var wg sync.WaitGroup
		var ok, bad atomic.Int64
		for i := range 200 {
			wg.Go(func() {
				err := w.inTx(t.Context(), r.source, func(tx *store.Tx) error {
					if _, err := tx.PutSource(t.Context(), fmt.Sprintf("s%d", i), model.ProvidesAccess, "scim"); err != nil {
						return err
					}
					if i%7 == 0 {
						return errCrash
					}
					return nil
				})
				switch {
				case err == nil:
					ok.Add(1)
				case errors.Is(err, errCrash):
					bad.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		all, err := r.s.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if bad.Load() != 29 || ok.Load() != 171 || len(all) != 172 {
			t.Errorf("%d were done and %d were not, %d sources are there", ok.Load(), bad.Load(), len(all))
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := w.inTx(ended, r.source, func(*store.Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end: %v", err)
		}
	})
}
