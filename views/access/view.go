package access

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Parameters of GET /access.
const (
	ParamSearch = "q"
	ParamSource = "source"
	ParamAsOf   = "as_of" // a date, 2006-01-02; "" is now
)

// Page is who has what.
type Page struct {
	layout.Frame
	Search  string
	Sources []ui.Option // with "All systems" first
	AsOf    string      // what was asked, 2006-01-02
	Error   string      // about the date
	Asked   bool        // a question was asked: an empty list then means that nothing matches
	AsOfIs  string      // what the answer rests on: "wiki read Fri 4 Dec 2026, 06:00 CET"
	Rows    []Row
	Pager   ui.Pager
}

// Row is one access on that day.
type Row struct {
	PersonID  string // "" for no link
	Person    string // or the account's name
	Account   string
	Can       string
	Source    string
	Technical string
	Path      string // by the names of what it goes through; "" where direct
	PathID    string // the same by ids, where those are not the names
	Since     ui.Stamp
	Until     ui.Stamp // zero where it still holds
	Tags      []ui.Tag
}

func (r Row) href() string { return ui.Path("people", r.PersonID) }

func (r Row) path() string {
	if r.Path == "" {
		return "given directly"
	}
	return "through " + r.Path
}

func (p Page) search() ui.Field {
	return ui.Field{ID: "search", Name: ParamSearch, Label: "Person, account or access", Type: "search", Value: p.Search, Required: true}
}

func (p Page) sources() ui.Select {
	return ui.Select{ID: "source", Name: ParamSource, Label: "System", Options: p.Sources}
}

func (p Page) asOf() ui.Field {
	return ui.Field{ID: "as-of", Name: ParamAsOf, Label: "On the day", Type: "date", Value: p.AsOf, Error: p.Error}
}

func (p Page) nothing() ui.Empty {
	if p.Asked {
		return ui.Empty{Title: "Nothing matches.", Text: "Nobody had it on that day, as far as the snapshots show."}
	}
	return ui.Empty{Title: "Ask who has what.", Text: "Type a person, an account or an access. Choose a day to see how it was then."}
}
