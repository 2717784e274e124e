package connectortest

import (
	"context"
	"errors"
	"testing"
	"time"

	"recert/campaigns/connector"
)

// The world of every test: two accounts that hold one entitlement, and one that does not.
const (
	alice, bob, carol = "u-1", "u-2", "u-3"
	editors, staff    = "g-1", "g-2"
)

func access() connector.Access {
	return connector.Access{AccountID: alice, Username: "alice", EntitlementID: editors, EntitlementName: "Editors"}
}

func account() connector.Access { return connector.Access{AccountID: alice, Username: "alice"} }

// Run runs the suite. fresh makes a connector and an empty target for each test; it registers
// its own clean-up.
func Run(t *testing.T, fresh func(t *testing.T) Harness) {
	t.Helper()
	tests := map[string]func(*testing.T, Harness){
		"revoke": revoked, "revoke twice": twice, "already absent": alreadyAbsent, "odd ids": oddIDs,
		"not direct": notDirect, "direct and nested": directAndNested, "a path is not taken away": pathGiven,
		"wrong account": wrongAccount, "wrong entitlement": wrongEntitlement, "names unknown": namesUnknown,
		"changed before": changedBefore, "changed meanwhile": changedMeanwhile,
		"account deleted": accountDeleted, "account deactivated": deactivated, "a liar is found out": liar,
		"slow, done": doneUnseen(SlowReply), "reply dropped, done": doneUnseen(DropReply),
		"stalled, not done": notDone(Stall), "request dropped, not done": notDone(DropRequest),
		"slow down": rateLimited, "statuses": statuses, "answers that are none": badAnswers,
		"redirects": redirects, "context ends": contextEnds,
		"grant": granted, "grant, refused": grantRefused, "grant, reply dropped": grantUnseen,
		"list": listed, "list nested": listedNested, "list faults": listFaults, "list, yield fails": yieldFails,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, fresh))
		})
	}
}

func start(t *testing.T, fresh func(t *testing.T) Harness) Harness {
	t.Helper()
	h := fresh(t)
	w := h.World
	w.AddAccount(alice, "alice")
	w.AddAccount(bob, "bob")
	w.AddAccount(carol, "carol")
	w.AddEntitlement(editors, "Editors")
	w.AddEntitlement(staff, "Staff")
	w.Grant(alice, editors)
	w.Grant(bob, editors)
	return h
}

func revoked(t *testing.T, h Harness) {
	obs := h.check(t, access(), connector.Present)
	h.revoke(t, access(), obs, connector.Removed)
	h.holds(t, alice, editors, false)
	h.holds(t, bob, editors, true)
	h.check(t, access(), connector.Absent)
	h.counts(t, 1, 1)
}

func twice(t *testing.T, h Harness) {
	obs := h.check(t, access(), connector.Present)
	h.revoke(t, access(), obs, connector.Removed)
	// As after a crash: the same attempt again, with what was seen before the first.
	h.revoke(t, access(), obs, connector.AlreadyAbsent)
	h.revoke(t, access(), h.check(t, access(), connector.Absent), connector.AlreadyAbsent)
	h.holds(t, bob, editors, true)
	h.counts(t, 1, 1)
}

func alreadyAbsent(t *testing.T, h Harness) {
	a := access()
	a.AccountID, a.Username = carol, "carol"
	h.revoke(t, a, h.check(t, a, connector.Absent), connector.AlreadyAbsent)
	gone := access()
	gone.EntitlementID, gone.EntitlementName = "g-404", "Nothing"
	h.revoke(t, gone, h.check(t, gone, connector.Absent), connector.AlreadyAbsent)
	h.counts(t, 0, 0)
}

// oddIDs holds ids that break filters, paths and JSON when they are not escaped.
func oddIDs(t *testing.T, h Harness) {
	for i, id := range []string{`a"b`, `a\b`, `a\"b`, "a/b", "a b", "a%2Fb", "ä>ö", "a] or value pr", "a?b#c", "<x>&y", "..."} {
		name := "odd" + string(rune('a'+i))
		h.World.AddAccount(id, name)
		h.World.Grant(id, editors)
		a := connector.Access{AccountID: id, Username: name, EntitlementID: editors, EntitlementName: "Editors"}
		h.revoke(t, a, h.check(t, a, connector.Present), connector.Removed)
		h.holds(t, id, editors, false)
		h.check(t, a, connector.Absent)
	}
	h.holds(t, alice, editors, true)
	h.holds(t, bob, editors, true)
}

func notDirect(t *testing.T, h Harness) {
	h.needs(t, "nesting")
	h.World.AddEntitlement("g-mid", "Mid")
	h.World.Nest(staff, "g-mid")
	h.World.Nest("g-mid", editors)
	a := access()
	a.EntitlementID, a.EntitlementName = staff, "Staff"
	obs := h.check(t, a, connector.NotDirect)
	h.revoke(t, a, obs, connector.RefusedDirect)
	// What was seen may be old: the connector looks for itself.
	h.revoke(t, a, connector.Observation{Presence: connector.Present}, connector.RefusedDirect)
	h.counts(t, 0, 0)
	h.holds(t, alice, editors, true)
	// Groups that hold each other end the search all the same.
	h.World.Nest(editors, staff)
	h.check(t, a, connector.NotDirect)
	b := connector.Access{AccountID: carol, Username: "carol", EntitlementID: staff}
	h.check(t, b, connector.Absent)
}

func directAndNested(t *testing.T, h Harness) {
	h.needs(t, "nesting")
	h.World.Grant(alice, staff)
	h.World.Nest(staff, editors)
	a := access()
	a.EntitlementID, a.EntitlementName = staff, "Staff"
	h.revoke(t, a, h.check(t, a, connector.Present), connector.Removed)
	h.holds(t, alice, staff, false)
	h.check(t, a, connector.NotDirect)
}

func pathGiven(t *testing.T, h Harness) {
	a := access()
	a.Via = staff
	h.revoke(t, a, connector.Observation{Presence: connector.Present}, connector.RefusedDirect)
	h.holds(t, alice, editors, true)
	h.counts(t, 0, 0)
}

func wrongAccount(t *testing.T, h Harness) {
	h.needs(t, "names")
	seen := h.check(t, access(), connector.Present)
	upper := access()
	upper.Username = "ALICE"
	h.check(t, upper, connector.Present)
	h.World.RenameAccount(alice, "somebody-else")
	h.revoke(t, access(), h.check(t, access(), connector.WrongTarget), connector.RefusedTarget)
	h.revoke(t, access(), seen, connector.RefusedTarget)
	h.revoke(t, account(), h.check(t, account(), connector.WrongTarget), connector.RefusedTarget)
	h.holds(t, alice, editors, true)
	h.counts(t, 0, 0)
}

func wrongEntitlement(t *testing.T, h Harness) {
	h.needs(t, "names")
	seen := h.check(t, access(), connector.Present)
	h.World.RenameEntitlement(editors, "Something Else")
	h.revoke(t, access(), h.check(t, access(), connector.WrongTarget), connector.RefusedTarget)
	h.revoke(t, access(), seen, connector.RefusedTarget)
	h.holds(t, alice, editors, true)
	h.counts(t, 0, 0)
}

func namesUnknown(t *testing.T, h Harness) {
	a := access()
	a.Username, a.EntitlementName = "", ""
	h.revoke(t, a, h.check(t, a, connector.Present), connector.Removed)
	h.holds(t, alice, editors, false)
}

func changedBefore(t *testing.T, h Harness) {
	h.needs(t, "guard")
	seen := h.check(t, access(), connector.Present)
	if seen.Version == "" {
		t.Fatal("no version is seen, although the protocol has them")
	}
	h.World.Ungrant(alice, editors)
	h.World.Grant(alice, editors)
	h.revoke(t, access(), seen, connector.Changed)
	h.holds(t, alice, editors, true)
	if n := h.World.Changes(); n != 0 {
		t.Fatalf("%d changes made, want none", n)
	}
	h.revoke(t, access(), h.check(t, access(), connector.Present), connector.Removed)
	h.holds(t, alice, editors, false)
}

func changedMeanwhile(t *testing.T, h Harness) {
	h.needs(t, "guard")
	seen := h.check(t, access(), connector.Present)
	h.World.Meanwhile(func() { h.World.Grant(alice, editors) })
	h.revoke(t, access(), seen, connector.Changed)
	h.holds(t, alice, editors, true)
	h.counts(t, 1, 0)
	// A guard that was never seen is taken from the connector's own look.
	h.World.Meanwhile(func() { h.World.Grant(alice, editors) })
	h.revoke(t, access(), connector.Observation{}, connector.Changed)
	h.holds(t, alice, editors, true)
}

func accountDeleted(t *testing.T, h Harness) {
	seen := h.check(t, access(), connector.Present)
	h.World.DeleteAccount(alice)
	h.check(t, access(), connector.Absent)
	h.check(t, account(), connector.Absent)
	h.revoke(t, access(), seen, connector.AlreadyAbsent)
	h.counts(t, 0, 0)
	h.holds(t, bob, editors, true)
}

func deactivated(t *testing.T, h Harness) {
	h.needs(t, "accounts")
	obs := h.check(t, account(), connector.Present)
	h.revoke(t, account(), obs, connector.Removed)
	if h.World.Active(alice) {
		t.Fatal("the account is still active")
	}
	if !h.World.Active(bob) {
		t.Fatal("another account was deactivated")
	}
	h.revoke(t, account(), obs, connector.AlreadyAbsent)
	h.check(t, account(), connector.Absent)
	h.counts(t, 1, 1)
}

func liar(t *testing.T, h Harness) {
	obs := h.check(t, access(), connector.Present)
	h.inject(t, Fault{Kind: Lie, On: Writes})
	h.revoke(t, access(), obs, connector.Removed)
	h.holds(t, alice, editors, true)
	h.check(t, access(), connector.Present)
}

// doneUnseen is a change that was made while its answer was lost.
func doneUnseen(kind FaultKind) func(*testing.T, Harness) {
	return func(t *testing.T, h Harness) {
		obs := h.check(t, access(), connector.Present)
		h.inject(t, Fault{Kind: kind, On: Writes})
		_, err := h.Target.Revoke(t.Context(), access(), obs, "rev-1")
		h.failure(t, err, connector.Unreachable)
		h.holds(t, alice, editors, false)
		h.World.ClearFaults()
		h.check(t, access(), connector.Absent)
		h.revoke(t, access(), obs, connector.AlreadyAbsent)
		h.counts(t, 1, 1) // nothing repeated the change behind our back
	}
}

// notDone is a change that was lost before it was made.
func notDone(kind FaultKind) func(*testing.T, Harness) {
	return func(t *testing.T, h Harness) {
		obs := h.check(t, access(), connector.Present)
		h.inject(t, Fault{Kind: kind, On: Writes})
		_, err := h.Target.Revoke(t.Context(), access(), obs, "rev-1")
		h.failure(t, err, connector.Unreachable)
		h.holds(t, alice, editors, true)
		h.counts(t, 1, 0)
		h.World.ClearFaults()
		h.revoke(t, access(), h.check(t, access(), connector.Present), connector.Removed)
		h.holds(t, alice, editors, false)
	}
}

func contextEnds(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Target.Check(ctx, access())
	h.failure(t, err, connector.Unreachable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v does not tell that the context ended", err)
	}
	_, err = h.Target.Revoke(ctx, access(), connector.Observation{Presence: connector.Present}, "rev-1")
	h.failure(t, err, connector.Unreachable)
	h.counts(t, 0, 0)

	h.inject(t, Fault{Kind: Stall, On: Reads})
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = h.Target.Check(ctx, access())
	h.failure(t, err, connector.Unreachable)
}
