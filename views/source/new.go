package source

import (
	"time"

	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /sources/new and /sources/{name}/edit. FieldDo tells which button it was.
const (
	FieldType     = "type" // csv, scim, ldap, sql, entra
	FieldName     = "name"
	FieldProvides = "provides" // of csv: people or access
	FieldURL      = "url"
	FieldUser     = "username"
	FieldPassword = "password"
	FieldBase     = "base"
	FieldTenant   = "tenant"
	FieldSignIns  = "sign_ins" // SignInsRead or SignInsNot
	SignInsRead   = "read"
	SignInsNot    = "no"
	FieldOwner    = "owner"  // a name, a person_id or a mail address
	FieldRemove   = "remove" // connector, manual
	FieldEvery    = "read_every"
	FieldWas      = "was" // of an edit: the version of the settings that the form was filled in from
	FieldDo       = "do"  // DoTest or DoSave
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

// Other is a kind of system that no form connects.
type Other struct {
	Name string
	Text string
	Part string // of Help, that shows an example
}

// Others are what is connected by a file alone, and why.
var Others = []Other{
	{"Your own SQL queries", "Any table of PostgreSQL, MySQL or MariaDB. Queries that run on a database with its password are kept in a file, where they can be reviewed like a program.", "connect-sql"},
	{"A program of your own", "It lists, removes and checks access in a system that nothing else here reads. A browser can never start a program on the server, so it is named in a file on the server.", "connect-exec"},
	{"Baton connectors", "The connectors of the Baton project are programs too, and are named in a file on the server.", "connect-baton"},
}

func (o Other) href() string { return "/help#" + o.Part }

// NewPage is the choice among kinds of systems, or the form of one kind: empty for a new source, or
// filled in with the settings of one that there is.
type NewPage struct {
	layout.Frame
	Type     string // "" is the choice
	Title    string // of the kind
	Text     string
	Problem  ui.Notice
	Found    ui.Notice // what a test found
	Sample   *Sample   // the first rows that it read
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
	Every    string   // how often it is read, as a duration; "" is never by itself
	Owners   []string // whom the owner's field offers

	Edit *Edit // of a source that there is
}

// Edit is what the form of a source that there is has besides.
type Edit struct {
	Was   string    // the version of the settings that it was filled in from
	Facts []ui.Pair // what cannot be changed here
	Kept  string    // what is said of the credential that is set; "" is that none is
	Own   bool      // the credential that is set is kept here, rather than in the environment
	Asked bool      // removals are asked for by tickets or messages, which is not chosen here
	Plain bool      // it signs in without an account
}

func (k System) href() string { return "/sources/new?type=" + k.Type }

func (p NewPage) live() bool { return p.Type != "csv" }

func (p NewPage) action() string {
	if p.Edit != nil {
		return ui.Path("sources", p.Name, "edit")
	}
	return "/sources/new"
}

func (p NewPage) cancel() string {
	if p.Edit != nil {
		return ui.Path("sources", p.Name)
	}
	return "/sources"
}

func (p NewPage) choosesRemoval() bool { return p.live() && (p.Edit == nil || !p.Edit.Asked) }

// moved tells, where a source that there is has its address, what another one brings.
func (p NewPage) moved(help string) string {
	if p.Edit == nil {
		return help
	}
	return help + " Another one here counts as another system: removals of what was reviewed before then wait for a second person."
}

func (p NewPage) name() ui.Field {
	return ui.Field{Name: FieldName, Label: "Name", Value: p.Name, Required: true, Error: p.Errors[FieldName], Help: "How this system is called here. " + ui.NameHelp}
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
	return ui.Field{Name: FieldURL, Label: "Address", Value: p.URL, Hint: h.url, Help: p.moved(h.urlHelp), Required: true, Error: p.Errors[FieldURL]}
}

func (p NewPage) user() ui.Field {
	h := hints[p.Type]
	required := (p.Type == "ldap" || p.Type == "entra") && (p.Edit == nil || !p.Edit.Plain)
	return ui.Field{Name: FieldUser, Label: h.user, Value: p.User, Help: h.userHelp, Required: required, Error: p.Errors[FieldUser]}
}

func (p NewPage) password() ui.Field {
	label := "Password"
	switch p.Type {
	case "scim":
		label = "Token or password"
	case "entra":
		label = "Client secret"
	}
	f := ui.Field{
		Name: FieldPassword, Label: label, Type: "password", Required: true, Auto: "new-password", Error: p.Errors[FieldPassword],
		Help: "It is kept encrypted and never shown again.",
	}
	e := p.Edit
	if e != nil {
		f.Required = false // also where it is missing: the address can be put back instead
	}
	switch {
	case e == nil:
	case e.Kept == "":
		f.Help = "None is set. What is typed here is kept encrypted and never shown."
	case e.Own:
		f.Help = e.Kept + " Leave this empty to keep it; what is typed here replaces it. It is never shown."
	default:
		f.Help = e.Kept + " Leave this empty to keep it. What is typed here is kept encrypted and used instead; removals of what was reviewed before then wait for a second person."
	}
	return f
}

func (p NewPage) base() ui.Field {
	return ui.Field{Name: FieldBase, Label: "Base", Value: p.Base, Hint: "dc=example,dc=com", Help: p.moved("The tree that is read."), Required: true, Error: p.Errors[FieldBase]}
}

func (p NewPage) tenant() ui.Field {
	return ui.Field{Name: FieldTenant, Label: "Tenant id", Value: p.Tenant, Hint: "11111111-2222-3333-4444-555555555555", Help: p.moved("The directory's id, or a domain of it."), Required: true, Error: p.Errors[FieldTenant]}
}

func (p NewPage) signIns() ui.Select {
	return options(FieldSignIns, "Read sign-in activity", p.SignIns, p.Errors, []ui.Option{
		{Value: SignInsNot, Label: "No", Help: "When an account was last used stays unknown."},
		{Value: SignInsRead, Label: "Yes", Help: "Needs the permission AuditLog.Read.All and Entra ID P1."},
	})
}

func (p NewPage) owner() ui.Field {
	return ui.Field{
		Name: FieldOwner, Label: "Owner", Value: p.Owner, Offers: p.Owners, Error: p.Errors[FieldOwner],
		Help: "Who answers for it, by name, person_id or mail address: reviews fall to the owner where no other rule gives a reviewer.",
	}
}

func (p NewPage) remove() ui.Select {
	return options(FieldRemove, "How access is removed", p.Remove, p.Errors, []ui.Option{
		{Value: "manual", Label: "A person does it", Help: "A task says what to do; the next snapshot proves that it was done."},
		{Value: "connector", Label: "Recert does it", Help: "It asks the system, reads it again, and closes only what is gone."},
	})
}

// periods are how often a system can be read, as durations and in words.
var periods = []struct{ every, words string }{
	{"", "Only when somebody asks for it"}, {"1h", "Every hour"}, {"6h", "Every 6 hours"}, {"24h", "Every day"}, {"168h", "Every week"},
}

// samePeriod tells whether two durations are as long; "" is as long as nothing else.
func samePeriod(a, b string) bool {
	x, errA := time.ParseDuration(a)
	y, errB := time.ParseDuration(b)
	return a == b || errA == nil && errB == nil && x == y
}

// EveryWords says how often a source is read: "Every 6 hours". What is not among those that the form
// offers stays as it is written.
func EveryWords(every string) string {
	for _, p := range periods {
		if samePeriod(p.every, every) {
			return p.words
		}
	}
	return "Every " + every
}

// every keeps a period as it was written, also one that is not among those offered.
func (p NewPage) every() ui.Select {
	s := ui.Select{Name: FieldEvery, Label: "How often it is read", Error: p.Errors[FieldEvery], Help: "A removal counts once the system, read again, no longer shows the access."}
	known := false
	for _, k := range periods {
		o := ui.Option{Value: k.every, Label: k.words}
		if !known && samePeriod(k.every, p.Every) {
			o.Value, o.Selected, known = p.Every, true, true
		}
		s.Options = append(s.Options, o)
	}
	if !known {
		s.Options = append(s.Options, ui.Option{Value: p.Every, Label: EveryWords(p.Every), Selected: true})
	}
	return s
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
