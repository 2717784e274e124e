package model

// CauseKeepUntil is Remediation.Cause of what is removed because a keep has ended.
const CauseKeepUntil = "keep_until"

// ContestOutcome is what was answered to a contest.
type ContestOutcome string

// The outcomes; ContestOpen is that nobody has answered.
const (
	ContestOpen      ContestOutcome = ""
	ContestDismissed ContestOutcome = "dismissed" // the removal goes on
	ContestUpheld    ContestOutcome = "upheld"    // the access is to stay, or to be given back
)

// Contest is what the person concerned says against a removal. There is at most one a removal: an
// answer is not asked for twice.
type Contest struct {
	RemediationID int64          `bun:"remediation_id"`
	PersonKey     int64          `bun:"person_key"`
	Reason        string         `bun:"reason"`
	At            Time           `bun:"at"`
	Outcome       ContestOutcome `bun:"outcome"`
	AnsweredBy    string         `bun:"answered_by"`
	Answer        string         `bun:"answer"` // why
	AnsweredAt    Time           `bun:"answered_at"`
}

// Results of a keep that has ended.
const (
	KeepQueued     = "queued"     // its removals are queued
	KeepSuperseded = "superseded" // a later review decided about the same access
	KeepGone       = "gone"       // what was reviewed was there no more
)

// EndedKeep is an item whose keep was to end on a date, and has.
type EndedKeep struct {
	RunID  int64  `bun:"run_id"`
	ItemID int64  `bun:"item_id"`
	Result string `bun:"result"`
	At     Time   `bun:"at"`
}
