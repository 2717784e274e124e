package home

// Leaving is one access of the reader's own that is going away.
type Leaving struct {
	Can    string // the access in plain words
	Source string
	Out    string // "Goes out on Fri 4 Dec 2026, 17:00 CET.", or how far it has come
	Why    string // title of the campaign
	Owner  string // who answers for it; ""
}

func (l Leaving) why() string {
	text := l.Source + " · decided in " + l.Why
	if l.Owner != "" {
		text += " · questions to " + l.Owner
	}
	return text
}

func noticesLink(more bool) string {
	if more {
		return "Show all of them, or say that you need one"
	}
	return "Say that you need it"
}
