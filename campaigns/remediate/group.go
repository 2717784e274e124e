package remediate

import (
	"context"
	"sync"

	"recert/campaigns/evidence"
	"recert/model"
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
	of   *claim // what it ends or marks; nil is anything else
	err  error
	done chan struct{}
}

// inTx is Store.InTx, shared with others in the source. As there, fn may run more than once, so it has
// no effect outside the database but on what its caller reads afterwards.
func (w *Worker) inTx(ctx context.Context, source int64, fn func(*store.Tx) error) error {
	return w.share(ctx, source, &change{fn: fn})
}

// settle is inTx for what marks or ends the attempt of a claim: the brake of its source and its removal
// are locked, and what many such changes look at is read for all of them at once.
func (w *Worker) settle(ctx context.Context, c *claim, fn func(*store.Tx) error) error {
	return w.share(ctx, c.SourceID, &change{fn: fn, of: c})
}

func (w *Worker) share(ctx context.Context, source int64, c *change) error {
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
	return g.do(ctx, c)
}

func (g *group) do(ctx context.Context, c *change) error {
	c.done = make(chan struct{})
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
	err := g.inTx(ctx, cs)
	for _, c := range cs {
		if c.err = err; err != nil && len(cs) > 1 {
			c.err = g.inTx(ctx, []*change{c})
		}
		close(c.done)
	}
}

// inTx does first what marks or ends: it is stored together, and what comes after it, claims, sees it.
func (g *group) inTx(ctx context.Context, cs []*change) error {
	return g.store.InTx(ctx, func(tx *store.Tx) error {
		if err := lookAhead(ctx, tx, cs); err != nil {
			return err
		}
		for _, of := range []bool{true, false} {
			for _, c := range cs {
				if (c.of != nil) != of {
					continue
				}
				if err := c.fn(tx); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// lookAhead locks and reads at once what the changes of claims will each ask for.
func lookAhead(ctx context.Context, tx *store.Tx, cs []*change) error {
	var ids, others, entitlements []int64
	objects := map[string][]string{} // by run
	for _, c := range cs {
		if c.of == nil {
			continue
		}
		// Whoever counts what a source was asked, or says something against a removal, takes them in
		// this order too.
		if err := tx.LockBrake(ctx, c.of.SourceID); err != nil {
			return err
		}
		ids = append(ids, c.of.ID)
		objects[c.of.run] = append(objects[c.of.run], evidence.RemediationObject(id(c.of.ID)))
		if c.of.ForID != nil && c.of.Kind == model.KindRestore {
			others = append(others, *c.of.ForID)
		}
		if c.of.EntitlementKey != nil {
			entitlements = append(entitlements, *c.of.EntitlementKey)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := tx.LockClaims(ctx, append(others, ids...)); err != nil {
		return err
	}
	contests, err := tx.ContestsOf(ctx, ids)
	if err != nil {
		return err
	}
	for _, n := range ids {
		store.Know[*model.Contest](tx, contestOf(n), nil)
	}
	for _, c := range contests {
		store.Know(tx, contestOf(c.RemediationID), &c)
	}
	for run, of := range objects {
		if err := tx.ReadLastEvents(ctx, run, of); err != nil {
			return err
		}
	}
	return tx.ReadEntitlementData(ctx, entitlements)
}
