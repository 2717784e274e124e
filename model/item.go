package model

// Path is one way in which an account holds an entitlement, as an item froze it.
type Path struct {
	Via        string `json:"via"` // outermost first, ">"-separated; "" is direct
	GrantID    int64  `json:"grant_id"`
	GrantedAt  Time   `json:"granted_at"`
	GrantedBy  string `json:"granted_by"`
	Reason     string `json:"reason"`
	ExpiresAt  Time   `json:"expires_at"`
	LastUsedAt Time   `json:"last_used_at"` // unknown is not never
}

// Facts are what an item froze about the access. Its JSON is canonical: keys sorted, no space.
type Facts struct {
	Avoided   bool   `json:"avoided"`    // an earlier rule gave the person whose own access it is
	AvoidedID string `json:"avoided_id"` // that person's person_id; ""
	Direct    bool   `json:"direct"`     // held directly by at least one path
	Paths     []Path `json:"paths"`      // none for an account without any grant
	Status    string `json:"status"`     // of the account: enabled, disabled or unknown
	Unknown   bool   `json:"unknown"`    // in scope only because the filter could not tell
}

// Subject is whose access an item is about, as the reviewer saw it. The first fields are those
// that evidence commits to.
type Subject struct {
	AccountID   string `json:"account_id"`
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	PersonID    string `json:"person_id"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Title       string `json:"title"`
	Department  string `json:"department"`
	ManagerID   string `json:"manager_id"`

	AccountKind    string `json:"account_kind"`
	Privileged     Tri    `json:"privileged"`
	LastLoginAt    Time   `json:"last_login_at"`
	CreatedAt      Time   `json:"created_at"`
	ExpiresAt      Time   `json:"expires_at"`
	OwnerID        string `json:"owner_id"` // of the account, else of the service identity
	PersonKind     string `json:"person_kind"`
	PersonStatus   string `json:"person_status"`
	EmploymentType string `json:"employment_type"`
	EndDate        Time   `json:"end_date"`
	Match          string `json:"match"` // the rule that tied the account to its person, or why none did
}

// ReviewerValue is who was asked, as evidence commits to it.
type ReviewerValue struct {
	PersonID string `json:"person_id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// Access names one reviewed access in the target's own ids, with the names beside them; it is
// frozen in Remediation.Access. The fields are those of the connectors' contract.
type Access struct {
	AccountID       string
	Username        string // as reviewed; "" where unknown
	EntitlementID   string // "" with a whole account: to revoke means to deactivate it
	EntitlementName string // as reviewed; "" where unknown
	Via             string // "" is direct
	GrantedAt       Time
}

// Decision is one answer to one item; a changed mind is another one with a higher version.
type Decision struct {
	RunID       int64  `bun:"run_id"`
	ItemID      int64  `bun:"item_id"`
	Version     int64  `bun:"version"` // the item's, after this answer
	ReviewerKey int64  `bun:"reviewer_key"`
	Answer      Answer `bun:"answer"` // keep, revoke, reduce, unsure, not_mine, none (undone)
	Until       string `bun:"until"`
	LowerTo     string `bun:"lower_to"`
	Comment     string `bun:"comment"`
	IdemKey     string `bun:"idem_key"`
	EventID     int64  `bun:"event_id"`
	At          Time   `bun:"at"`
}

// Assignment is an item that went to another reviewer after launch.
type Assignment struct {
	RunID   int64  `bun:"run_id"`
	ItemID  int64  `bun:"item_id"`
	N       int64  `bun:"n"`
	FromKey int64  `bun:"from_key"`
	ToKey   int64  `bun:"to_key"`
	Basis   string `bun:"basis"`
	Reason  string `bun:"reason"`
	At      Time   `bun:"at"`
}

// RunReviewer is one reviewer's part of a run, with the counters of its items.
type RunReviewer struct {
	RunID      int64  `bun:"run_id"`
	PersonKey  int64  `bun:"person_key"`
	Value      string `bun:"value"` // canonical JSON of ReviewerValue
	Salt       []byte `bun:"salt"`
	Commitment string `bun:"commitment"`
	Items      int64  `bun:"items"`
	Kept       int64  `bun:"kept"`
	Revoked    int64  `bun:"revoked"`
	Reduced    int64  `bun:"reduced"`
	Unsure     int64  `bun:"unsure"`
	Gone       int64  `bun:"gone"`
	SignedAt   Time   `bun:"signed_at"`
}

// Counts are the reviewer's counters; what is in none of them is unanswered.
func (r RunReviewer) Counts() Counts {
	return Counts{
		Items: r.Items, Kept: r.Kept, Revoked: r.Revoked, Reduced: r.Reduced, Unsure: r.Unsure, Gone: r.Gone,
		Unanswered: r.Items - r.Kept - r.Revoked - r.Reduced - r.Unsure - r.Gone,
	}
}

// Final tells whether the answer ends an item without anything that is left to a default.
func (a Answer) Final() bool { return a == Keep || a == Revoke || a == Reduce }
