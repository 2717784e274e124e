package campaign

import (
	"net/url"

	"recert/views/layout"
	"recert/views/ui"
)

// Fields of the forms that launch, close and export a run.
const (
	FieldVersion = "version" // what the reader saw, as it was given to the page
	FieldKey     = "key"     // idempotency key
	FieldConfirm = "confirm" // "yes" once the box is ticked
)

// ListPage is the list of all runs.
type ListPage struct {
	layout.Frame
	Runs      []Run
	Pager     ui.Pager
	CanCreate bool
	Hands     []Hand // what needs the reader; only for who runs campaigns
}

// Run is one line of the list.
type Run struct {
	ID      string
	Name    string   // "quarterly-managers@2026-11-20"
	State   ui.Tag   // "Draft", "Running", "Closed"
	Next    ui.Stamp // when it launches itself, of a definition
	Due     ui.Stamp
	Left    ui.Tag // "3 days left"
	Done    int64
	Total   int64
	Removed string // "12, of these 9 proven gone"
}

// Page is one run.
type Page struct {
	layout.Frame
	ID        string
	Name      string
	Purpose   string
	State     ui.Tag
	Due       ui.Stamp
	Left      ui.Tag
	Launched  ui.Stamp
	Closed    ui.Stamp
	Next      ui.Stamp  // when it launches itself, of a draft
	Problem   ui.Notice // why it did not
	Reminder  ui.Stamp  // the next one
	Mailless  bool      // reviewers are told nothing: mail is not set up
	Counts    Counts
	Pace      *Pace     // nil for a draft
	Problems  []string  // what does not come along by itself
	Stuck     []Stuck   // items that go from reviewer to reviewer, those first that moved most
	StuckAll  int64     // how many there are
	Removals  []ui.Pair // "Queued" 1, "Sent" 2, "Proven gone" 9, …
	Reviewers []Reviewer
	Pager     ui.Pager  // of the reviewers
	Settings  []ui.Pair // the definition in words: what, who, when, what happens
	Digest    string    // of the items at launch, "" before
	Package   string    // "Exported 3 Dec 2026, 4.1 MB" or ""
	Key       string    // for the export form
	Draft     bool      // not launched yet: offer the preview
	CanLaunch bool
	Campaign  string // the name of the definition, "" where there is none any more
	CanCopy   bool
	CanClose  bool
	CanExport bool
	HandOver  *HandOver  // nil where nothing can be handed over
	Pause     *PauseForm // nil where it cannot be paused
	Extend    *DueForm   // nil where the due date cannot be changed
}

// Fields of POST /campaigns/{id}/hand-over.
const (
	FieldFrom   = "from"
	FieldTo     = "to"
	FieldReason = "reason"
)

// Everybody is FieldFrom for all reviewers; no person_id begins so.
const Everybody = "*"

// HandOver is the form by which open items move to another reviewer.
type HandOver struct {
	From    []ui.Option // reviewers who have not signed off, by person_id, or Everybody
	Systems []ui.Option // whose items move; "" is all
	System  string      // of these, as it was chosen
	To      string
	Reason  string
	Error   string
}

func (h HandOver) from() ui.Select {
	return ui.Select{ID: "hand-from", Name: FieldFrom, Label: "From", Options: h.From}
}

func (h HandOver) systems() ui.Select {
	return ui.Select{ID: "hand-source", Name: FieldSource, Label: "Access in", Options: h.Systems}
}

func (h HandOver) to() ui.Field {
	return ui.Field{ID: "hand-to", Name: FieldTo, Label: "To", Help: "Their person_id; empty is whom the campaign's rules give next. What is their own access stays where it is.", Value: h.To, Error: h.Error}
}

func (h HandOver) reason() ui.Field {
	return ui.Field{ID: "hand-reason", Name: FieldReason, Label: "Why", Help: "It stands in the evidence.", Value: h.Reason, Required: true}
}

// DueForm is the form that makes a run due on another day: FieldDue and FieldReason to POST /campaigns/{id}/due.
type DueForm struct {
	Day    string // as it was typed
	Reason string
	Error  string
}

func (f DueForm) day() ui.Field {
	return ui.Field{ID: "due-day", Name: FieldDue, Label: "New last day", Help: "As 2026-12-31. It ends at 17:00.", Value: f.Day, Required: true, Error: f.Error}
}

func (f DueForm) reason() ui.Field {
	return ui.Field{ID: "due-reason", Name: FieldReason, Label: "Why", Help: "It stands in the evidence.", Value: f.Reason, Required: true}
}

// Counts are the items of a run by outcome. Items is the sum of all others.
type Counts struct {
	Items, Kept, Revoked, Reduced, Unsure, Unanswered, Gone int64
}

// Balances tells whether every item is counted exactly once.
func (c Counts) Balances() bool {
	return c.Items == c.Kept+c.Revoked+c.Reduced+c.Unsure+c.Unanswered+c.Gone
}

// Reviewer is the progress of one reviewer.
type Reviewer struct {
	PersonID string
	Name     string
	Done     int64
	Total    int64
	Kept     int64
	Removed  int64
	Lowered  int64
	Unsure   int64
	Signed   ui.Stamp // zero while not signed off
	Note     ui.Tag   // "Has not started", "Overdue"
}

// PreviewPage shows what a launch would do.
type PreviewPage struct {
	layout.Frame
	ID        string
	Name      string
	Items     int64
	Snapshots []ui.Pair // what it reads: "wiki" "sealed Fri 4 Dec 2026, 06:00 CET"
	Reviewers []Share
	Without   []Line // items that nobody can review: these block the launch
	MoreOut   int64  // how many more of Without are not listed
	Self      []Self // where the rule would have let somebody review own access
	MoreSelf  int64
	Excluded  []Reason
	Unknown   []Reason // items that are in because something is not known about them
	Checks    []string // what to look at before a launch that does not stand against it
	Plain     []Named  // accesses without a description, and their systems
	MorePlain int64
	Swapped   []Named // two who would review each other
	MoreSwap  int64
	Unmanaged []Named // whose manager cannot review, and why
	MoreUnman int64
	Losses    []Line // what would be removed if nobody answered
	MoreLoss  int64
	Effect    []ui.Pair
	Warnings  []string // what is known and would not be reviewed
	Blocked   []string // why it cannot be launched; none where it can
	CanLaunch bool     // the reader may launch
	Version   string   // of the preview: a launch with another content is refused
	Key       string
	Confirm   string // an error on the box: "Tick the box to launch."
}

// Share is how many items somebody would get, and by which rule.
type Share struct {
	Name  string
	Why   string // "about 12 minutes"
	Over  bool   // more than anybody answers with care
	Items int64
}

// Named is one line of what a check counts.
type Named struct {
	Name  string
	About string // the system it is in, or why
	Items int64
}

// Line is one item without a reviewer.
type Line struct {
	Person  string
	Account string // its id in the source
	Access  string // "The account itself" where it is that
	Source  string
	Why     string // "no manager; the owner of wiki has left"
}

// Self is one self-review avoided.
type Self struct {
	Person  string
	Account string
	Access  string
	Instead string // who got it
	Why     string // by which rule
}

// Reason is a count with its reason.
type Reason struct {
	Text  string
	Count int64
}

// ClosePage asks before a run is closed, and shows the effect.
type ClosePage struct {
	layout.Frame
	ID         string
	Name       string
	Counts     Counts
	Effect     []Effect
	Unsigned   []string // reviewers who have not signed off
	Early      string   // "It is due Fri 4 Dec 2026, 17:00 CET: three days from now." or ""
	Version    string
	Key        string
	Confirm    string // an error on the box
	Blocked    string // why it cannot be closed; ""
	PlainWords string // what on_no_answer does, in words
}

// Effect is one line of what closing does.
type Effect struct {
	What  string // "No answer"
	Count int64
	Then  string // "kept, and shown as unanswered in the report"
}

func (r Run) href() string { return ui.Path("campaigns", r.ID) }

func (r Run) progress() ui.Progress {
	return ui.Progress{Label: "Answered in " + r.Name, Done: r.Done, Total: r.Total}
}

func (p Page) path(rest string) string { return ui.Path("campaigns", p.ID) + rest }

func (p Page) progress() ui.Progress {
	c := p.Counts
	return ui.Progress{Label: "Answered", Done: c.Items - c.Unanswered - c.Gone, Total: c.Items - c.Gone}
}

func (p PreviewPage) path(rest string) string { return ui.Path("campaigns", p.ID) + rest }

func (p ClosePage) path(rest string) string { return ui.Path("campaigns", p.ID) + rest }

func (r Reviewer) href() string { return ui.Path("people", r.PersonID) }

func (r Reviewer) progress() ui.Progress {
	return ui.Progress{Label: "Answered by " + r.Name, Done: r.Done, Total: r.Total}
}

type outcome struct {
	label string
	n     int64
}

func (c Counts) parts() []outcome {
	return []outcome{
		{"Kept", c.Kept}, {"To remove", c.Revoked}, {"To lower", c.Reduced},
		{"Not sure", c.Unsure}, {"No answer", c.Unanswered}, {"Gone before", c.Gone},
	}
}

func (c Counts) check() ui.Tag {
	if c.Balances() {
		return ui.Tag{Text: "Every item is counted once", Tone: ui.Good}
	}
	sum := c.Kept + c.Revoked + c.Reduced + c.Unsure + c.Unanswered + c.Gone
	return ui.Tag{Text: "Does not balance: the parts make " + ui.Num(sum), Tone: ui.Bad}
}

func more(n int64) string { return "and " + ui.Num(n) + " more" }

func (p Page) copyPath() string {
	return ui.Path("campaigns", "new") + "?" + FieldCopy + "=" + url.QueryEscape(p.Campaign)
}
