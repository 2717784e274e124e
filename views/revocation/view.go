package revocation

import (
	"recert/views/layout"
	"recert/views/ui"
)

// FieldVersion names what the reader saw, in forms that let removals go on.
const FieldVersion = "version"

// Parameters of GET /revocations.
const (
	ParamSearch = "q"
	ParamState  = "state" // a view of the board; "" is all that is open

	ParamSource   = "source"   // a name
	ParamCampaign = "campaign" // the name of a run
)

// FieldID names a removal in the form that lets failed ones go on.
const FieldID = "id"

// ListPage is the list of removals.
type ListPage struct {
	layout.Frame
	Search    string
	State     string // of the view
	Tabs      []Tab
	Sources   []ui.Option
	Campaigns []ui.Option
	Active    bool // something is narrowed, beside the view
	Rows      []Row
	Failed    []string // ids of the rows that failed, where the reader may let them go on
	Pager     ui.Pager

	Stopped     *ui.Notice // removals are stopped: by whom and why
	CanStop     bool       // the reader may stop them all
	CanGo       bool       // the reader may let them go on
	Held        int64      // removals that wait for a second person
	CanHeld     bool       // the reader may be that person
	HeldVersion string     // names what is held
	Lag         Lag
	Messages    Messages
	Reason      ui.Field // why they are to be stopped
}

// Tab is one view of the board.
type Tab struct {
	Label   string
	Count   int64
	Href    string
	Current bool
	Tone    ui.Tone
}

// Row is one removal.
type Row struct {
	ID       string
	Person   string // or the account's name
	Account  string // its user name, where the person's does not tell the row from others; ""
	Can      string
	Source   string
	State    ui.Tag
	Since    ui.Stamp // of the state
	Campaign string   // name of the run, "" where it came from elsewhere
	By       string   // who decided it, "" where nobody is known
	Age      string   // "open for 3 days", "took 4 minutes"
	Due      ui.Stamp // when it should be proven; zero where it need not, or is late
	Late     ui.Tag   // "Late by 2 days"
	Next     string   // "next look in 5 minutes"
	Note     string   // what waits for somebody: "The wiki team must remove it by hand."
}

// Page is one removal.
type Page struct {
	layout.Frame
	ID        string
	Person    string
	PersonID  string // "" for no link
	Can       string
	Source    string
	Technical string
	State     ui.Tag
	Board     bool      // the reader may see the board of all removals
	Untold    bool      // it came back, and nobody could be told by mail
	Meaning   string    // the state in a sentence
	Facts     []ui.Pair // decided by, campaign, account, path
	Manual    *Manual
	Before    []Step    // when it was proven gone, and came back
	Begun     *Step     // a task was given to somebody
	Attempts  []Attempt // the first one first
	Outcome   *Step     // what later snapshots showed, or why it ended without an attempt
	CanRetry  bool      // it failed, and the reader may let it go on
	Version   string    // names for what it is held
	CanLetGo  bool      // it waits for a second person, and the reader may be that

	CannotLetGo string // why the reader, an admin, may not; ""

	Contest    *Contest // what the person concerned says against it; nil where that is nothing
	CanDecline bool     // it may be decided not to do it, and the reader may be who does
	Told       []Told   // the newest first
	Follows    []Follow // what it belongs to
	Restore    *Restore // the reader may have it given back
	CanGiveUp  bool     // it gives something back, and the reader may end that
}

// Manual is a task for a person.
type Manual struct {
	Title string // "To be done by hand"
	Note  string // what closes it, or that nothing is to be done any more
	Who   string // who is to do it
	What  string
	How   string // step by step, one line each

	Href    string // of the task; "" for no link
	Reports int64  // what people said was done
}

// Attempt is one try of the worker.
type Attempt struct {
	Number int64
	Result ui.Tag // "Removed", "Still present", "Not reachable"
	Steps  []Step // intent, before, call, after, in that order as far as they came
}

// Step is one moment of an attempt.
type Step struct {
	Label string   // "Written down", "Read before", "Asked to remove", "Read again"
	At    ui.Stamp // made with ui.Exact; zero shows none
	Text  string
	Href  string // where the text leads; "" is nowhere
	Code  string // status and ids as the target gave them, never a secret
	Tone  ui.Tone
}

func (m Manual) reports() string {
	if m.Reports == 0 {
		return "Report it as done, or attach a file"
	}
	return ui.Count(m.Reports, "report", "reports") + " about it"
}

func (p Page) retryHref() string { return ui.Path("revocations", p.ID) + "/retry" }

func (p Page) approveHref() string { return ui.Path("revocations", p.ID) + "/approve" }

func (p ListPage) heldText() string {
	if p.Held == 1 {
		return "One removal waits for a second person."
	}
	return ui.Num(p.Held) + " removals wait for a second person."
}

func (p ListPage) letGo() string {
	if p.Held == 1 {
		return "Let it go on"
	}
	return "Let all that I may go on, of " + ui.Num(p.Held)
}

func (r Row) href() string { return ui.Path("revocations", r.ID) }

func (p Page) personHref() string { return ui.Path("people", p.PersonID) }

func (a Attempt) title() string { return "Attempt " + ui.Num(a.Number) }

func (s Step) class() string {
	switch s.Tone {
	case ui.Good, ui.Warn, ui.Bad, ui.Info:
		return string(s.Tone)
	case ui.Plain:
	}
	return "plain"
}

func (p ListPage) search() ui.Field {
	return ui.Field{
		ID: "search", Name: ParamSearch, Label: "Find a person, system or access", Hide: true,
		Hint: "Find a person, system or access", Type: "search", Value: p.Search,
	}
}

func (p ListPage) sources() ui.Select {
	return ui.Select{ID: "source", Name: ParamSource, Label: "System", Hide: true, Options: p.Sources}
}

func (p ListPage) campaigns() ui.Select {
	return ui.Select{ID: "campaign", Name: ParamCampaign, Label: "Campaign", Hide: true, Options: p.Campaigns}
}

func (t Tab) class() string {
	if t.Tone == ui.Plain {
		return "count"
	}
	return "tag " + string(t.Tone)
}

func (p ListPage) retryText() string {
	if len(p.Failed) == 1 {
		return "Try it again"
	}
	return "Try these " + ui.Num(int64(len(p.Failed))) + " again"
}

func (p ListPage) nothing() ui.Empty {
	if p.Active {
		return ui.Empty{Title: "Nothing matches.", Link: "Clear the filters", Href: "/revocations"}
	}
	if p.State != "" {
		return ui.Empty{Title: "There is none of these.", Link: "Show all that is open", Href: "/revocations"}
	}
	return ui.Empty{Title: "No removal is open.", Text: "A removal is closed only when the system, read again, no longer shows the access."}
}
