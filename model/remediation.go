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

// Remediation is the removal of one grant, or of one whole account, or what its Kind says. Its row
// is the outbox entry and the evidence at once.
type Remediation struct {
	ID             int64            `bun:"id"`
	Kind           RemediationKind  `bun:"kind"`
	ForID          *int64           `bun:"for_id"` // the row that this one follows from; see RemediationKind
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
	DueAt          Time             `bun:"due_at"`     // when it should be proven at the latest; 0 where nothing says
	AskedBy        string           `bun:"asked_by"`   // of a restore: who wants the access back
	AskedFor       string           `bun:"asked_for"`  // of a restore: why
	PersonKey      *int64           `bun:"person_key"` // whose access it is, as frozen; nil where it is of no person
	Cause          string           `bun:"cause"`      // CauseKeepUntil; "" where an answer asked for it
	Declined       string           `bun:"declined"`   // who decided that it will not be done; "" of all others
}

// RemediationKind is what a row of the outbox does. Only KindRemove counts in the totals of
// removals, in caps, and as what an answer asked for.
type RemediationKind string

// Kinds of remediations. ForID is: of KindRemove the lower that was proven before it, where there
// was one; of KindRestore the removal that it undoes; of KindRotate the removal that it follows.
const (
	KindRemove  RemediationKind = "remove"
	KindRestore RemediationKind = "restore" // gives back what a removal took
	KindLower   RemediationKind = "lower"   // gives the weaker access before the reviewed one goes
	KindRotate  RemediationKind = "rotate"  // a secret to change
)

// RemediationKinds are all kinds.
var RemediationKinds = []RemediationKind{KindRemove, KindRestore, KindLower, KindRotate}

// Gives tells whether the kind is proven by access that is there, and not by one that is absent.
func (k RemediationKind) Gives() bool { return k == KindRestore || k == KindLower }

// Can tells whether a remediation of the kind may move from one state to another. What gives access
// is over once it is proven: nothing of it comes back, is given back, or is granted anew.
func (k RemediationKind) Can(from, to RemediationState) bool {
	if (k.Gives() || k == KindRotate) && (to == CameBack || to == Restored || to == Superseded) {
		return false
	}
	return from.Can(to)
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
	ModeTicket    = "ticket"  // asked of people by a ticket in another system
	ModeWebhook   = "webhook" // asked of another system by a message
)

// Outside tells whether a mode asks an outside system instead of the target.
func Outside(mode string) bool { return mode == ModeTicket || mode == ModeWebhook }
