package review

import (
	"net/url"

	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /reviews/{campaign}/items/{item}, of …/undo and of /reviews/{campaign}/sign-off.
const (
	FieldAnswer  = "answer"  // one of the Answer constants; not sent by undo and sign-off
	FieldComment = "comment" // free text; not sent by undo and sign-off
	FieldVersion = "version" // Row.Version or SignOff.Version, as it was shown
	FieldKey     = "key"     // Row.Key or SignOff.Key: the same key twice changes nothing twice
	FieldBack    = "back"    // the query to return to, below /reviews/{campaign}
)

// Parameters of GET /reviews/{campaign}.
const (
	ParamSearch = "q"
	ParamSource = "source"
	ParamState  = "state" // one of the State constants; "" is undecided
	ParamItem   = "item"  // show this one item, whatever its state: for mails and for the script
)

// Answer is what a reviewer says of one access.
type Answer string

// The answers; the values are those of the form and of the evidence. None is no answer yet.
const (
	None   Answer = ""
	Keep   Answer = "keep"
	Revoke Answer = "revoke"
	Unsure Answer = "unsure"
	Reduce Answer = "reduce"
)

// The states that the list can be narrowed to.
const (
	StateUndecided = "undecided"
	StateDecided   = "decided"
	StateAll       = "all"
)

// Page is one campaign for one reviewer.
type Page struct {
	layout.Frame
	Campaign string // id of the run, in addresses
	Name     string // "Q4 access review: Payments team"
	Purpose  string // what the campaign is for, in its owner's words; ""
	Due      ui.Stamp
	Left     ui.Tag // "3 days left", "Overdue by 2 days"
	Decided  int64  // of all items of the reviewer, not of the filtered ones
	Total    int64
	Filter   Filter
	Rows     []Row
	Pager    ui.Pager
	Back     string   // query of this page without "?", sent back as FieldBack
	SignOff  *SignOff // nil where there is nothing to sign off any more
	Receipt  *Receipt // set after sign-off
	Paused   string   // since when, and why, nothing can be changed for now
	Closed   string   // why nothing can be changed, where it was not the reader's own sign-off
}

// Filter is what the list is narrowed to.
type Filter struct {
	Search  string
	Sources []ui.Option // the first one, with an empty value, is "All systems"
	State   string      // one of the State constants
	Active  bool        // something is narrowed beyond the usual "undecided"
}

// Row is one item: one access of one account.
type Row struct {
	Item      string // id, in addresses
	Version   string
	Key       string // a fresh idempotency key
	PersonID  string // "" where the account has no person, or the reader may not see the page
	Person    string // name, or the account's where nobody is known to hold it
	Account   string // its user name, where the person's does not tell the row from others; ""
	Title     string // job title; what kind of account it is, where there is no person
	Can       string // the access in plain words; the technical name where no description exists
	Source    string
	Technical string // entitlement's name in the source
	Signals   []ui.Tag
	LastUsed  string // "187 days ago", or "unknown"; never "unused"
	Details   []ui.Pair

	Answer   Answer
	LowerTo  string  // with Reduce: the id of what it is lowered to
	Lowers   []Lower // what it may be lowered to, the strongest first
	Until    string  // with Keep: the last day, YYYY-MM-DD; "" is for good
	Comment  string
	By       string   // "You", or who gave the answer that stands
	At       ui.Stamp // when
	CanUndo  bool
	ReadOnly bool      // no answer can be given: signed off, closed or gone
	Gone     string    // "Gone since 3 Dec 2026, before it was answered."; ""
	Removal  *Removal  // set for a removal that was handed on
	Conflict *Conflict // set where somebody else answered since the reader opened the page
	Error    string    // why the last try was refused: "Choose an answer first."
	Typed    *Typed    // what was sent with it; nil where nothing was
}

// Typed is what the reader sent and what was refused: the form keeps it, while the rest of the row shows
// what is stored.
type Typed struct {
	Answer  Answer
	LowerTo string
	Until   string
	Comment string
}

// Removal is how far a removal has come.
type Removal struct {
	ID      string // of the revocation
	State   ui.Tag // "Queued", "Sent", "Proven gone", "Came back"
	At      ui.Stamp
	Pending bool // it may still change by itself: the script looks again
	Link    bool // the reader may open the revocation's page
}

// Conflict shows two answers to one question. The row's Version is the one that now stands.
type Conflict struct {
	Who     string // who answered first
	Theirs  Answer
	At      ui.Stamp
	Mine    Answer // what the reader sent
	LowerTo string // with it, where it is Reduce
	Until   string // with it, where it is Keep
	Note    string // the reader's comment, kept
}

// SignOff is the last step.
type SignOff struct {
	Version    string
	Key        string
	Counts     []ui.Pair // "Keep" 168, "Remove" 12, …
	Removals   []Line    // the removals that go out, by name; a last line may say how many more
	Lowers     []Line    // what is lowered, likewise
	Unanswered []Line
	RemovalsIn int64    // how many removals there are; 0 is as many as lines
	OpenIn     int64    // how many are without an answer; 0 is as many as lines
	Leftover   string   // what happens to the unanswered: "What you leave open stays as it is."
	After      []string // what becomes of the answers, a sentence each: when removals go out, when keeps end
	Statement  string   // what the reviewer confirms
	Blocked    string   // why it cannot be signed yet, "" where it can
}

// Line names one access in the sign-off.
type Line struct {
	Item   string // id, "" for no link
	Person string
	Access string
}

// Receipt proves a sign-off to the reviewer.
type Receipt struct {
	At        ui.Stamp
	By        string
	Counts    []ui.Pair
	Statement string
	Event     string // id or number of the evidence event
	Hash      string // of the event
}

// Text is the answer in words.
func (a Answer) Text() string {
	switch a {
	case Keep:
		return "Keep"
	case Revoke:
		return "Remove"
	case Unsure:
		return "Not sure"
	case Reduce:
		return "Lower"
	case None:
	}
	return "No answer"
}

// Tag is the answer as a badge.
func (a Answer) Tag() ui.Tag {
	t := ui.Tag{Text: a.Text()}
	switch a {
	case Keep:
		t.Tone = ui.Good
	case Revoke, Reduce:
		t.Tone = ui.Bad
	case Unsure, None:
	}
	return t
}

type option struct {
	answer Answer
	label  string
}

var options = []option{{Keep, "Yes"}, {Revoke, "No, remove"}, {Unsure, "Not sure"}}

var states = []ui.Option{
	{Value: StateUndecided, Label: "Still to answer"},
	{Value: StateDecided, Label: "Answered"},
	{Value: StateAll, Label: "All"},
}

func (f Filter) search() ui.Field {
	return ui.Field{
		ID: "search", Name: ParamSearch, Label: "Find a person, system or access", Hide: true,
		Hint: "Find a person, system or access", Type: "search", Value: f.Search,
	}
}

func (f Filter) sources() ui.Select {
	return ui.Select{ID: "source", Name: ParamSource, Label: "System", Hide: true, Options: f.Sources}
}

func (f Filter) states() ui.Select {
	opts := make([]ui.Option, len(states))
	for i, o := range states {
		o.Selected = o.Value == f.State
		opts[i] = o
	}
	return ui.Select{ID: "state", Name: ParamState, Label: "Which to show", Hide: true, Options: opts}
}

func (p Page) href() string { return ui.Path("reviews", p.Campaign) }

func (p Page) itemHref(item string) string { return ui.Path("reviews", p.Campaign, "items", item) }

func (p Page) allHref() string { return p.href() + "?" + ParamState + "=" + StateAll }

func (p Page) backHref() string {
	if p.Back == "" {
		return p.href()
	}
	return p.href() + "?" + p.Back
}

func (p Page) signHref() string { return p.href() + "/sign-off" }

func (p Page) progress() ui.Progress {
	return ui.Progress{Label: "Answered", Done: p.Decided, Total: p.Total}
}

// nothing is what stands in place of the list. An empty list because of a filter is not the same
// as an empty list because all is done.
func (p Page) nothing() ui.Empty {
	switch {
	case p.Filter.Active:
		return ui.Empty{Title: "Nothing matches.", Text: "Try fewer words or another system.", Link: "Clear the filters", Href: p.href()}
	case p.Total == 0:
		return ui.Empty{Title: "There is nothing for you to answer in this review.", Link: "Back to my reviews", Href: "/"}
	case p.SignOff != nil:
		return ui.Empty{Title: "You have answered everything.", Text: "One step is left: check the removals and sign off.", Link: "Show my answers", Href: p.allHref()}
	}
	return ui.Empty{Title: "Nothing is left to answer.", Link: "Show all answers", Href: p.allHref()}
}

func (r Row) anchor() string { return "item-" + r.Item }

func (r Row) personHref() string { return ui.Path("people", r.PersonID) }

func (r Row) done() bool { return r.Answer != None && r.Conflict == nil && r.Error == "" }

// form is what the form holds: what was typed and refused, else what is stored.
func (r Row) form() Typed {
	if r.Typed != nil {
		return *r.Typed
	}
	return Typed{Answer: r.Answer, LowerTo: r.LowerTo, Until: r.Until, Comment: r.Comment}
}

// noted tells whether something was typed, or chosen, where it must be opened to be seen.
func (r Row) noted() bool {
	return r.Typed != nil && (r.Typed.Until != "" || r.Typed.Comment != "" || r.Typed.Answer == Reduce)
}

// stored is the answer that stands, where another one was refused.
func (r Row) stored() ui.Tag {
	t := r.Answer.Tag()
	if t.Text = "Stored: " + t.Text; r.Answer == None {
		t.Text = "No answer is stored"
	}
	return t
}

// who is whose access it is, for who hears the row's controls without the row.
func (r Row) who() string {
	if r.Account == "" {
		return r.Person
	}
	return r.Person + " (" + r.Account + ")"
}

// question is the accessible name of the answers: it says of whom and of what.
func (r Row) question() string { return "Still needed? " + r.who() + ": " + r.access() }

func (r Row) access() string {
	if r.Technical == "" {
		return r.Can
	}
	return r.Technical
}

func (r Row) note() ui.Field {
	return ui.Field{ID: "note-" + r.Item, Name: FieldComment, Label: "Note", Value: r.form().Comment, Rows: 2}
}

// NotMine is the answer that passes a row on: the button is after the choices, so its answer is the last.
const NotMine = "not_mine"

// moreTitle names what there is beside the three answers: nobody looks for it behind other words.
func (r Row) moreTitle() string {
	if len(r.Lowers) > 0 {
		return "Keep until a date, lower, add a note, pass it on"
	}
	return "Keep until a date, add a note, pass it on"
}

func (c Conflict) text() string {
	return c.Who + " said “" + c.Theirs.Text() + "”, "
}

func (c Conflict) mine() string { return ". Your answer: “" + c.Mine.Text() + "”." }

func (l Line) href() string {
	return "?" + ParamItem + "=" + url.QueryEscape(l.Item) + "#item-" + url.PathEscape(l.Item)
}

// many is a count, or that of the lines where none is given.
func many(n int64, lines []Line) int64 {
	if n > 0 {
		return n
	}
	return int64(len(lines))
}

func (s SignOff) removals() string {
	return ui.Count(many(s.RemovalsIn, s.Removals), "removal", "removals")
}

func (s SignOff) unanswered() string {
	return ui.Count(many(s.OpenIn, s.Unanswered), "without an answer", "without an answer")
}

func (r Removal) href() string { return ui.Path("revocations", r.ID) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
