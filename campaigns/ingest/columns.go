package ingest

import (
	"slices"
	"strconv"
	"strings"

	"recert/model"
)

// columnType is how a column's text is understood.
type columnType uint8

const (
	textColumn columnType = iota
	idColumn
	enumColumn
	triColumn
	timeColumn // a bare date is its first instant
	endColumn  // a bare date is its last instant
	viaColumn
)

// columnSpec is one of our columns. Exactly one of text, tri and time is set, by typ.
type columnSpec struct {
	name     string
	typ      columnType
	required bool
	allowed  []string // of an enum
	text     func(*model.Record) *string
	tri      func(*model.Record) *model.Tri
	time     func(*model.Record) *model.Time
}

// columnsOf are our columns by kind, in the order of CONTRACT.md: the first is the row's id.
var columnsOf = map[model.Kind][]columnSpec{
	model.KindPeople: {
		{name: "person_id", typ: idColumn, required: true, text: func(r *model.Record) *string { return &r.Person.PersonID }},
		{name: "name", required: true, text: func(r *model.Record) *string { return &r.Person.Name }},
		{name: "email", text: func(r *model.Record) *string { return &r.Person.Email }},
		{name: "manager_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Person.ManagerID }},
		{name: "title", text: func(r *model.Record) *string { return &r.Person.Title }},
		{name: "department", text: func(r *model.Record) *string { return &r.Person.Department }},
		{name: "cost_center", text: func(r *model.Record) *string { return &r.Person.CostCenter }},
		{name: "location", text: func(r *model.Record) *string { return &r.Person.Location }},
		{name: "employment_type", text: func(r *model.Record) *string { return &r.Person.EmploymentType }},
		{name: "status", typ: enumColumn, allowed: []string{"active", "leave", "terminated"}, text: func(r *model.Record) *string { return &r.Person.Status }},
		{name: "kind", typ: enumColumn, allowed: []string{"human", "service", "agent"}, text: func(r *model.Record) *string { return &r.Person.Kind }},
		{name: "owner_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Person.OwnerID }},
		{name: "start_date", typ: timeColumn, time: func(r *model.Record) *model.Time { return &r.Person.StartDate }},
		{name: "end_date", typ: endColumn, time: func(r *model.Record) *model.Time { return &r.Person.EndDate }},
	},
	model.KindAccounts: {
		{name: "account_id", typ: idColumn, required: true, text: func(r *model.Record) *string { return &r.Account.AccountID }},
		{name: "username", text: func(r *model.Record) *string { return &r.Account.Username }},
		{name: "display_name", text: func(r *model.Record) *string { return &r.Account.DisplayName }},
		{name: "email", text: func(r *model.Record) *string { return &r.Account.Email }},
		{name: "person_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Account.PersonID }},
		{name: "owner_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Account.OwnerID }},
		{name: "kind", typ: enumColumn, allowed: []string{"human", "service", "shared", "agent"}, text: func(r *model.Record) *string { return &r.Account.Kind }},
		{name: "status", typ: enumColumn, allowed: []string{"enabled", "disabled"}, text: func(r *model.Record) *string { return &r.Account.Status }},
		{name: "privileged", typ: triColumn, tri: func(r *model.Record) *model.Tri { return &r.Account.Privileged }},
		{name: "last_login_at", typ: timeColumn, time: func(r *model.Record) *model.Time { return &r.Account.LastLoginAt }},
		{name: "created_at", typ: timeColumn, time: func(r *model.Record) *model.Time { return &r.Account.CreatedAt }},
		{name: "expires_at", typ: endColumn, time: func(r *model.Record) *model.Time { return &r.Account.ExpiresAt }},
	},
	model.KindEntitlements: {
		{name: "entitlement_id", typ: idColumn, required: true, text: func(r *model.Record) *string { return &r.Entitlement.EntitlementID }},
		{name: "name", text: func(r *model.Record) *string { return &r.Entitlement.Name }},
		{name: "description", text: func(r *model.Record) *string { return &r.Entitlement.Description }},
		{name: "kind", typ: enumColumn, allowed: []string{"group", "role", "permission", "licence"}, text: func(r *model.Record) *string { return &r.Entitlement.Kind }},
		{name: "risk", typ: enumColumn, allowed: []string{"low", "medium", "high", "critical"}, text: func(r *model.Record) *string { return &r.Entitlement.Risk }},
		{name: "owner_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Entitlement.OwnerID }},
		{name: "privileged", typ: triColumn, tri: func(r *model.Record) *model.Tri { return &r.Entitlement.Privileged }},
		{name: "lower_id", typ: idColumn, text: func(r *model.Record) *string { return &r.Entitlement.LowerID }},
	},
	model.KindGrants: {
		{name: "account_id", typ: idColumn, required: true, text: func(r *model.Record) *string { return &r.Grant.AccountID }},
		{name: "entitlement_id", typ: idColumn, required: true, text: func(r *model.Record) *string { return &r.Grant.EntitlementID }},
		{name: "granted_at", typ: timeColumn, time: func(r *model.Record) *model.Time { return &r.Grant.GrantedAt }},
		{name: "granted_by", text: func(r *model.Record) *string { return &r.Grant.GrantedBy }},
		{name: "reason", text: func(r *model.Record) *string { return &r.Grant.Reason }},
		{name: "expires_at", typ: endColumn, time: func(r *model.Record) *model.Time { return &r.Grant.ExpiresAt }},
		{name: "last_used_at", typ: timeColumn, time: func(r *model.Record) *model.Time { return &r.Grant.LastUsedAt }},
		{name: "via", typ: viaColumn, text: func(r *model.Record) *string { return &r.Grant.Via }},
	},
}

// attrsOf is where a record of kind keeps the columns that are none of ours.
func attrsOf(r *model.Record, kind model.Kind) *map[string]string {
	switch kind {
	case model.KindPeople:
		return &r.Person.Attrs
	case model.KindAccounts:
		return &r.Account.Attrs
	case model.KindEntitlements:
		return &r.Entitlement.Attrs
	case model.KindGrants:
		return &r.Grant.Attrs
	}
	return new(map[string]string)
}

// FileColumn tells a person about one of our columns: for the mapping on the upload page.
type FileColumn struct {
	Name     string
	Required bool
	Allowed  []string // the values it may have; nil where it is not an enumeration
	Composed bool     // it may be composed of several columns of the file
}

// FileColumns are our columns of kind, in their order.
func FileColumns(kind model.Kind) []FileColumn {
	var out []FileColumn
	for _, c := range columnsOf[kind] {
		out = append(out, FileColumn{Name: c.name, Required: c.required, Allowed: slices.Clone(c.allowed), Composed: c.composable()})
	}
	return out
}

// composable tells whether a value of several columns makes sense.
func (c *columnSpec) composable() bool { return c.typ == idColumn || c.typ == textColumn }

// checkLayout refuses a layout that no file could satisfy.
func checkLayout(name string, kind model.Kind, l Layout) error {
	if _, err := delimiterOf(name, l.Delimiter); err != nil {
		return err
	}
	for our, c := range l.Columns {
		if kindsWith(our) == nil {
			return model.Errorf(model.Invalid, "columns: %q is no column of people, accounts, entitlements or grants", our)
		}
		if len(c.Names) == 0 || slices.Contains(c.Names, "") {
			return model.Errorf(model.Invalid, "columns: %s names no column of the file", our)
		}
		if l.NoHeader {
			for _, n := range c.Names {
				if i, err := strconv.Atoi(n); err != nil || i < 1 {
					return model.Errorf(model.Invalid, "columns: %s: %q is not a number from 1, which header: false needs", our, n)
				}
			}
		}
	}
	for i := range columnsOf[kind] {
		spec := &columnsOf[kind][i]
		c, mapped := l.Columns[spec.name]
		if len(c.Names) > 1 && !spec.composable() {
			return model.Errorf(model.Invalid, "columns: %s of %s cannot be composed of several columns", spec.name, kind)
		}
		if l.NoHeader && spec.required && !mapped {
			return model.Errorf(model.Invalid, "%s: without a header line, columns: must give the number of %s", name, spec.name)
		}
	}
	return nil
}

// kindsWith are the kinds that have a column of ours.
func kindsWith(our string) []model.Kind {
	var out []model.Kind
	for _, k := range model.Kinds {
		if slices.ContainsFunc(columnsOf[k], func(c columnSpec) bool { return c.name == our }) {
			out = append(out, k)
		}
	}
	return out
}

// delimiterOf is the byte that separates columns.
func delimiterOf(name, d string) (byte, error) {
	switch d {
	case "":
		base := strings.ToLower(name)
		base = strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), ".zst")
		if strings.HasSuffix(base, ".tsv") || strings.HasSuffix(base, ".tab") {
			return '\t', nil
		}
		return ',', nil
	case "tab":
		return '\t', nil
	case "whitespace":
		return whitespaceDelimiter, nil
	}
	if len(d) == 1 && (d[0] >= ' ' && d[0] < 0x7f || d[0] == '\t') && d[0] != '"' {
		return d[0], nil
	}
	return 0, model.Errorf(model.Invalid, "delimiter: %q is not tab, whitespace or one ASCII character other than a quote", d)
}

// headerKey is what two names must have in common to be the same column.
func headerKey(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
