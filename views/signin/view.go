package signin

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Page is the sign-in page.
type Page struct {
	layout.Frame
	Provider string    // name of the identity provider: "Example SSO"; "" is "single sign-on"
	Start    string    // where signing in begins: "/login/start?return=…"
	Problem  ui.Notice // why the last try failed, or that one was signed out
	Help     string    // whom to ask, "" for none
	Unset    bool      // no identity provider is configured yet: show how an admin gets in
}

func (p Page) provider() string {
	if p.Provider == "" {
		return "single sign-on"
	}
	return p.Provider
}
