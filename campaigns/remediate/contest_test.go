package remediate

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"recert/campaigns"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

// TestContestStops: what is contested, or is to stay, is not asked for again after a try that came to
// nothing, whoever lets removals go on.
func TestContestStops(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]scimserver.Rule{
		"429":          {Fault: scimserver.RateLimit, Method: write, Times: 1, RetryAfter: "60"},
		"401":          {Fault: scimserver.Unauthorized, Method: write, Times: 1},
		"request lost": {Fault: scimserver.DropRequest, Method: write, Times: 1},
		"a lie":        {Fault: scimserver.Lie, Method: write},
	} {
		for _, uphold := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " upheld ", uphold), func(t *testing.T) {
				t.Parallel()
				concerned(t, func(t *testing.T, r *rig, svc *campaigns.Service) {
					r.srv.Inject(rule)
					w := r.worker("w1")
					if r.step(w); name == "a lie" {
						r.settle(w)
						r.is("u1/g1", model.Failed, "")
					}
					r.srv.ClearFaults()
					id := r.row("u1/g1").ID
					r.must(svc.Contest(t.Context(), person, id, "I need it"))
					if uphold {
						r.must(svc.AnswerContest(t.Context(), admin, id, true, "They need it."))
					}
					r.must(Resume(t.Context(), r.s, admin, r.source))
					if err := Retry(t.Context(), r.s, manager, id); err == nil {
						t.Error("a manager tries it again")
					}
					r.settle(w)
					if row := r.row("u1/g1"); !r.srv.HasMember("g1", "u1") || row.State == model.Confirmed {
						t.Errorf("it was removed: %s (%s)", row.State, row.Reason)
					}
					r.contests()
				})
			})
		}
	}
}

// TestUpheldSoon: where it is not known what came of a removal it is looked at as soon as it is answered that the
// access stays, and ends at once where that is still there; an answer that it stands hurries nothing.
func TestUpheldSoon(t *testing.T) {
	t.Parallel()
	for _, uphold := range []bool{true, false} {
		t.Run(fmt.Sprint("upheld ", uphold), func(t *testing.T) {
			t.Parallel()
			concerned(t, func(t *testing.T, r *rig, svc *campaigns.Service) {
				r.srv.Inject(scimserver.Rule{Fault: scimserver.DropRequest, Method: write, Times: 1})
				w := r.worker("w1")
				w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
					if p == PointCallDone {
						r.srv.Inject(scimserver.Rule{Fault: scimserver.DropRequest, Method: http.MethodGet, Times: 1})
					}
					return nil
				})
				r.step(w)
				w.Fault = nil
				row := r.row("u1/g1")
				r.must(svc.Contest(t.Context(), person, row.ID, "I need it"))
				r.must(svc.AnswerContest(t.Context(), admin, row.ID, uphold, "I looked."))
				if row = r.row("u1/g1"); row.State != model.Sent || !row.InDoubtSince.Known() || row.Attempts != 1 {
					t.Fatalf("it is %s (%s) after %d attempts", row.State, row.Reason, row.Attempts)
				}
				r.step(w)
				if uphold {
					r.is("u1/g1", model.Cancelled, "I looked.")
				} else {
					r.is("u1/g1", model.Sent, "")
				}
				if row = r.row("u1/g1"); !r.srv.HasMember("g1", "u1") || (row.Attempts == 2) != uphold {
					t.Errorf("after %d attempts it is there: %t", row.Attempts, r.srv.HasMember("g1", "u1"))
				}
				r.contests()
			})
		})
	}
}
