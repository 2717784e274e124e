package remediate

import (
	"context"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// concerned makes a rig with one removal of somebody's own access, from u1 in g1.
func concerned(t *testing.T, fn func(t *testing.T, r *rig, svc *campaigns.Service)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		r := newRigOf(t, s, clock, 1, 0, frozen{spec: "{}", entitlement: "{}"})
		r.reviewed(1)
		r.srv.PutGroup(scimserver.Group{ID: "g1", DisplayName: "Group g1"})
		r.grant("u1", "g1")
		r.queue(1, 1, model.ModeConnector)
		fn(t, r, &campaigns.Service{Store: s})
	})
}

var person = model.Actor{Name: "Subject", PersonKey: subject}

// contests has the doctor look at what is said of contests.
func (r *rig) contests() {
	r.t.Helper()
	checks, err := evidence.Doctor(r.t.Context(), r.s, false)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range checks {
		if (c.Check == "removals.contests" || c.Check == "removals.approvals") && !c.OK {
			r.t.Errorf("%s: %s", c.Check, c.Detail)
		}
	}
	r.holds()
}

// TestContestedWhileClaimed: what is said while a worker has the removal is recorded, and the worker
// sees it before it asks anything; what is said after that holds nothing up.
func TestContestedWhileClaimed(t *testing.T) {
	t.Parallel()
	for point, want := range map[Point]model.RemediationState{
		PointClaimed: model.Held, PointPreRead: model.Held, PointCalled: model.Confirmed, PointCallDone: model.Confirmed, PointReRead: model.Confirmed,
	} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			concerned(t, func(t *testing.T, r *rig, svc *campaigns.Service) {
				w := r.worker("w1")
				w.Fault = r.with(func(ctx context.Context, p Point, id int64) error {
					if p != point {
						return nil
					}
					was := r.row("u1/g1")
					if err := svc.Contest(ctx, person, id, "I need it"); err != nil {
						t.Error(err)
					}
					if now := r.row("u1/g1"); now.State != was.State || now.Fence != was.Fence {
						t.Errorf("it was %s and is %s", was.State, now.State)
					}
					return nil
				})
				r.step(w)
				w.Fault = r.seen
				if row := r.row("u1/g1"); row.State != want {
					t.Fatalf("it is %s (%s), want %s", row.State, row.Reason, want)
				}
				if want == model.Confirmed {
					r.contests()
					return
				}
				r.is("u1/g1", model.Held, campaigns.WhyContested)
				if n := r.patches(); n != 0 {
					t.Errorf("the target was asked %d times", n)
				}
				// Letting it go on as any held one is not an answer, one by one or all at once.
				if _, err := Approve(t.Context(), r.s, admin, []int64{r.ids["u1/g1"]}, 0); model.KindOf(err) != model.Forbidden || !strings.Contains(err.Error(), "contests it") {
					t.Errorf("approve: %v", err)
				}
				if n, err := Approve(t.Context(), r.s, admin, nil, 0); n != 0 || err != nil {
					t.Errorf("approve all: %d, %v", n, err)
				}
				if err := Decline(t.Context(), r.s, admin, r.ids["u1/g1"], r.row("u1/g1").Fence, "no"); model.KindOf(err) != model.Forbidden {
					t.Errorf("decline: %v", err)
				}
				r.contests()
				r.must(svc.AnswerContest(t.Context(), admin, r.ids["u1/g1"], false, "It is not needed."))
				r.settle(w)
				r.is("u1/g1", model.Confirmed, "")
				r.contests()
			})
		})
	}
}

// TestDecline: a second person decides that a removal which is held, or has failed, will not be done.
func TestDecline(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]bool{"held": false, "failed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			concerned(t, func(t *testing.T, r *rig, _ *campaigns.Service) {
				id := r.ids["u1/g1"]
				if err := Decline(t.Context(), r.s, admin, id, r.row("u1/g1").Fence, "no"); model.KindOf(err) != model.Conflict {
					t.Errorf("what is queued may be declined: %v", err)
				}
				if fail {
					r.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: write})
				} else {
					r.configure(`"protected":["u1"]`)
				}
				r.settle(r.worker("w1"))
				row := r.row("u1/g1")
				want := map[bool]model.RemediationState{false: model.Held, true: model.Failed}[fail]
				if row.State != want {
					t.Fatalf("it is %s (%s)", row.State, row.Reason)
				}
				for _, who := range []model.Actor{
					{}, auditor, manager, person,
					{Name: "Answered", PersonKey: answeredBy, Roles: []model.Role{model.Admin}},
					{Name: "Subject", PersonKey: subject, Roles: []model.Role{model.Admin}},
				} {
					if err := Decline(t.Context(), r.s, who, id, row.Fence, "no"); model.KindOf(err) != model.Forbidden {
						t.Errorf("%s may decline: %v", who.Name, err)
					}
				}
				if err := Decline(t.Context(), r.s, admin, id, row.Fence, " "); model.KindOf(err) != model.Invalid {
					t.Errorf("without a reason: %v", err)
				}
				if err := Decline(t.Context(), r.s, admin, id, row.Fence-1, "no"); model.KindOf(err) != model.Conflict {
					t.Errorf("with a page from before: %v", err)
				}
				for range 2 { // the second click changes nothing
					r.must(Decline(t.Context(), r.s, admin, id, row.Fence, "It is the break-glass account."))
				}
				other := model.Actor{Name: "Another", Roles: []model.Role{model.Admin}}
				if err := Decline(t.Context(), r.s, other, id, row.Fence, "no"); model.KindOf(err) != model.Conflict {
					t.Errorf("declined twice: %v", err)
				}
				r.is("u1/g1", model.Cancelled, "break-glass")
				if row := r.row("u1/g1"); row.Declined != admin.Label() || !row.ClosedAt.Known() {
					t.Errorf("declined by %q at %s", row.Declined, row.ClosedAt)
				}
				calls := len(r.srv.Calls())
				r.settle(r.worker("w2"))
				if n := len(r.srv.Calls()); n != calls {
					t.Errorf("the target was asked %d times after that", n-calls)
				}
				r.contests()
			})
		})
	}
}
