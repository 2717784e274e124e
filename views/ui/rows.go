package ui

// Cell is one cell of a row that came from outside. What is empty is shown as unknown.
type Cell struct {
	Text string
	Sub  string // an id, below the text; "" for none
	Time Stamp  // in place of the text
	Tags []Tag
}

// Row is one row of Rows, its head first.
type Row struct {
	Cells []Cell // as many as there are columns
	Tag   Tag    // beside the head: what became of the row
	Note  string // below the head: more about what became of it
}

func (c Cell) unknown() bool {
	return c.Text == "" && c.Sub == "" && c.Time.Text == "" && len(c.Tags) == 0
}

// label is what the cell of a column says on a phone.
func (t Table) label(i int) string {
	if i < len(t.Columns) {
		return t.Columns[i].Label
	}
	return ""
}
