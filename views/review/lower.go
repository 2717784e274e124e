package review

import "recert/views/ui"

// FieldLower is the entitlement that an access is lowered to, with the answer Reduce.
const FieldLower = "lower_to"

// Lower is a weaker access that an access may be lowered to.
type Lower struct {
	ID   string
	Name string
}

func (r Row) lowers() ui.Select {
	s := ui.Select{ID: "lower-" + r.Item, Name: FieldLower, Label: "Lower it to"}
	for _, l := range r.Lowers {
		s.Options = append(s.Options, ui.Option{Value: l.ID, Label: l.Name, Selected: l.ID == r.form().LowerTo})
	}
	return s
}

// lowered says what the access is lowered to.
func (r Row) lowered() ui.Tag {
	name := r.LowerTo
	for _, l := range r.Lowers {
		if l.ID == r.LowerTo {
			name = l.Name
		}
	}
	return ui.Tag{Text: "Lower to " + name, Tone: ui.Bad}
}
