package connectortest

import (
	"net/http"
	"testing"
	"time"

	"recert/campaigns/connector"
)

func rateLimited(t *testing.T, h Harness) {
	cases := map[string]time.Duration{
		"7":                 7 * time.Second,
		"0":                 time.Second, // at once is never: the target has just refused
		"soon":              time.Second,
		"99999999999999999": 24 * time.Hour,
		Now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		Now.Add(-time.Hour).Format(http.TimeFormat):       time.Second,
	}
	obs := h.check(t, access(), connector.Present)
	for header, want := range cases {
		for _, on := range []On{Reads, Writes} {
			h.inject(t, Fault{Kind: Status, On: on, Status: http.StatusTooManyRequests, RetryAfter: header})
			_, err := h.Target.Revoke(t.Context(), access(), obs, "rev-1")
			if f := h.failure(t, err, connector.Unreachable); f.RetryAfter != want {
				t.Errorf("Retry-After %q on %s: wait %v, want %v", header, on, f.RetryAfter, want)
			}
			h.World.ClearFaults()
		}
	}
	h.inject(t, Fault{Kind: Status, On: Reads, Status: http.StatusServiceUnavailable, RetryAfter: "3"})
	_, err := h.Target.Check(t.Context(), access())
	if f := h.failure(t, err, connector.Unreachable); f.RetryAfter != 3*time.Second {
		t.Errorf("503 with Retry-After: wait %v, want 3 s", f.RetryAfter)
	}
	h.holds(t, alice, editors, true)
}

func statuses(t *testing.T, h Harness) {
	cases := []struct {
		status int
		on     On
		want   connector.FailureKind
	}{
		{401, Reads, connector.Denied}, {403, Reads, connector.Denied},
		{401, Writes, connector.Denied}, {403, Writes, connector.Denied},
		{500, Reads, connector.Unreachable}, {503, Reads, connector.Unreachable},
		{500, Writes, connector.Unreachable}, {502, Writes, connector.Unreachable},
		{503, Writes, connector.Unreachable}, {504, Writes, connector.Unreachable},
		{408, Writes, connector.Unreachable},
		{400, Reads, connector.Refused}, {418, Writes, connector.Refused}, {422, Writes, connector.Refused},
	}
	obs := h.check(t, access(), connector.Present)
	for _, c := range cases {
		h.inject(t, Fault{Kind: Status, On: c.on, Status: c.status})
		_, err := h.Target.Revoke(t.Context(), access(), obs, "rev-1")
		h.failure(t, err, c.want)
		if c.on == Reads {
			_, err = h.Target.Check(t.Context(), access())
			h.failure(t, err, c.want)
		}
		h.World.ClearFaults()
		h.holds(t, alice, editors, true)
	}
	if n := h.World.Changes(); n != 0 {
		t.Fatalf("%d changes made, want none", n)
	}
	// The target works again, and so does the connector.
	h.revoke(t, access(), obs, connector.Removed)
}

func badAnswers(t *testing.T, h Harness) {
	for _, kind := range []FaultKind{Garbage, Huge, WrongResource} {
		if !h.World.Inject(Fault{Kind: kind, On: Reads}) {
			continue
		}
		_, err := h.Target.Check(t.Context(), access())
		h.failure(t, err, connector.Broken)
		_, err = h.Target.Revoke(t.Context(), access(), connector.Observation{Presence: connector.Present}, "rev-1")
		h.failure(t, err, connector.Broken)
		h.World.ClearFaults()
	}
	h.counts(t, 0, 0)
	// A change counts by its status, whatever comes after it.
	for _, kind := range []FaultKind{Garbage, Huge} {
		h.World.Grant(alice, editors)
		if !h.World.Inject(Fault{Kind: kind, On: Writes}) {
			continue
		}
		h.revoke(t, access(), connector.Observation{Presence: connector.Present}, connector.Removed)
		h.World.ClearFaults()
		h.check(t, access(), connector.Absent)
	}
}

func redirects(t *testing.T, h Harness) {
	address, hits := trap(t)
	for _, on := range []On{Reads, Writes, Lists} {
		h.inject(t, Fault{Kind: Redirect, On: on, Location: address})
		if on == Lists {
			if h.Source == nil {
				continue
			}
			_, err := h.Source.Read(t.Context(), drop)
			h.failure(t, err, connector.Broken)
			continue
		}
		_, err := h.Target.Revoke(t.Context(), access(), connector.Observation{Presence: connector.Present}, "rev-1")
		h.failure(t, err, connector.Broken, connector.Refused)
		h.World.ClearFaults()
	}
	if n := hits.Load(); n != 0 {
		t.Fatalf("a redirect was followed %d times", n)
	}
	h.holds(t, alice, editors, true)
}
