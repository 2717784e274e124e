package verify

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// The types of events. Beside each: the object it is about, and its personal fields. "actor" is
// who did it (person_id or mail of the signed-in user) and may be given with every type.
// A reviewer, and from and to of a reassignment, is a person_id as in population.csv. Types that
// begin with campaign, item, review, revocation, removal, contest and task carry the run; all others carry no run.
const (
	TypeSnapshotSealed    = "snapshot.sealed"      // snapshot:N
	TypeSnapshotHeld      = "snapshot.held"        // snapshot:N
	TypeSnapshotReleased  = "snapshot.released"    // snapshot:N
	TypeSnapshotDiscarded = "snapshot.discarded"   // snapshot:N
	TypeConfigApplied     = "config.applied"       // config:KIND/NAME
	TypeCampaignLaunched  = "campaign.launched"    // run:NAME@DATE
	TypeCampaignAmended   = "campaign.amended"     // run:NAME@DATE; reason
	TypeItemDecided       = "item.decided"         // item:ID; reviewer, comment
	TypeItemDefaulted     = "item.defaulted"       // item:ID
	TypeItemReassigned    = "item.reassigned"      // item:ID; from, to, to_name, to_email, reason
	TypeItemGone          = "item.gone"            // item:ID
	TypeReviewSignedOff   = "review.signed_off"    // review:ID (never a person's id); reviewer
	TypeCampaignClosed    = "campaign.closed"      // run:NAME@DATE
	TypeRevocationQueued  = "revocation.queued"    // remediation:ID; account, username, reason (of a restore)
	TypeRevocationAttempt = "revocation.attempted" // remediation:ID
	TypeRevocationState   = "revocation.state"     // remediation:ID; note
	TypeRemovalContested  = "removal.contested"    // remediation:ID; person, reason
	TypeContestResolved   = "contest.resolved"     // remediation:ID; reason
	TypeTaskReported      = "task.reported"        // remediation:ID; note, file
	TypeRevocationOrdered = "revocation.ordered"   // remediation:ID; note
	TypeSessionStarted    = "session.started"      // session:ID (never the cookie); user, sub
	TypeSessionEnded      = "session.ended"        // session:ID; user
	TypeLoginLinkCreated  = "login_link.created"   // login_link:ID; email
	TypePackageExported   = "package.exported"     // package:ID
	TypeRemovalsSwitched  = "removals.switched"    // removals:SOURCE, removals: for all
	TypeLogKey            = "log.key"              // log:key; every package holds the latest one
)

// eventKind is what belongs to one type of event.
type eventKind struct {
	body     reflect.Type
	inRun    bool // the event belongs to a run; all others are the tool's own administration
	personal []string
}

func ofRun[T any](personal ...string) eventKind {
	return eventKind{body: reflect.TypeFor[T](), inRun: true, personal: append(personal, "actor")}
}

func ofTool[T any](personal ...string) eventKind {
	return eventKind{body: reflect.TypeFor[T](), personal: append(personal, "actor")}
}

var eventKinds = map[string]eventKind{
	TypeSnapshotSealed:    ofTool[SnapshotSealed](),
	TypeSnapshotHeld:      ofTool[SnapshotHeld](),
	TypeSnapshotReleased:  ofTool[SnapshotReleased](),
	TypeSnapshotDiscarded: ofTool[SnapshotDiscarded](),
	TypeConfigApplied:     ofTool[ConfigApplied](),
	TypeCampaignLaunched:  ofRun[CampaignLaunched](),
	TypeCampaignAmended:   ofRun[CampaignAmended]("reason"),
	TypeItemDecided:       ofRun[ItemDecided]("reviewer", "comment"),
	TypeItemDefaulted:     ofRun[ItemDefaulted](),
	TypeItemReassigned:    ofRun[ItemReassigned]("from", "to", "to_name", "to_email", "reason"),
	TypeItemGone:          ofRun[ItemGone](),
	TypeReviewSignedOff:   ofRun[ReviewSignedOff]("reviewer"),
	TypeCampaignClosed:    ofRun[CampaignClosed](),
	TypeRevocationQueued:  ofRun[RevocationQueued]("account", "username", "reason"),
	TypeRevocationAttempt: ofRun[RevocationAttempted](),
	TypeRevocationState:   ofRun[RevocationState]("note"),
	TypeRemovalContested:  ofRun[RemovalContested]("person", "reason"),
	TypeContestResolved:   ofRun[ContestResolved]("reason"),
	TypeTaskReported:      ofRun[TaskReported]("note", "file"),
	TypeRevocationOrdered: ofRun[RevocationOrdered]("note"),
	TypeSessionStarted:    ofTool[SessionStarted]("user", "sub"),
	TypeSessionEnded:      ofTool[SessionEnded]("user"),
	TypeLoginLinkCreated:  ofTool[LoginLinkCreated]("email"),
	TypePackageExported:   ofTool[PackageExported](),
	TypeRemovalsSwitched:  ofTool[RemovalsSwitched](),
	TypeLogKey:            ofTool[LogKey](),
}

// Objects of events, made in one place so that the chain of an object never splits.

// ItemObject is the object of all events about one item.
func ItemObject(item string) string { return "item:" + item }

// RemediationObject is the object of all events about one removal.
func RemediationObject(id string) string { return "remediation:" + id }

// RemovalsObject is the object of what lets removals in a source go out or not; "" is all sources.
func RemovalsObject(source string) string { return "removals:" + source }

// RunObject is the object of launch, amendments and close.
func RunObject(run string) string { return "run:" + run }

// SnapshotObject is the object of all events about one snapshot.
func SnapshotObject(id int64) string { return "snapshot:" + strconv.FormatInt(id, 10) }

// ObjectOf is the object that an event with this body (value or pointer) must have, or "" where
// the emitter is free to name it.
func ObjectOf(run string, data any) string {
	if v := reflect.ValueOf(data); v.Kind() == reflect.Pointer && !v.IsNil() {
		data = v.Elem().Interface()
	}
	switch d := data.(type) {
	case SnapshotSealed:
		return SnapshotObject(d.Snapshot)
	case SnapshotHeld:
		return SnapshotObject(d.Snapshot)
	case SnapshotReleased:
		return SnapshotObject(d.Snapshot)
	case SnapshotDiscarded:
		return SnapshotObject(d.Snapshot)
	case ConfigApplied:
		return "config:" + d.Kind + "/" + d.Name
	case CampaignLaunched, CampaignAmended, CampaignClosed:
		return RunObject(run)
	case ItemDecided:
		return ItemObject(d.Item)
	case ItemDefaulted:
		return ItemObject(d.Item)
	case ItemReassigned:
		return ItemObject(d.Item)
	case ItemGone:
		return ItemObject(d.Item)
	case RevocationQueued:
		return RemediationObject(d.Remediation)
	case RevocationAttempted:
		return RemediationObject(d.Remediation)
	case RevocationState:
		return RemediationObject(d.Remediation)
	case RemovalContested:
		return RemediationObject(d.Remediation)
	case ContestResolved:
		return RemediationObject(d.Remediation)
	case TaskReported:
		return RemediationObject(d.Remediation)
	case RevocationOrdered:
		return RemediationObject(d.Remediation)
	case RemovalsSwitched:
		return RemovalsObject(d.Source)
	case LogKey:
		return "log:key"
	}
	return ""
}

// SourceFile is one file as a source gave it.
type SourceFile struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of the bytes as given
	Bytes  int64  `json:"bytes"`
}

// KindCount is the population ledger of one kind: read = accepted + rejected,
// accepted = new + changed + unchanged, previous = unchanged + changed + gone.
type KindCount struct {
	Read       int64  `json:"read"`
	Accepted   int64  `json:"accepted"`
	Rejected   int64  `json:"rejected"`
	New        int64  `json:"new"`
	Changed    int64  `json:"changed"`
	Unchanged  int64  `json:"unchanged"`
	Gone       int64  `json:"gone"`
	Previous   int64  `json:"previous"`
	Duplicates int64  `json:"duplicates"` // among the rejected
	Expected   *int64 `json:"expected"`   // an independent control total, null where there is none
	Root       string `json:"root"`       // over the accepted rows, for who has the database
}

// SnapshotSealed says that a population was read whole and is now immutable. A kind that was not
// given is carried forward and has no entry in Kinds.
type SnapshotSealed struct {
	Source      string               `json:"source"`
	Provides    string               `json:"provides"` // people or access
	Snapshot    int64                `json:"snapshot"`
	AsOf        Time                 `json:"as_of"`
	Digest      string               `json:"digest"`
	Previous    int64                `json:"previous"` // the snapshot it was compared with, 0 for none
	Origin      string               `json:"origin"`   // cli, upload or live
	Endpoint    string               `json:"endpoint"` // without credentials
	Query       string               `json:"query"`
	Pages       int64                `json:"pages"`
	StartedAt   Time                 `json:"started_at"` // the read began
	EndedAt     Time                 `json:"ended_at"`
	Files       []SourceFile         `json:"files"`
	Kinds       map[string]KindCount `json:"kinds"`
	Unmatched   map[string]int64     `json:"unmatched"` // accounts without a person, by reason
	Rejects     int64                `json:"rejects"`   // rows rejected, all kinds
	RejectsRoot string               `json:"rejects_root"`
}

// SnapshotHeld is a population that was read whole but waits for an admin.
type SnapshotHeld struct {
	SnapshotSealed

	Reasons []string `json:"reasons"`
}

// SnapshotReleased lets a held snapshot count from then on.
type SnapshotReleased struct {
	Snapshot int64  `json:"snapshot"`
	Source   string `json:"source"`
	Reason   string `json:"reason"`
}

// SnapshotDiscarded puts a held snapshot away for good.
type SnapshotDiscarded struct {
	Snapshot int64  `json:"snapshot"`
	Source   string `json:"source"`
	Reason   string `json:"reason"`
}

// ConfigApplied is one declared thing that was created, changed or deleted.
type ConfigApplied struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Action string `json:"action"`           // created, changed or deleted
	SHA256 string `json:"sha256"`           // of its canonical form, secrets as references
	Secret string `json:"secret,omitempty"` // the name of a credential that was typed with it and is kept encrypted; its value is nowhere
}

// SourceSnapshot is one source of a run and the snapshot it was frozen at.
type SourceSnapshot struct {
	Source   string `json:"source"`
	Provides string `json:"provides"`
	Snapshot int64  `json:"snapshot"`
	AsOf     Time   `json:"as_of"`
	Digest   string `json:"digest"`
}

// CampaignLaunched freezes a run: what is asked, of whom, about which population.
type CampaignLaunched struct {
	Campaign   string           `json:"campaign"`
	Spec       json.RawMessage  `json:"spec"`        // the campaign's spec as a JSON object; integers only
	SpecSHA256 string           `json:"spec_sha256"` // of Spec's canonical form
	Sources    []SourceSnapshot `json:"sources"`
	DueAt      Time             `json:"due_at"`
	TimeZone   string           `json:"time_zone"`
	OnNoAnswer string           `json:"on_no_answer"`
	Remove     string           `json:"remove"`
	Strategy   string           `json:"strategy"`
	// GrantsInSources counts the live grants of each access source's snapshot; each of them is a path
	// of an item or a row of excluded.csv.
	GrantsInSources   map[string]int64 `json:"grants_in_sources"`
	Items             int64            `json:"items"`
	ItemGrants        int64            `json:"item_grants"` // paths of all items
	ItemsRoot         string           `json:"items_root"`
	Excluded          int64            `json:"excluded"` // rows of excluded.csv
	ExcludedRoot      string           `json:"excluded_root"`
	Reviewers         int64            `json:"reviewers"`           // distinct
	SelfReviewAvoided int64            `json:"self_review_avoided"` // items
	Unknown           int64            `json:"unknown"`             // items that are in because the filter could not tell
}

// ItemDecided is one answer to one item; a changed mind is another one. Version is the item's
// version that the event makes: every event with a version raises it, from 1 on.
type ItemDecided struct {
	Item     string `json:"item"`
	Version  int64  `json:"version"`
	Answer   string `json:"answer"` // keep, revoke, reduce, unsure, not_mine, or none where an answer was undone
	Until    string `json:"until"`  // a date, keep only; "" for no end
	LowerTo  string `json:"lower_to"`
	Channel  string `json:"channel"` // web, bulk or cli
	TextHash string `json:"text_hash"`
	BulkID   string `json:"bulk_id"`
	BulkSize int64  `json:"bulk_size"`
}

// ItemDefaulted is what the campaign's on_no_answer did to an item at close. The item still
// counts as unanswered, or unsure.
type ItemDefaulted struct {
	Item    string `json:"item"`
	Version int64  `json:"version"`
	Outcome string `json:"outcome"` // keep or revoke
	By      string `json:"by"`      // the value of on_no_answer
}

// ItemReassigned gives an item to another reviewer.
type ItemReassigned struct {
	Item    string `json:"item"`
	Version int64  `json:"version"`
	Basis   string `json:"basis"` // the rule, or "manual"
}

// ItemGone says that the grant vanished before there was a decision.
type ItemGone struct {
	Item     string `json:"item"`
	Snapshot int64  `json:"snapshot"`
}

// ReviewSignedOff is a reviewer's acknowledgement of the own answers.
type ReviewSignedOff struct {
	Items      int64  `json:"items"`
	Kept       int64  `json:"kept"`
	Revoked    int64  `json:"revoked"`
	Reduced    int64  `json:"reduced"`
	Unsure     int64  `json:"unsure"`
	Unanswered int64  `json:"unanswered"`
	Statement  string `json:"statement"`
	ACR        string `json:"acr"`
	AMR        string `json:"amr"`
	AuthTime   Time   `json:"auth_time"`
}

// CampaignClosed ends a run. Its counts are of answers, by these rules, which the verifier
// applies too: an item that is gone is gone; else the last answer counts; none and not_mine
// count as unanswered, whatever on_no_answer then did.
type CampaignClosed struct {
	Items      int64  `json:"items"`
	Kept       int64  `json:"kept"`
	Revoked    int64  `json:"revoked"`
	Reduced    int64  `json:"reduced"`
	Unsure     int64  `json:"unsure"`
	Unanswered int64  `json:"unanswered"`
	Gone       int64  `json:"gone"`
	Reason     string `json:"reason"`
}

// RevocationQueued opens one removal, or what its kind says: one path of one item. Its state is "queued".
type RevocationQueued struct {
	Kind        string `json:"kind,omitempty"` // "" is a removal; restore gives back what one took, lower gives the weaker access first
	For         string `json:"for,omitempty"`  // the remediation that it follows from: of a restore the removal, of a removal the lower
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
	Source      string `json:"source"`
	Mode        string `json:"mode"` // connector or manual
	Grant       int64  `json:"grant"`
	GrantedAt   Time   `json:"granted_at"`
	PathKind    string `json:"path_kind"` // direct, inherited or account
	Entitlement string `json:"entitlement"`
	Via         string `json:"via"`
	Cause       string `json:"cause,omitempty"`      // keep_until: a keep has ended; "" where an answer asked for it
	KeptUntil   Time   `json:"kept_until,omitempty"` // with keep_until: the end of that day where the campaign is
}

// RevocationAttempted is one try: the intent was stored before the call, the read came after.
type RevocationAttempted struct {
	Remediation   string `json:"remediation"`
	Item          string `json:"item"`
	Attempt       int64  `json:"attempt"`
	Fence         int64  `json:"fence"`
	IntentAt      Time   `json:"intent_at"`
	Before        string `json:"before"` // present, absent, not_direct, wrong_target, or "" where it was not read
	BeforeVersion string `json:"before_version"`
	CalledAt      Time   `json:"called_at"` // when the target was asked; null where it was only looked at
	Outcome       string `json:"outcome"`   // what the call reported; never proof
	After         string `json:"after"`
	ReadAt        Time   `json:"read_at"` // the read after the call began
	Detail        string `json:"detail"`  // in words, nothing personal
}

// RevocationState moves a removal from one state to another.
type RevocationState struct {
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
	From        string `json:"from"`
	To          string `json:"to"`
	Mode        string `json:"mode,omitempty"` // manual where it becomes a person's task from here on
	Reason      string `json:"reason"`
	Proof       string `json:"proof"`    // read, snapshot, or "" where nothing is claimed
	ReadAt      Time   `json:"read_at"`  // of the read that proves it
	Snapshot    int64  `json:"snapshot"` // that proves it, else 0
	// Declined is that somebody, the actor, decided that it will not be done; the note says why.
	Declined bool `json:"declined,omitempty"`
}

// RemovalContested is what the person concerned says against a removal; what follows is not in it.
type RemovalContested struct {
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
}

// ContestResolved is the one answer to it.
type ContestResolved struct {
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
	Outcome     string `json:"outcome"` // dismissed: the removal goes on; upheld: the access stays, or is to be given back
}

// TaskReported is what somebody says was done about a task of a person, with the file that shows it. It
// proves nothing.
type TaskReported struct {
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
	SHA256      string `json:"sha256"` // of the file; "" without one
	Size        int64  `json:"size"`   // bytes
}

// RevocationOrdered is what an outside system that a removal is asked of tells of the order. It proves
// nothing.
type RevocationOrdered struct {
	Remediation string `json:"remediation"`
	Item        string `json:"item"`
	System      string `json:"system"`    // as people call it
	What        string `json:"what"`      // opened, moved, reported, refused, gone
	Reference   string `json:"reference"` // how the system names the order
	Status      string `json:"status"`    // in the system's words
	Closed      bool   `json:"closed"`    // as far as the system is concerned
}

// RemovalsSwitched stops what connectors remove, or lets it go on.
type RemovalsSwitched struct {
	Source  string `json:"source"` // "" is all sources
	Stopped bool   `json:"stopped"`
	Reason  string `json:"reason"` // why it was stopped, nothing personal
}

// SessionStarted is a sign-in and the roles it gave.
type SessionStarted struct {
	Roles    []string `json:"roles"`
	Iss      string   `json:"iss"`
	ACR      string   `json:"acr"`
	AMR      string   `json:"amr"`
	AuthTime Time     `json:"auth_time"`
	Method   string   `json:"method"` // oidc or login_link
}

// SessionEnded is a sign-out or an expiry.
type SessionEnded struct {
	How string `json:"how"`
}

// LoginLinkCreated is a break-glass link that was made.
type LoginLinkCreated struct {
	Role string `json:"role"`
}

// PackageExported is an evidence package that was handed out.
type PackageExported struct {
	Run        string `json:"run"`
	Checkpoint int64  `json:"checkpoint"` // size of the log it is proven against
	SHA256     string `json:"sha256"`     // of the whole archive
}

// LogKey is the key that signs the log's checkpoints from then on.
type LogKey struct {
	VKey string `json:"vkey"`
}
