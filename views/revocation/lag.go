package revocation

import "recert/views/ui"

// Lag is how long removals took, and what people were told of them.
type Lag struct {
	Days int64 // what is proven counts where it began in so many days
	How  string
	Rows []LagRow // all systems together first
}

// LagRow is one system.
type LagRow struct {
	Source string // "" is all together
	Called Times
	Proven Times
	Open   int64
	Oldest string // "" where nothing is open
}

// Times are durations of several removals.
type Times struct {
	N                  int64
	Of                 int64 // removals; fewer than times where some came back
	Median, P95, Worst string
}

func (r LagRow) name() string {
	if r.Source == "" {
		return "All systems"
	}
	return r.Source
}

func (t Times) of() string {
	if t.N == t.Of {
		return "median of " + ui.Count(t.N, "removal", "removals")
	}
	return "median of " + ui.Count(t.N, "time", "times") + ", in " + ui.Count(t.Of, "removal", "removals")
}

// Messages leads to the log of messages.
type Messages struct {
	Failed int64
	NoMail bool // mail is not set up, and messages wait
}

func (m Messages) notice() ui.Notice {
	switch {
	case m.NoMail:
		return ui.Notice{Tone: ui.Warn, Title: "Mail is not set up.", Text: "People are not told of removals by mail.", Link: "What to do", Href: "/messages"}
	case m.Failed > 0:
		return ui.Notice{Tone: ui.Warn, Title: ui.Count(m.Failed, "message", "messages") + " could not be sent.", Link: "Show why", Href: "/messages?state=failed"}
	}
	return ui.Notice{}
}

// Told is one message about a removal.
type Told struct {
	Text  string
	Href  string // "" for no link
	At    ui.Stamp
	State ui.Tag
	Why   string
}
