package remediate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// Point is a moment of an attempt at which a test may stop the worker.
type Point string

// The points, in the order of an attempt.
const (
	PointClaimed  Point = "claimed"   // the intent is committed; nothing was looked at
	PointPreRead  Point = "pre_read"  // the target was looked at
	PointCalled   Point = "called"    // it is committed that the target is about to be asked
	PointCallDone Point = "call_done" // the target was asked
	PointReRead   Point = "re_read"   // the target was looked at again
	PointFinished Point = "finished"  // the outcome is committed
)

// Points are all points.
var Points = []Point{PointClaimed, PointPreRead, PointCalled, PointCallDone, PointReRead, PointFinished}

// Worker does removals. Any number of them may work on one database. Its methods are safe for
// concurrent use; its fields must not change once it works.
type Worker struct {
	Store *store.Store
	// Targets opens the target of a source. Its error is shown, so it holds no secret.
	Targets func(ctx context.Context, source int64) (connector.Target, error)
	// Outside opens the system that removals in a source are asked of where its mode is ticket or
	// webhook. Its error is shown, so it holds no secret. Nil where no source has such a mode.
	Outside func(ctx context.Context, source int64) (Desk, error)
	// Reread is told after each batch in which a source was asked to remove something; it must
	// not wait for the read. May be nil.
	Reread func(ctx context.Context, source int64) error
	Name   string // of this worker, for people
	Log    *slog.Logger
	Now    func() time.Time

	Concurrency int           // removals at once in one source by this worker; 0 is what the source's settings allow all workers
	Poll        time.Duration // between looks for what is due; 0 is 1 s
	Lease       time.Duration // of a claim, longer than a read and a call together; 0 is 5 min
	ReadTimeout time.Duration // of one look at a target whose settings give none; 0 is 60 s
	CallTimeout time.Duration // of one call that removes, likewise; 0 is 60 s
	DrainFor    time.Duration // how long Run waits at its end for what has begun; 0 is 25 s
	Random      func() float64

	// Fault is called at each point of each attempt; an error stops the attempt there as a crash
	// would: nothing more is written. Nil but in tests.
	Fault func(ctx context.Context, p Point, removal int64) error

	unsafe unsafe

	once    sync.Once
	mu      sync.Mutex
	running map[int64]int // by source, those that another system is asked for
	called  map[int64]bool
	lanes   map[int64]chan struct{} // by source, what wakes the one who is at it
	groups  map[int64]*group
	telling atomic.Bool // somebody is at the tickets of removals that nobody works on
}

// unsafe takes guards off, to see that tests notice.
type unsafe struct {
	noPreRead  bool // asks without a look at what is there
	noGuard    bool // asks without the version that was seen
	believe    bool // takes the target's word for proof
	noFence    bool // goes on whoever has the claim now
	lateIntent bool // writes the intent down with the outcome
}

func (w *Worker) init() {
	w.once.Do(func() {
		set := func(d *time.Duration, v time.Duration) {
			if *d <= 0 {
				*d = v
			}
		}
		set(&w.Poll, time.Second)
		set(&w.Lease, 5*time.Minute)
		set(&w.ReadTimeout, time.Minute)
		set(&w.CallTimeout, time.Minute)
		set(&w.DrainFor, 25*time.Second)
		if w.Log == nil {
			w.Log = slog.New(slog.DiscardHandler)
		}
		if w.Random == nil {
			w.Random = rand.Float64
		}
		w.running, w.called, w.lanes, w.groups = map[int64]int{}, map[int64]bool{}, map[int64]chan struct{}{}, map[int64]*group{}
	})
}

// Run works until ctx ends, then lets what has begun come to its end for at most DrainFor. It
// returns nil; what fails on the way is logged and tried again.
func (w *Worker) Run(ctx context.Context) error {
	w.init()
	// What has begun outlives ctx: an answer that nobody waits for is one more removal in doubt.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	tick := time.NewTicker(w.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := w.dispatch(ctx, work, &wg); err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "removals cannot be looked up", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	over := time.AfterFunc(w.DrainFor, stop)
	defer over.Stop()
	wg.Wait()
	return nil
}

// dispatch starts what may run beside what runs. Each source has its own goroutines, so that a
// slow one never holds another.
func (w *Worker) dispatch(ctx, work context.Context, wg *sync.WaitGroup) error {
	if err := w.sweep(ctx); err != nil {
		return err
	}
	if w.telling.CompareAndSwap(false, true) {
		wg.Go(func() {
			defer w.telling.Store(false)
			if _, err := w.tellIdle(work); err != nil {
				w.Log.ErrorContext(work, "tickets cannot be told what is true", slog.String("error", err.Error()))
			}
		})
	}
	due, err := w.Store.DueSources(ctx, model.TimeOf(w.Now()))
	if err != nil {
		return err
	}
	for _, d := range due {
		if wake, isNew := w.lane(d); isNew {
			wg.Go(func() { w.drive(ctx, work, d.ID, wake) })
		}
		if !d.Outside {
			continue
		}
		for range w.room(d.ID) {
			wg.Go(func() {
				defer w.left(work, d.ID)
				for ctx.Err() == nil {
					worked, err := w.outside(work, d.ID)
					w.logged(ctx, d.ID, err)
					if !worked || err != nil {
						return
					}
				}
			})
		}
	}
	return nil
}

// lane wakes whoever is at the removals of a source that connectors and people do; isNew is that
// nobody was, and that the caller is to be.
func (w *Worker) lane(d store.DueSource) (wake chan struct{}, isNew bool) {
	if !d.Connector && !d.Tasks {
		return nil, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if wake, ok := w.lanes[d.ID]; ok {
		select {
		case wake <- struct{}{}:
		default: // it is awake
		}
		return wake, false
	}
	wake = make(chan struct{}, 1)
	w.lanes[d.ID] = wake
	return wake, true
}

// drive does removals in a source until nothing is due: as soon as a quarter of those under way have
// come to their end it claims as many others. One by one, claims would cost more than what they claim.
func (w *Worker) drive(ctx, work context.Context, source int64, wake <-chan struct{}) {
	done := make(chan struct{}, 128)
	running, most := 0, 0
	for tasks := true; ; {
		if ctx.Err() == nil && (tasks || running <= most*3/4) {
			if tasks {
				_, err := w.openTasks(work, source)
				w.logged(ctx, source, err)
			}
			cs, err := w.claims(work, source, running)
			w.logged(ctx, source, err)
			for _, c := range cs {
				running++
				go func() {
					defer func() { done <- struct{}{} }()
					w.logged(ctx, source, w.attempt(work, c))
				}()
			}
			most = running
		}
		if running == 0 && w.idle(work, source, wake) {
			return
		}
		tasks = false
		select {
		case <-done:
			running--
		case <-wake:
			tasks = true
		}
		for len(done) > 0 {
			<-done
			running--
		}
	}
}

// idle ends the work in a source, unless there is something new. It tells that the source was changed.
func (w *Worker) idle(ctx context.Context, source int64, wake <-chan struct{}) bool {
	w.mu.Lock()
	if len(wake) > 0 && ctx.Err() == nil {
		w.mu.Unlock()
		return false
	}
	delete(w.lanes, source)
	w.mu.Unlock()
	w.tell(ctx, source)
	return true
}

func (w *Worker) logged(ctx context.Context, source int64, err error) {
	if err != nil {
		w.Log.ErrorContext(ctx, "removal failed", slog.Int64("source", source), slog.String("error", err.Error()))
	}
}

// outsideAtOnce is how many removals in one source a worker asks another system for at a time, where
// it is not told otherwise.
const outsideAtOnce = 4

// room takes the places that are free in a source for what another system is asked for.
func (w *Worker) room(source int64) int {
	most := outsideAtOnce
	if w.Concurrency > 0 {
		most = w.Concurrency
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := max(most-w.running[source], 0)
	w.running[source] += n
	return n
}

// left gives a place back; the last one to leave tells that the source was changed.
func (w *Worker) left(ctx context.Context, source int64) {
	w.mu.Lock()
	w.running[source]--
	last := w.running[source] == 0
	w.mu.Unlock()
	if last {
		w.tell(ctx, source)
	}
}

// rereads has a source that may have been changed read again, where it can be, once what runs in it is over.
func (w *Worker) rereads(source int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.called[source] = true
}

// tell says that a source was changed, if it was.
func (w *Worker) tell(ctx context.Context, source int64) {
	w.mu.Lock()
	changed := w.called[source]
	delete(w.called, source)
	w.mu.Unlock()
	if !changed || w.Reread == nil {
		return
	}
	if err := w.Reread(ctx, source); err != nil {
		w.Log.ErrorContext(ctx, "source cannot be read again", slog.Int64("source", source), slog.String("error", err.Error()))
	}
}

// Step does one round: in every source that has something due, as many removals as may run at once. It
// gives how many it worked on.
func (w *Worker) Step(ctx context.Context) (int, error) {
	w.init()
	if err := w.sweep(ctx); err != nil {
		return 0, err
	}
	due, err := w.Store.DueSources(ctx, model.TimeOf(w.Now()))
	if err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var n int
	var errs []error
	count := func(worked bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		if worked {
			n++
		}
		errs = append(errs, err)
	}
	for _, d := range due {
		if d.Outside {
			for range w.room(d.ID) {
				wg.Go(func() {
					defer w.left(ctx, d.ID)
					count(w.outside(ctx, d.ID))
				})
			}
		}
		wg.Go(func() {
			opened, err := w.openTasks(ctx, d.ID)
			count(opened > 0, err)
			cs, err := w.claims(ctx, d.ID, 0)
			count(false, err)
			var at sync.WaitGroup
			for _, c := range cs {
				at.Go(func() { count(true, w.attempt(ctx, c)) })
			}
			at.Wait()
			w.tell(ctx, d.ID)
		})
	}
	wg.Wait()
	told, err := w.tellIdle(ctx)
	return n + told, errors.Join(append(errs, err)...)
}

// Drain does rounds until nothing is due.
func (w *Worker) Drain(ctx context.Context) error {
	for {
		n, err := w.Step(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (w *Worker) fault(ctx context.Context, p Point, removal int64) error {
	if w.Fault == nil {
		return nil
	}
	if err := w.Fault(ctx, p, removal); err != nil {
		return fmt.Errorf("stopped at %s: %w", p, err)
	}
	return nil
}
