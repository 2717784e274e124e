package web

import (
	"strings"

	"recert/model"
	"recert/views/source"
	"recert/views/ui"
)

// settingPairs says a source's spec in words; a secret's name is shown, its value is never there.
func settingPairs(spec model.SourceSpec) []ui.Pair {
	var out []ui.Pair
	add := func(term, text string, code bool) {
		if text != "" {
			out = append(out, ui.Pair{Term: term, Text: text, Code: code})
		}
	}
	add("Kind", typeName(spec.Type), false)
	add("Address", spec.URL, true)
	add(termCredentials, spec.Username+spec.Token+spec.Password, false) // see nameCredential
	if spec.LDAP != nil {
		add("Base", spec.LDAP.Base, true)
	}
	if spec.Entra != nil {
		add("Tenant", spec.Entra.Tenant, true)
		add("Application", spec.Entra.ClientID, true)
		add("Graph", spec.Entra.GraphURL, true)
		if spec.Entra.SignInActivity {
			add("Last sign-ins", "are read", false)
		}
	}
	if spec.Exec != nil {
		add("Program", strings.Join(spec.Exec.Command, " "), true)
	}
	if spec.Type != "csv" {
		add("Read", strings.ToLower(source.EveryWords(spec.ReadEvery)), false)
	}
	if spec.Owner != "" {
		out = append(out, ui.Pair{Term: "Owner", Text: spec.Owner, Href: ui.Path("people", spec.Owner)})
	}
	for _, our := range sortedKeys(spec.Columns) {
		add("Column "+our, strings.Join(spec.Columns[our], " + "), true)
	}
	add("Delimiter", spec.Delimiter, true)
	if spec.Header != nil && !*spec.Header {
		add("Header line", "none: columns by their number", false)
	}
	if spec.Provides == model.ProvidesAccess {
		correlate := []string(spec.Correlate)
		if len(correlate) == 0 {
			correlate = []string{"person_id", "email"}
		}
		add("Accounts find their person by", strings.Join(correlate, ", then "), false)
		add("Removals", removalMode(spec.Revoke), false)
	}
	limit := spec.ShrinkLimit
	if limit == "" {
		limit = "20%"
	}
	add("Held where it loses more than", limit, false)
	return out
}

// removalMode says how access in a source is taken away.
func removalMode(r model.RevokeSpec) string {
	switch {
	case r.Mode == model.ModeConnector:
		return "by itself, and reads back whether it is gone"
	case r.Ticket != nil:
		return "by a ticket in " + r.Ticket.URL + ", and reads back whether it is gone"
	case r.Webhook != nil:
		return "by a signed message to another system, and reads back whether it is gone"
	}
	return "a person does it, and the next snapshot proves it"
}
