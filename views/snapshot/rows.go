package snapshot

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Parameters of GET /snapshots/{id}/rows.
const (
	ParamKind   = "kind"   // people, accounts, entitlements or grants
	ParamChange = "change" // new, changed, gone; "" is all that the snapshot shows
	ParamSearch = "q"
)

// RowsPage is what one snapshot read of one kind.
type RowsPage struct {
	layout.Frame
	ID      string
	Source  string
	AsOf    ui.Stamp
	State   ui.Tag
	Note    ui.Notice // what has to be known of the list: it is of a held snapshot, it was not given this time
	Kinds   []RowsTab
	Changes []RowsTab
	Kind    string // the parameter
	Name    string // "Accounts"
	Change  string // the parameter
	Search  string
	Columns []ui.Column
	Rows    []ui.Row
	Nothing ui.Empty // in place of no rows
	Pager   ui.Pager
}

// RowsTab is one of the lists, with its number of rows.
type RowsTab struct {
	Label   string
	Count   string // "6,180"; "" where nobody counted
	Href    string
	Current bool
}

func (p RowsPage) crumbs() []ui.Crumb {
	return []ui.Crumb{{Label: "Sources", Href: "/sources"}, {Label: p.Source, Href: ui.Path("sources", p.Source)}, {Label: "Snapshot", Href: ui.Path("snapshots", p.ID)}}
}

func (t RowsTab) text() string {
	if t.Count == "" {
		return t.Label
	}
	return t.Label + " " + t.Count
}

func (p RowsPage) path() string { return ui.Path("snapshots", p.ID, "rows") }

// clear leads to the same list without a search.
func (p RowsPage) clear() string {
	for _, t := range p.Changes {
		if t.Current {
			return t.Href
		}
	}
	return p.path()
}

func (p RowsPage) search() ui.Field {
	return ui.Field{ID: "search", Name: ParamSearch, Label: "Name or id", Type: "search", Value: p.Search, Required: true}
}

func (p RowsPage) table() ui.Table {
	return ui.Table{Caption: p.Name, Hide: true, Columns: p.Columns}
}
