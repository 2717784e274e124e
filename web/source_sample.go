package web

import (
	"recert/campaigns/connector"
	"recert/model"
	"recert/views/source"
	"recert/views/ui"
)

// sampleView shows the first rows that a test of a connection read.
func (s *site) sampleView(r *request, sample connector.Sample) *source.Sample {
	v := &source.Sample{Text: sampleEnd(sample)}
	names := func(kind model.Kind, id string) string { return sample.Names[kind][id] }
	whole := sample.End == connector.Whole
	for at, kind := range model.Kinds {
		rows, seen := sample.Rows[kind], sample.Seen[kind]
		if seen == 0 && (kind == model.KindPeople || sample.Seen[model.KindPeople] > 0) {
			continue // a source gives people, or access
		}
		t := source.SampleTable{Name: kindWordsOf[kind], Columns: recordColumns[kind], Nothing: "there are none."}
		all := whole // a kind is read to its end when the next one comes
		for _, next := range model.Kinds[at+1:] {
			all = all || sample.Seen[next] > 0
		}
		if t.Count = sampleCount(len(rows), seen, all); !all {
			t.Nothing = "reading did not get that far."
		}
		for i := range rows {
			t.Rows = append(t.Rows, ui.Row{Cells: recordCells(r, &rows[i], names)})
		}
		v.Tables = append(v.Tables, t)
	}
	return v
}

// sampleCount says how many rows are shown of how many; what was not read to its end is never called all.
func sampleCount(shown int, seen int64, all bool) string {
	switch {
	case !all && int64(shown) < seen:
		return "the first " + ui.Num(int64(shown)) + " of " + ui.Num(seen) + " read so far"
	case !all:
		return ui.Num(seen) + " read so far"
	case int64(shown) < seen:
		return "the first " + ui.Num(int64(shown)) + " of " + ui.Num(seen)
	}
	return "all " + ui.Num(seen)
}

func sampleEnd(sample connector.Sample) string {
	var n int64
	for _, seen := range sample.Seen {
		n += seen
	}
	switch sample.End {
	case connector.Enough:
		return "Reading was stopped after " + ui.Count(n, "row", "rows") + ". A snapshot reads everything."
	case connector.TimeIsUp:
		return "Reading was stopped after " + ui.Span(connector.SampleTime) + ": " + ui.Count(n, "row", "rows") + " came. A snapshot reads everything, and takes its time."
	case connector.Whole:
	}
	return "Everything was read: " + ui.Count(n, "row", "rows") + "."
}
