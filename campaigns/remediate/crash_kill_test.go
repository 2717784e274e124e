package remediate

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
)

// Settings of the harness.
const (
	removalsEnv = "RECERT_CRASH_REMOVALS" // how many removals; 1,500 where it is not set, fewer under the race detector
	seedEnv     = "RECERT_CRASH_SEED"     // of what fails, and of when workers are killed
)

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n == 0 {
		t.Fatalf("%s must be a number from 1 on", name)
	}
	return n
}

// killer keeps workers running, and kills them.
type killer struct {
	c      *crashWorld
	rnd    *rand.Rand
	points int // a worker lives for at most so many points of attempts
	stop   bool
	over   chan struct{}
	kills  *atomic.Int64
	pauses *atomic.Int64
}

// Lives of workers.
const (
	longestLife = 20 * time.Second                                 // also of one that finds nothing to do
	longPause   = crashLease*5/4/crashSpeed + 100*time.Millisecond // past the lease
)

func (k *killer) run() {
	for {
		select {
		case <-k.over:
			return
		default:
		}
		if err := k.life(); err != nil {
			k.c.t.Errorf("a worker did not start: %v", err)
			return
		}
	}
}

// life starts one worker and kills it after some points, or pauses it past its lease before that.
func (k *killer) life() error {
	text, err := json.Marshal(k.c.job)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(k.c.t.Context(), os.Args[0]) //nolint:gosec // this test binary
	cmd.Env = append(os.Environ(), crashEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	points := make(chan string, 1)
	go func() {
		defer close(points)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			points <- lines.Text()
		}
	}()
	k.live(cmd, points)
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	k.kills.Add(1)
	for range points { // what it said before it died
	}
	_ = cmd.Wait() // killed
	return nil
}

// live returns when the worker's time has come.
func (k *killer) live(cmd *exec.Cmd, points <-chan string) {
	if _, ok := <-points; !ok {
		k.c.t.Error("a worker ended by itself")
		return
	}
	pause := k.stop && k.rnd.Float64() < 0.03
	end := time.After(longestLife)
	for range 1 + k.rnd.IntN(k.points) {
		select {
		case <-k.over:
			return
		case <-end:
			return
		case _, ok := <-points:
			if !ok {
				k.c.t.Error("a worker ended by itself")
				return
			}
		}
	}
	// Not just at the points: at any moment after them.
	time.Sleep(time.Duration(k.rnd.Int64N(int64(5 * time.Millisecond))))
	if pause {
		k.pauses.Add(1)
		k.pause(cmd, points)
	}
}

// pause stops a worker past its lease and lets it go on: what it does then comes too late.
func (k *killer) pause(cmd *exec.Cmd, points <-chan string) {
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		k.c.t.Error(err)
	}
	time.Sleep(longPause)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		k.c.t.Error(err)
	}
	end := time.After(100 * time.Millisecond)
	for {
		select {
		case <-end:
			return
		case <-points:
		}
	}
}

// killed has workers do all removals while they are killed, and gives what was violated.
func killed(t *testing.T, d store.Dialect, workers, removals int, noGuard bool) (broken []string, counts map[model.RemediationState]int, kills int64, anew int) {
	t.Helper()
	seed := setting(t, seedEnv, 20261001)
	c := newCrashWorld(t, d, seed, crashSpeed, removals)
	c.job.NoGuard, c.anew = noGuard, 0.04
	if noGuard {
		c.anew = 0.2 // it takes fewer removals to see it
	}
	c.misbehave()
	began, used := time.Now(), processorTime(t)
	var n, pauses atomic.Int64
	var wg sync.WaitGroup
	over := make(chan struct{})
	for i := range workers {
		k := &killer{c: c, rnd: rand.New(rand.NewPCG(seed, uint64(100+i))), points: 120, stop: workers > 1, over: over, kills: &n, pauses: &pauses} //nolint:gosec // a test that can be repeated
		wg.Go(k.run)
	}
	c.untilClosed(2 * time.Minute)
	close(over)
	wg.Wait()
	took, used := time.Since(began), processorTime(t)-used
	broken, counts = c.check()
	var attempts, lost int
	if err := c.db.QueryRowContext(t.Context(), "SELECT COUNT(*), SUM(CASE WHEN outcome = 'lost' THEN 1 ELSE 0 END) FROM attempts").Scan(&attempts, &lost); err != nil {
		t.Fatal(err)
	}
	for _, g := range c.gen {
		if g > 1 {
			anew++
		}
	}
	t.Logf("%s, seed %d: %d removals in %.1f s (%.1f s of processor time) came to %v: %d attempts, of which %d were lost in %d kills (%d pauses), %d granted anew",
		d, seed, removals, took.Seconds(), used.Seconds(), counts, attempts, lost, n.Load(), pauses.Load(), anew)
	return broken, counts, n.Load(), anew
}

// TestKilled kills worker processes at random while they do 1,500 removals in a target that flaps,
// is slow, lies, drops its answers, and where people grant anew what was just removed.
func TestKilled(t *testing.T) {
	for d, workers := range map[store.Dialect]int{store.SQLite: 1, store.Postgres: 3} {
		t.Run(string(d), func(t *testing.T) {
			removals := int(setting(t, removalsEnv, usualRemovals)) //nolint:gosec // not so many
			broken, counts, kills, anew := killed(t, d, workers, removals, false)
			for i, v := range broken {
				if t.Error(v); i == 30 {
					t.Errorf("and %d more", len(broken)-i)
					break
				}
			}
			if anew < removals/50 || counts[model.Confirmed] < removals*3/4 || kills < int64(removals/12) {
				t.Errorf("%d removals, of which %d were granted anew, came to %v in %d kills: that shows too little", removals, anew, counts, kills)
			}
		})
	}
}

// TestKilledWithoutGuard: without the version guard newer grants are removed, and the harness sees it.
func TestKilledWithoutGuard(t *testing.T) {
	for d, workers := range map[store.Dialect]int{store.SQLite: 1, store.Postgres: 3} {
		t.Run(string(d), func(t *testing.T) {
			broken, _, _, _ := killed(t, d, workers, 60, true)
			if !strings.Contains(strings.Join(broken, "; "), "a newer grant was removed") {
				t.Errorf("with no guard the harness saw %q", broken)
			}
		})
	}
}
