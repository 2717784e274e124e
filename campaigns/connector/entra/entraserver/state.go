package entraserver

import (
	"fmt"
	"maps"
	"time"
)

// User is a user of the directory.
type User struct {
	ID, UserPrincipalName, DisplayName, Mail, EmployeeID, Department, JobTitle string

	Guest    bool
	Disabled bool
	Synced   bool // from an on-premises directory
	Created  time.Time

	LastSignIn, LastNonInteractive, LastSuccessful time.Time // zero is null
}

// AppRole is a role that an application declares.
type AppRole struct{ ID, DisplayName, Value string }

// ServicePrincipal is an application in the tenant.
type ServicePrincipal struct {
	ID, AppID, DisplayName string

	Type     string // "" is Application
	Disabled bool
	Roles    []AppRole
}

// Group is a group of the directory.
type Group struct {
	ID, DisplayName, Description string

	Types          []string // Unified, DynamicMembership
	Rule           string   // of a dynamic group
	Synced         bool
	RoleAssignable bool
	MailEnabled    bool
	NotSecurity    bool
	Hidden         bool // its members
}

// Assignment is one assignment of an app role.
type Assignment struct {
	ID, Resource, Role, Principal string

	Created time.Time
}

// RoleAssignment is one assignment of a directory role.
type RoleAssignment struct{ ID, Definition, Principal, Scope string }

type removal struct {
	kind   string
	rev    int64
	reason string
}

type memberEvent struct {
	rev           int64
	group, member string
	added         bool
}

// state is the directory at one moment.
type state struct {
	rev         int64 // grows with every change
	users       map[string]User
	apps        map[string]ServicePrincipal
	groups      map[string]Group
	changed     map[string]int64 // rev of an object's last change
	removed     map[string]removal
	members     map[string]map[string]bool // group -> direct members
	log         []memberEvent
	definitions map[string]string // directory roles: id -> name
	assignments map[string]Assignment
	roles       map[string]RoleAssignment
	serial      int64
}

func newState() *state {
	return &state{
		users: map[string]User{}, apps: map[string]ServicePrincipal{}, groups: map[string]Group{}, changed: map[string]int64{},
		removed: map[string]removal{}, members: map[string]map[string]bool{}, definitions: map[string]string{},
		assignments: map[string]Assignment{}, roles: map[string]RoleAssignment{},
	}
}

func (st *state) clone() *state {
	c := *st
	c.users, c.apps, c.groups, c.changed = maps.Clone(st.users), maps.Clone(st.apps), maps.Clone(st.groups), maps.Clone(st.changed)
	c.removed, c.definitions = maps.Clone(st.removed), maps.Clone(st.definitions)
	c.assignments, c.roles = maps.Clone(st.assignments), maps.Clone(st.roles)
	c.log = append([]memberEvent(nil), st.log...)
	c.members = map[string]map[string]bool{}
	for g, m := range st.members {
		c.members[g] = maps.Clone(m)
	}
	return &c
}

func (st *state) touch(id string) {
	st.rev++
	st.changed[id] = st.rev
	delete(st.removed, id)
}

// typeOf is the OData type of an object, or "".
func (st *state) typeOf(id string) string {
	if _, ok := st.users[id]; ok {
		return "user"
	}
	if _, ok := st.apps[id]; ok {
		return "servicePrincipal"
	}
	if _, ok := st.groups[id]; ok {
		return "group"
	}
	return ""
}

func (st *state) addMember(group, member string) bool {
	if st.members[group] == nil {
		st.members[group] = map[string]bool{}
	}
	if st.members[group][member] {
		return false
	}
	st.members[group][member] = true
	st.touch(group)
	st.log = append(st.log, memberEvent{st.rev, group, member, true})
	return true
}

func (st *state) removeMember(group, member string) bool {
	if !st.members[group][member] {
		return false
	}
	delete(st.members[group], member)
	st.touch(group)
	st.log = append(st.log, memberEvent{st.rev, group, member, false})
	return true
}

// holders are the groups that have the object as a direct member.
func (st *state) holders(id string) (out []string) {
	for _, g := range sorted(st.members) {
		if st.members[g][id] {
			out = append(out, g)
		}
	}
	return out
}

// transitive are all groups that the object is in, by every way.
func (st *state) transitive(id string) map[string]bool {
	in, queue := map[string]bool{}, st.holders(id)
	for ; len(queue) > 0; queue = queue[1:] {
		if !in[queue[0]] {
			in[queue[0]] = true
			queue = append(queue, st.holders(queue[0])...)
		}
	}
	return in
}

func (st *state) assign(a Assignment) Assignment {
	st.rev++
	st.serial++
	a.ID = fmt.Sprintf("as-%d", st.serial)
	st.assignments[a.ID] = a
	return a
}

// remove deletes an object; soft is into the bin, from where it can be restored.
func (st *state) remove(id string, soft bool) bool {
	kind := st.typeOf(id)
	if kind == "" {
		return false
	}
	for _, g := range st.holders(id) {
		st.removeMember(g, id)
	}
	for aid, a := range st.assignments {
		if a.Principal == id || a.Resource == id {
			delete(st.assignments, aid)
		}
	}
	for rid, r := range st.roles {
		if r.Principal == id {
			delete(st.roles, rid)
		}
	}
	delete(st.users, id)
	delete(st.apps, id)
	delete(st.groups, id)
	delete(st.members, id)
	st.rev++
	reason := "deleted"
	if soft {
		reason = "changed"
	}
	st.removed[id] = removal{kind, st.rev, reason}
	return true
}
