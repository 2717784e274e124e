package ui

import "github.com/a-h/templ"

// aria ties a control to its help and its error, and leaves both attributes out where there is
// nothing to tie.
func aria(describedBy, problem string) templ.Attributes {
	a := templ.Attributes{}
	if describedBy != "" {
		a["aria-describedby"] = describedBy
	}
	if problem != "" {
		a["aria-invalid"] = "true"
	}
	return a
}

func (f Field) attrs() templ.Attributes {
	a := aria(f.describedBy(), f.Error)
	if len(f.Offers) > 0 {
		a["list"] = f.id() + "-offers"
	}
	return a
}
