package remediate

import (
	"context"
	"time"

	"recert/model/store"
)

// Limits of what is asked of a target that does not answer.
const (
	breakAfter = 5 // attempts in a row without one clean read
	breakFirst = 30 * time.Second
	breakMost  = 10 * time.Minute

	backoffFirst = 5 * time.Second
	backoffMost  = time.Hour
)

// whyAskedToWait is why nothing is asked of a target that answers.
const whyAskedToWait = "The target asks to be left alone for a while."

// reach is what an attempt tells of whether its target can be reached.
type reach struct {
	known, ok bool
	wait      time.Duration // that the target asks for
	why       string        // it was not reached, for people
}

// reached notes how an attempt went: whether the target could be read at all, and how long it asks to
// be left alone. It is stored, for all workers, with how the attempt ended.
func (c *claim) reached(ok bool, wait time.Duration) {
	c.reach.known, c.reach.ok = true, ok
	c.reach.wait = max(c.reach.wait, wait)
}

// noteReach keeps a source that cannot be reached from being asked for every removal in it, by any
// worker. It is a courtesy, not a guard.
func (c *claim) noteReach(ctx context.Context, tx *store.Tx) error {
	if !c.reach.known || c.reach.ok && c.reach.wait == 0 && c.failures == 0 {
		return nil // as most of the time
	}
	if err := tx.LockBrake(ctx, c.SourceID); err != nil {
		return err
	}
	h, err := tx.SourceHealth(ctx, c.SourceID)
	if err != nil {
		return err
	}
	open := h.Failures >= breakAfter && h.OpenUntil > tx.Now
	switch {
	case c.reach.ok:
		h.Failures = 0
	case !open: // those that were under way when it opened tell nothing new
		h.Failures++
	}
	wait, why := c.reach.wait, whyAskedToWait
	if !open && h.Failures >= breakAfter {
		if d := doubled(breakFirst, h.Failures-breakAfter, breakMost); d > wait {
			wait, why = d, c.reach.why
		}
	}
	if until := tx.Now.Add(wait); wait > 0 && until > h.OpenUntil {
		h.OpenUntil, h.Reason = until, why
	}
	return tx.PutSourceHealth(ctx, h)
}

// doubled is first, doubled n times, at most most.
func doubled(first time.Duration, n int, most time.Duration) time.Duration {
	d := first
	for range n {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}

// backoff is the wait after n failures in a row, more or less by a fifth so that removals that
// failed together are not tried together.
func (w *Worker) backoff(n int, retryAfter time.Duration) time.Duration {
	d := doubled(backoffFirst, n, backoffMost)
	d = time.Duration(float64(d) * (0.8 + 0.4*w.Random()))
	return max(d, retryAfter)
}
