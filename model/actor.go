package model

import (
	"slices"
	"strings"
)

// Role is what a signed-in user may do beyond reviewing what is assigned to them.
type Role string

// The roles of CONTRACT.md; everybody is a reviewer of what is assigned to them.
const (
	Admin           Role = "admin"
	CampaignManager Role = "campaign_manager"
	Auditor         Role = "auditor"
)

// Roles are all roles that a group can be mapped to.
var Roles = []Role{Admin, CampaignManager, Auditor}

// Actor is who does something: a signed-in user, or the command line.
type Actor struct {
	UserID    int64  // 0 on the command line
	Name      string // to show
	Email     string
	PersonKey int64 // 0 where the user is no person that a source knows
	PersonID  string
	Roles     []Role
	ACR       string
	AMR       string
	AuthTime  Time
}

// Has tells whether the actor has one of the roles.
func (a Actor) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(a.Roles, r) })
}

// Label names the actor in evidence: enough to tell two actors apart.
func (a Actor) Label() string {
	if a.Email != "" && a.Email != a.Name {
		return strings.TrimSpace(a.Name + " <" + a.Email + ">")
	}
	return a.Name
}

// LabelEmail is the mail address in a label of Actor.Label, "" where it has none.
func LabelEmail(label string) string {
	if i := strings.LastIndexByte(label, '<'); i >= 0 && strings.HasSuffix(label, ">") {
		return label[i+1 : len(label)-1]
	}
	if strings.Contains(label, "@") && !strings.ContainsAny(label, " \t") {
		return label // its name is its address
	}
	return ""
}
