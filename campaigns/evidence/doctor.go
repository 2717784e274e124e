package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// Check is what the doctor found out about one invariant.
type Check struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what breaks it, the first few; "" or how much was looked at where it holds
}

// How long an event may wait for its place in the log: what is newer is being worked on.
const (
	overtakenAfter = 5 * time.Minute // before others have theirs
	sealedAfter    = time.Minute     // at all, when the doctor is strict
)

// maxFaults is how many faults of one check are told.
const maxFaults = 3

// doctor is the state of one check.
type doctor struct {
	*store.View

	strict bool
	faults []string
	more   int // faults that are not told
	looked int64
	what   string // that was looked at, in the plural
}

// fault notes something that breaks the invariant.
func (d *doctor) fault(format string, args ...any) {
	if len(d.faults) == maxFaults {
		d.more++
		return
	}
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

// saw counts what was looked at.
func (d *doctor) saw(n int, what string) {
	d.looked += int64(n)
	d.what = what
}

func (d *doctor) result(name string) Check {
	c := Check{Check: name, OK: len(d.faults) == 0}
	switch {
	case !c.OK:
		c.Detail = strings.Join(d.faults, "; ")
		if d.more > 0 {
			c.Detail += fmt.Sprintf("; and %d more", d.more)
		}
	case d.what != "":
		c.Detail = fmt.Sprintf("%d %s", d.looked, d.what)
	}
	return c
}

// invariant is something that must always hold, and how to find out whether it does.
type invariant struct {
	name  string
	check func(ctx context.Context, d *doctor) error
}

// invariants are all that the doctor checks, in the order in which it does. A test breaks each.
var invariants = []invariant{
	{"events.leaf", checkLeaves},
	{"events.chain", checkChains},
	{"events.disclosures", checkDisclosures},
	{"log.index", rule(store.RuleLogIndex)},
	{"log.sequenced", checkSequenced},
	{"log.tree", checkTree},
	{"log.checkpoints", checkCheckpoints},
	{"log.key", checkKey},
	{"snapshots.ledger", checkLedgers},
	{"snapshots.events", checkSnapshots},
	{"snapshots.rejects", checkRejects},
	{"snapshots.sealed_only", checkSealedOnly},
	{"rows.hashes", checkRowHashes},
	{"rows.sealed", checkRowsSealed},
	{"intervals.one_open", rule(store.RuleOneOpen)},
	{"intervals.overlap", rule(store.RuleOverlaps)},
	{"runs.events", checkRuns},
	{"runs.sign_offs", checkSignOffs},
	{"runs.population", checkPopulation},
	{"runs.commitments", checkFrozen},
	{"items.text", checkTexts},
	{"items.counters", rule(store.RuleCounters)},
	{"items.events", checkItems},
	{"items.assignments", rule(store.RuleAssignments)},
	{"items.answers", rule(store.RuleAnswers)},
	{"items.outcomes", rule(store.RuleOutcomes)},
	{"decisions.events", checkDecisions},
	{"decisions.own_access", rule(store.RuleOwnAccess)},
	{"decisions.late", rule(store.RuleLate)},
	{"removals.complete", checkRevoked},
	{"removals.asked", rule(store.RuleUnaskedRemovals)},
	{"removals.contests", checkContests},
	{"removals.keeps", rule(store.RuleEndedKeeps)},
	{"removals.events", checkRemovals},
	{"removals.proof", checkProofs},
	{"removals.leases", checkLeases},
	{"removals.fences", rule(store.RuleFences)},
	{"removals.intents", rule(store.RuleIntents)},
	{"configs.events", checkConfigs},
	{"users.roles", checkUsers},
	{"sessions.roles", checkSessions},
	{"removals.approvals", checkApprovals},
	{"removals.stops", checkStops},
	{"removals.tickets", checkTickets},
	{"tasks.reports", checkReports},
	{"references", rule(store.RuleReferences)},
	{"secrets", checkSecrets},
}

// Invariants are the names of all checks.
func Invariants() []string {
	names := make([]string, len(invariants))
	for i, inv := range invariants {
		names[i] = inv.name
	}
	return names
}

// Doctor checks every invariant on live data: it only reads, and each check sees the database at
// one instant, so that what is written meanwhile is no false alarm. strict also demands that
// nothing waits for its place in the log or for a checkpoint. A check that cannot be made has
// failed. The error is that of ctx.
func Doctor(ctx context.Context, s *store.Store, strict bool) ([]Check, error) {
	out := make([]Check, 0, len(invariants))
	for _, inv := range invariants {
		c, err := (&doctor{strict: strict}).examine(ctx, s, inv)
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, nil
}

// examine makes one check. The error is that of ctx.
func (d *doctor) examine(ctx context.Context, s *store.Store, inv invariant) (Check, error) {
	err := s.View(ctx, func(v *store.View) error {
		d.View = v
		return inv.check(ctx, d)
	})
	if ctx.Err() != nil {
		return Check{}, ctx.Err()
	}
	if err != nil && !errors.Is(err, errEnough) {
		d.fault("it could not be checked: %v", err)
	}
	return d.result(inv.name), nil
}

// errEnough ends a check early: what follows from the first fault tells nothing more.
var errEnough = errors.New("enough is known")

// rule is the check of a rule that SQL can check alone.
func rule(r store.Rule) func(context.Context, *doctor) error {
	return func(ctx context.Context, d *doctor) error { return d.rule(ctx, r) }
}

func (d *doctor) rule(ctx context.Context, r store.Rule, args ...any) error {
	found, err := d.Breaches(ctx, r, maxFaults+1, args...)
	for _, f := range found {
		d.fault("%s", f)
	}
	return err
}

// pages calls fn for every row of a query that gives a page after the last row; each page is
// handed to whole first, where that is not nil.
func pages[T any](ctx context.Context, page func(context.Context, T) ([]T, error), whole func([]T) error, fn func(*T) error) error {
	var last T
	for {
		rows, err := page(ctx, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		if whole != nil {
			if err := whole(rows); err != nil {
				return err
			}
		}
		for i := range rows {
			if err := fn(&rows[i]); err != nil {
				return err
			}
		}
		last = rows[len(rows)-1]
	}
}

// eachRun calls fn for every run.
func eachRun(ctx context.Context, d *doctor, fn func(*model.Run) error) error {
	return pages(ctx, func(ctx context.Context, r model.Run) ([]model.Run, error) { return d.RunsAfter(ctx, r.ID) }, nil, func(r *model.Run) error {
		d.saw(1, "runs")
		return fn(r)
	})
}
