package review

import (
	"time"

	"recert/views/ui"
)

// FieldUntil is the last day (YYYY-MM-DD) for which an access is kept; it counts with Keep alone.
const FieldUntil = "until"

func (r Row) until() ui.Field {
	return ui.Field{
		ID: "until-" + r.Item, Name: FieldUntil, Label: "Keep until", Type: "date", Value: r.form().Until,
		Help: "With “Yes” only. It is removed after that day, unless a later review decides otherwise.",
	}
}

// keptUntil says how long a keep holds; "" where it has no end.
func (r Row) keptUntil() string {
	if r.Answer != Keep || r.Until == "" {
		return ""
	}
	day, err := time.Parse(time.DateOnly, r.Until)
	if err != nil {
		return "Until " + r.Until
	}
	return "Until " + day.Format("2 Jan 2006")
}
