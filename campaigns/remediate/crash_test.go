package remediate

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

// crashAt makes a fault hook that stops the worker once, at a point.
func crashAt(p Point) func(context.Context, Point, int64) error {
	var once sync.Once
	return func(_ context.Context, at Point, _ int64) (err error) {
		if at == p {
			once.Do(func() { err = errCrash })
		}
		return err
	}
}

// TestCrash: a worker that dies at any point leaves a removal that the next one brings to the
// right end, also where somebody grants the access anew in between.
func TestCrash(t *testing.T) {
	t.Parallel()
	type crashCase struct {
		p       Point
		regrant bool
	}
	cases := map[string]crashCase{}
	for _, p := range Points {
		cases[string(p)] = crashCase{p, false}
		cases[string(p)+", granted anew"] = crashCase{p, true}
	}
	eachOf(t, 2, 1, cases, func(t *testing.T, r *rig, c crashCase) { crash(t, r, c.p, c.regrant) })
}

func crash(t *testing.T, r *rig, p Point, regrant bool) {
	t.Helper()
	dead := r.worker("dead")
	dead.Concurrency = 1
	dead.Fault = r.with(crashAt(p))
	if _, err := dead.Step(t.Context()); err == nil {
		t.Fatal("it did not crash")
	}
	first := r.attempts("u1/g1")
	if len(first) != 1 || (first[0].EndedAt == 0) != (p != PointFinished) {
		t.Fatalf("after the crash the attempts are %+v", first)
	}
	// The target cannot tell that it is another grant unless it was asked, or about to be, before.
	known := p == PointCalled || p == PointCallDone || p == PointReRead || p == PointFinished
	if regrant && known {
		r.grant("u1", "g1")
	}
	w := r.worker("next")
	// The same group is left alone until it is clear what happened to it.
	if _, err := w.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.row("u2/g1").Attempts; (n > 0) != (p == PointFinished) {
		t.Errorf("%d attempts at the same group while its last change was in doubt", n)
	}
	r.settle(w)
	want := model.Confirmed
	if regrant && known && p != PointFinished {
		want = model.Superseded
	}
	if row := r.row("u1/g1"); row.State != want {
		t.Errorf("it is %s (%s), want %s", row.State, row.Reason, want)
	}
	if row := r.row("u2/g1"); row.State != model.Confirmed {
		t.Errorf("its neighbour is %s (%s)", row.State, row.Reason)
	}
	if as := r.attempts("u1/g1"); p != PointFinished && as[0].Outcome != outcomeLost {
		t.Errorf("the attempt that died ended as %q", as[0].Outcome)
	}
	r.holds()
}

// late makes a worker sleep at a point of its first attempt, past its lease, while another one
// does the work and somebody then grants the access anew.
func late(t *testing.T, r *rig, p Point) *Worker {
	t.Helper()
	w1, w2 := r.worker("slow"), r.worker("quick")
	w1.Concurrency = 1
	var once sync.Once
	w1.Fault = r.with(func(_ context.Context, at Point, _ int64) error {
		if at == p {
			once.Do(func() {
				r.clock.Add(6 * time.Minute)
				r.settle(w2)
				if row := r.row("u1/g1"); row.State != model.Confirmed {
					t.Errorf("the quick worker left it %s (%s)", row.State, row.Reason)
				}
				r.grant("u1", "g1")
			})
		}
		return nil
	})
	return w1
}

// TestLateWorker: a worker that comes back after its lease neither asks the target nor writes a
// state. The target has no versions, so only the fence is in its way.
func TestLateWorker(t *testing.T) {
	t.Parallel()
	cases := map[string]Point{}
	for _, p := range []Point{PointPreRead, PointCalled, PointCallDone, PointReRead} {
		cases[string(p)] = p
	}
	eachOf(t, 1, 1, cases, func(t *testing.T, r *rig, p Point) {
		if p != PointCalled {
			// Between the last look at the claim and the call itself only a version guards.
			noETag(r, nil)
		}
		w := late(t, r, p)
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if row := r.row("u1/g1"); row.State != model.Confirmed || !r.srv.HasMember("g1", "u1") {
			t.Errorf("it is %s (%s), the new grant is there: %v", row.State, row.Reason, r.srv.HasMember("g1", "u1"))
		}
		as := r.attempts("u1/g1")
		if len(as) != 2 || as[0].Outcome != outcomeLost || !strings.Contains(as[0].Detail, "after its lease had run out") {
			t.Errorf("the attempts are %+v", as)
		}
		r.holds()
	})
}

// TestSettledWithoutIt: a snapshot settles a removal whose worker died; the attempt is ended all
// the same.
func TestSettledWithoutIt(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		w := r.worker("dead")
		w.Fault = r.with(crashAt(PointCallDone))
		if _, err := w.Step(t.Context()); err == nil {
			t.Fatal("it did not crash")
		}
		r.clock.Add(time.Hour)
		r.snapshotConfirms("u1/g1")
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if as := r.attempts("u1/g1"); len(as) != 1 || as[0].Outcome != outcomeLost || as[0].EndedAt == 0 {
			t.Errorf("the attempts are %+v", as)
		}
	})
}

// TestSnapshotMeanwhile: a snapshot settles a removal while a worker that lost its lease is still
// at it; the worker changes nothing, and its attempt is ended.
func TestSnapshotMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		w := r.worker("slow")
		w.Concurrency = 1
		w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
			if p == PointReRead {
				r.clock.Add(time.Hour)
				r.snapshotConfirms("u1/g1")
			}
			return nil
		})
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		row, as := r.row("u1/g1"), r.attempts("u1/g1")
		if row.Proof != "snapshot" || len(as) != 1 || as[0].EndedAt == 0 || as[0].Outcome != "removed" {
			t.Errorf("it is %s by %q; the attempts are %+v", row.State, row.Proof, as)
		}
	})
}

// chaos makes a target that fails in every way, and people who grant anew what was just removed.
func chaos(r *rig, seed uint64) {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test that can be repeated
	chance := func(p float64) func(scimserver.Call) bool {
		return func(scimserver.Call) bool {
			mu.Lock()
			defer mu.Unlock()
			return rnd.Float64() < p
		}
	}
	r.srv.Inject(
		scimserver.Rule{Fault: scimserver.DropReply, Method: write, When: chance(0.15)},
		scimserver.Rule{Fault: scimserver.Lie, Method: write, When: chance(0.1)},
		scimserver.Rule{Fault: scimserver.DropRequest, Method: write, When: chance(0.05)},
		scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "3", Method: write, When: chance(0.05)},
		scimserver.Rule{Fault: scimserver.Refuse, Status: 503, When: chance(0.04)},
	)
	// Who is granted anew is drawn by name: by call, a lucky run would have nobody.
	anew := map[string]bool{}
	for _, i := range rnd.Perm(len(r.names))[:len(r.names)/6] {
		anew[slices.Sorted(maps.Values(r.names))[i]] = true
	}
	r.onDone = func(c scimserver.Call) {
		if !c.Applied {
			return
		}
		name := who(c)
		mu.Lock()
		again := anew[name]
		delete(anew, name)
		mu.Unlock()
		if again {
			user, group, _ := strings.Cut(name, "/")
			r.grant(user, group)
		}
	}
}

// TestTwoWorkers: two workers at once on a target that fails in every way, and die themselves
// now and then.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	each(t, 10, 3, func(t *testing.T, r *rig) {
		const seed = 20261001
		chaos(r, seed)
		var mu sync.Mutex
		rnd := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test that can be repeated
		dies := r.with(func(_ context.Context, p Point, _ int64) error {
			mu.Lock()
			defer mu.Unlock()
			if p != PointFinished && rnd.Float64() < 0.04 {
				return errCrash
			}
			return nil
		})
		a, b := r.worker("a"), r.worker("b")
		a.Fault, b.Fault = dies, dies
		r.settle(a, b)
		counts := map[model.RemediationState]int{}
		for _, row := range r.rows() {
			counts[row.State]++
			// Whatever failed on the way, only what was granted anew is left to a person, or what the
			// target lied about while the other worker changed the same group.
			if row.State != model.Confirmed && r.gen[r.names[row.ID]] == 1 && !strings.Contains(row.Reason, whyOthers) {
				t.Errorf("%s is %s (%s)", r.names[row.ID], row.State, row.Reason)
			}
		}
		t.Logf("%v, %d grants made anew, %d calls", counts, len(r.gen)-counts[model.Confirmed], r.patches())
		if counts[model.Confirmed] < 15 || counts[model.Confirmed] == 30 {
			t.Errorf("30 removals came to %v", counts)
		}
		r.holds()
	})
}

// TestNegativeControls takes one guard off at a time: what the other tests check is then violated,
// so they would see it.
func TestNegativeControls(t *testing.T) {
	t.Parallel()
	const newer = "a newer grant was removed"
	tests := map[string]struct {
		off  unsafe
		want string
		set  func(t *testing.T, r *rig, w *Worker) *Worker
	}{
		"no look before": {unsafe{noPreRead: true}, newer, func(_ *testing.T, r *rig, w *Worker) *Worker {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.DropReply, Method: write, Times: 1})
			var once sync.Once
			r.onDone = func(scimserver.Call) {
				once.Do(func() { r.grant("u1", "g1") })
				r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Times: 1})
			}
			return w
		}},
		"no version": {unsafe{noGuard: true}, newer, func(_ *testing.T, r *rig, w *Worker) *Worker {
			w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
				if p == PointCalled {
					r.grant("u1", "g1")
				}
				return nil
			})
			return w
		}},
		"takes its word": {unsafe{believe: true}, "was confirmed, and is there", func(_ *testing.T, r *rig, w *Worker) *Worker {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: write})
			return w
		}},
		"no fence": {unsafe{noFence: true}, newer, func(t *testing.T, r *rig, _ *Worker) *Worker {
			t.Helper()
			noETag(r, nil)
			return late(t, r, PointPreRead)
		}},
		"intent too late": {unsafe{lateIntent: true}, "without an intent", func(_ *testing.T, r *rig, w *Worker) *Worker {
			w.Fault = r.with(crashAt(PointCallDone))
			return w
		}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for guard, off := range map[string]unsafe{"off": c.off, "on": {}} {
				t.Run(guard, func(t *testing.T) {
					t.Parallel()
					each(t, 1, 1, func(t *testing.T, r *rig) {
						w := c.set(t, r, r.worker("w1"))
						w.unsafe = off
						for range 3 {
							if _, err := w.Step(t.Context()); err != nil && !strings.Contains(err.Error(), errCrash.Error()) {
								t.Fatal(err)
							}
							r.forward()
						}
						r.mu.Lock()
						got := strings.Join(r.broken, "; ")
						r.mu.Unlock()
						if strings.Contains(got, c.want) != (guard == "off") {
							t.Errorf("with the guard %s, violated is %q", guard, got)
						}
					})
				})
			}
		})
	}
}
