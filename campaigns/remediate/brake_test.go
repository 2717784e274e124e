package remediate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// People of the brakes' tests, by key.
const (
	answeredBy = 501 // who answered every item
	subject    = 502 // whose access it is
)

// configure changes how removals in the rig's source are done.
func (r *rig) configure(revoke string) {
	r.t.Helper()
	r.tx(func(tx *store.Tx) error {
		_, err := tx.PutConfig(r.t.Context(), model.ConfigSource, r.system, `{"provides":"access","type":"scim","revoke":{"mode":"connector",`+revoke+`}}`, revoke)
		return err
	})
}

// reviewed makes the items that the removals of u1…un from g1 are of, answered.
func (r *rig) reviewed(users int) {
	r.t.Helper()
	r.tx(func(tx *store.Tx) error {
		b, err := tx.ItemsBulk(r.t.Context())
		if err != nil {
			return err
		}
		for n := int64(1); n <= int64(users); n++ {
			if err := b.Add(r.run.ID, n, r.source, n, int64(1001), n, int64(subject), int64(answeredBy), "manager", "{}", []byte("t"), []byte("r"), "revoke", "revoke", false, int64(1)); err != nil {
				return err
			}
		}
		if _, err := b.Close(); err != nil {
			return err
		}
		for n := int64(1); n <= int64(users); n++ {
			d := model.Decision{RunID: r.run.ID, ItemID: n, Version: 1, ReviewerKey: answeredBy, Answer: model.Revoke, IdemKey: fmt.Sprint("k", n), EventID: 1, At: tx.Now}
			if err := tx.InsertDecision(r.t.Context(), d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *rig) step(w *Worker) {
	r.t.Helper()
	for range 30 {
		n, err := w.Step(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	r.t.Fatalf("the worker does not come to an end: %s", r.states())
}

func (r *rig) is(name string, state model.RemediationState, why string) {
	r.t.Helper()
	if row := r.row(name); row.State != state || !strings.Contains(row.Reason, why) {
		r.t.Errorf("%s is %s (%s), want %s (%s)", name, row.State, row.Reason, state, why)
	}
}

// selfTarget is a target that knows its own account.
type selfTarget struct {
	connector.Target

	account string
}

func (s selfTarget) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	o, err := s.Target.Check(ctx, a)
	o.Self = a.AccountID == s.account
	return o, err
}

// TestHeld: what a brake holds asks nothing of the target, and goes out when a second person lets it.
func TestHeld(t *testing.T) {
	t.Parallel()
	type brake struct {
		revoke, entitlement string
		account             string
		users               int
		self                bool
		why                 string
	}
	brakes := map[string]brake{
		"protected by id":   {revoke: `"protected":["U1"]`, entitlement: "{}", users: 2, why: whyProtected},
		"protected by name": {revoke: `"protected":["USER1"]`, entitlement: "{}", users: 2, why: whyProtected},
		"its own account":   {revoke: `"hourly_cap":"none"`, entitlement: "{}", users: 2, self: true, why: whySelf},
		"the last admin":    {revoke: `"hourly_cap":"none"`, entitlement: `{"privileged":true}`, users: 1, why: whyLast},
		"the last of risk":  {revoke: `"hourly_cap":"none"`, entitlement: `{"risk":"critical"}`, users: 1, why: whyLast},
		"a shared account":  {revoke: `"hourly_cap":"none"`, entitlement: "{}", account: "shared", users: 1, why: whyShared},
		"the hour's cap":    {revoke: `"hourly_cap":"0"`, entitlement: "{}", users: 1, why: whyHourCap},
	}
	for name, b := range brakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				r := newRigOf(t, s, clock, b.users, 1, frozen{spec: "{}", entitlement: b.entitlement, account: b.account})
				r.configure(b.revoke)
				r.reviewed(b.users)
				if b.self {
					r.target = selfTarget{r.target, "u1"}
				}
				w := r.worker("w1")
				r.step(w)
				r.is("u1/g1", model.Held, b.why)
				if b.users == 2 {
					r.is("u2/g1", model.Confirmed, "")
				}
				if n := r.patches(); n != b.users-1 {
					t.Errorf("the target was asked %d times for a change, want %d", n, b.users-1)
				}
				if !r.srv.HasMember("g1", "u1") {
					t.Error("the access is gone")
				}
				refused := []model.Actor{
					{}, auditor, manager,
					{Name: "Answered", PersonKey: answeredBy, Roles: []model.Role{model.Admin}},
					{Name: "Subject", PersonKey: subject, Roles: []model.Role{model.Admin}},
				}
				for _, who := range refused {
					if _, err := Approve(t.Context(), r.s, who, []int64{r.ids["u1/g1"]}, 0); model.KindOf(err) != model.Forbidden {
						t.Errorf("%s may let it go on: %v", who.Name, err)
					}
				}
				// Of all that is held, what one may not let go on stays, without an error.
				if n, err := Approve(t.Context(), r.s, refused[3], nil, 0); n != 0 || err != nil {
					t.Errorf("%d go on, %v", n, err)
				}
				for want := range 2 { // the second click changes nothing
					if n, err := Approve(t.Context(), r.s, admin, []int64{r.ids["u1/g1"]}, 0); n != 1-want || err != nil {
						t.Fatalf("approve: %d, %v", n, err)
					}
				}
				if row := r.row("u1/g1"); row.Approved != admin.Label() {
					t.Errorf("it was let go on by %q", row.Approved)
				}
				r.settle(w)
				r.is("u1/g1", model.Confirmed, "")
				if r.srv.HasMember("g1", "u1") {
					t.Error("the access is still there")
				}
				r.holds()
			})
		})
	}
}

// TestLastOfNothing: the last member of an ordinary group goes without a question.
func TestLastOfNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		r := newRigOf(t, s, clock, 1, 1, frozen{spec: "{}", entitlement: `{"risk":"low"}`})
		r.reviewed(1)
		r.settle(r.worker("w1"))
		r.is("u1/g1", model.Confirmed, "")
		r.holds()
	})
}

// TestHourlyCap: several workers together stay under the cap, and the next hour has its own.
func TestHourlyCap(t *testing.T) {
	t.Parallel()
	const users, most = 9, 4
	each(t, users, 1, func(t *testing.T, r *rig) {
		r.configure(fmt.Sprintf(`"hourly_cap":"%d"`, most))
		r.reviewed(users)
		r.settle(r.worker("w1"), r.worker("w2"))
		n := map[model.RemediationState]int{}
		for _, row := range r.rows() {
			n[row.State]++
		}
		held, gone := n[model.Held], n[model.Confirmed]
		if gone != most || held != users-most {
			t.Fatalf("%d are gone and %d held, want %d and %d: %s", gone, held, most, users-most, r.states())
		}
		if n, err := Approve(t.Context(), r.s, admin, nil, 0); n != users-most || err != nil {
			t.Fatalf("%d go on, %v", n, err)
		}
		r.settle(r.worker("w1"))
		for n := 1; n <= users; n++ {
			r.is(fmt.Sprintf("u%d/g1", n), model.Confirmed, "")
		}
		r.holds()
	})
}

// TestNextHour: what was asked an hour ago counts no more, and neither does what was approved.
func TestNextHour(t *testing.T) {
	t.Parallel()
	each(t, 2, 1, func(t *testing.T, r *rig) {
		r.configure(`"hourly_cap":"1"`)
		r.reviewed(2)
		w := r.worker("w1")
		w.Concurrency = 1
		if n, err := w.Step(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r.clock.Add(61 * time.Minute)
		r.settle(w)
		r.is("u1/g1", model.Confirmed, "")
		r.is("u2/g1", model.Confirmed, "")
		r.holds()
	})
}

// TestRunCap: a campaign's own limit, as a share of its items.
func TestRunCap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		r := newRigOf(t, s, clock, 5, 1, frozen{spec: `{"removal_cap":"50%"}`, items: 5, entitlement: "{}"})
		r.reviewed(5)
		r.settle(r.worker("w1"), r.worker("w2"))
		n := map[model.RemediationState]int{}
		for _, row := range r.rows() {
			n[row.State]++
		}
		if n[model.Confirmed] != 2 || n[model.Held] != 3 {
			t.Errorf("%v, want 2 confirmed and 3 held: %s", n, r.states())
		}
		r.holds()
	})
}

// TestElsewhere: what was reviewed in another system is not looked up in this one: that it is not there
// proves nothing. A second person may say that it is the same system.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.reviewed(1)
		var snap int64
		r.tx(func(tx *store.Tx) error {
			s := model.Snapshot{SourceID: r.source, AsOf: tx.Now, State: model.SnapshotLoading, Origin: "live", Actor: "tester", Extraction: "{}", Unmatched: "{}", Problems: "{}", Reasons: "[]", StartedAt: tx.Now}
			var err error
			if snap, err = tx.InsertSnapshot(t.Context(), s); err != nil {
				return err
			}
			return tx.InsertRunSource(t.Context(), r.run.ID, r.source, snap)
		})
		r.clock.Add(time.Minute)
		r.tx(func(tx *store.Tx) error { return tx.MarkMoved(t.Context(), r.source) })
		w := r.worker("w1")
		r.settle(w)
		r.is("u1/g1", model.Held, whyMoved)
		if n := len(r.srv.Calls()); n != 0 {
			t.Errorf("another system was asked %d times", n)
		}
		seen := r.row("u1/g1").Fence
		if _, err := Approve(t.Context(), r.s, admin, []int64{r.ids["u1/g1"]}, seen+7); model.KindOf(err) != model.Conflict {
			t.Errorf("with a page from before: %v", err)
		}
		if n, err := Approve(t.Context(), r.s, admin, []int64{r.ids["u1/g1"]}, seen); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		// It moves once more before the worker comes to it: who let it go on spoke of another system.
		r.clock.Add(time.Minute)
		r.tx(func(tx *store.Tx) error { return tx.MarkMoved(t.Context(), r.source) })
		r.settle(w)
		r.is("u1/g1", model.Held, whyMoved)
		if n := len(r.srv.Calls()); n != 0 {
			t.Errorf("another system was asked %d times", n)
		}
		if n, err := Approve(t.Context(), r.s, admin, nil, 0); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r.settle(w)
		r.is("u1/g1", model.Confirmed, "")
	})
}

// TestCarriedOver: a snapshot that carries the grants of before forward, or a file, is no read of the new
// system.
func TestCarriedOver(t *testing.T) {
	t.Parallel()
	each(t, 0, 0, func(t *testing.T, r *rig) {
		read := func(origin string, given ...model.Kind) int64 {
			t.Helper()
			r.clock.Add(time.Hour)
			var id int64
			r.tx(func(tx *store.Tx) error {
				s := model.Snapshot{SourceID: r.source, AsOf: tx.Now, State: model.SnapshotSealed, Origin: origin, Actor: "tester", Extraction: "{}", Unmatched: "{}", Problems: "{}", Reasons: "[]", StartedAt: tx.Now}
				var err error
				if id, err = tx.InsertSnapshot(t.Context(), s); err != nil {
					return err
				}
				s.ID, s.SealedAt, s.State = id, tx.Now, model.SnapshotSealed
				if err := tx.UpdateSnapshot(t.Context(), s, model.SnapshotLoading); err != nil {
					return err
				}
				var ls []model.Ledger
				for _, k := range given {
					ls = append(ls, model.Ledger{SnapshotID: id, Kind: k, Given: true})
				}
				return tx.PutLedgers(t.Context(), id, ls)
			})
			return id
		}
		elsewhere := func(snapshot int64, want bool, what string) {
			t.Helper()
			var run int64
			r.tx(func(tx *store.Tx) error {
				m := model.Run{Campaign: "c", Name: fmt.Sprintf("%s-%s@2026-10-01", r.system, strings.ReplaceAll(what, " ", "-")), State: model.Closed, Spec: "{}", TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"}
				var err error
				if run, err = tx.InsertRun(t.Context(), m); err != nil {
					return err
				}
				return tx.InsertRunSource(t.Context(), run, r.source, snapshot)
			})
			if is, err := r.s.ReviewedElsewhere(t.Context(), run, r.source); is != want || err != nil {
				t.Errorf("%s: %v, %v", what, is, err)
			}
		}
		all := []model.Kind{model.KindAccounts, model.KindEntitlements, model.KindGrants}
		before := read("live", all...)
		elsewhere(before, false, "never moved")
		r.clock.Add(time.Hour)
		r.tx(func(tx *store.Tx) error { return tx.MarkMoved(t.Context(), r.source) })
		elsewhere(before, true, "read before")
		elsewhere(read("cli", model.KindAccounts), true, "accounts from a file, grants of before")
		elsewhere(read("cli", all...), true, "files")
		elsewhere(read("live", all...), false, "read whole")
		elsewhere(read("cli", model.KindAccounts), false, "read whole, and a file later")
	})
}

// TestApprovedForOneReason: who lets a removal go on knows of one reason to hold it, and answers for no
// other; and what failed and is tried again needs a second person again.
func TestApprovedForOneReason(t *testing.T) {
	t.Parallel()
	each(t, 2, 1, func(t *testing.T, r *rig) {
		r.configure(`"hourly_cap":"0"`)
		r.reviewed(2)
		w := r.worker("w1")
		r.settle(w)
		r.is("u1/g1", model.Held, whyHourCap)
		r.configure(`"hourly_cap":"0","protected":["u1"]`)
		if n, err := Approve(t.Context(), r.s, admin, nil, 0); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		r.settle(w)
		r.is("u1/g1", model.Held, whyProtected)
		r.is("u2/g1", model.Confirmed, "")
		if n, err := Approve(t.Context(), r.s, admin, nil, 0); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		row := r.row("u1/g1")
		if !approvedFor(row.Remediation, whyProtected) || !approvedFor(row.Remediation, whyHourCap) {
			t.Errorf("approved for %q", row.ApprovedFor)
		}
		r.tx(func(tx *store.Tx) error {
			next := row.Remediation
			next.State, next.Reason = model.Failed, "It came to nothing."
			if err := tx.MoveRemediation(t.Context(), next, row.State); err != nil {
				return err
			}
			return stateEvent(t.Context(), tx, "tester", r.run.Name, next, row.State, 0)
		})
		if err := Retry(t.Context(), r.s, manager, row.ID); err != nil {
			t.Fatal(err)
		}
		r.settle(w)
		r.is("u1/g1", model.Held, whyProtected)
		if !r.srv.HasMember("g1", "u1") {
			t.Error("what was approved before let it go on")
		}
		r.holds()
	})
}

// TestDryRun: nothing is asked of the target, and nobody can let it go on while the source is on dry run.
func TestDryRun(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.configure(`"dry_run":true`)
		r.reviewed(1)
		w := r.worker("w1")
		r.settle(w)
		r.is("u1/g1", model.Held, whyDryRun)
		if _, err := Approve(t.Context(), r.s, admin, []int64{r.ids["u1/g1"]}, 0); model.KindOf(err) != model.Forbidden || !strings.Contains(err.Error(), "dry run") {
			t.Errorf("on dry run: %v", err)
		}
		if n := r.patches(); n != 0 {
			t.Errorf("the target was asked %d times", n)
		}
		r.configure(`"dry_run":false`)
		if _, err := Approve(t.Context(), r.s, admin, nil, 0); err != nil {
			t.Fatal(err)
		}
		r.settle(w)
		r.is("u1/g1", model.Confirmed, "")
		r.holds()
	})
}

// TestStop: nothing goes out while removals are stopped, also not what was claimed before; tasks for
// people stay.
func TestStop(t *testing.T) {
	t.Parallel()
	each(t, 2, 1, func(t *testing.T, r *rig) {
		r.reviewed(2)
		for _, who := range []model.Actor{{}, auditor} {
			if err := Stop(t.Context(), r.s, who, "a wrong campaign"); model.KindOf(err) != model.Forbidden {
				t.Errorf("%s may stop: %v", who.Name, err)
			}
		}
		if err := Stop(t.Context(), r.s, manager, ""); model.KindOf(err) != model.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		w := r.worker("w1")
		w.Concurrency = 1
		w.Fault = r.with(func(ctx context.Context, p Point, _ int64) error {
			if p != PointPreRead {
				return nil
			}
			for range 2 { // the second time changes nothing
				if err := Stop(ctx, r.s, manager, "a wrong campaign"); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.clock.Add(24 * time.Hour)
		r.step(w)
		r.is("u1/g1", model.Queued, whyStopped)
		r.is("u2/g1", model.Queued, "")
		if n := r.patches(); n != 0 {
			t.Errorf("the target was asked %d times for a change", n)
		}
		stop, err := r.s.RemovalStop(t.Context())
		if err != nil || stop == nil || stop.Reason != "a wrong campaign" || stop.Actor != manager.Label() {
			t.Errorf("%+v, %v", stop, err)
		}
		if err := Go(t.Context(), r.s, manager); model.KindOf(err) != model.Forbidden {
			t.Errorf("a campaign manager may let them go on: %v", err)
		}
		w.Fault = r.seen
		for range 2 {
			if err := Go(t.Context(), r.s, admin); err != nil {
				t.Fatal(err)
			}
		}
		r.settle(w)
		r.is("u1/g1", model.Confirmed, "")
		r.is("u2/g1", model.Confirmed, "")
		if n, err := r.s.CountEvents(t.Context(), verify.TypeRemovalsSwitched, ""); n != 2 || err != nil {
			t.Errorf("%d events tell of it, %v", n, err)
		}
		r.holds()
	})
}
