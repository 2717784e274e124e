package revocation

import "recert/views/ui"

// FieldReason is why an access is given back, in POST /revocations/{id}/restore.
const FieldReason = "reason"

// Restore is how the access of a proven removal is given back; FieldReason says why.
type Restore struct {
	Reason ui.Field
	Note   string // what does not come back with it: "It was to end on 31 Jan 2027; that end is not set again."
}

// Follow is another remediation that this one belongs to: what gives its access back, or what was given
// before it went.
type Follow struct {
	ID    string
	Label string // "Given back by", "Gives back the access of"
	What  string
	State ui.Tag
	At    ui.Stamp
	Note  string // who asked for it, and why
}

func (f Follow) href() string { return ui.Path("revocations", f.ID) }

func (p Page) restoreHref() string { return ui.Path("revocations", p.ID) + "/restore" }

func (p Page) giveUpHref() string { return ui.Path("revocations", p.ID) + "/give-up" }
