package model

import "reflect"

// Kind is one of the four kinds of rows that a source gives.
type Kind string

// The kinds, in the order in which they are read: a later one names rows of an earlier one.
const (
	KindPeople       Kind = "people"
	KindAccounts     Kind = "accounts"
	KindEntitlements Kind = "entitlements"
	KindGrants       Kind = "grants"
)

// Kinds are all kinds in reading order.
var Kinds = []Kind{KindPeople, KindAccounts, KindEntitlements, KindGrants}

// Person is one row of a people source (CONTRACT.md, "Files that ingest reads").
// An empty string means unknown.
type Person struct {
	PersonID       string            `json:"person_id"`
	Name           string            `json:"name"`
	Email          string            `json:"email"`
	ManagerID      string            `json:"manager_id"`
	Title          string            `json:"title"`
	Department     string            `json:"department"`
	CostCenter     string            `json:"cost_center"`
	Location       string            `json:"location"`
	EmploymentType string            `json:"employment_type"`
	Status         string            `json:"status"` // active, leave, terminated or unknown
	Kind           string            `json:"kind"`   // human, service, agent or unknown
	OwnerID        string            `json:"owner_id"`
	StartDate      Time              `json:"start_date"`
	EndDate        Time              `json:"end_date"`
	Attrs          map[string]string `json:"attrs"` // unknown columns, kept as they came
}

// Account is one row of a source's accounts.
type Account struct {
	AccountID   string            `json:"account_id"`
	Username    string            `json:"username"`
	DisplayName string            `json:"display_name"`
	Email       string            `json:"email"`
	PersonID    string            `json:"person_id"`
	OwnerID     string            `json:"owner_id"`
	Kind        string            `json:"kind"`   // human, service, shared, agent or unknown
	Status      string            `json:"status"` // enabled, disabled or unknown
	Privileged  Tri               `json:"privileged"`
	LastLoginAt Time              `json:"last_login_at"` // usage: never makes a row changed
	CreatedAt   Time              `json:"created_at"`
	ExpiresAt   Time              `json:"expires_at"`
	Attrs       map[string]string `json:"attrs"`
}

// Entitlement is one row of a source's entitlements.
type Entitlement struct {
	EntitlementID string            `json:"entitlement_id"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	Kind          string            `json:"kind"` // group, role, permission, licence or unknown
	Risk          string            `json:"risk"` // low, medium, high, critical or unknown
	OwnerID       string            `json:"owner_id"`
	Privileged    Tri               `json:"privileged"`
	LowerID       string            `json:"lower_id"`
	Attrs         map[string]string `json:"attrs"`
}

// Grant is one row of a source's grants: an account holds an entitlement by one path.
type Grant struct {
	AccountID     string            `json:"account_id"`
	EntitlementID string            `json:"entitlement_id"`
	GrantedAt     Time              `json:"granted_at"`
	GrantedBy     string            `json:"granted_by"`
	Reason        string            `json:"reason"`
	ExpiresAt     Time              `json:"expires_at"`
	LastUsedAt    Time              `json:"last_used_at"` // usage: never makes a row changed
	Via           string            `json:"via"`          // the path, outermost first, ">"-separated; "" is direct
	Attrs         map[string]string `json:"attrs"`
}

// Record is one row that a source gave: the field of its Kind is set, and the place it came
// from, so that whatever is wrong with it can be named.
type Record struct {
	Kind        Kind
	File        string
	Line        int64 // 1 is the first line of the file; of a live source, the row's number in its kind
	Person      Person
	Account     Account
	Entitlement Entitlement
	Grant       Grant
}

// Columns are the names of what a row of a kind may say: the columns of CONTRACT.md.
func Columns(kind Kind) []string {
	var row any
	switch kind {
	case KindPeople:
		row = Person{}
	case KindAccounts:
		row = Account{}
	case KindEntitlements:
		row = Entitlement{}
	case KindGrants:
		row = Grant{}
	}
	var names []string
	for f := range reflect.TypeOf(row).Fields() {
		if name := f.Tag.Get("json"); name != "attrs" {
			names = append(names, name)
		}
	}
	return names
}

// Reject is a row that could not be taken, with the reason. It is stored, listed and
// downloadable: nothing that a source gave is dropped silently.
type Reject struct {
	Kind   Kind   `json:"kind"`
	File   string `json:"file"`
	Line   int64  `json:"line"`
	Column string `json:"column"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"` // the row as it came, cut to 1,000 bytes of valid UTF-8
}
