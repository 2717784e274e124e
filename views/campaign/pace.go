package campaign

import "recert/views/ui"

// Pace is the burn-down of a run: two lines in a field of 1000 by 300.
type Pace struct {
	Text  string // what it shows, in words
	State ui.Tag // "Behind"
	From  string // the first day
	To    string // the last day
	Line  string // points "x,y x,y" of what was open
	Even  string // points of an even pace
	Now   string // x of now; "" where the run is closed
	Rows  []PaceRow
}

// PaceRow is one day of it, as a table.
type PaceRow struct {
	Day  string
	Open int64
	Even int64
}

// Stuck is an open item that goes from reviewer to reviewer.
type Stuck struct {
	PersonID string // "" where the account is nobody's
	Person   string
	Access   string // "wiki · Change invoices"
	With     string // who is asked now
	Moves    int64
}

// Hand is something that only who runs campaigns can do.
type Hand struct {
	Name string // of the run, the campaign, or a view of removals
	Href string
	Text string
}

func (p Page) live() string { return p.path("/live") }
