package scope

import (
	"strings"

	"recert/model"
)

// The rules that name a reviewer. Any other rule is an expression, or a person_id, whose basis is Named: a basis
// stands in evidence and names no person.
const (
	Manager          = "manager"
	SourceOwner      = "source_owner"
	EntitlementOwner = "entitlement_owner"
	AccountOwner     = "account_owner"
	Named            = "named"
	Expression       = "expression"
	Fallback         = "fallback"
)

// Rule gives a reviewer for a row, or nobody.
type Rule struct {
	Basis    string
	PersonID string // with Named and Fallback
	pick     *pick  // with Expression
}

// Rules reads the rules of a stage, in order, the fallback last. What this version cannot do is
// refused.
func Rules(st model.StageSpec) ([]Rule, error) {
	var rules []Rule
	for _, r := range st.Reviewers {
		switch {
		case r == Manager, r == SourceOwner, r == EntitlementOwner, r == AccountOwner:
			rules = append(rules, Rule{Basis: r})
		case strings.HasPrefix(r, "group:"):
			return nil, model.Errorf(model.Invalid, "reviewers: %q: groups of reviewers are not supported yet; name a rule or a person_id", r)
		case strings.TrimSpace(r) == "":
			return nil, model.Errorf(model.Invalid, "reviewers: an empty rule; name manager, source_owner, entitlement_owner, account_owner or a person_id")
		case isExpression(r):
			p, err := compilePick(r)
			if err != nil {
				return nil, err
			}
			rules = append(rules, Rule{Basis: Expression, pick: p})
		default:
			rules = append(rules, Rule{Basis: Named, PersonID: r})
		}
	}
	if st.Fallback != "" {
		rules = append(rules, Rule{Basis: Fallback, PersonID: st.Fallback})
	}
	if len(rules) == 0 {
		return nil, model.Errorf(model.Invalid, "a stage needs reviewers or a fallback")
	}
	return rules, nil
}

// Directory finds people. The persons are all current ones of all people sources, whatever
// their status.
type Directory struct {
	byKey map[int64]*Person
	byID  map[string][]*Person
	fold  func(string) string
}

// NewDirectory makes an empty directory; ids are compared folded.
func NewDirectory(fold func(string) string) *Directory {
	return &Directory{byKey: map[int64]*Person{}, byID: map[string][]*Person{}, fold: fold}
}

// Add takes a person in; the second time the same key changes nothing.
func (d *Directory) Add(p *Person) {
	if d.byKey[p.Key] != nil {
		return
	}
	d.byKey[p.Key] = p
	id := d.fold(p.PersonID)
	d.byID[id] = append(d.byID[id], p)
}

// Key is the person with a key, or nil.
func (d *Directory) Key(key int64) *Person { return d.byKey[key] }

// ID is the person with a person_id. Of several the one in source is meant, if it is only one;
// otherwise nobody can tell, and nobody is given. source 0 is none.
func (d *Directory) ID(id string, source int64) *Person {
	if id == "" {
		return nil
	}
	all := d.byID[d.fold(id)]
	if len(all) == 1 {
		return all[0]
	}
	var found *Person
	for _, p := range all {
		if p.SourceID != source {
			continue
		}
		if found != nil {
			return nil
		}
		found = p
	}
	return found
}

// Len is the number of people.
func (d *Directory) Len() int { return len(d.byKey) }

// Choice is who reviews a row.
type Choice struct {
	Reviewer *Person
	Basis    string
	// Avoided is the person whom an earlier rule gave and whose own access it is; nil otherwise.
	Avoided *Person
}

// Candidate is the person whom a rule gives for a row, who may not be allowed to review it; nil
// where it gives nobody.
func (d *Directory) Candidate(r Rule, row Row) *Person {
	switch r.Basis {
	case Manager:
		if p := row.Account.Person; p != nil {
			return d.ID(p.ManagerID, p.SourceID)
		}
	case SourceOwner:
		return d.ID(row.Account.Source.Owner, 0)
	case EntitlementOwner:
		if row.Entitlement != nil {
			return d.ID(row.Entitlement.OwnerID, 0)
		}
	case AccountOwner:
		if row.Account.OwnerID != "" {
			return d.ID(row.Account.OwnerID, 0)
		}
		if p := row.Account.Person; p != nil && (p.Kind == "service" || p.Kind == "agent") {
			return d.ID(p.OwnerID, p.SourceID)
		}
	case Expression:
		var source int64
		if p := row.Account.Person; p != nil {
			source = p.SourceID
		}
		return d.ID(r.Expressed(row), source)
	case Named, Fallback:
		return d.ID(r.PersonID, 0)
	}
	return nil
}

// Own tells whether the row is the person's own access: the account is tied to the person.
// Owning a service account is not own access.
func Own(row Row, p *Person) bool {
	return row.Account.Person != nil && row.Account.Person.Key == p.Key
}

// Assign tries the rules in order. Its second result is false where none gives anybody who may
// review; the Choice then still says whose review was avoided.
func (d *Directory) Assign(rules []Rule, row Row) (Choice, bool) {
	return d.assign(rules, row, func(*Person) bool { return true })
}

// AssignExcept is Assign that passes over whom allowed refuses.
func (d *Directory) AssignExcept(rules []Rule, row Row, allowed func(*Person) bool) (Choice, bool) {
	return d.assign(rules, row, allowed)
}

func (d *Directory) assign(rules []Rule, row Row, allowed func(*Person) bool) (Choice, bool) {
	var c Choice
	for _, r := range rules {
		p := d.Candidate(r, row)
		switch {
		case p == nil, !p.Active():
		case Own(row, p):
			if c.Avoided == nil {
				c.Avoided = p
			}
		case allowed(p):
			c.Reviewer, c.Basis = p, r.Basis
			return c, true
		}
	}
	return c, false
}
