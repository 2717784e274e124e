package home

import (
	"slices"

	"recert/views/ui"
)

// Leaving is one access of the reader's own that is going away.
type Leaving struct {
	ID     string // of the notice
	Can    string // the access in plain words
	Source string
	State  ui.Tag
	Out    string // "Goes out on Fri 4 Dec 2026, 17:00 CET.", or how far it has come
	Why    string // title of the campaign
	Owner  string // who answers for it; ""
	May    bool   // the reader may say that it is needed
	Said   *Said  // that the reader said so already; nil where not
}

// Said is what the reader said against a removal.
type Said struct {
	At     ui.Stamp
	Answer string // "Answered: it goes on."; "" while nobody has
}

// Leavings are what is taken from the reader.
type Leavings struct {
	List  []Leaving // those that are shown, the latest first
	More  bool      // there are more of them than are shown
	May   bool      // of one of them at least the reader may say that it is needed
	Ended int64     // those that ended lately, and are shown elsewhere
	Days  int64     // how long that is
}

func (l Leaving) why() string {
	text := l.Source + " · decided in " + l.Why
	if l.Owner != "" {
		text += " · questions to " + l.Owner
	}
	return text
}

func (l Leaving) href() string { return "/notices#notice-" + l.ID }

func (s Said) answer() string {
	if s.Answer == "" {
		return "Nobody has answered yet."
	}
	return s.Answer
}

func (ls Leavings) title() string {
	if len(ls.List) == 0 {
		return "Access of yours that went away"
	}
	return "Access of yours that is going away"
}

// link leads to where the reader can say something: to the one notice, if there is one alone.
func (ls Leavings) link() (text, href string) {
	alone := len(ls.List) == 1 && !ls.More
	said := slices.ContainsFunc(ls.List, func(l Leaving) bool { return l.Said != nil })
	switch {
	case len(ls.List) == 0:
		return "Show what ended in the last " + ui.Count(ls.Days, "day", "days") + " (" + ui.Num(ls.Ended) + ")", "/notices"
	case alone && ls.May:
		return "Say that you need it", ls.List[0].href()
	case alone:
		return "See what you said, and what was answered", ls.List[0].href()
	case ls.May && said:
		return "Show all of them, see what was answered, or say that you need another one", "/notices"
	case ls.May:
		return "Show all of them, or say that you need one", "/notices"
	}
	return "Show all of them, and what was answered", "/notices"
}
