package source

import "recert/views/ui"

// Sample is a preview: the first rows that a test of a connection read. Nothing of it is stored.
type Sample struct {
	Text   string // how far reading went
	Tables []SampleTable
}

// SampleTable is what came of one kind.
type SampleTable struct {
	Name    string // "Accounts"
	Count   string // "all 7", "the first 10 of those read so far"
	Nothing string // where there is no row: why
	Columns []ui.Column
	Rows    []ui.Row
}

func (t SampleTable) table() ui.Table {
	return ui.Table{Caption: t.Name + ": " + t.Count, Columns: t.Columns}
}
