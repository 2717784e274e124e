package entra

import (
	"encoding/json"
	"slices"
	"strings"

	"recert/model"
)

// The fields that are asked for. Delta queries are followed by what was selected first.
const (
	userFields = "id,userPrincipalName,displayName,mail,employeeId,department,jobTitle,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"
	appFields  = "id,appId,displayName,accountEnabled,servicePrincipalType,appOwnerOrganizationId,appRoles"
	// groupFields without members, for a look at one group.
	groupFields = "id,displayName,description,groupTypes,membershipRule,onPremisesSyncEnabled,isAssignableToRole,mailEnabled,securityEnabled,visibility"
)

// defaultRole is the id of the app role that stands for "assigned, without any role".
const defaultRole = "00000000-0000-0000-0000-000000000000"

type user struct {
	ID          string `json:"id"`
	UPN         string `json:"userPrincipalName"`
	DisplayName string `json:"displayName"`
	Mail        string `json:"mail"`
	EmployeeID  string `json:"employeeId"`
	Department  string `json:"department"`
	JobTitle    string `json:"jobTitle"`
	Enabled     *bool  `json:"accountEnabled"`
	UserType    string `json:"userType"`
	Created     string `json:"createdDateTime"`
	Synced      *bool  `json:"onPremisesSyncEnabled"`
}

type app struct {
	ID          string    `json:"id"`
	AppID       string    `json:"appId"`
	DisplayName string    `json:"displayName"`
	Enabled     *bool     `json:"accountEnabled"`
	Type        string    `json:"servicePrincipalType"`
	Owner       string    `json:"appOwnerOrganizationId"`
	Roles       []appRole `json:"appRoles"`
}

type appRole struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Value       string `json:"value"`
}

// declares tells whether the application has the role; an assignment outlives the role's end, and
// then only its id is left to know it by.
func (a *app) declares(role string) bool {
	return role == defaultRole || slices.ContainsFunc(a.Roles, func(r appRole) bool { return r.ID == role })
}

// roleName is the name of an app role as a reviewer sees it.
func (a *app) roleName(role string) string {
	if role == defaultRole {
		return a.DisplayName + ": default access"
	}
	for _, r := range a.Roles {
		switch {
		case r.ID != role:
		case r.DisplayName != "":
			return a.DisplayName + ": " + r.DisplayName
		case r.Value != "":
			return a.DisplayName + ": " + r.Value
		}
	}
	// The application no longer declares it, but the assignment stays.
	return a.DisplayName + ": role " + role
}

type group struct {
	ID             string   `json:"id"`
	DisplayName    string   `json:"displayName"`
	Description    string   `json:"description"`
	Types          []string `json:"groupTypes"`
	Rule           string   `json:"membershipRule"`
	Synced         *bool    `json:"onPremisesSyncEnabled"`
	RoleAssignable *bool    `json:"isAssignableToRole"`
	Mail           *bool    `json:"mailEnabled"`
	Security       *bool    `json:"securityEnabled"`
	Visibility     string   `json:"visibility"`
}

func yes(b *bool) bool { return b != nil && *b }

func (g *group) dynamic() bool { return slices.Contains(g.Types, "DynamicMembership") }

// exchange tells that only Exchange can change the members.
func (g *group) exchange() bool { return yes(g.Mail) && !slices.Contains(g.Types, "Unified") }

// elsewhere says why Graph cannot change the members, and where to do it; "" is that it can.
func (g *group) elsewhere() string {
	switch {
	case yes(g.Synced):
		return "The group comes from an on-premises directory, which Graph cannot change; change its members in the on-premises directory"
	case g.exchange():
		return "The group is a distribution list or a mail-enabled security group, whose members Graph cannot change; change them in Exchange"
	}
	return ""
}

// kind is what people call such a group.
func (g *group) kind() string {
	switch {
	case slices.Contains(g.Types, "Unified"):
		return "microsoft365"
	case g.exchange() && yes(g.Security):
		return "mail_enabled_security"
	case g.exchange():
		return "distribution"
	}
	return "security"
}

// object is an object of any type, as in lists of members and owners.
type object struct {
	Type    string          `json:"@odata.type"`
	ID      string          `json:"id"`
	Name    string          `json:"displayName"`
	Removed json.RawMessage `json:"@removed"`
}

const typePrefix = "#microsoft.graph."

// types of objects that count.
const (
	typeUser  = "user"
	typeApp   = "servicePrincipal"
	typeGroup = "group"
	typeGone  = "gone" // an account that was deleted
)

func (o *object) kind() string { return strings.TrimPrefix(o.Type, typePrefix) }

func (o *object) removed() bool { return len(o.Removed) > 0 && string(o.Removed) != "null" }

type appAssignment struct {
	ID        string `json:"id"`
	Role      string `json:"appRoleId"`
	Principal string `json:"principalId"`
	Kind      string `json:"principalType"` // User, Group, ServicePrincipal
	Resource  string `json:"resourceId"`
	Created   string `json:"createdDateTime"`
}

type roleAssignment struct {
	ID         string  `json:"id"`
	Definition string  `json:"roleDefinitionId"`
	Principal  string  `json:"principalId"`
	Scope      string  `json:"directoryScopeId"`
	AppScope   string  `json:"appScopeId"`
	Expanded   *object `json:"principal"`
}

// scope is where the role holds; one that only a resource application understands has a mark.
func (a *roleAssignment) scope() string {
	if a.Scope == "" && a.AppScope != "" {
		return appScope + a.AppScope
	}
	return a.Scope
}

// appScope is before a scope that is not of the directory.
const appScope = "app:"

type roleDefinition struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
}

// scopedName is the name of a directory role in a scope, as a reviewer sees it.
func (d *roleDefinition) scopedName(scope string) string {
	if scope == "/" {
		return d.DisplayName
	}
	return d.DisplayName + " (scope " + scope + ")"
}

type signIns struct {
	ID       string `json:"id"`
	Activity *struct {
		Interactive    string `json:"lastSignInDateTime"`
		NonInteractive string `json:"lastNonInteractiveSignInDateTime"`
		Successful     string `json:"lastSuccessfulSignInDateTime"`
	} `json:"signInActivity"`
}

// last is the last successful sign-in. Where the tenant has none on record, because it began to
// keep them in December 2023 only, it is the last attempt: the account was used no later.
func (s *signIns) last() (model.Time, error) {
	if s.Activity == nil {
		return 0, nil
	}
	ok, err := model.ParseTime(s.Activity.Successful)
	if err != nil || ok.Known() {
		return ok, err
	}
	one, err := model.ParseTime(s.Activity.Interactive)
	if err != nil {
		return 0, err
	}
	other, err := model.ParseTime(s.Activity.NonInteractive)
	return max(one, other), err
}
