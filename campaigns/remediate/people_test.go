package remediate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

var (
	admin   = model.Actor{Name: "Ada Admin", Roles: []model.Role{model.Admin}}
	manager = model.Actor{Name: "Mia Manager", Roles: []model.Role{model.CampaignManager}}
	auditor = model.Actor{Name: "Ole Auditor", Roles: []model.Role{model.Auditor}}
)

// snapshotConfirms settles a removal as a sealed snapshot does.
func (r *rig) snapshotConfirms(name string) { r.snapshotMoves(name, model.Confirmed) }

func (r *rig) snapshotMoves(name string, to model.RemediationState) {
	r.t.Helper()
	row := r.row(name)
	next := row.Remediation
	snap := int64(77)
	next.State, next.Reason, next.ProofSnapshot = to, "By a snapshot.", &snap
	if to == model.Confirmed {
		next.Proof = "snapshot"
	}
	r.tx(func(tx *store.Tx) error {
		next.NextAt = tx.Now
		if err := tx.MoveRemediation(r.t.Context(), next, row.State); err != nil {
			return err
		}
		return appendEvent(r.t.Context(), tx, "snapshot", r.run.Name, verify.TypeRevocationState, row.ID, verify.RevocationState{
			Remediation: id(row.ID), Item: id(row.ItemID), From: string(row.State), To: string(to), Proof: next.Proof, Snapshot: snap,
		})
	})
}

// TestManual: what a person has to do becomes a task, once, and nothing is asked of the target.
func TestManual(t *testing.T) {
	t.Parallel()
	each(t, 0, 1, func(t *testing.T, r *rig) {
		r.grant("u1", "g1")
		r.queue(1, 1, model.ModeManual)
		w := r.worker("w1")
		for range 2 {
			if err := w.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			row := r.row("u1/g1")
			if row.State != model.Sent || row.Reason != whyTask || row.CalledAt != model.TimeOf(r.clock.T) || row.Attempts != 0 {
				t.Fatalf("the task is %s (%s), asked at %s", row.State, row.Reason, row.CalledAt)
			}
		}
		r.clock.Add(24 * time.Hour)
		r.snapshotConfirms("u1/g1")
		r.snapshotMoves("u1/g1", model.CameBack)
		if err := w.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if row := r.row("u1/g1"); row.State != model.Sent || row.CalledAt != model.TimeOf(r.clock.T) {
			t.Errorf("after it came back the task is %s, asked at %s", row.State, row.CalledAt)
		}
		if n := len(r.srv.Calls()); n != 0 {
			t.Errorf("the target was asked %d times", n)
		}
	})
}

// TestDenied: refused credentials pause the source, not the removals, until an admin lets them go on.
func TestDenied(t *testing.T) {
	t.Parallel()
	rules := map[string]scimserver.Rule{
		"all":     {Fault: scimserver.Unauthorized},
		"changes": {Fault: scimserver.Unauthorized, Status: 403, Method: write},
	}
	eachOf(t, 2, 1, rules, func(t *testing.T, r *rig, rule scimserver.Rule) {
		r.srv.Inject(rule)
		w := r.worker("w1")
		w.Concurrency = 1
		r.settle(w)
		src, err := r.s.SourceByID(t.Context(), r.source)
		if err != nil {
			t.Fatal(err)
		}
		row := r.row("u1/g1")
		if !strings.Contains(src.Paused, "credentials") || row.State != model.Queued || row.Attempts != 1 || r.row("u2/g1").Attempts != 0 {
			t.Errorf("the source is paused: %q; the removal is %s after %d attempts", src.Paused, row.State, row.Attempts)
		}
		if strings.Contains(src.Paused+row.Reason, "canary") {
			t.Error("a secret is shown")
		}
		calls := len(r.srv.Calls())
		r.clock.Add(48 * time.Hour)
		r.settle(w)
		if got := len(r.srv.Calls()); got != calls {
			t.Errorf("a paused target was asked %d times", got-calls)
		}
		for _, who := range []model.Actor{{}, auditor, manager} {
			if err := Resume(t.Context(), r.s, who, r.source); model.KindOf(err) != model.Forbidden {
				t.Errorf("%s may resume: %v", who.Name, err)
			}
		}
		r.srv.ClearFaults()
		for range 2 { // the second time changes nothing
			if err := Resume(t.Context(), r.s, admin, r.source); err != nil {
				t.Fatal(err)
			}
		}
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed {
			t.Errorf("after that it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// TestRetry: a person lets a failed removal go on, and answers for what is there now.
func TestRetry(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: write})
		w := r.worker("w1")
		r.settle(w)
		rid := r.ids["u1/g1"]
		if row := r.row("u1/g1"); row.State != model.Failed {
			t.Fatalf("it is %s", row.State)
		}
		for _, who := range []model.Actor{{}, auditor} {
			if err := Retry(t.Context(), r.s, who, rid); model.KindOf(err) != model.Forbidden {
				t.Errorf("%q may retry: %v", who.Name, err)
			}
		}
		if err := Retry(t.Context(), r.s, admin, rid+100); model.KindOf(err) != model.NotFound {
			t.Errorf("retry of nothing: %v", err)
		}
		r.srv.ClearFaults()
		if err := Retry(t.Context(), r.s, manager, rid); err != nil {
			t.Fatal(err)
		}
		if err := Retry(t.Context(), r.s, manager, rid); model.KindOf(err) != model.Conflict {
			t.Errorf("retry of what is queued: %v", err)
		}
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// TestCameBack: what was proven gone and is there again is not ours to remove without a person,
// unless the target shows that it is the old state of before.
func TestCameBack(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		w := r.worker("w1")
		r.settle(w)
		r.clock.Add(time.Hour)
		r.grant("u1", "g1")
		r.snapshotMoves("u1/g1", model.CameBack)
		r.settle(w)
		row := r.row("u1/g1")
		if row.State != model.Failed || row.Reason != whyCameBack || !r.srv.HasMember("g1", "u1") {
			t.Fatalf("it is %s (%s), there: %v", row.State, row.Reason, r.srv.HasMember("g1", "u1"))
		}
		if err := Retry(t.Context(), r.s, admin, row.ID); err != nil {
			t.Fatal(err)
		}
		r.gen["u1/g1"] = 1 // a person answers for it
		r.removed = map[string]int{}
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed || r.srv.HasMember("g1", "u1") {
			t.Errorf("after a person let it go on it is %s (%s)", row.State, row.Reason)
		}
		r.clock.Add(time.Hour)
		r.snapshotMoves("u1/g1", model.CameBack) // a false alarm
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed || row.Proof != "read" {
			t.Errorf("after a false alarm it is %s (%s)", row.State, row.Reason)
		}
	})
}

// TestCancelled: what was taken back before it was claimed is never claimed, and what was claimed
// is not taken back.
func TestCancelled(t *testing.T) {
	t.Parallel()
	each(t, 2, 1, func(t *testing.T, r *rig) {
		cancel := func(name string) (ok bool) {
			r.tx(func(tx *store.Tx) (err error) {
				ok, err = tx.CancelRemediation(t.Context(), r.ids[name], "undone")
				return err
			})
			return ok
		}
		if !cancel("u2/g1") {
			t.Fatal("it cannot be taken back")
		}
		w := r.worker("w1")
		w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
			if p == PointClaimed && cancel("u1/g1") {
				t.Error("a claimed removal was taken back")
			}
			return nil
		})
		r.settle(w)
		if a, b := r.row("u1/g1"), r.row("u2/g1"); a.State != model.Confirmed || b.State != model.Cancelled || b.Attempts != 0 || !r.srv.HasMember("g1", "u2") {
			t.Errorf("they are %s and %s after %d attempts", a.State, b.State, b.Attempts)
		}
	})
}

// TestTargetSetUp: a connection that is not set up is tried again, and its secret is not shown.
func TestTargetSetUp(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		w := r.worker("w1")
		open := w.Targets
		w.Targets = func(context.Context, int64) (connector.Target, error) {
			return nil, errors.New("canary-token is wrong")
		}
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if row := r.row("u1/g1"); row.State != model.Queued || strings.Contains(row.Reason, "canary") || !strings.Contains(row.Reason, "not set up") {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		other := r.worker("w2")
		other.Targets = open
		r.settle(other)
		if row := r.row("u1/g1"); row.State != model.Confirmed {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// panics is a connector with a mistake.
type panics struct{ connector.Target }

func (panics) Check(context.Context, connector.Access) (connector.Observation, error) {
	panic("index out of range")
}

// TestPanic: a connector's mistake stops one removal, not the program.
func TestPanic(t *testing.T) {
	t.Parallel()
	each(t, 1, 1, func(t *testing.T, r *rig) {
		r.target = panics{r.target}
		r.settle(r.worker("w1"))
		if row := r.row("u1/g1"); row.State != model.Failed {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// TestRun: a source that does not answer does not hold another one, sources that were changed are
// read again, and Run ends with what it began.
func TestRun(t *testing.T) {
	t.Parallel()
	each(t, 3, 1, func(t *testing.T, r *rig) {
		// A second source whose target never answers.
		fine := r.source
		r.tx(func(tx *store.Tx) error {
			src, err := tx.PutSource(t.Context(), "stuck", model.ProvidesAccess, "scim")
			r.source, r.system = src.ID, src.Name
			return err
		})
		for u := 11; u < 20; u++ {
			r.queue(u, 1, model.ModeConnector)
		}
		r.source = fine
		stuck := make(chan struct{})
		t.Cleanup(func() { close(stuck) })
		reread := make(chan int64, 10)
		w := r.worker("w1")
		w.Poll, w.DrainFor = 10*time.Millisecond, 100*time.Millisecond
		w.Targets = func(ctx context.Context, source int64) (connector.Target, error) {
			if source == fine {
				return r.target, nil
			}
			select {
			case <-ctx.Done():
			case <-stuck:
			}
			return nil, ctx.Err()
		}
		w.Reread = func(_ context.Context, source int64) error { reread <- source; return nil }
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		select {
		case got := <-reread:
			if got != fine {
				t.Errorf("source %d is read again, want %d", got, fine)
			}
		case <-time.After(time.Minute):
			t.Error("the other source did not get its turn")
		}
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Run does not end")
		}
		for _, name := range []string{"u1/g1", "u2/g1", "u3/g1"} {
			if row := r.row(name); row.State == model.Queued && row.Attempts == 0 {
				t.Errorf("%s was not worked on", name)
			}
		}
		for _, row := range r.rows() {
			if row.LeaseUntil.Known() {
				t.Errorf("%s is still leased", r.names[row.ID])
			}
		}
		r.holds()
	})
}
