package model

import "slices"

// SnapshotState is where a snapshot stands.
type SnapshotState string

// A sealed snapshot never changes; a held one waits for an admin; a discarded one keeps its
// ledger and its rejects, so that what happened can be read later.
const (
	SnapshotLoading   SnapshotState = "loading"
	SnapshotHeld      SnapshotState = "held"
	SnapshotSealed    SnapshotState = "sealed"
	SnapshotDiscarded SnapshotState = "discarded"
)

var snapshotMoves = map[SnapshotState][]SnapshotState{
	SnapshotLoading:   {SnapshotHeld, SnapshotSealed, SnapshotDiscarded},
	SnapshotHeld:      {SnapshotSealed, SnapshotDiscarded},
	SnapshotSealed:    {},
	SnapshotDiscarded: {},
}

// Can tells whether a snapshot may move from s to to.
func (s SnapshotState) Can(to SnapshotState) bool { return slices.Contains(snapshotMoves[s], to) }

// Snapshot is who had what in one source at one time.
type Snapshot struct {
	ID          int64         `bun:"id"`
	SourceID    int64         `bun:"source_id"`
	AsOf        Time          `bun:"as_of"`
	Digest      string        `bun:"digest"`
	State       SnapshotState `bun:"state"`
	PreviousID  *int64        `bun:"previous_id"`
	Origin      string        `bun:"origin"` // cli, upload, live
	Actor       string        `bun:"actor"`
	ReleasedBy  string        `bun:"released_by"`
	Reasons     string        `bun:"reasons"`
	Extraction  string        `bun:"extraction"`
	Unmatched   string        `bun:"unmatched"`
	Problems    string        `bun:"problems"`
	Rejects     int64         `bun:"rejects"`
	RejectsRoot string        `bun:"rejects_root"`
	StartedAt   Time          `bun:"started_at"`
	HeartbeatAt Time          `bun:"heartbeat_at"` // while loading: the last sign of life
	ReadRows    int64         `bun:"read_rows"`    // while loading: the rows read so far, of all kinds
	EndedAt     Time          `bun:"ended_at"`
	SealedAt    Time          `bun:"sealed_at"`
}

// Ledger is the population ledger of one kind in one snapshot. It balances: Read = Accepted +
// Rejected; Accepted = New + Changed + Unchanged; Previous = Unchanged + Changed + Gone.
type Ledger struct {
	SnapshotID int64  `bun:"snapshot_id" json:"-"`
	Kind       Kind   `bun:"kind" json:"-"`
	Given      bool   `bun:"given" json:"given"`
	Read       int64  `bun:"read_rows" json:"read"`
	Accepted   int64  `bun:"accepted" json:"accepted"`
	Rejected   int64  `bun:"rejected" json:"rejected"`
	Duplicates int64  `bun:"duplicates" json:"duplicates"`
	New        int64  `bun:"new_rows" json:"new"`
	Changed    int64  `bun:"changed" json:"changed"`
	Unchanged  int64  `bun:"unchanged" json:"unchanged"`
	Gone       int64  `bun:"gone" json:"gone"`
	Previous   int64  `bun:"previous" json:"previous"`
	Implied    int64  `bun:"implied" json:"implied"`
	Expected   *int64 `bun:"expected" json:"expected"`
	Root       string `bun:"root" json:"root"` // over the accepted rows; "" where the kind was not given
}

// Balanced tells whether the three equations hold.
func (l Ledger) Balanced() bool {
	if !l.Given {
		return l.Read == 0 && l.Accepted == 0 && l.Rejected == 0
	}
	return l.Read == l.Accepted+l.Rejected &&
		l.Accepted == l.New+l.Changed+l.Unchanged &&
		l.Previous == l.Unchanged+l.Changed+l.Gone
}
