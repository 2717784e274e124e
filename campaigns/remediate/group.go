package remediate

import (
	"context"
	"sync"

	"recert/model/store"
)

// mostGrouped bounds how many changes share a transaction.
const mostGrouped = 64

// group commits changes of one source together: those that arrive while a transaction is under way share
// the next one. Each waits until its own is committed, so that what may be done after it, and what
// a crash leaves, is as with a transaction of its own; only the waits for the disk are shared.
type group struct {
	store *store.Store

	mu      sync.Mutex
	waiting []*change
	busy    bool
}

type change struct {
	fn   func(*store.Tx) error
	err  error
	done chan struct{}
}

// inTx is Store.InTx, shared with others in the source. As there, fn may run more than once, so it has
// no effect outside the database but on what its caller reads afterwards.
func (w *Worker) inTx(ctx context.Context, source int64, fn func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.Store.Dialect() == store.SQLite {
		source = 0 // it has one writer for all of them
	}
	w.mu.Lock()
	g := w.groups[source]
	if g == nil {
		g = &group{store: w.Store}
		w.groups[source] = g
	}
	w.mu.Unlock()
	return g.do(ctx, fn)
}

func (g *group) do(ctx context.Context, fn func(*store.Tx) error) error {
	c := &change{fn: fn, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	begin := !g.busy
	g.busy = true
	g.mu.Unlock()
	if begin {
		// One that gives up must not take the others with it.
		go g.commit(context.WithoutCancel(ctx))
	}
	<-c.done
	return c.err
}

// commit works until nobody waits.
func (g *group) commit(ctx context.Context) {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), mostGrouped)
		cs := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.busy = n > 0
		g.mu.Unlock()
		if n == 0 {
			return
		}
		g.together(ctx, cs)
	}
}

// together commits changes in one transaction. Where one of them fails all are done anew, each by
// itself: what is wrong with one must not touch the others.
func (g *group) together(ctx context.Context, cs []*change) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	err := g.store.InTx(ctx, func(tx *store.Tx) error {
		for _, c := range cs {
			if err := c.fn(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range cs {
		if c.err = err; err != nil && len(cs) > 1 {
			c.err = g.store.InTx(ctx, c.fn)
		}
		close(c.done)
	}
}
