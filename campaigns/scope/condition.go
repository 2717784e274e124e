package scope

import (
	"slices"
	"strings"
	"time"

	"recert/model"
)

// What the plain conditions of a scope may name.
var (
	Risks        = []string{"low", "medium", "high", "critical"}
	AccountKinds = []string{"human", "service", "shared", "agent"}
)

// condition is one plain condition: like an expression, it may be unable to tell.
type condition struct {
	name  string // of the setting
	holds func(Row) model.Tri
}

// anyOf tells whether a text is one of a list; what a source does not say is unknown.
func anyOf(text string, list []string) model.Tri {
	switch {
	case text == "":
		return model.Unknown
	case slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, text) }):
		return model.Yes
	}
	return model.No
}

// person makes a condition on the person who holds the account.
func person(get func(*Person) string, list []string) func(Row) model.Tri {
	return func(r Row) model.Tri {
		if r.Account.Person == nil {
			return model.Unknown
		}
		return anyOf(get(r.Account.Person), list)
	}
}

func entitlement(get func(*Entitlement) string, list []string) func(Row) model.Tri {
	return func(r Row) model.Tri {
		if r.Entitlement == nil {
			return model.Unknown
		}
		return anyOf(get(r.Entitlement), list)
	}
}

// conditions reads the plain conditions of a scope. now is the time that "dormant" counts from.
func conditions(s model.ScopeSpec, now time.Time) ([]condition, error) {
	var out []condition
	var failed error
	list := func(name string, of model.Strings, known []string, holds func(Row) model.Tri) {
		if len(of) == 0 || failed != nil {
			return
		}
		for _, v := range of {
			switch {
			case strings.TrimSpace(v) == "":
				failed = model.Errorf(model.Invalid, "scope.%s: an empty value", name)
			case known != nil && !slices.Contains(known, v):
				failed = model.Errorf(model.Invalid, "scope.%s: %q is none of %s", name, v, strings.Join(known, ", "))
			}
		}
		out = append(out, condition{name, holds})
	}
	list("people", s.People, nil, person(func(p *Person) string { return p.PersonID }, s.People))
	list("managers", s.Managers, nil, person(func(p *Person) string { return p.ManagerID }, s.Managers))
	list("departments", s.Departments, nil, person(func(p *Person) string { return p.Department }, s.Departments))
	list("employment_types", s.EmploymentTypes, nil, person(func(p *Person) string { return p.EmploymentType }, s.EmploymentTypes))
	list("account_kinds", s.AccountKinds, AccountKinds, func(r Row) model.Tri { return anyOf(kindOf(r), s.AccountKinds) })
	list("entitlements", s.Entitlements, nil, entitlement(func(e *Entitlement) string { return e.EntitlementID }, s.Entitlements))
	list("owners", s.Owners, nil, entitlement(func(e *Entitlement) string { return e.OwnerID }, s.Owners))
	list("risks", s.Risks, Risks, entitlement(func(e *Entitlement) string { return e.Risk }, s.Risks))
	list("via", s.Via, nil, func(r Row) model.Tri { return through(r, s.Via) })
	for _, name := range sorted(s.Attributes) {
		list("attributes."+name, s.Attributes[name], nil, person(func(p *Person) string { return p.Attrs[name] }, s.Attributes[name]))
	}
	if s.Privileged {
		out = append(out, condition{"privileged", privileged})
	}
	if s.Orphans {
		out = append(out, condition{"orphans", orphan})
	}
	if s.Dormant != "" {
		d, err := dormancy(s.Dormant)
		if err != nil {
			return nil, err
		}
		since := model.TimeOf(now.Add(-d))
		out = append(out, condition{"dormant", func(r Row) model.Tri { return dormant(r, since) }})
	}
	return out, failed
}

func sorted(m map[string]model.Strings) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// kindOf is the kind of identity: what the source says of the account, else what is known of its person.
func kindOf(r Row) string {
	if r.Account.Kind == "" && r.Account.Person != nil {
		return r.Account.Person.Kind
	}
	return r.Account.Kind
}

// privileged is the account's, or the entitlement's.
func privileged(r Row) model.Tri {
	all := []model.Tri{r.Account.Privileged}
	if r.Entitlement != nil {
		all = append(all, r.Entitlement.Privileged)
	}
	switch {
	case slices.Contains(all, model.Yes):
		return model.Yes
	case slices.Contains(all, model.Unknown):
		return model.Unknown
	}
	return model.No
}

// orphan is an account that belongs to nobody who is there: no person is known, or the person has left. An account
// with an owner is no orphan.
func orphan(r Row) model.Tri {
	switch p := r.Account.Person; {
	case p != nil && p.Status != "terminated", p == nil && r.Account.OwnerID != "":
		return model.No
	}
	return model.Yes
}

// through tells whether the access comes by one of some groups or roles; a direct one does not.
func through(r Row, groups []string) model.Tri {
	if r.Grant == nil {
		return model.No
	}
	for _, step := range strings.Split(r.Grant.Via, ">") {
		if step = strings.TrimSpace(step); step != "" && anyOf(step, groups) == model.Yes {
			return model.Yes
		}
	}
	return model.No
}

// dormant tells whether the access was last used, or where that is unknown whether its account last signed in, at
// or before a time.
func dormant(r Row, since model.Time) model.Tri {
	used := r.Account.LastLoginAt
	if r.Grant != nil && r.Grant.LastUsedAt.Known() {
		used = r.Grant.LastUsedAt
	}
	switch {
	case !used.Known():
		return model.Unknown
	case used <= since:
		return model.Yes
	}
	return model.No
}

func dormancy(s string) (time.Duration, error) {
	n, err := model.ParseDays(s)
	switch {
	case err != nil:
		return 0, model.Errorf(model.Invalid, "scope.dormant: %v", err)
	case n == 0:
		return 0, model.Errorf(model.Invalid, "scope.dormant: give at least a day")
	}
	return time.Duration(n) * 24 * time.Hour, nil
}
