package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// rereadAfter is how long a source rests after a removal before it is read again: several
// removals give one read.
const rereadAfter = 5 * time.Second

// rereader reads live sources again after something was removed in them: the next snapshot
// proves it, or shows that it came back.
type rereader struct {
	store *store.Store
	live  *connectors
	log   *slog.Logger

	base context.Context //nolint:containedctx // of what outlives the request that began it
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu  sync.Mutex
	due map[int64]time.Time
}

func newRereader(ctx context.Context, s *store.Store, live *connectors, log *slog.Logger) *rereader {
	r := &rereader{store: s, live: live, log: log, due: map[int64]time.Time{}}
	r.base, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// close ends the reads that people began and waits for them.
func (r *rereader) close() {
	r.stop()
	r.wg.Wait()
}

// patience is how long who asks for a read waits for its end: what is wrong with the settings shows
// within it, and a small system is read by then.
const patience = 2 * time.Second

// begin reads a live source whole, and returns when that is done or after a moment: done tells which.
// What goes wrong later is on the source's page.
func (r *rereader) begin(ctx context.Context, source, actor string) (done bool, err error) {
	end := make(chan error, 1)
	r.wg.Go(func() {
		err := r.once(r.base, source, actor)
		if err != nil && r.base.Err() == nil {
			r.log.WarnContext(r.base, "a source was not read", slog.String("source", source), slog.String("error", oneLine(err)))
		}
		end <- err
	})
	select {
	case err := <-end:
		if model.KindOf(err) == model.Conflict {
			return false, r.later(ctx, source) // somebody is reading it already; it is read once more after that
		}
		return true, err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(patience):
		return false, nil
	}
}

// want asks for a read of a source soon.
func (r *rereader) want(_ context.Context, source int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due[source] = now().Add(rereadAfter)
	return nil
}

// run reads what is due until ctx ends.
func (r *rereader) run(ctx context.Context) error {
	tick, sweep := time.NewTicker(time.Second), time.NewTicker(time.Minute)
	defer tick.Stop()
	defer sweep.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			if err := r.schedule(ctx); err != nil && ctx.Err() == nil {
				r.log.ErrorContext(ctx, "what is to be read by itself cannot be looked up", slog.Any("error", err))
			}
			continue
		case <-tick.C:
		}
		for _, id := range r.take() {
			// Each in its own time: a system that hangs must not keep the others from being read.
			wg.Go(func() {
				if err := r.read(ctx, id); err != nil && ctx.Err() == nil {
					r.log.ErrorContext(ctx, "a source was not read again", slog.Int64("source", id), slog.Any("error", err))
				}
			})
		}
	}
}

// schedule asks for a read of each live source whose last one, whatever became of it, began longer ago
// than its read_every. Replicas may ask at once: only one of them loads.
func (r *rereader) schedule(ctx context.Context) error {
	sources, err := r.store.Sources(ctx)
	if err != nil {
		return err
	}
	for _, src := range sources {
		spec, err := r.store.SourceSpec(ctx, src.Name)
		if err != nil {
			return err
		}
		if spec.ReadEvery == "" || !isLive(spec.Type) {
			continue
		}
		every, err := time.ParseDuration(spec.ReadEvery)
		if err != nil {
			return err
		}
		last, err := r.store.Snapshots(ctx, src.ID, 0, 1)
		if err != nil {
			return err
		}
		if len(last) == 1 && now().Before(last[0].StartedAt.Std().Add(every)) {
			continue
		}
		if err := r.want(ctx, src.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *rereader) take() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []int64
	for id, at := range r.due {
		if !now().Before(at) {
			ids = append(ids, id)
			delete(r.due, id)
		}
	}
	return ids
}

func (r *rereader) read(ctx context.Context, id int64) error {
	src, err := r.store.SourceByID(ctx, id)
	if err != nil {
		return err
	}
	return r.now(ctx, src.Name, "after a removal")
}

// now is once; where somebody is reading the source already, that read may have begun too early, and
// another one follows.
func (r *rereader) now(ctx context.Context, source, actor string) error {
	err := r.once(ctx, source, actor)
	if model.KindOf(err) == model.Conflict {
		return r.later(ctx, source)
	}
	return err
}

// once reads a live source whole; one that has files only is left alone. A source that is being read is
// a Conflict.
func (r *rereader) once(ctx context.Context, source, actor string) error {
	spec, err := r.store.SourceSpec(ctx, source)
	if err != nil {
		return err
	}
	if !isLive(spec.Type) {
		return nil
	}
	live, err := r.live.source(ctx, source)
	if err != nil {
		return err
	}
	_, err = newIngest(r.store).Run(ctx, ingest.Request{Source: source, Origin: ingest.OriginLive, Actor: actor, Live: live})
	return err
}

func (r *rereader) later(ctx context.Context, source string) error {
	src, err := r.store.Source(ctx, source)
	if err != nil {
		return err
	}
	return r.want(ctx, src.ID)
}
