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
	Timeout     string             `json:"timeout,omitempty" yaml:"timeout"` // a Go duration; "" is 30s
}

// RevokeSpec says how access in a source is taken away.
type RevokeSpec struct {
	Mode      string  `json:"mode,omitempty" yaml:"mode"`             // connector, manual; "" is manual
	Protected Strings `json:"protected,omitempty" yaml:"protected"`   // account_ids or usernames, break-glass ones say: a second person must let a removal go on
	HourlyCap string  `json:"hourly_cap,omitempty" yaml:"hourly_cap"` // removals an hour that need no second person: a number, or none; "" is 500
	DryRun    bool    `json:"dry_run,omitempty" yaml:"dry_run"`       // look, and say what would be removed, but ask nothing of the target
}

// CampaignSpec is the spec of a Campaign, as in CONTRACT.md.
type CampaignSpec struct {
	Title      string      `json:"title,omitempty" yaml:"title"`     // shown to reviewers; "" is the name
	Purpose    string      `json:"purpose,omitempty" yaml:"purpose"` // why it is asked and whom to ask; shown above every review
	Scope      ScopeSpec   `json:"scope" yaml:"scope"`
	Stages     []StageSpec `json:"stages" yaml:"stages"`
	OnNoAnswer string      `json:"on_no_answer,omitempty" yaml:"on_no_answer"` // keep, revoke; "" is keep
	Remove     string      `json:"remove,omitempty" yaml:"remove"`             // sign_off, decision; "" is sign_off
	Reminders  Strings     `json:"reminders,omitempty" yaml:"reminders"`
	Schedule   string      `json:"schedule,omitempty" yaml:"schedule"`
	TimeZone   string      `json:"time_zone,omitempty" yaml:"time_zone"`     // "" is Settings.time_zone
	Statement  string      `json:"statement,omitempty" yaml:"statement"`     // what a reviewer signs
	Control    string      `json:"control,omitempty" yaml:"control"`         // the control's id in the company's framework
	UndoFor    string      `json:"undo_for,omitempty" yaml:"undo_for"`       // with remove: decision, how long a revoke waits; "" is 30s
	RemovalCap string      `json:"removal_cap,omitempty" yaml:"removal_cap"` // removals of a run that need no second person: a number or a share of its items like 30%; "" is no limit
}

// ScopeSpec is which grants are in.
type ScopeSpec struct {
	Sources Strings `json:"sources" yaml:"sources"`
	Where   string  `json:"where,omitempty" yaml:"where"` // CEL; "" is all
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
	TimeZone        string `json:"time_zone,omitempty" yaml:"time_zone"`               // IANA name; "" is UTC
	Organization    string `json:"organization,omitempty" yaml:"organization"`         // shown in reports
	SessionIdle     string `json:"session_idle,omitempty" yaml:"session_idle"`         // "" is 30m
	SessionAbsolute string `json:"session_absolute,omitempty" yaml:"session_absolute"` // "" is 8h
}
