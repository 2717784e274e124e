package manual

import (
	"fmt"
	"strconv"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// Work is what a task is about. Only System and Access are required; what is "" is left out of
// the sentences.
type Work struct {
	System      string // as people call it
	Access      connector.Access
	AccountName string // the account's display name
	PersonName  string // whose account it is
	Description string // what the entitlement allows, in plain words
	DecidedBy   string // name of the reviewer
	Campaign    string
	Comment     string // of the reviewer
	Due         string // as it is to be shown, with its zone
}

// Task is the wording of one task. Each field is whole sentences on one line.
type Task struct {
	Title string
	Who   string // whose access
	What  string // which access, and why it has to go
	How   string // what to do
	Done  string // what closes the task
}

// Word puts the work into words. Names come from other systems, so line ends and invisible
// characters in them are replaced: a name cannot add a sentence of its own on a line of its own,
// or turn the reading direction of ours.
func Word(w Work) Task {
	system, entitlement := quoted(w.System), quoted(w.Access.EntitlementName)
	if entitlement == "" {
		entitlement = exact(w.Access.EntitlementID)
	}
	t := Task{
		Who:  who(w),
		Done: fmt.Sprintf("There is nothing to tick off: the task closes by itself when the next snapshot of %s no longer shows the access.", system),
	}
	switch {
	case w.Access.EntitlementID == "":
		t.Title = fmt.Sprintf("Deactivate %s in %s", short(w), system)
		t.What = fmt.Sprintf("The whole account in %s is no longer wanted.", system)
		t.How = fmt.Sprintf("Sign in to %s as an administrator, find the account by its id %s, and deactivate it. Do not delete it unless that is the rule for this system.", system, exact(w.Access.AccountID))
	case w.Access.Via != "":
		first := quoted(firstOf(w.Access.Via))
		t.Title = fmt.Sprintf("Take %s out of %s in %s", short(w), first, system)
		t.What = fmt.Sprintf("The account holds %s in %s only because it belongs to %s (path: %s).", entitlement, system, first, exact(w.Access.Via))
		t.How = fmt.Sprintf("Ask the owner of %s to take the account with the id %s out of it, or to stop giving %s through it. Others may depend on the second, so look at who else is in it first.", first, exact(w.Access.AccountID), entitlement)
	default:
		t.Title = fmt.Sprintf("Remove %s from %s in %s", entitlement, short(w), system)
		t.What = fmt.Sprintf("The account holds %s (id %s) in %s directly, and shall not any more.", entitlement, exact(w.Access.EntitlementID), system)
		t.How = fmt.Sprintf("Sign in to %s as an administrator, find the account by its id %s, and remove %s from it. Leave its other access as it is.", system, exact(w.Access.AccountID), entitlement)
	}
	if d := plain(w.Description); d != "" && w.Access.EntitlementID != "" {
		t.What += " It is described as: " + quoted(d) + "."
	}
	t.What += why(w)
	if due := plain(w.Due); due != "" {
		t.How += " Please do it by " + due + "."
	}
	return t
}

// String is the task as plain text.
func (t Task) String() string {
	return strings.Join([]string{t.Title, "", "Who: " + t.Who, "What: " + t.What, "How: " + t.How, "Done: " + t.Done, ""}, "\n")
}

// short names the account in a title.
func short(w Work) string {
	for _, s := range []string{w.PersonName, w.AccountName, w.Access.Username, w.Access.AccountID} {
		if plain(s) != "" {
			return quoted(s)
		}
	}
	return "an account"
}

func who(w Work) string {
	s := fmt.Sprintf("The account with the id %s", exact(w.Access.AccountID))
	if n := quoted(w.Access.Username); n != "" {
		s += ", user name " + n
	}
	if n := quoted(w.AccountName); n != "" {
		s += ", shown as " + n
	}
	if n := quoted(w.PersonName); n != "" {
		s += ", of " + n
	}
	return s + "."
}

func why(w Work) string {
	s := ""
	by, campaign := plain(w.DecidedBy), quoted(w.Campaign)
	switch {
	case by != "" && campaign != "":
		s = fmt.Sprintf(" %s decided so in the review %s.", by, campaign)
	case by != "":
		s = fmt.Sprintf(" %s decided so.", by)
	case campaign != "":
		s = fmt.Sprintf(" It was decided in the review %s.", campaign)
	}
	if c := quoted(w.Comment); c != "" {
		s += " The reviewer's comment: " + c + "."
	}
	return s
}

// firstOf is the outermost group of a path, without the escapes that keep ">" apart.
func firstOf(via string) string {
	var out strings.Builder
	for i := 0; i < len(via); i++ {
		switch {
		case via[i] == '>':
			return out.String()
		case via[i] == '\\' && i+1 < len(via):
			i++
		}
		out.WriteByte(via[i])
	}
	return out.String()
}

// quoted is plain text in quotation marks, or "".
func quoted(s string) string {
	if s = plain(s); s == "" {
		return ""
	}
	return "“" + s + "”"
}

// exact is an id in quotation marks: as it is where it can be shown so, else with Go's escapes,
// so that whoever copies it has the very id.
func exact(id string) string {
	if plain(id) == id {
		return "“" + id + "”"
	}
	return strconv.QuoteToASCII(id)
}

// plain is s on one line, without control and format characters and our quotation marks, at most 300 characters long.
func plain(s string) string {
	s = strings.NewReplacer("“", "'", "”", "'").Replace(model.OneLine(s))
	if r := []rune(s); len(r) > 300 {
		s = string(r[:299]) + "…"
	}
	return s
}
