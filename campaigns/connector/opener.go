package connector

import (
	"context"
	"errors"
)

// Opener is an outside system that is asked, instead of the target itself, to see to it that access
// goes: it opens a ticket, or takes a message. What it says of its own work proves nothing.
type Opener interface {
	// Name is what people call the system: "Jira", "ServiceNow", "webhook".
	Name() string
	// Open asks for what o says, once for each key: it looks for an order with that key before it
	// makes one, or marks the order with it so that the other side can tell. An error of kind
	// Unreachable without RetryAfter may have taken effect, all others have not.
	Open(ctx context.Context, o Order, key string) (Reference, error)
}

// Follower is an Opener that tells what became of an order, and takes remarks on it.
type Follower interface {
	Opener
	// Follow reads where the order stands. One that is not there any more is a Failure that holds
	// ErrGone.
	Follow(ctx context.Context, r Reference) (Progress, error)
	// Comment adds a remark for whoever works on the order; it is sent at most once. ErrGone as
	// with Follow.
	Comment(ctx context.Context, r Reference, text string) error
	// Said tells whether the order has a remark that holds the text: of one whose answer was lost nobody
	// knows otherwise. ErrGone as with Follow.
	Said(ctx context.Context, r Reference, text string) (bool, error)
}

// Acknowledger is an Opener whose other side reports back to an address of ours.
type Acknowledger interface {
	Opener
	// Token is the part of that address that nobody can guess. It is the same for the same key.
	Token(key string) string
}

// ErrGone is in the Failure about an order that the outside system does not have any more.
var ErrGone = errors.New("it is not there any more")

// Order is what an outside system is asked for. Texts that are not known are "".
type Order struct {
	Removal     int64 // its number in Recert
	System      string
	Access      Access
	AccountName string // the account's display name
	PersonID    string
	PersonName  string // whose account it is
	Description string // what the entitlement allows
	DecidedBy   string // name of the reviewer
	Comment     string // of the reviewer
	Campaign    string // name of the run
	Due         string // as it is to be shown, with its zone
	DueAt       string // the same as RFC 3339
	Link        string // the removal's page in Recert
	Acknowledge string // where an Acknowledger's other side reports to
}

// Reference is how an outside system names an order.
type Reference struct {
	ID     string // for people: "SEC-12", "INC0010023"
	Handle string // for the system; it never changes
	URL    string // for people to open; "" is none
	Status string // where it stands, in the system's words
	Closed bool   // it is done as far as the system is concerned
}

// Progress is where an order stands.
type Progress struct {
	Closed bool
	Text   string // in the system's words
}
