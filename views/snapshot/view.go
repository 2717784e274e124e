package snapshot

import (
	"strings"

	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /snapshots/{id}/release.
const (
	FieldReason = "reason" // why it is right although it was held; required
	FieldKey    = "key"    // idempotency key
	FieldDo     = "do"     // DoDiscard where it is to be put away instead; else DoRelease, or nothing
	DoRelease   = "release"
	DoDiscard   = "discard"
)

// Page is one snapshot.
type Page struct {
	layout.Frame
	ID           string
	Source       string
	AsOf         ui.Stamp
	State        ui.Tag    // "Sealed", "Held", "Released"
	Facts        []ui.Pair // sealed when and by whom, previous snapshot, digest
	Held         *Held
	Ledgers      []Ledger // one a kind, in reading order
	Files        []File
	Rejects      []Reject
	RejectsTotal int64
	RejectsPager ui.Pager
	Unmatched    []Reason // accounts without a person, by reason
	Cycles       []string // "Ana Ferreira > Bo Lindqvist > Ana Ferreira"
	Missing      []string // managers that no row names
}

// Held says why a snapshot waits for somebody.
type Held struct {
	Reasons    []string // "Grants: 1,284 of 6,191 are gone, 20.7 %. The limit is 20 %."
	CanRelease bool
	CanDiscard bool   // the reader may put it away for good
	WhyNot     string // why the reader cannot: "You loaded it yourself; another admin must."
	Key        string
	Reason     string // what was typed
	Error      string // about the reason
}

// Ledger accounts for every row of one kind. The three sums of it must balance.
type Ledger struct {
	Kind                     string // "Grants"
	Read, Accepted, Rejected int64
	New, Changed, Unchanged  int64
	Previous, Gone           int64
	Duplicates               int64  // of the rejected
	Carried                  bool   // not given this time: taken over from the snapshot before
	First                    bool   // there is none before
	Expected                 string // an independent count: "6,191", "" for none
	ExpectedDiffers          bool
	Rows                     string // address of the list of its rows; "" where there is none
}

// File is one file that was read.
type File struct {
	Name   string
	Kind   string
	Rows   int64
	Size   string
	SHA256 string
}

// Reject is one row that could not be taken.
type Reject struct {
	File   string
	Line   int64
	Column string
	Reason string
	Raw    string
}

// Reason is a count with its reason.
type Reason struct {
	Text  string
	Count int64
}

// Sum is one line of a ledger: a total and the parts that must make it.
type Sum struct {
	Total string
	N     int64
	Parts []Part
}

// Part is one term of a Sum.
type Part struct {
	Name string
	N    int64
	Href string // where its rows are listed; "" where they are not
}

// Sums are the three lines of the ledger.
func (l Ledger) Sums() []Sum {
	return []Sum{
		{"Read", l.Read, []Part{{"accepted", l.Accepted, l.Rows}, {"rejected", l.Rejected, l.rejected()}}},
		{"Accepted", l.Accepted, []Part{{"new", l.New, l.changed("new")}, {"changed", l.Changed, l.changed("changed")}, {"unchanged", l.Unchanged, ""}}},
		{"Previous", l.Previous, []Part{{"unchanged", l.Unchanged, ""}, {"changed", l.Changed, l.changed("changed")}, {"gone", l.Gone, l.changed("gone")}}},
	}
}

// changed leads to the rows of a kind that became just this.
func (l Ledger) changed(to string) string {
	if l.Rows == "" {
		return ""
	}
	return l.Rows + "&" + ParamChange + "=" + to
}

func (l Ledger) rejected() string {
	if l.Rows == "" {
		return ""
	}
	return "#rejects"
}

// linked tells whether the rows of a part can be looked at.
func (p Part) linked() bool { return p.N > 0 && p.Href != "" }

func (p Part) text() string { return p.Name + " " + ui.Num(p.N) }

// Balances tells whether the parts make the total.
func (s Sum) Balances() bool { return s.off() == 0 }

func (s Sum) off() int64 {
	sum := int64(0)
	for _, p := range s.Parts {
		sum += p.N
	}
	return s.N - sum
}

func (s Sum) tag() ui.Tag {
	if s.Balances() {
		return ui.Tag{Text: "Balances", Tone: ui.Good}
	}
	return ui.Tag{Text: "Off by " + ui.Num(s.off()), Tone: ui.Bad}
}

// joint is what stands before a part.
func joint(i int) string {
	if i == 0 {
		return "= "
	}
	return " + "
}

func (l Ledger) caption() string {
	switch {
	case l.Carried && l.First:
		return l.Kind + ": not given"
	case l.Carried:
		return l.Kind + ": not given this time, taken over"
	}
	return l.Kind
}

func (l Ledger) seeThem() string { return "See the " + strings.ToLower(l.Kind) }

func (l Ledger) expected() ui.Tag {
	if l.ExpectedDiffers {
		return ui.Tag{Text: "Expected " + l.Expected + ", read " + ui.Num(l.Read), Tone: ui.Bad}
	}
	return ui.Tag{Text: "As expected: " + l.Expected, Tone: ui.Good}
}

func (h Held) reason() ui.Field {
	return ui.Field{
		Name: FieldReason, Label: "Why it is right", Value: h.Reason, Error: h.Error, Rows: 2, Required: true,
		Help: "Kept as evidence, with your name.",
	}
}

func (h Held) discardReason() ui.Field {
	f := h.reason()
	f.Label = "Why it is discarded"
	return f
}

func (p Page) path(rest string) string { return ui.Path("snapshots", p.ID) + rest }

func (p Page) sourceHref() string { return ui.Path("sources", p.Source) }
