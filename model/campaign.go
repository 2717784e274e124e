package model

import (
	"regexp"
	"slices"
)

// Answer is what a reviewer says of an item.
type Answer string

// The answers. NoAnswer is also what undo gives back.
const (
	NoAnswer Answer = ""
	Keep     Answer = "keep"
	Revoke   Answer = "revoke"
	Reduce   Answer = "reduce"
	Unsure   Answer = "unsure"
	NotMine  Answer = "not_mine" // reassigns; no vote
)

// Outcome is what became of an item: an answer, or one of these.
const (
	OutcomeNone Answer = "none"
	OutcomeGone Answer = "gone" // the grant vanished before the decision
)

// RunState is where a run of a campaign stands.
type RunState string

// A run exists from its launch on; what is not launched is only a definition.
const (
	Running RunState = "running"
	Closed  RunState = "closed"
)

var runMoves = map[RunState][]RunState{Running: {Closed}, Closed: {}}

// Can tells whether a run may move from s to to.
func (s RunState) Can(to RunState) bool { return slices.Contains(runMoves[s], to) }

// Run is one launch of a campaign.
type Run struct {
	ID           int64    `bun:"id"`
	Campaign     string   `bun:"campaign"`
	Name         string   `bun:"name"` // CAMPAIGN@DATE
	State        RunState `bun:"state"`
	Spec         string   `bun:"spec"` // canonical JSON of CampaignSpec, as launched
	TimeZone     string   `bun:"time_zone"`
	DueAt        Time     `bun:"due_at"`
	LaunchedAt   Time     `bun:"launched_at"`
	LaunchedBy   string   `bun:"launched_by"`
	ClosedAt     Time     `bun:"closed_at"`
	ClosedBy     string   `bun:"closed_by"`
	Items        int64    `bun:"items"`
	ItemsRoot    string   `bun:"items_root"`
	Excluded     int64    `bun:"excluded"`
	ExcludedRoot string   `bun:"excluded_root"`
	Summary      string   `bun:"summary"`
	RemindedAt   Time     `bun:"reminded_at"`  // until when reviewers were told what there was to tell; unknown: nobody was told that it began
	PeopleLists  int64    `bun:"people_lists"` // after how many sealed lists of people reviewers who are not there any more were replaced last
	PausedAt     Time     `bun:"paused_at"`    // since when nobody can answer; unknown: it goes on
	OwnerKey     *int64   `bun:"owner_key"`    // who is told of what happens to its removals; nil where no person is known
}

// Schedule is when a campaign is launched by itself.
type Schedule struct {
	Campaign string `bun:"campaign"`
	Rule     string `bun:"rule"`    // the schedule and the zone that NextAt was reckoned by
	NextAt   Time   `bun:"next_at"` // unknown: never again
	TryAt    Time   `bun:"try_at"`  // after a launch that was refused: not before
	Problem  string `bun:"problem"` // why it was
}

// Due tells whether the campaign is to be launched.
func (s *Schedule) Due(now Time) bool { return s.NextAt.Known() && max(s.NextAt, s.TryAt) <= now }

// Counts of a run or of one reviewer's part of it. Items is the sum of the others.
type Counts struct {
	Items      int64 `bun:"items" json:"items"`
	Kept       int64 `bun:"kept" json:"kept"`
	Revoked    int64 `bun:"revoked" json:"revoked"`
	Reduced    int64 `bun:"reduced" json:"reduced"`
	Unsure     int64 `bun:"unsure" json:"unsure"`
	Unanswered int64 `bun:"unanswered" json:"unanswered"`
	Gone       int64 `bun:"gone" json:"gone"`
}

// Item is one account and one entitlement in one run, or one account without any grant.
type Item struct {
	RunID          int64  `bun:"run_id"`
	ID             int64  `bun:"id"` // 1..n in reviewer order
	SourceID       int64  `bun:"source_id"`
	AccountKey     int64  `bun:"account_key"`
	EntitlementKey *int64 `bun:"entitlement_key"`
	GrantID        *int64 `bun:"grant_id"`
	PersonKey      *int64 `bun:"person_key"`
	ReviewerKey    int64  `bun:"reviewer_key"`
	Basis          string `bun:"basis"`
	Facts          string `bun:"facts"`
	TextHash       []byte `bun:"text_hash"`
	RecordHash     []byte `bun:"record_hash"`
	Answer         Answer `bun:"answer"`
	Outcome        Answer `bun:"outcome"`
	ByDefault      bool   `bun:"by_default"`
	Version        int64  `bun:"version"`
	DecidedAt      Time   `bun:"decided_at"`
	GoneSnapshot   *int64 `bun:"gone_snapshot"`
}

// nameRE is what a Source, a Campaign or any other document may be called: it stands in
// addresses and in run names.
var nameRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)

// NameRule says to people what ValidName asks for.
const NameRule = "a name begins and ends with a small letter or a digit; between them it may have dots, dashes and underscores too; at most 64 characters"

// ValidName tells whether a document may be called so.
func ValidName(s string) bool { return nameRE.MatchString(s) }
