package home

import "slices"

// Leaving is one access of the reader's own that is going away.
type Leaving struct {
	ID     string // of the notice
	Can    string // the access in plain words
	Source string
	Out    string // "Goes out on Fri 4 Dec 2026, 17:00 CET.", or how far it has come
	Why    string // title of the campaign
	Owner  string // who answers for it; ""
	May    bool   // the reader may say that it is needed
}

func (l Leaving) why() string {
	text := l.Source + " · decided in " + l.Why
	if l.Owner != "" {
		text += " · questions to " + l.Owner
	}
	return text
}

func (l Leaving) href() string { return "/notices#notice-" + l.ID }

// noticesLink leads to where the reader can say something: to the one notice, if there is one alone.
func noticesLink(ls []Leaving, more bool) (text, href string) {
	may := more || slices.ContainsFunc(ls, func(l Leaving) bool { return l.May })
	switch {
	case len(ls) == 1 && !more && may:
		return "Say that you need it", ls[0].href()
	case len(ls) == 1 && !more:
		return "See what you said, and what was answered", ls[0].href()
	case may:
		return "Show all of them, or say that you need one", "/notices"
	}
	return "Show all of them, and what was answered", "/notices"
}
