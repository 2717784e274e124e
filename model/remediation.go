package model

import "slices"

// RemediationState is where the removal of one grant stands.
type RemediationState string

// The states of CONTRACT.md.
const (
	Queued     RemediationState = "queued"
	Held       RemediationState = "held"       // a person must let it go on
	Sent       RemediationState = "sent"       // asked of the target or of a person; not yet proven
	Confirmed  RemediationState = "confirmed"  // a later read shows it absent by every path
	Superseded RemediationState = "superseded" // granted anew since the review: not ours to remove
	Failed     RemediationState = "failed"     // a person must look
	Cancelled  RemediationState = "cancelled"
	Restored   RemediationState = "restored"
	CameBack   RemediationState = "came_back" // confirmed once, and seen again later
)

// RemediationStates are all states, in the order in which boards show them.
var RemediationStates = []RemediationState{Queued, Held, Sent, Failed, CameBack, Confirmed, Superseded, Cancelled, Restored}

// remediationMoves is the state machine.
var remediationMoves = map[RemediationState][]RemediationState{
	Queued:     {Held, Sent, Confirmed, Superseded, Failed, Cancelled},
	Held:       {Queued, Confirmed, Cancelled, Superseded},
	Sent:       {Queued, Held, Confirmed, Superseded, Failed, Cancelled},
	Failed:     {Queued, Confirmed, Superseded, Cancelled},
	Confirmed:  {CameBack, Restored},
	CameBack:   {Queued, Held, Sent, Confirmed, Superseded, Failed, Cancelled},
	Superseded: {},
	Cancelled:  {},
	Restored:   {},
}

// Can tells whether a removal may move from s to to.
func (s RemediationState) Can(to RemediationState) bool {
	return slices.Contains(remediationMoves[s], to)
}

// Open tells whether the access may still be there and somebody or something is at it.
func (s RemediationState) Open() bool {
	return s == Queued || s == Held || s == Sent || s == CameBack
}

// Remediation is the removal of one grant, or of one whole account. Its row is the outbox entry
// and the evidence at once.
type Remediation struct {
	ID             int64            `bun:"id"`
	RunID          int64            `bun:"run_id"`
	ItemID         int64            `bun:"item_id"`
	SourceID       int64            `bun:"source_id"`
	GrantID        int64            `bun:"grant_id"` // 0: the whole account
	AccountKey     int64            `bun:"account_key"`
	EntitlementKey *int64           `bun:"entitlement_key"`
	Via            string           `bun:"via"`
	Mode           string           `bun:"mode"`
	Access         []byte           `bun:"access"` // JSON of connector.Access, frozen as reviewed
	State          RemediationState `bun:"state"`
	Reason         string           `bun:"reason"`
	Task           string           `bun:"task"`
	AssigneeKey    *int64           `bun:"assignee_key"`
	Attempts       int              `bun:"attempts"`
	Fence          int64            `bun:"fence"`
	LeaseUntil     Time             `bun:"lease_until"`
	NextAt         Time             `bun:"next_at"`
	CalledAt       Time             `bun:"called_at"`
	InDoubtSince   Time             `bun:"in_doubt_since"` // a call without a known answer is not settled yet
	RetryBase      *int             `bun:"retry_base"`     // attempts before a person let it go on; they count no more
	Approved       string           `bun:"approved"`       // the second person who let it go on; "" while nobody had to
	ApprovedFor    string           `bun:"approved_for"`   // what that person knew of: reasons, a line each
	Proof          string           `bun:"proof"`
	ProofSnapshot  *int64           `bun:"proof_snapshot"`
	QueuedAt       Time             `bun:"queued_at"`
	ClosedAt       Time             `bun:"closed_at"`
}

// Attempt is one try of a removal; its row is written before anything is asked of the target.
type Attempt struct {
	RemediationID int64  `bun:"remediation_id"`
	N             int    `bun:"n"`
	Fence         int64  `bun:"fence"`
	Worker        string `bun:"worker"`
	IntentAt      Time   `bun:"intent_at"`
	Before        string `bun:"before"` // JSON of connector.Observation; "" until read
	CalledAt      Time   `bun:"called_at"`
	Outcome       string `bun:"outcome"`
	After         string `bun:"after"`
	ReadAt        Time   `bun:"read_at"`
	EndedAt       Time   `bun:"ended_at"`
	Detail        string `bun:"detail"`
}

// Modes of a removal.
const (
	ModeConnector = "connector"
	ModeManual    = "manual"
)
