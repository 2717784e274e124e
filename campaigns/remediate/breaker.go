package remediate

import "time"

// Limits of what is asked of a target that does not answer.
const (
	breakAfter = 5 // attempts in a row without one clean read
	breakFirst = 30 * time.Second
	breakMost  = 10 * time.Minute

	backoffFirst = 5 * time.Second
	backoffMost  = time.Hour
)

// breaker keeps a source that cannot be reached from being asked for every removal in it. It is
// a courtesy, not a guard, so it lives in memory.
type breaker struct {
	failures int
	until    time.Time
}

// breaker is the source's; the lock is held.
func (w *Worker) breaker(source int64) *breaker {
	b := w.breakers[source]
	if b == nil {
		b = &breaker{}
		w.breakers[source] = b
	}
	return b
}

// allows is how many removals may run at once: none while it is open, one to probe after that.
func (b *breaker) allows(now time.Time, most int) int {
	switch {
	case now.Before(b.until):
		return 0
	case b.failures >= breakAfter:
		return 1
	}
	return most
}

// reached tells the breaker how an attempt went: whether the target could be read at all, and
// how long it asks to be left alone.
func (w *Worker) reached(source int64, ok bool, retryAfter time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, now := w.breaker(source), w.Now()
	if ok {
		b.failures = 0
	} else {
		b.failures++
	}
	var wait time.Duration
	if b.failures >= breakAfter {
		wait = doubled(breakFirst, b.failures-breakAfter, breakMost)
	}
	if until := now.Add(max(wait, retryAfter)); until.After(b.until) {
		b.until = until
	}
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
