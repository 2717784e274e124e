package campaign

import "recert/views/layout"

// ParamFile asks for the definition as a file.
const ParamFile = "file"

// YAMLPage is a definition as recert apply takes it.
type YAMLPage struct {
	layout.Frame
	Name string
	Text string
}
