// Package connector is the contract of a target system: read it whole, look at one grant,
// ensure that one grant is absent. One folder an implementation, and connectortest, the
// conformance suite that each of them passes.
//
// A connector never decides whether access is gone: it reports what it did and what it saw,
// and the worker closes a removal only on what a later read shows.
package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recert/model"
)

// Source reads a target system whole.
type Source interface {
	// Read calls yield for every row, kinds in the order of model.Kinds, and returns what was
	// asked and what the source itself says it holds. It fails if any part cannot be read whole:
	// a page that ends early, a total that does not match, or a yield that returns an error.
	// It must not hold more than a page of rows in memory; ids, and a number for each membership,
	// may stay.
	Read(ctx context.Context, yield func(model.Record) error) (Extraction, error)
}

// Prober is a Source or Target that can tell quickly whether it works.
type Prober interface {
	// Probe signs in and reads a little, and gives what it found in a sentence or two for the
	// person who set it up. A Failure's Msg says what is wrong and what to do about it.
	Probe(ctx context.Context) (string, error)
}

// Extraction is how a population was obtained: evidence of its completeness.
type Extraction struct {
	Endpoint  string               `json:"endpoint"` // without credentials
	Query     string               `json:"query"`
	Pages     int                  `json:"pages"`
	Totals    map[model.Kind]int64 `json:"totals"` // the source's own counts; a kind it does not count is absent
	StartedAt model.Time           `json:"started_at"`
	EndedAt   model.Time           `json:"ended_at"`
}

// Access names the reviewed access in the target's own immutable ids, and carries the names
// beside them so that an id that now names someone else is noticed.
type Access struct {
	AccountID       string
	Username        string // as reviewed; "" where unknown
	EntitlementID   string // "" with a whole account: revoke means deactivate
	EntitlementName string // as reviewed; "" where unknown
	Via             string // "" is direct
	GrantedAt       model.Time
}

// Presence is what a read shows of one access.
type Presence string

// What a read may show. Anything that is not a clean read is an error instead.
const (
	Present     Presence = "present"
	Absent      Presence = "absent"       // by every path; a deleted account is absent
	NotDirect   Presence = "not_direct"   // held, but only through something else
	WrongTarget Presence = "wrong_target" // the id now names somebody or something else
)

// Observation is one clean read of one access.
type Observation struct {
	Presence  Presence   `json:"presence"`
	GrantedAt model.Time `json:"granted_at"`     // of the grant that is there now, where the target tells
	Version   string     `json:"version"`        // guard for the call: ETag or the like; "" where the target has none
	Last      bool       `json:"last,omitempty"` // nobody else holds it: removing it would leave the thing without an owner, admin or member
	Self      bool       `json:"self,omitempty"` // it is the account that the connector itself signs in with
	Detail    string     `json:"detail"`         // in words, safe to show, no secrets
}

// Outcome is what a revoke call reports. None of them proves absence.
type Outcome string

// The outcomes, told apart because the worker does something else after each.
const (
	Removed       Outcome = "removed"        // the target says it did it
	AlreadyAbsent Outcome = "already_absent" // nothing to do
	Changed       Outcome = "changed"        // the guard failed: somebody changed it since the read; nothing was done
	RefusedDirect Outcome = "not_direct"     // not held directly; nothing was done
	RefusedTarget Outcome = "wrong_target"   // the id names somebody else; nothing was done
	TaskOpened    Outcome = "task_opened"    // a person has to do it
	Granted       Outcome = "granted"        // of Grant: the target says it did it
	AlreadyHeld   Outcome = "already_held"   // of Grant: nothing to do
)

// Target is a system whose access can be looked at and taken away.
type Target interface {
	// Check reads the target now. Any doubt is Present or an error, never Absent: a target that
	// does not answer, answers about something else, or contradicts itself has shown nothing.
	Check(ctx context.Context, a Access) (Observation, error)
	// Revoke ensures that a is absent, guarded by what seen showed: it changes nothing when the
	// target has moved on since. It looks for itself before it changes anything, sends the change
	// at most once, and leaves trying again to the caller. key is the same for every attempt of one removal. An error of
	// kind Unreachable may have taken effect; Denied has not.
	Revoke(ctx context.Context, a Access, seen Observation, key string) (Outcome, error)
}

// Granter is a Target that can also give access: to restore what was removed, and to give the
// weaker entitlement before the stronger one goes.
type Granter interface {
	Target
	// Grant ensures that a is held directly. Like Revoke it looks for itself first, refuses an id
	// that names somebody else, sends the change at most once, and proves nothing: only a later
	// Check does.
	Grant(ctx context.Context, a Access, key string) (Outcome, error)
}

// FailureKind sorts connector errors by what the worker does next.
type FailureKind string

// The kinds of failures.
const (
	Unreachable FailureKind = "unreachable" // outcome unknown: read before trying again
	Denied      FailureKind = "denied"      // the target refuses our credentials: pause the connector
	Refused     FailureKind = "refused"     // the target refuses this request for good: a person must look
	Broken      FailureKind = "broken"      // the answer is not what the protocol says
)

// Failure is an error of a target.
type Failure struct {
	Kind       FailureKind
	RetryAfter time.Duration // 0 where the target did not say
	Msg        string        // safe to show: no secret, no body of the target's answer
	Err        error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Msg
	}
	return fmt.Sprintf("%s: %v", f.Msg, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

// FailureOf finds the Failure in err; any other error counts as Unreachable, because its
// effect is not known.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Kind: Unreachable, Msg: "The target could not be reached", Err: err}
}
