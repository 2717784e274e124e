package evidence

import "recert/campaigns/evidence/verify"

// What writers of events need of the verifier's format, under this package's name: the verifier
// stands alone, and nothing else of Recert imports it.

// The records and bodies; verify describes each.
type (
	Bound               = verify.Bound
	CampaignAmended     = verify.CampaignAmended
	CampaignClosed      = verify.CampaignClosed
	CampaignLaunched    = verify.CampaignLaunched
	ConfigApplied       = verify.ConfigApplied
	Event               = verify.Event
	ItemDecided         = verify.ItemDecided
	ItemDefaulted       = verify.ItemDefaulted
	ItemGone            = verify.ItemGone
	ItemReassigned      = verify.ItemReassigned
	KindCount           = verify.KindCount
	LoginLinkCreated    = verify.LoginLinkCreated
	RejectDetails       = verify.RejectDetails
	Rejection           = verify.Rejection
	ReviewSignedOff     = verify.ReviewSignedOff
	RevocationAttempted = verify.RevocationAttempted
	RevocationOrdered   = verify.RevocationOrdered
	RevocationQueued    = verify.RevocationQueued
	RevocationState     = verify.RevocationState
	RemovalsSwitched    = verify.RemovalsSwitched
	RemovalContested    = verify.RemovalContested
	ContestResolved     = verify.ContestResolved
	Root                = verify.Root
	SessionEnded        = verify.SessionEnded
	SessionStarted      = verify.SessionStarted
	SnapshotDiscarded   = verify.SnapshotDiscarded
	SnapshotHeld        = verify.SnapshotHeld
	SnapshotReleased    = verify.SnapshotReleased
	SnapshotSealed      = verify.SnapshotSealed
	SourceFile          = verify.SourceFile
	SourceSnapshot      = verify.SourceSnapshot
	TaskReported        = verify.TaskReported
	Time                = verify.Time
)

// The types of events, and the size of a salt.
const (
	SaltSize              = verify.SaltSize
	TypeCampaignAmended   = verify.TypeCampaignAmended
	TypeCampaignClosed    = verify.TypeCampaignClosed
	TypeCampaignLaunched  = verify.TypeCampaignLaunched
	TypeConfigApplied     = verify.TypeConfigApplied
	TypeItemDecided       = verify.TypeItemDecided
	TypeItemDefaulted     = verify.TypeItemDefaulted
	TypeItemGone          = verify.TypeItemGone
	TypeItemReassigned    = verify.TypeItemReassigned
	TypeLoginLinkCreated  = verify.TypeLoginLinkCreated
	TypeRemovalsSwitched  = verify.TypeRemovalsSwitched
	TypeReviewSignedOff   = verify.TypeReviewSignedOff
	TypeRevocationAttempt = verify.TypeRevocationAttempt
	TypeRevocationOrdered = verify.TypeRevocationOrdered
	TypeRevocationQueued  = verify.TypeRevocationQueued
	TypeRevocationState   = verify.TypeRevocationState
	TypeRemovalContested  = verify.TypeRemovalContested
	TypeContestResolved   = verify.TypeContestResolved
	TypeSessionEnded      = verify.TypeSessionEnded
	TypeSessionStarted    = verify.TypeSessionStarted
	TypeSnapshotDiscarded = verify.TypeSnapshotDiscarded
	TypeSnapshotHeld      = verify.TypeSnapshotHeld
	TypeSnapshotReleased  = verify.TypeSnapshotReleased
	TypeSnapshotSealed    = verify.TypeSnapshotSealed
	TypeTaskReported      = verify.TypeTaskReported
)

// Why a run was amended where no person decided it.
const (
	CauseExtended = verify.CauseExtended
	CauseCloser   = verify.CauseCloser
	CausePaused   = verify.CausePaused
	CauseResumed  = verify.CauseResumed
)

// Canonical is the one JSON that is hashed.
func Canonical(v any) ([]byte, error) { return verify.Canonical(v) }

// Bind commits to a personal record under a salt.
func Bind(salt []byte, name string, v any) (Bound, error) { return verify.Bind(salt, name, v) }

// ParseLeaf reads an event back, with the body of its type.
func ParseLeaf(leaf []byte) (*verify.Leaf, any, error) { return verify.ParseLeaf(leaf) }

// ItemObject names an item as the object of an event.
func ItemObject(item string) string { return verify.ItemObject(item) }

// RemediationObject names a removal as the object of an event.
func RemediationObject(id string) string { return verify.RemediationObject(id) }

// RemovalsObject names what stops removals in a source, "" in all, as the object of an event.
func RemovalsObject(source string) string { return verify.RemovalsObject(source) }

// ConfigObject is what events about a document of the configuration are of.
func ConfigObject(kind, name string) string {
	return verify.ObjectOf("", ConfigApplied{Kind: kind, Name: name})
}

// BodyOf reads what a stored leaf tells: a pointer to one of the bodies.
func BodyOf(leaf []byte) (any, error) {
	_, body, err := verify.ParseLeaf(leaf)
	return body, err
}

// RunObject names a run as the object of an event.
func RunObject(run string) string { return verify.RunObject(run) }

// SnapshotObject names a snapshot as the object of an event.
func SnapshotObject(id int64) string { return verify.SnapshotObject(id) }
