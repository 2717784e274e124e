package person

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Page is one person.
type Page struct {
	layout.Frame
	ID          string
	Name        string
	Title       string
	State       ui.Tag    // "Active", "On leave", "No longer employed", "Status unknown"
	Facts       []ui.Pair // what the people source says; Href leads to manager or owner
	Attrs       []ui.Pair // columns that only the source knows
	Accounts    []Account
	Access      []Access
	AccessTotal int64
	AccessPager ui.Pager
	Reports     []Report // who reports to this person
}

// Account is one account of the person.
type Account struct {
	Source    string
	ID        string
	Name      string
	Tags      []ui.Tag // "Disabled", "Privileged", "Service account"
	LastLogin string   // "3 days ago", or "unknown"
}

// Access is one thing that the person can do.
type Access struct {
	Can       string
	Source    string
	Technical string
	Path      string // "fin-eu-ap > sap-approvers", "" where direct
	Since     ui.Stamp
	Until     ui.Stamp // zero where it does not end
	LastUsed  string
	Tags      []ui.Tag
}

// Report is somebody who reports to the person.
type Report struct {
	ID    string
	Name  string
	Title string
}

func (r Report) href() string { return ui.Path("people", r.ID) }

func (a Access) path() string {
	if a.Path == "" {
		return "given directly"
	}
	return "through " + a.Path
}
