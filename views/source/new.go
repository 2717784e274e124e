package source

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /sources/new. FieldDo tells which button it was.
const (
	FieldType     = "type" // csv, scim, ldap, sql, entra
	FieldName     = "name"
	FieldProvides = "provides" // of csv: people or access
	FieldURL      = "url"
	FieldUser     = "username"
	FieldPassword = "password"
	FieldBase     = "base"
	FieldTenant   = "tenant"
	FieldSignIns  = "sign_ins" // SignInsRead, or not
	SignInsRead   = "read"
	FieldOwner    = "owner"
	FieldRemove   = "remove" // connector, manual
	FieldDo       = "do"     // DoTest or DoSave
	DoTest        = "test"
	DoSave        = "save"
)

// System is one kind of system that can be connected.
type System struct {
	Type string
	Name string
	Text string
}

// Systems are the kinds that the page offers, files first: every system can give a file.
var Systems = []System{
	{"csv", "Files", "CSV, XLSX or JSON lines, exported from any system or from HR, and uploaded here."},
	{"ldap", "LDAP or Active Directory", "Accounts, groups and who is in them, nested groups included."},
	{"entra", "Microsoft Entra ID", "Users, service principals, groups, app roles and directory roles of a tenant, by Microsoft Graph."},
	{"sql", "PostgreSQL roles", "Roles, their members, and privileges on schemas and tables. Other databases are connected by queries in a configuration file."},
	{"scim", "SCIM 2.0", "Users and groups of a cloud service."},
}

// NewPage is the choice among kinds of systems, or the form of one kind.
type NewPage struct {
	layout.Frame
	Type     string // "" is the choice
	Title    string // of the kind
	Text     string
	Problem  ui.Notice
	Found    ui.Notice // what a test found
	Errors   map[string]string
	Name     string
	Provides string
	URL      string
	User     string
	Base     string
	Tenant   string
	SignIns  string
	Owner    string
	Remove   string
}

func (k System) href() string { return "/sources/new?type=" + k.Type }

func (p NewPage) live() bool { return p.Type != "csv" }

func (p NewPage) name() ui.Field {
	return ui.Field{Name: FieldName, Label: "Name", Value: p.Name, Required: true, Error: p.Errors[FieldName], Help: "Small letters, digits and dashes: how this system is called here."}
}

func (p NewPage) provides() ui.Select {
	return options(FieldProvides, "What it gives", p.Provides, p.Errors, []ui.Option{
		{Value: "people", Label: "People", Help: "From HR: who there is, and who reports to whom."},
		{Value: "access", Label: "Access", Help: "Accounts of a system, and what they may do there."},
	})
}

// hints are the address and the account of each kind, for who fills the form.
var hints = map[string]struct{ url, urlHelp, user, userHelp string }{
	"ldap":  {"ldaps://ldap.example.com", "ldaps://, or ldap:// with StartTLS, which is always asked for except to this machine.", "Account", "The DN of the account that reads: cn=recert,ou=services,dc=example,dc=com"},
	"entra": {"", "", "Application id", "The application (client) id of the app registration that reads."},
	"sql":   {"postgres://recert@db.example.com:5432/postgres", "With the user and the database, without a password.", "", ""},
	"scim":  {"https://wiki.example.com/scim/v2", "The base of the service, without a slash at its end.", "User name", "Leave it empty where the service takes a token."},
}

func (p NewPage) url() ui.Field {
	h := hints[p.Type]
	return ui.Field{Name: FieldURL, Label: "Address", Value: p.URL, Hint: h.url, Help: h.urlHelp, Required: true, Error: p.Errors[FieldURL]}
}

func (p NewPage) user() ui.Field {
	h := hints[p.Type]
	return ui.Field{Name: FieldUser, Label: h.user, Value: p.User, Help: h.userHelp, Required: p.Type == "ldap" || p.Type == "entra", Error: p.Errors[FieldUser]}
}

func (p NewPage) password() ui.Field {
	label := "Password"
	switch p.Type {
	case "scim":
		label = "Token or password"
	case "entra":
		label = "Client secret"
	}
	return ui.Field{
		Name: FieldPassword, Label: label, Type: "password", Required: true, Auto: "new-password", Error: p.Errors[FieldPassword],
		Help: "It is kept encrypted and never shown again.",
	}
}

func (p NewPage) base() ui.Field {
	return ui.Field{Name: FieldBase, Label: "Base", Value: p.Base, Hint: "dc=example,dc=com", Help: "The tree that is read.", Required: true, Error: p.Errors[FieldBase]}
}

func (p NewPage) tenant() ui.Field {
	return ui.Field{Name: FieldTenant, Label: "Tenant id", Value: p.Tenant, Hint: "11111111-2222-3333-4444-555555555555", Help: "The directory's id, or a domain of it.", Required: true, Error: p.Errors[FieldTenant]}
}

func (p NewPage) signIns() ui.Select {
	return options(FieldSignIns, "Read sign-in activity", p.SignIns, p.Errors, []ui.Option{
		{Value: "no", Label: "No", Help: "When an account was last used stays unknown."},
		{Value: SignInsRead, Label: "Yes", Help: "Needs the permission AuditLog.Read.All and Entra ID P1."},
	})
}

func (p NewPage) owner() ui.Field {
	return ui.Field{Name: FieldOwner, Label: "Owner", Value: p.Owner, Help: "The person_id of who answers for it: reviews fall to the owner where no other rule gives a reviewer.", Error: p.Errors[FieldOwner]}
}

func (p NewPage) remove() ui.Select {
	return options(FieldRemove, "How access is removed", p.Remove, p.Errors, []ui.Option{
		{Value: "manual", Label: "A person does it", Help: "A task says what to do; the next snapshot proves that it was done."},
		{Value: "connector", Label: "Recert does it", Help: "It asks the system, reads it again, and closes only what is gone."},
	})
}

func options(name, label, value string, errs map[string]string, opts []ui.Option) ui.Select {
	if value == "" {
		value = opts[0].Value
	}
	for i := range opts {
		opts[i].Selected = opts[i].Value == value
	}
	return ui.Select{Name: name, Label: label, Options: opts, Error: errs[name]}
}
