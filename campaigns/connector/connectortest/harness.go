package connectortest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
)

// Now is the clock that a Harness gives its connector; dates in faults count from it.
var Now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// World is the target system as its own administrator sees and changes it. Methods fail the
// test themselves where they cannot do what they say.
type World interface {
	AddAccount(id, username string)
	AddEntitlement(id, name string)
	Grant(account, entitlement string)   // directly; anew where it is there already
	Ungrant(account, entitlement string) //
	Nest(outer, inner string)            // who holds inner holds outer
	RenameAccount(id, username string)
	RenameEntitlement(id, name string)
	DeleteAccount(id string)

	Holds(account, entitlement string) bool // directly, now
	Active(account string) bool
	Attempts() int // requests for a change that the target was sent so far
	Changes() int  // those that changed something

	Meanwhile(f func())           // runs f once, when the next request for a change has come and before it is carried out
	Inject(f Fault) (target bool) // false where the protocol has no such fault
	ClearFaults()
}

// FaultKind is a way in which a target fails.
type FaultKind string

// The faults. Those that "did it" carry a request out and fail to say so.
const (
	Status        FaultKind = "status"         // answers Fault.Status, did nothing
	Lie           FaultKind = "lie"            // says that it did it, did nothing
	SlowReply     FaultKind = "slow_reply"     // did it, answers after the connector's patience
	Stall         FaultKind = "stall"          // did nothing, never answers
	DropReply     FaultKind = "drop_reply"     // did it, cuts the connection
	DropRequest   FaultKind = "drop_request"   // did nothing, cuts the connection
	Garbage       FaultKind = "garbage"        // answers what the protocol does not have
	Redirect      FaultKind = "redirect"       // sends the connector to Fault.Location
	Huge          FaultKind = "huge"           // the answer does not end
	ShortPage     FaultKind = "short_page"     // a list ends early
	CutPage       FaultKind = "cut_page"       // a page misses an entry and the total counts one less
	WrongTotal    FaultKind = "wrong_total"    // a list claims more than it has
	DupPage       FaultKind = "dup_page"       // a list gives its first page again
	WrongResource FaultKind = "wrong_resource" // a read of one answers with another
)

// On says which requests a fault hits.
type On string

// Requests by what they ask for.
const (
	Lists   On = "lists"   // of accounts or entitlements
	Reads   On = "reads"   // of one account or entitlement
	Writes  On = "changes" // changes
	Nothing On = ""
)

// Fault is a fault to inject. Every answer that it spoils repeats the connector's credentials,
// where the protocol has a place for that.
type Fault struct {
	Kind       FaultKind
	On         On
	Skip       int // requests that pass first
	Times      int // requests that are hit; 0 is all until ClearFaults
	Status     int
	RetryAfter string
	Location   string
}

func (f Fault) String() string {
	s := fmt.Sprintf("%s on %s", f.Kind, f.On)
	if f.Status != 0 {
		s += fmt.Sprintf(" %d", f.Status)
	}
	if f.Skip != 0 {
		s += fmt.Sprintf(" after %d", f.Skip)
	}
	return s
}

// Harness is one connector and its target, fresh for each test.
type Harness struct {
	Target  connector.Target
	Source  connector.Source // nil where the connector reads no lists
	World   World
	Secrets []string // that must never be in an error
	Page    int      // entries on a page of a list
	// Lacks names what the protocol does not have, with the reason: "guard" (no versions),
	// "nesting", "paths" (where access comes from, but not the whole way), "accounts" (cannot
	// deactivate), "names" (the protocol has ids only).
	Lacks map[string]string
}

// needs skips a test that is about something the protocol does not have.
func (h Harness) needs(t *testing.T, what string) {
	t.Helper()
	if why, ok := h.Lacks[what]; ok {
		t.Skipf("the protocol has no %s: %s", what, why)
	}
}

// inject fails over to a skip where the protocol has no such fault.
func (h Harness) inject(t *testing.T, f Fault) {
	t.Helper()
	if !h.World.Inject(f) {
		t.Skipf("the protocol has no fault %s", f)
	}
}

// failure checks that err is a Failure of one of the kinds, and repeats no secret.
func (h Harness) failure(t *testing.T, err error, kinds ...connector.FailureKind) connector.Failure {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want a failure of kind %v", kinds)
	}
	f, ok := errors.AsType[*connector.Failure](err)
	if !ok {
		t.Fatalf("error %v is no Failure", err)
	}
	for _, text := range []string{err.Error(), f.Msg, fmt.Sprintf("%+v %#v", err, f.Err)} {
		for _, s := range h.Secrets {
			if strings.Contains(text, s) {
				t.Errorf("an error repeats a secret: %s", strings.ReplaceAll(text, s, "[SECRET]"))
			}
		}
	}
	if f.Msg == "" {
		t.Errorf("failure without a message: %+v", f)
	}
	for _, k := range kinds {
		if f.Kind == k {
			return *f
		}
	}
	t.Fatalf("failure of kind %s (%v), want %v", f.Kind, err, kinds)
	return connector.Failure{}
}

// check reads and must succeed.
func (h Harness) check(t *testing.T, a connector.Access, want connector.Presence) connector.Observation {
	t.Helper()
	obs, err := h.Target.Check(t.Context(), a)
	if err != nil {
		t.Fatalf("check %s: %v", a.EntitlementID, err)
	}
	if obs.Presence != want {
		t.Fatalf("check shows %q (%s), want %q", obs.Presence, obs.Detail, want)
	}
	if obs.Detail == "" {
		t.Errorf("observation %q says nothing in words", obs.Presence)
	}
	return obs
}

// revoke revokes and must succeed.
func (h Harness) revoke(t *testing.T, a connector.Access, seen connector.Observation, want connector.Outcome) {
	t.Helper()
	got, err := h.Target.Revoke(t.Context(), a, seen, "rev-1")
	if err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if got != want {
		t.Fatalf("revoke reports %q, want %q", got, want)
	}
}

// holds checks the truth.
func (h Harness) holds(t *testing.T, account, entitlement string, want bool) {
	t.Helper()
	if got := h.World.Holds(account, entitlement); got != want {
		t.Fatalf("in truth, %s holds %s: %v, want %v", account, entitlement, got, want)
	}
}

// counts checks how many changes were asked for and how many were made.
func (h Harness) counts(t *testing.T, attempts, changes int) {
	t.Helper()
	if a, c := h.World.Attempts(), h.World.Changes(); a != attempts || c != changes {
		t.Fatalf("%d requests for a change, %d made; want %d and %d", a, c, attempts, changes)
	}
}

// trap is an address that nobody must follow a redirect to.
func trap(t *testing.T) (address string, hits *atomic.Int64) {
	t.Helper()
	hits = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(srv.Close)
	return srv.URL, hits
}
