package remediate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// open is how many removals have not come to an end.
func (c *crashWorld) open() int { return c.openIn("wiki") }

func (c *crashWorld) openIn(source string) (n int) {
	c.t.Helper()
	if err := c.db.QueryRowContext(c.t.Context(), `SELECT COUNT(*) FROM remediations r JOIN sources s ON s.id = r.source_id
		WHERE s.name = $1 AND r.state IN ('queued', 'held', 'sent', 'came_back')`, source).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// sample looks at what is claimed right now: never two of one group or account, and never with
// an older fence than before.
func (c *crashWorld) sample(fences map[int64]int64) {
	rows, err := c.db.QueryContext(c.t.Context(), "SELECT id, fence, account_key, entitlement_key, lease_until FROM remediations WHERE lease_until IS NOT NULL")
	if err != nil {
		c.t.Error(err)
		return
	}
	defer rows.Close()
	now := model.TimeOf(c.job.now())
	busy := map[string]int64{}
	for rows.Next() {
		var rid, fence, account, entitlement int64
		var until model.Time
		if err := rows.Scan(&rid, &fence, &account, &entitlement, &until); err != nil {
			c.t.Error(err)
			return
		}
		if fence < fences[rid] {
			c.violated("the fence of removal %d fell from %d to %d", rid, fences[rid], fence)
		}
		fences[rid] = fence
		if until < now {
			continue
		}
		for _, object := range []string{fmt.Sprintf("account %d", account), fmt.Sprintf("group %d", entitlement)} {
			if other := busy[object]; other != 0 {
				c.violated("removals %d and %d change %s at the same time", other, rid, object)
			}
			busy[object] = rid
		}
	}
	if err := rows.Err(); err != nil {
		c.t.Error(err)
	}
}

// all are the removals as they are stored.
func (c *crashWorld) all() map[string]store.RemediationRow {
	c.t.Helper()
	out := map[string]store.RemediationRow{}
	names := map[int64]string{}
	for name, rid := range c.ids {
		names[rid] = name
	}
	for before := int64(0); ; {
		rows, err := c.s.Remediations(c.t.Context(), store.RemediationFilter{Limit: 200, Before: before})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, r := range rows {
			if names[r.ID] == "" {
				c.violated("removal %d is of no decision", r.ID)
			}
			out[names[r.ID]] = r
			before = r.ID
		}
		if len(rows) < 200 {
			return out
		}
	}
}

// check holds the database against what the target knows, and gives what the removals came to.
func (c *crashWorld) check() (broken []string, counts map[model.RemediationState]int) {
	c.t.Helper()
	counts = map[model.RemediationState]int{}
	rows := c.all()
	if len(rows) != len(c.ids) {
		c.violated("%d decisions have %d removals", len(c.ids), len(rows))
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		counts[r.State]++
		as, err := c.s.RemediationAttempts(c.t.Context(), r.ID)
		if err != nil {
			c.t.Fatal(err)
		}
		c.checkOne(name, r.Remediation, as)
		c.checkAttempts(name, r.Remediation, as)
	}
	for _, g := range c.srv.Groups() {
		if !c.srv.HasMember(g, unreviewed) {
			c.violated("what nobody reviewed is gone from %s", g)
		}
	}
	c.checkDoctor()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.broken), counts
}

// checkOne is about where a removal stands.
func (c *crashWorld) checkOne(name string, r model.Remediation, as []model.Attempt) {
	user, group, _ := strings.Cut(name, "/")
	there := c.srv.HasMember(group, user)
	c.mu.Lock()
	gen, gone, calls := c.gen[name], c.removed[name], c.calls[r.ID]
	c.mu.Unlock()
	if r.State.Open() {
		c.violated("%s is %s (%s)", name, r.State, r.Reason)
	}
	if gen > 1 && !there {
		c.violated("%s was granted anew, and is gone: %+v", name, as)
	}
	if gen == 1 && there == !gone.IsZero() {
		c.violated("%s: there %v, removed at %v", name, there, gone)
	}
	if r.State != model.Confirmed {
		if gen == 1 && !c.mayFail(r.Reason) {
			c.violated("%s is %s (%s), though nobody granted it anew", name, r.State, r.Reason)
		}
		return
	}
	last := as[len(as)-1]
	after, err := observed(last.After)
	switch {
	case there:
		c.violated("%s is confirmed, and is there", name)
	case err != nil || after.Presence != "absent" || !last.ReadAt.Known() || r.Proof != "read":
		c.violated("%s is confirmed without a read that shows it absent: %+v", name, last)
	case last.EndedAt < model.TimeOf(gone):
		c.violated("%s is confirmed at %s, removed at %s", name, last.EndedAt, model.TimeOf(gone))
	case len(calls) > 0 && last.EndedAt < model.TimeOf(calls[len(calls)-1]):
		c.violated("%s is confirmed at %s, and was asked for after that", name, last.EndedAt)
	}
	for _, a := range as {
		if a.CalledAt > last.ReadAt {
			c.violated("%s is confirmed by a read at %s, before attempt %d asked for it", name, last.ReadAt, a.N)
		}
	}
}

// mayFail tells whether a reason says that nobody can tell what happened: a lie, and somebody
// else's change of the same group, leave that to a person, and that is right.
func (c *crashWorld) mayFail(reason string) bool {
	return slices.ContainsFunc([]string{whyOthers, whyLied, whyNoAnswer, whyMaybeNewer}, func(why string) bool { return strings.HasPrefix(reason, why) })
}

// checkAttempts is about what was written down of each try.
func (c *crashWorld) checkAttempts(name string, r model.Remediation, as []model.Attempt) {
	if len(as) != r.Attempts {
		c.violated("%s has %d attempts, and %d are written down", name, r.Attempts, len(as))
	}
	called := 0
	for i, a := range as {
		if a.CalledAt.Known() {
			called++
		}
		switch {
		case a.N != i+1, a.CalledAt.Known() && a.CalledAt < a.IntentAt, a.ReadAt.Known() && a.ReadAt < a.IntentAt, !a.EndedAt.Known(), a.Outcome == "" && a.After == "":
			c.violated("%s: attempt %d is out of order: %+v", name, i+1, a)
		}
		if i == 0 {
			continue
		}
		before := as[i-1]
		if a.Fence <= before.Fence {
			c.violated("%s: attempt %d has fence %d after %d", name, a.N, a.Fence, before.Fence)
		}
		// A worker that was paused past its lease ends its attempt whenever it comes back.
		free := max(before.IntentAt, before.CalledAt).Add(crashLease)
		if before.Outcome != outcomeLost {
			free = min(free, before.EndedAt)
		}
		if a.IntentAt < free {
			c.violated("%s: attempt %d began while attempt %d had a lease", name, a.N, before.N)
		}
	}
	c.mu.Lock()
	asked := len(c.calls[r.ID])
	c.mu.Unlock()
	if asked > called {
		c.violated("%s was asked for %d times by %d attempts", name, asked, called)
	}
}

// checkDoctor is what the doctor finds.
func (c *crashWorld) checkDoctor() {
	checks, err := evidence.Doctor(c.t.Context(), c.s, false)
	if err != nil {
		c.t.Fatal(err)
	}
	looked := 0
	for _, check := range checks {
		// The rest is about reviews, of which there are none here.
		if strings.HasPrefix(check.Check, "events.") || strings.HasPrefix(check.Check, "removals.") && check.Check != "removals.asked" {
			if looked++; !check.OK {
				c.violated("%s: %s", check.Check, check.Detail)
			}
		}
	}
	if looked < 8 {
		c.t.Errorf("the doctor made %d checks", looked)
	}
}

// untilClosed waits until nothing is open, looking at what is claimed meanwhile. It gives up where
// nothing comes to its end for a while.
func (c *crashWorld) untilClosed(while time.Duration) {
	c.t.Helper()
	fences := map[int64]int64{}
	least, since := len(c.ids)+1, time.Now()
	for n := c.open(); n > 0; n = c.open() {
		c.sample(fences)
		if n < least {
			least, since = n, time.Now()
		}
		if time.Since(since) > while {
			c.t.Errorf("%d removals are open, and for %s none came to its end", n, while)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
