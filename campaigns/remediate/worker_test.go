package remediate

import (
	"context"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

const write = "PATCH"

// TestFaults: whatever the target does, nothing wrong is written down, and what is to be done
// next is right.
func TestFaults(t *testing.T) {
	t.Parallel()
	once := func(f scimserver.Fault) func(*rig, *Worker) {
		return func(r *rig, _ *Worker) { r.srv.Inject(scimserver.Rule{Fault: f, Method: write, Times: 1}) }
	}
	type faultCase struct {
		set     func(r *rig, w *Worker)
		want    model.RemediationState
		reason  string // that the reason holds
		there   bool   // the access is still there in the end
		patches int    // requests for a change; -1 is any number
	}
	tests := map[string]faultCase{
		"all is well": {nil, model.Confirmed, whyGone, false, 1},
		"lies once":   {once(scimserver.Lie), model.Confirmed, whyGone, false, 2},
		"lies": {func(r *rig, _ *Worker) { r.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: write}) },
			model.Failed, whyLied, true, 5},
		"did it, says so too late": {func(r *rig, w *Worker) {
			w.CallTimeout = 300 * time.Millisecond
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Slow, Method: write, Times: 1})
		}, model.Confirmed, whyGone, false, -1},
		"never answers once": {func(r *rig, w *Worker) {
			w.CallTimeout = 300 * time.Millisecond
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Stall, Method: write, Times: 1})
		}, model.Confirmed, whyGone, false, -1},
		"the reply is lost":   {once(scimserver.DropReply), model.Confirmed, whyGone, false, 1},
		"the request is lost": {once(scimserver.DropRequest), model.Confirmed, whyGone, false, 2},
		"the answer is cut":   {once(scimserver.BrokenJSON), model.Confirmed, whyGone, false, 1},
		"redirects":           {once(scimserver.Redirect), model.Confirmed, whyGone, false, 2},
		"slow down": {func(r *rig, _ *Worker) {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, Method: write, RetryAfter: "1200", Times: 1})
		}, model.Confirmed, whyGone, false, 2},
		"down for a while": {func(r *rig, _ *Worker) {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Times: 20})
		}, model.Confirmed, whyGone, false, 1},
		"down for good": {func(r *rig, w *Worker) {
			w.Concurrency = 1
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503})
			w.Fault = r.with(func(_ context.Context, p Point, _ int64) error {
				if p == PointFinished {
					r.clock.Add(24 * time.Hour)
				}
				return nil
			})
		}, model.Failed, whyTooLong, true, 0},
		"changes fail for good": {func(r *rig, _ *Worker) {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 500, Method: write})
		}, model.Failed, whyNoAnswer, true, mostCalls},
		"refuses for good": {func(r *rig, _ *Worker) {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 422, Method: write})
		}, model.Failed, whyRefused, true, 1},
		"makes no sense": {func(r *rig, _ *Worker) { r.srv.Inject(scimserver.Rule{Fault: scimserver.BrokenJSON}) },
			model.Failed, whyBroken, true, 0},
		"gone already": {func(r *rig, _ *Worker) { r.must(r.srv.RemoveMember("g1", "u1")) },
			model.Confirmed, whyGoneAlready, false, 0},
		"the account is gone": {func(r *rig, _ *Worker) { r.srv.DeleteUser("u1") }, model.Confirmed, whyGoneAlready, false, 0},
		"somebody else": {func(r *rig, _ *Worker) {
			r.srv.PutUser(scimserver.User{ID: "u1", UserName: "somebody.else", Active: true})
		}, model.Failed, whyWrongTarget, true, 0},
		"only through another group": {func(r *rig, _ *Worker) {
			r.must(r.srv.RemoveMember("g1", "u1"))
			r.srv.PutGroup(scimserver.Group{ID: "inner", DisplayName: "Inner", Members: []string{"u1"}})
			r.must(r.srv.AddMember("g1", "inner"))
		}, model.Failed, whyNotDirect, false, 0},
		"through another group too": {func(r *rig, _ *Worker) {
			r.srv.PutGroup(scimserver.Group{ID: "inner", DisplayName: "Inner", Members: []string{"u1"}})
			r.must(r.srv.AddMember("g1", "inner"))
		}, model.Failed, whyStillThrough, false, 1},
		"granted anew right before the call": {func(r *rig, _ *Worker) {
			r.onCall = func(scimserver.Call) { r.grant("u1", "g1") }
		}, model.Failed, whyChanged, true, 1},
		"granted anew right before the call, unread": {func(r *rig, _ *Worker) {
			r.onCall = func(scimserver.Call) {
				r.grant("u1", "g1")
				r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Method: "GET", Times: 3})
			}
		}, model.Failed, whyChanged, true, 1},
		"removed by somebody right before the call": {func(r *rig, _ *Worker) {
			r.onCall = func(scimserver.Call) { r.must(r.srv.RemoveMember("g1", "u1")) }
		}, model.Confirmed, whyGone, false, 1},
		"granted anew after a lost reply": {func(r *rig, _ *Worker) {
			once(scimserver.DropReply)(r, nil)
			r.onDone = func(scimserver.Call) { r.grant("u1", "g1") }
		}, model.Superseded, whyMaybeNewer, true, 1},
		"granted anew after a lost reply, unread": {func(r *rig, _ *Worker) {
			r.srv.Inject(scimserver.Rule{Fault: scimserver.DropReply, Method: write, Times: 1})
			r.onDone = func(scimserver.Call) {
				r.grant("u1", "g1")
				r.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Times: 3})
			}
		}, model.Superseded, whyMaybeNewer, true, 1},
		"granted anew after the answer": {func(r *rig, _ *Worker) {
			r.onDone = func(scimserver.Call) { r.grant("u1", "g1") }
		}, model.Superseded, whyNewAfter, true, 1},
		"no versions":                      {noETag, model.Confirmed, whyGone, false, 1},
		"no versions, slow down":           {both(noETag, limit), model.Confirmed, whyGone, false, 2},
		"no versions, the reply is lost":   {both(noETag, once(scimserver.DropReply)), model.Confirmed, whyGone, false, 1},
		"no versions, the request is lost": {both(noETag, once(scimserver.DropRequest)), model.Failed, whySilent, true, 1},
		"no versions, lies":                {both(noETag, once(scimserver.Lie)), model.Failed, whyLied, true, 1},
		"no versions, granted anew after a lost reply": {both(noETag, once(scimserver.DropReply), func(r *rig, _ *Worker) {
			r.onDone = func(scimserver.Call) { r.grant("u1", "g1") }
		}), model.Failed, whySilent, true, 1},
	}
	eachOf(t, 1, 1, tests, func(t *testing.T, r *rig, c faultCase) {
		w := r.worker("w1")
		if c.set != nil {
			c.set(r, w)
		}
		r.settle(w)
		row := r.row("u1/g1")
		if row.State != c.want || !strings.HasPrefix(row.Reason, c.reason) {
			t.Errorf("it is %s (%s), want %s (%s)", row.State, row.Reason, c.want, c.reason)
		}
		if got := r.srv.HasMember("g1", "u1"); got != c.there {
			t.Errorf("still there: %v, want %v", got, c.there)
		}
		if got := r.patches(); c.patches >= 0 && got != c.patches {
			t.Errorf("the target was asked %d times for a change, want %d", got, c.patches)
		}
		r.holds()
	})
}

func noETag(r *rig, _ *Worker) { r.srv.SetTraits(scimserver.Traits{NoETag: true}) }

func limit(r *rig, _ *Worker) {
	r.srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, Method: write, RetryAfter: "7", Times: 1})
}

func both(fs ...func(*rig, *Worker)) func(*rig, *Worker) {
	return func(r *rig, w *Worker) {
		for _, f := range fs {
			f(r, w)
		}
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Error(err)
	}
}

// lagging answers reads with what was there before, for a while after a change: many targets do.
type lagging struct {
	connector.Target

	r     *rig
	lag   time.Duration
	old   connector.Observation
	since time.Time
}

func (l *lagging) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if !l.since.IsZero() && l.r.clock.T.Before(l.since.Add(l.lag)) {
		return l.old, nil
	}
	return l.Target.Check(ctx, a)
}

func (l *lagging) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	o, err := l.Target.Revoke(ctx, a, seen, key)
	if l.since.IsZero() {
		l.old, l.since = seen, l.r.clock.T
	}
	return o, err
}

// TestEventualConsistency: a target whose reads lag is read until it shows what was done.
func TestEventualConsistency(t *testing.T) {
	t.Parallel()
	eachOf(t, 1, 1, map[string]time.Duration{"a minute": time.Minute, "half an hour": 30 * time.Minute}, func(t *testing.T, r *rig, lag time.Duration) {
		r.target = &lagging{Target: r.target, r: r, lag: lag}
		w := r.worker("w1")
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if row := r.row("u1/g1"); row.State != model.Sent || row.Reason != whyWaits || row.NextAt != model.TimeOf(r.clock.T.Add(10*time.Second)) {
			t.Errorf("after the call it is %s (%s), next at %s", row.State, row.Reason, row.NextAt)
		}
		r.settle(w)
		if row := r.row("u1/g1"); row.State != model.Confirmed {
			t.Errorf("it is %s (%s)", row.State, row.Reason)
		}
		r.holds()
	})
}

// dated tells when the grant that is there was made, instead of a version.
type dated struct {
	connector.Target

	granted *model.Time
}

func (d dated) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	o, err := d.Target.Check(ctx, a)
	if o.Presence == connector.Present {
		o.GrantedAt, o.Version = *d.granted, ""
	}
	return o, err
}

// TestGrantTimes: where the target tells when a grant was made, that decides, also without versions.
func TestGrantTimes(t *testing.T) {
	t.Parallel()
	type grantCase struct {
		later time.Duration // of the grant that is there after a lost request
		want  model.RemediationState
		there bool
	}
	eachOf(t, 1, 1, map[string]grantCase{
		"the reviewed one": {0, model.Confirmed, false},
		"a newer one":      {time.Second, model.Superseded, true},
	}, func(t *testing.T, r *rig, c grantCase) {
		noETag(r, nil)
		granted := model.TimeOf(r.clock.T.Add(-time.Hour))
		r.target = dated{r.target, &granted}
		r.srv.Inject(scimserver.Rule{Fault: scimserver.DropRequest, Method: write, Times: 1})
		w := r.worker("w1")
		if _, err := w.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		granted = granted.Add(c.later)
		r.settle(w)
		if row := r.row("u1/g1"); row.State != c.want || r.srv.HasMember("g1", "u1") != c.there {
			t.Errorf("it is %s (%s), want %s", row.State, row.Reason, c.want)
		}
		r.holds()
	})
}
