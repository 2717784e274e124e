package help

import "recert/views/layout"

// Page is the guide.
type Page struct {
	layout.Frame
	Contact  string // whom to ask: a name, an address or a sentence; "" for nobody
	Connects bool   // the reader may connect systems
}

// staff tells whether the reader has more pages than the own reviews: the guide leads nobody to
// pages that are not there for them.
func (p Page) staff() bool { return len(p.Nav) > 1 }
