package scope

import "recert/model"

// Source is one source of access.
type Source struct {
	ID    int64
	Name  string
	Type  string
	Owner string // person_id; "" where there is none
}

// Person is a current row of a people source.
type Person struct {
	Key      int64
	SourceID int64
	model.Person
}

// Active tells whether the person may be asked: one who is on leave or gone may not, nor may a
// service or an agent. An unknown status counts as active.
func (p *Person) Active() bool {
	switch p.Kind {
	case "service", "agent":
		return false
	}
	return p.Status == "" || p.Status == "active"
}

// Account is an account of a source with the person it is tied to.
type Account struct {
	Key      int64
	Source   *Source
	Explicit bool    // the source lists it; false where only a grant names it
	Person   *Person // nil where it is tied to nobody
	Why      string  // the rule that tied it, or why it is tied to nobody
	model.Account
}

// Entitlement is an entitlement of a source.
type Entitlement struct {
	Key    int64
	Source *Source
	model.Entitlement
}

// Row is one grant that may be asked about, or an account without any: then Entitlement and
// Grant are nil.
type Row struct {
	Account     *Account
	Entitlement *Entitlement
	Grant       *model.Grant
}
