package help

import "recert/views/layout"

// Page is the guide.
type Page struct {
	layout.Frame
	Contact string // whom to ask: a name, an address or a sentence; "" for nobody
}
