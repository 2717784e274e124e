package ui

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// Tone says how a badge or a notice is meant. Colour is never alone: the words say it too.
type Tone string

// The tones. The zero value is plain.
const (
	Plain Tone = ""
	Info  Tone = "info"
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
)

// class keeps anything that is not one of the five out of the markup.
func (t Tone) class() string {
	switch t {
	case Info, Good, Warn, Bad:
		return string(t)
	case Plain:
	}
	return "plain"
}

// Tag is a short word on a coloured ground: "Privileged", "Not used for 187 days". An empty Text
// shows nothing.
type Tag struct {
	Text string
	Tone Tone
}

// Stamp is a time ready to show. Make it with At or Day; the zero Stamp shows "unknown".
type Stamp struct {
	Value string // machine readable, for the datetime attribute
	Text  string // "Fri 4 Dec 2026, 17:00 CET"
}

// At shows an instant in the reader's zone: "Fri 4 Dec 2026, 17:00 CET".
func At(t model.Time, loc *time.Location) Stamp {
	if !t.Known() {
		return Stamp{}
	}
	s := t.Std().In(loc)
	return Stamp{Value: s.Format(time.RFC3339), Text: s.Format("Mon 2 Jan 2006, 15:04 MST")}
}

// Exact is At to the second, where the order of events matters: "Fri 4 Dec 2026, 17:00:31 CET".
func Exact(t model.Time, loc *time.Location) Stamp {
	if !t.Known() {
		return Stamp{}
	}
	s := t.Std().In(loc)
	return Stamp{Value: s.Format(time.RFC3339Nano), Text: s.Format("Mon 2 Jan 2006, 15:04:05 MST")}
}

// Day shows only the day of an instant in the reader's zone: "12 Aug 2026".
func Day(t model.Time, loc *time.Location) Stamp {
	if !t.Known() {
		return Stamp{}
	}
	s := t.Std().In(loc)
	return Stamp{Value: s.Format(time.DateOnly), Text: s.Format("2 Jan 2006")}
}

// Ago says how long before now an instant was, in whole days of the reader's zone: "today",
// "yesterday", "187 days ago". Unknown is "unknown", which is not "never".
func Ago(t, now model.Time, loc *time.Location) string {
	if !t.Known() {
		return "unknown"
	}
	switch d := Days(t, now, loc); {
	case d <= 0:
		return "today"
	case d == 1:
		return "yesterday"
	default:
		return Num(int64(d)) + " days ago"
	}
}

// Days is the number of midnights of the zone between two known instants; negative where b is
// before a.
func Days(a, b model.Time, loc *time.Location) int {
	day := func(t model.Time) time.Time {
		y, m, d := t.Std().In(loc).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a)) / (24 * time.Hour))
}

// Span says how long something takes, in its largest unit: "3 days", "4 hours", "12 minutes",
// "5 seconds". Less than a second is "a moment".
func Span(d time.Duration) string {
	for _, u := range []struct {
		of        time.Duration
		one, many string
	}{{24 * time.Hour, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}, {time.Second, "second", "seconds"}} {
		if d >= u.of {
			return Count(int64(d/u.of), u.one, u.many)
		}
	}
	return "a moment"
}

// Num writes a whole number with thousands separated: "13,978".
func Num(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count is a number with its noun: Count(1, "person", "people") is "1 person".
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Num(n) + " " + many
}

// Path joins the parts of an address and escapes each: Path("people", "a/b") is "/people/a%2Fb".
func Path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// Pair is a term and what is said of it.
type Pair struct {
	Term string
	Text string
	Href string // where the text leads, "" for nowhere
	Code bool   // shown in the typewriter face: names and hashes to be copied
}

// Notice is a message in a box. Good and Info are read out politely, Warn and Bad at once.
type Notice struct {
	Tone  Tone
	Title string
	Text  string
	Items []string // one line each, below the text
	Link  string   // words of a link, "" for none
	Href  string
}

func (n Notice) role() string {
	if n.Tone == Bad || n.Tone == Warn {
		return "alert"
	}
	return "status"
}

// NameHelp says what a source or a campaign may be called, below the field of its name.
const NameHelp = "Small letters and digits; dots, dashes and underscores only between them."

// Crumb is one step of the way to a page.
type Crumb struct {
	Label string
	Href  string
}

// Progress is a part of a whole.
type Progress struct {
	Label string // what it measures, for who cannot see it
	Done  int64
	Total int64
}

// Text is "62 of 180".
func (p Progress) Text() string { return Num(p.Done) + " of " + Num(p.Total) }

func (p Progress) max() string { return strconv.FormatInt(max(p.Total, 1), 10) }

func (p Progress) value() string {
	if p.Total == 0 {
		return "1" // nothing to do is done
	}
	return strconv.FormatInt(p.Done, 10)
}

// Pager leads through a long list. First is "" on the first page, Next on the last.
type Pager struct {
	Label string // its name among several on one page; "" is "Pages"
	Shown string // "1 to 50 of 118", or ""
	First string // address
	Next  string // address
}

// Named gives the pager a name, where one page has several.
func (p Pager) Named(label string) Pager {
	p.Label = label
	return p
}

func (p Pager) label() string {
	if p.Label == "" {
		return "Pages"
	}
	return p.Label
}

// Empty stands where a list has nothing to show.
type Empty struct {
	Title string
	Text  string
	Link  string
	Href  string
}

// Field is one labelled control that takes text.
type Field struct {
	ID       string // "" takes Name
	Name     string
	Label    string
	Help     string
	Error    string
	Value    string
	Type     string   // of the input; "" is text
	Hint     string   // shown inside while it is empty; never the only label
	Auto     string   // the autocomplete attribute, "" for off
	Rows     int      // a text area of so many lines, 0 for one line
	Offers   []string // values to choose from while typing; others may be typed too
	Required bool
	Hide     bool // the label is only for who cannot see the place
}

func (f Field) id() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Name
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (f Field) auto() string {
	if f.Auto == "" {
		return "off"
	}
	return f.Auto
}

func (f Field) describedBy() string { return describedBy(f.id(), f.Help, f.Error) }

// Option is one choice of a Select or of Choices.
type Option struct {
	Value    string
	Label    string
	Help     string // only shown by Choices
	Selected bool
}

// Select is one labelled control that offers choices.
type Select struct {
	ID       string // "" takes Name
	Name     string
	Label    string
	Help     string
	Error    string
	Options  []Option
	Required bool
	Hide     bool // as in Field
}

func (s Select) id() string {
	if s.ID != "" {
		return s.ID
	}
	return s.Name
}

func (s Select) describedBy() string { return describedBy(s.id(), s.Help, s.Error) }

// Check is a box to tick.
type Check struct {
	ID       string // "" takes Name
	Name     string
	Label    string
	Help     string
	Error    string
	Value    string // what is sent when ticked; "" is "yes"
	Checked  bool
	Required bool
}

func (c Check) id() string {
	if c.ID != "" {
		return c.ID
	}
	return c.Name
}

func (c Check) value() string {
	if c.Value == "" {
		return "yes"
	}
	return c.Value
}

func (c Check) describedBy() string { return describedBy(c.id(), c.Help, c.Error) }

func describedBy(id, help, problem string) string {
	var ids []string
	if help != "" {
		ids = append(ids, id+"-help")
	}
	if problem != "" {
		ids = append(ids, id+"-error")
	}
	return strings.Join(ids, " ")
}

// Button sends the form that it stands in.
type Button struct {
	Label string
	Name  string // with Value: what this button adds to the form
	Value string
	Kind  string // primary, danger, ghost or ""
}

func (b Button) class() string {
	switch b.Kind {
	case "primary", "danger", "ghost":
		return b.Kind
	}
	return "plain"
}

// Column is the head of one column.
type Column struct {
	Label string
	Num   bool // numbers, set to the right
	Hide  bool // the head is only for who cannot see the table
}

func (c Column) class() string {
	if c.Num {
		return "num"
	}
	return ""
}

// Table is the frame of a table; the rows are its children. Each cell says its column again in
// data-label, because on a phone a row becomes a card.
type Table struct {
	Caption string
	Hide    bool // the caption is only for who cannot see the table
	Class   string
	Columns []Column
}

func (t Table) captionClass() string {
	if t.Hide {
		return "vh"
	}
	return ""
}
