package home

import "recert/views/ui"

// Need is a removal that the reader is told of as its owner, of which the reader must know.
type Need struct {
	ID     string // of the removal
	What   string // the access in plain words, and whose
	Where  string // the system and the campaign
	State  ui.Tag
	Reason string // "Contested: answer it.", "It was proven gone, and is there again."
}

func (n Need) href() string { return ui.Path("revocations", n.ID) }

// Board is how many removals need somebody, for who is responsible for all of them.
type Board struct {
	Views []View
}

// View is one view of the board of removals.
type View struct {
	Label string
	Href  string
	Count int64
	Tone  ui.Tone
}

func (v View) tag() ui.Tag {
	if v.Count == 0 {
		return ui.Tag{Text: "0"}
	}
	return ui.Tag{Text: ui.Num(v.Count), Tone: v.Tone}
}
