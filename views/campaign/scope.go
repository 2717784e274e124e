package campaign

import (
	"slices"

	"recert/views/ui"
)

// Fields of the conditions of a scope.
const (
	FieldRisk        = "risk"
	FieldKind        = "kind"
	FieldPrivileged  = "privileged"
	FieldOrphans     = "orphans"
	FieldNew         = "new_since_last"
	FieldDormant     = "dormant" // days
	FieldPeople      = "people"
	FieldManagers    = "managers"
	FieldDepartments = "departments"
	FieldEmployment  = "employment"
	FieldAccess      = "access"
	FieldOwners      = "owners"
	FieldVia         = "via"
	FieldCount       = "count" // asks for no more than a count
)

// ScopeForm is what narrows a campaign, as typed: lists are parted by commas.
type ScopeForm struct {
	Risks       []string
	Kinds       []string
	Privileged  bool
	Orphans     bool
	New         bool
	Dormant     string
	People      string
	Managers    string
	Departments string
	Employment  string
	Access      string
	Owners      string
	Via         string
}

// Narrow tells whether anything is chosen.
func (f *ScopeForm) Narrow() bool {
	return len(f.Risks)+len(f.Kinds) > 0 || f.Privileged || f.Orphans || f.New ||
		f.Dormant+f.People+f.Managers+f.Departments+f.Employment+f.Access+f.Owners+f.Via != ""
}

func (f *ScopeForm) risks() []ui.Option {
	return picked(f.Risks, []ui.Option{{Value: "low", Label: "Low"}, {Value: "medium", Label: "Medium"}, {Value: "high", Label: "High"}, {Value: "critical", Label: "Critical"}})
}

func (f *ScopeForm) kinds() []ui.Option {
	return picked(f.Kinds, []ui.Option{{Value: "human", Label: "People"}, {Value: "service", Label: "Services"}, {Value: "shared", Label: "Shared accounts"}, {Value: "agent", Label: "AI agents"}})
}

func picked(chosen []string, all []ui.Option) []ui.Option {
	for i := range all {
		all[i].Selected = slices.Contains(chosen, all[i].Value)
	}
	return all
}

// lists are the conditions that are typed.
func (p NewPage) lists() []ui.Field {
	f := &p.Scope
	return []ui.Field{
		{Name: FieldDormant, Label: "Not used for (days)", Value: f.Dormant, Error: p.Errors[FieldDormant], Help: "Not used, or where that is unknown not signed in, for as many days."},
		{Name: FieldDepartments, Label: "Departments", Value: f.Departments, Help: "Of who holds the access. Several are parted by commas, here and below."},
		{Name: FieldPeople, Label: "People", Value: f.People, Help: "Their person_id."},
		{Name: FieldManagers, Label: "Who report to", Value: f.Managers, Help: "The person_id of their managers."},
		{Name: FieldEmployment, Label: "Employment", Value: f.Employment, Help: "As contractor."},
		{Name: FieldAccess, Label: "Access", Value: f.Access, Help: "The entitlement_id."},
		{Name: FieldOwners, Label: "Access owned by", Value: f.Owners, Help: "The person_id of its owner."},
		{Name: FieldVia, Label: "Given by a role or group", Value: f.Via, Help: "Its id: what this role or group gives, to whom it gives it."},
	}
}

// Count is what the scope in the form takes in; the zero Count was not asked for.
type Count struct {
	Text    string
	Problem string // why nothing could be counted
	Rows    []Line
}
