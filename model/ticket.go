package model

// Ticket is what a removal is in the outside system that it is asked of.
type Ticket struct {
	RemediationID int64  `bun:"remediation_id"`
	System        string `bun:"system"`   // as people call it: "Jira", "ServiceNow", "webhook"
	Key           string `bun:"key"`      // ours; the same for every try of one order
	AckHash       string `bun:"ack_hash"` // of what nobody can guess of the address to report to; "" for none
	Ref           string `bun:"ref"`      // the system's, for people; "" while nobody knows whether it was opened
	Handle        string `bun:"handle"`   // the system's
	URL           string `bun:"url"`      // for people to open; "" for none
	Status        string `bun:"status"`   // in the system's words
	ClosedAt      Time   `bun:"closed_at"`
	Told          bool   `bun:"told"`      // since it was closed, it was told there that the access is still there
	Note          string `bun:"note"`      // what was reported with it; of a ticket, which word of a contest it was told last
	Saying        string `bun:"saying"`    // what it is told of which it is not known whether it was taken; "" for nothing
	SayingAt      Time   `bun:"saying_at"` // when that was sent
	Looks         int    `bun:"looks"`
	FollowedAt    Time   `bun:"followed_at"`
}

// Closed tells whether the outside system takes it for done, which proves nothing.
func (t Ticket) Closed() bool { return t.ClosedAt.Known() }

// What a RevocationOrdered event tells of a ticket.
const (
	TicketOpened   = "opened"
	TicketMoved    = "moved"    // its status changed
	TicketReported = "reported" // the other side says that it is done
	TicketRefused  = "refused"  // the other side says that it will not be done
	TicketGone     = "gone"     // the system does not have it any more
)
