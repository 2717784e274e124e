package model

// ConfigKind is the kind of a document of declarative configuration.
type ConfigKind string

// The kinds that recert apply takes.
const (
	ConfigSource       ConfigKind = "Source"
	ConfigCampaign     ConfigKind = "Campaign"
	ConfigPolicy       ConfigKind = "Policy"
	ConfigRoleMapping  ConfigKind = "RoleMapping"
	ConfigNotification ConfigKind = "Notification"
	ConfigSettings     ConfigKind = "Settings"
)

// APIVersion is the one version of configuration documents.
const APIVersion = "recert/v1"

// Provides is what a source gives.
type Provides string

// A source gives people, or accounts and their access.
const (
	ProvidesPeople Provides = "people"
	ProvidesAccess Provides = "access"
)

// Kinds are the kinds that such a source gives, in reading order.
func (p Provides) Kinds() []Kind {
	if p == ProvidesPeople {
		return []Kind{KindPeople}
	}
	return []Kind{KindAccounts, KindEntitlements, KindGrants}
}

// Strings is one string or a list of them, in YAML and in JSON.
type Strings []string

// SourceSpec is the spec of a Source, as in CONTRACT.md. Values that may be secret hold
// ${NAME} and are resolved when they are used, never stored in clear.
type SourceSpec struct {
	Provides    Provides           `json:"provides" yaml:"provides"`
	Type        string             `json:"type" yaml:"type"`
	Columns     map[string]Strings `json:"columns,omitempty" yaml:"columns"`
	Delimiter   string             `json:"delimiter,omitempty" yaml:"delimiter"`
	Header      *bool              `json:"header,omitempty" yaml:"header"`             // nil is true
	ShrinkLimit string             `json:"shrink_limit,omitempty" yaml:"shrink_limit"` // "" is 20%
	Owner       string             `json:"owner,omitempty" yaml:"owner"`
	Correlate   Strings            `json:"correlate,omitempty" yaml:"correlate"` // "" is person_id, then email
	Revoke      RevokeSpec         `json:"revoke,omitzero" yaml:"revoke"`
	URL         string             `json:"url,omitempty" yaml:"url"`
	Token       string             `json:"token,omitempty" yaml:"token"`
	Username    string             `json:"username,omitempty" yaml:"username"`
	Password    string             `json:"password,omitempty" yaml:"password"`
	CAFile      string             `json:"ca_file,omitempty" yaml:"ca_file"`
	PageSize    int                `json:"page_size,omitempty" yaml:"page_size"`
	Timeout     string             `json:"timeout,omitempty" yaml:"timeout"`       // a Go duration; "" is 30s
	ReadEvery   string             `json:"read_every,omitempty" yaml:"read_every"` // a Go duration; "" is never by itself
	LDAP        *LDAPSpec          `json:"ldap,omitempty" yaml:"ldap"`
	SQL         *SQLSpec           `json:"sql,omitempty" yaml:"sql"`
	Exec        *ExecSpec          `json:"exec,omitempty" yaml:"exec"`
	Baton       *BatonSpec         `json:"baton,omitempty" yaml:"baton"`
	Entra       *EntraSpec         `json:"entra,omitempty" yaml:"entra"`
}

// EntraSpec is the tenant of a source of type entra, whose password is the client secret. The addresses
// are those of Microsoft's public cloud where they are empty.
type EntraSpec struct {
	Tenant         string `json:"tenant" yaml:"tenant"`       // its id, or a domain of it
	ClientID       string `json:"client_id" yaml:"client_id"` // of the app registration that signs in
	GraphURL       string `json:"graph_url,omitempty" yaml:"graph_url"`
	LoginURL       string `json:"login_url,omitempty" yaml:"login_url"`
	SignInActivity bool   `json:"sign_in_activity,omitempty" yaml:"sign_in_activity"` // reads last sign-ins, which needs Entra ID P1
}

// LDAPSpec is what a source of type ldap has besides url, username (the DN that signs in) and
// password. Base is required; what else is empty is by flavor.
type LDAPSpec struct {
	Base            string  `json:"base" yaml:"base"`
	AccountBase     string  `json:"account_base,omitempty" yaml:"account_base"`
	GroupBase       string  `json:"group_base,omitempty" yaml:"group_base"`
	AccountFilter   string  `json:"account_filter,omitempty" yaml:"account_filter"`
	GroupFilter     string  `json:"group_filter,omitempty" yaml:"group_filter"`
	Flavor          string  `json:"flavor,omitempty" yaml:"flavor"` // auto, openldap, ad
	StartTLS        bool    `json:"start_tls,omitempty" yaml:"start_tls"`
	Insecure        bool    `json:"insecure,omitempty" yaml:"insecure"`
	ServerName      string  `json:"server_name,omitempty" yaml:"server_name"`
	AccountIDAttr   string  `json:"account_id_attr,omitempty" yaml:"account_id_attr"`
	GroupIDAttr     string  `json:"group_id_attr,omitempty" yaml:"group_id_attr"`
	UsernameAttr    string  `json:"username_attr,omitempty" yaml:"username_attr"`
	GroupNameAttr   string  `json:"group_name_attr,omitempty" yaml:"group_name_attr"`
	PersonAttr      string  `json:"person_attr,omitempty" yaml:"person_attr"`
	DisableAttr     string  `json:"disable_attr,omitempty" yaml:"disable_attr"`
	DisableValue    string  `json:"disable_value,omitempty" yaml:"disable_value"`
	Placeholders    Strings `json:"placeholders,omitempty" yaml:"placeholders"`
	IgnoreReferrals bool    `json:"ignore_referrals,omitempty" yaml:"ignore_referrals"`
}

// SQLSpec are the queries of a source of type sql; without any, the roles and privileges of a
// PostgreSQL server are read.
type SQLSpec struct {
	Accounts         string `json:"accounts,omitempty" yaml:"accounts"`
	Entitlements     string `json:"entitlements,omitempty" yaml:"entitlements"`
	Grants           string `json:"grants,omitempty" yaml:"grants"`
	Check            string `json:"check,omitempty" yaml:"check"`
	CheckAccount     string `json:"check_account,omitempty" yaml:"check_account"`
	CheckEntitlement string `json:"check_entitlement,omitempty" yaml:"check_entitlement"`
	Revoke           string `json:"revoke,omitempty" yaml:"revoke"`
	Grant            string `json:"grant,omitempty" yaml:"grant"`
	Deactivate       string `json:"deactivate,omitempty" yaml:"deactivate"`
	Insecure         bool   `json:"insecure,omitempty" yaml:"insecure"`           // no TLS to other hosts
	ExpandPublic     bool   `json:"expand_public,omitempty" yaml:"expand_public"` // of roles: what PUBLIC holds, once for each account too
}

// BatonSpec is what a source of type baton reads: the connector that command names, a .c1z file, or
// what "baton … -o json" printed of one.
type BatonSpec struct {
	Command      Strings           `json:"command,omitempty" yaml:"command"`
	File         string            `json:"file,omitempty" yaml:"file"`
	Resources    string            `json:"resources,omitempty" yaml:"resources"` // these four are files, and go together
	Entitlements string            `json:"entitlements,omitempty" yaml:"entitlements"`
	Grants       string            `json:"grants,omitempty" yaml:"grants"`
	Syncs        string            `json:"syncs,omitempty" yaml:"syncs"`
	Env          map[string]string `json:"env,omitempty" yaml:"env"` // of the connector; a value ${NAME} is a secret
	PersonAttr   string            `json:"person_attr,omitempty" yaml:"person_attr"`
	Self         string            `json:"self,omitempty" yaml:"self"` // the id of the account that the connector signs in with
	CanGrant     bool              `json:"grant,omitempty" yaml:"grant"`
}

// ExecSpec is the program of a source of type exec.
type ExecSpec struct {
	Command  Strings           `json:"command" yaml:"command"`       // its absolute path and its arguments
	Env      map[string]string `json:"env,omitempty" yaml:"env"`     // its environment; a value ${NAME} is a secret
	CanGrant bool              `json:"grant,omitempty" yaml:"grant"` // it knows the command grant
}

// RevokeSpec says how access in a source is taken away.
type RevokeSpec struct {
	Mode        string       `json:"mode,omitempty" yaml:"mode"`               // connector, manual, ticket, webhook; "" is manual
	Protected   Strings      `json:"protected,omitempty" yaml:"protected"`     // account_ids or usernames, break-glass ones say: a second person must let a removal go on
	HourlyCap   string       `json:"hourly_cap,omitempty" yaml:"hourly_cap"`   // removals an hour that need no second person: a number, or none; "" is 500
	Due         string       `json:"due,omitempty" yaml:"due"`                 // how long a removal may take until it is proven, as 5d; "" is 7d; what takes longer is shown as late
	Rate        string       `json:"rate,omitempty" yaml:"rate"`               // removals that are tried a second, minute or hour, as 10/s, 300/m; "" is any number
	Concurrency int          `json:"concurrency,omitempty" yaml:"concurrency"` // removals at once, by all workers together; 0 is 4
	Timeout     string       `json:"timeout,omitempty" yaml:"timeout"`         // of one look or one call, as 90s; "" is 60s
	DryRun      bool         `json:"dry_run,omitempty" yaml:"dry_run"`         // look, and say what would be removed, but ask nothing of the target
	Ticket      *TicketSpec  `json:"ticket,omitempty" yaml:"ticket"`           // of mode ticket
	Webhook     *WebhookSpec `json:"webhook,omitempty" yaml:"webhook"`         // of mode webhook
}

// TicketSpec is where removals of mode ticket are asked for.
type TicketSpec struct {
	System          string  `json:"system" yaml:"system"` // jira, servicenow
	URL             string  `json:"url" yaml:"url"`
	User            string  `json:"user,omitempty" yaml:"user"` // with token as its password or API token; "" is a bearer token
	Token           string  `json:"token" yaml:"token"`
	Deployment      string  `json:"deployment,omitempty" yaml:"deployment"`             // of Jira: cloud, server; "" is by the address
	Project         string  `json:"project,omitempty" yaml:"project"`                   // of Jira: its key
	IssueType       string  `json:"issue_type,omitempty" yaml:"issue_type"`             // of Jira; "" is Task
	Table           string  `json:"table,omitempty" yaml:"table"`                       // of ServiceNow; "" is incident
	AssignmentGroup string  `json:"assignment_group,omitempty" yaml:"assignment_group"` // of ServiceNow: a name
	ClosedStates    Strings `json:"closed_states,omitempty" yaml:"closed_states"`       // in which a ticket is closed; none is by the system's own word
	CAFile          string  `json:"ca_file,omitempty" yaml:"ca_file"`
}

// WebhookSpec is where removals of mode webhook are asked for.
type WebhookSpec struct {
	URL    string `json:"url" yaml:"url"`
	Secret string `json:"secret" yaml:"secret"` // whsec_…; several, with spaces between, while it changes
	CAFile string `json:"ca_file,omitempty" yaml:"ca_file"`
}

// CampaignSpec is the spec of a Campaign, as in CONTRACT.md.
type CampaignSpec struct {
	Title      string      `json:"title,omitempty" yaml:"title"`     // shown to reviewers; "" is the name
	Purpose    string      `json:"purpose,omitempty" yaml:"purpose"` // why it is asked and whom to ask; shown above every review
	Scope      ScopeSpec   `json:"scope" yaml:"scope"`
	Stages     []StageSpec `json:"stages" yaml:"stages"`
	OnNoAnswer string      `json:"on_no_answer,omitempty" yaml:"on_no_answer"` // keep, revoke, escalate; "" is keep
	Extend     string      `json:"extend,omitempty" yaml:"extend"`             // with escalate: how much longer the reviewers get, and then the closer, as 5d; "" is 7d
	Closer     string      `json:"closer,omitempty" yaml:"closer"`             // with escalate: the person_id of who answers what nobody did
	Close      string      `json:"close,omitempty" yaml:"close"`               // when a run closes by itself: signed, due; "" is never
	Swaps      string      `json:"swaps,omitempty" yaml:"swaps"`               // two people who would review each other: show, prevent; "" is show
	Remove     string      `json:"remove,omitempty" yaml:"remove"`             // sign_off, decision; "" is sign_off
	Reminders  Strings     `json:"reminders,omitempty" yaml:"reminders"`
	Schedule   string      `json:"schedule,omitempty" yaml:"schedule"`
	TimeZone   string      `json:"time_zone,omitempty" yaml:"time_zone"`     // "" is Settings.time_zone
	Statement  string      `json:"statement,omitempty" yaml:"statement"`     // what a reviewer signs
	Control    string      `json:"control,omitempty" yaml:"control"`         // the control's id in the company's framework
	UndoFor    string      `json:"undo_for,omitempty" yaml:"undo_for"`       // with remove: decision, how long a revoke waits; "" is 30s
	Owner      string      `json:"owner,omitempty" yaml:"owner"`             // a person_id: who is told of what happens to its removals; "" is who launches it
	Grace      string      `json:"grace,omitempty" yaml:"grace"`             // how long a removal waits before it goes out, as 3d or 12h; "" is not at all
	Tell       *bool       `json:"tell,omitempty" yaml:"tell"`               // mail the person whose access is to go; nil is true
	RemovalCap string      `json:"removal_cap,omitempty" yaml:"removal_cap"` // removals of a run that need no second person: a number or a share of its items like 30%; "" is no limit
}

// ScopeSpec is which grants are in. What is empty does not narrow; all that is not must hold. Where the data does not
// say, the grant is in, and counted.
type ScopeSpec struct {
	Sources         Strings            `json:"sources" yaml:"sources"`
	People          Strings            `json:"people,omitempty" yaml:"people"`                     // person_ids of who holds the access
	Managers        Strings            `json:"managers,omitempty" yaml:"managers"`                 // person_ids of whom they report to
	Departments     Strings            `json:"departments,omitempty" yaml:"departments"`           // theirs
	EmploymentTypes Strings            `json:"employment_types,omitempty" yaml:"employment_types"` // theirs
	Attributes      map[string]Strings `json:"attributes,omitempty" yaml:"attributes"`             // theirs: for each, the values
	AccountKinds    Strings            `json:"account_kinds,omitempty" yaml:"account_kinds"`       // human, service, shared, agent
	Entitlements    Strings            `json:"entitlements,omitempty" yaml:"entitlements"`         // entitlement_ids
	Owners          Strings            `json:"owners,omitempty" yaml:"owners"`                     // person_ids of who owns the entitlement
	Risks           Strings            `json:"risks,omitempty" yaml:"risks"`                       // low, medium, high, critical
	Via             Strings            `json:"via,omitempty" yaml:"via"`                           // groups or roles that the grant comes by: what a role gives
	Privileged      bool               `json:"privileged,omitempty" yaml:"privileged"`             // only privileged accounts and entitlements
	Orphans         bool               `json:"orphans,omitempty" yaml:"orphans"`                   // only accounts that belong to nobody who is there
	Dormant         string             `json:"dormant,omitempty" yaml:"dormant"`                   // only what was not used for as long, as 90d
	NewSinceLast    bool               `json:"new_since_last,omitempty" yaml:"new_since_last"`     // only what the campaign's last run did not ask about
	Where           string             `json:"where,omitempty" yaml:"where"`                       // CEL; "" is all
}

// StageSpec is one round of review.
type StageSpec struct {
	Reviewers Strings  `json:"reviewers" yaml:"reviewers"`
	Fallback  string   `json:"fallback,omitempty" yaml:"fallback"` // a person_id
	Due       string   `json:"due" yaml:"due"`                     // 14d from launch
	Strategy  Strategy `json:"strategy,omitzero" yaml:"strategy"`
}

// Strategy combines several reviewers' answers: a name, or {majority: true}, or {quorum: N}.
type Strategy struct {
	Name     string `json:"name,omitempty"`
	Majority bool   `json:"majority,omitempty"`
	Quorum   int    `json:"quorum,omitempty"`
}

// RoleMappingSpec gives, for each role, the values of the groups claim that hold it.
type RoleMappingSpec map[Role]Strings

// SettingsSpec are the settings of the whole installation.
type SettingsSpec struct {
	TimeZone        string  `json:"time_zone,omitempty" yaml:"time_zone"`               // IANA name; "" is UTC
	Organization    string  `json:"organization,omitempty" yaml:"organization"`         // shown in reports
	SessionIdle     string  `json:"session_idle,omitempty" yaml:"session_idle"`         // "" is 30m
	SessionAbsolute string  `json:"session_absolute,omitempty" yaml:"session_absolute"` // "" is 8h
	Networks        Strings `json:"networks,omitempty" yaml:"networks"`                 // private networks that may be reached, as 10.0.0.0/8
}
