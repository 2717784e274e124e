package scimserver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is a user as seeded and inspected from Go. Over SCIM a user may hold more attributes;
// PutUser keeps those it does not name.
type User struct {
	ID             string
	UserName       string
	DisplayName    string
	Email          string
	ExternalID     string
	EmployeeNumber string // of the enterprise extension
	Department     string // of the enterprise extension
	Title          string
	Active         bool
	Roles          []string
	Entitlements   []string
	Created        time.Time // zero: the server's Now
}

// Group is a group as seeded and inspected from Go. Members are ids of users or of groups; an
// id that is neither is kept, as a target's dangling member would be.
type Group struct {
	ID          string
	DisplayName string
	Members     []string
	Created     time.Time // zero: the server's Now
}

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// object is a resource: its attributes as decoded JSON, without id, schemas and meta, which
// the server alone writes.
type object struct {
	id       string
	attrs    map[string]any
	rev      int64
	created  time.Time
	modified time.Time
}

func (o *object) version() string { return `W/"` + strconv.FormatInt(o.rev, 10) + `"` }

// collection holds the resources of one type in the order in which they were made, so that
// pages do not shift while nothing changes.
type collection struct {
	typ   string
	byID  map[string]*object
	order []string
}

func newCollection(typ string) collection {
	return collection{typ: typ, byID: map[string]*object{}}
}

func (c *collection) path() string { return "/" + c.typ + "s" }

func (c *collection) put(o *object) {
	if _, ok := c.byID[o.id]; !ok {
		c.order = append(c.order, o.id)
	}
	c.byID[o.id] = o
}

func (c *collection) remove(id string) {
	delete(c.byID, id)
	c.order = slices.DeleteFunc(c.order, func(x string) bool { return x == id })
}

// touch gives o a new version. The lock is held.
func (s *Server) touch(o *object) {
	s.rev++
	o.rev, o.modified = s.rev, s.now()
	if o.created.IsZero() {
		o.created = o.modified
	}
}

// PutUser creates or replaces a user by its id.
func (s *Server) PutUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.users.byID[u.ID]
	if o == nil {
		o = &object{id: u.ID, attrs: map[string]any{}}
	}
	if !u.Created.IsZero() {
		o.created = u.Created.UTC()
	}
	set := func(name, v string) {
		if delete(o.attrs, name); v != "" {
			o.attrs[name] = v
		}
	}
	set("userName", u.UserName)
	set("displayName", u.DisplayName)
	set("externalId", u.ExternalID)
	set("title", u.Title)
	o.attrs["active"] = u.Active
	delete(o.attrs, "emails")
	if u.Email != "" {
		o.attrs["emails"] = []any{map[string]any{"value": u.Email, "type": "work", "primary": true}}
	}
	ext := map[string]any{}
	if u.EmployeeNumber != "" {
		ext["employeeNumber"] = u.EmployeeNumber
	}
	if u.Department != "" {
		ext["department"] = u.Department
	}
	if delete(o.attrs, enterpriseURN); len(ext) > 0 {
		o.attrs[enterpriseURN] = ext
	}
	setValues(o, "roles", u.Roles)
	setValues(o, "entitlements", u.Entitlements)
	s.users.put(o)
	s.touch(o)
}

// PutGroup creates or replaces a group by its id.
func (s *Server) PutGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.groups.byID[g.ID]
	if o == nil {
		o = &object{id: g.ID, attrs: map[string]any{}}
	}
	if !g.Created.IsZero() {
		o.created = g.Created.UTC()
	}
	o.attrs["displayName"] = g.DisplayName
	setValues(o, "members", g.Members)
	s.groups.put(o)
	s.touch(o)
}

// User is the user with that id now.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.users.byID[id]
	if o == nil {
		return User{}, false
	}
	ext, _ := o.attrs[enterpriseURN].(map[string]any)
	u := User{
		ID: id, UserName: text(o.attrs["userName"]), DisplayName: text(o.attrs["displayName"]),
		ExternalID: text(o.attrs["externalId"]), Title: text(o.attrs["title"]),
		EmployeeNumber: text(ext["employeeNumber"]), Department: text(ext["department"]),
		Roles: values(o, "roles"), Entitlements: values(o, "entitlements"), Created: o.created,
	}
	u.Active, _ = o.attrs["active"].(bool)
	if mails := values(o, "emails"); len(mails) > 0 {
		u.Email = mails[0]
	}
	return u, true
}

// Group is the group with that id now.
func (s *Server) Group(id string) (Group, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.groups.byID[id]
	if o == nil {
		return Group{}, false
	}
	return Group{ID: id, DisplayName: text(o.attrs["displayName"]), Members: values(o, "members"), Created: o.created}, true
}

// Users are the ids of all users, in the order in which they were made.
func (s *Server) Users() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.users.order)
}

// Groups are the ids of all groups, in the order in which they were made.
func (s *Server) Groups() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.groups.order)
}

// Members are the ids of a group's direct members, users and groups; nil where there is no
// such group.
func (s *Server) Members(group string) []string {
	g, _ := s.Group(group)
	return g.Members
}

// HasMember tells whether id is a direct member of group.
func (s *Server) HasMember(group, id string) bool { return slices.Contains(s.Members(group), id) }

// AddMember makes id a direct member of group, as an administrator of the target would. It
// gives the group a new version even where id was a member already, which stands for a grant
// made anew. It fails where there is no such group.
func (s *Server) AddMember(group, id string) error {
	return s.change(group, func(m []string) []string {
		return append(slices.DeleteFunc(m, func(x string) bool { return x == id }), id)
	})
}

// RemoveMember takes id out of group's direct members; it fails where there is no such group.
func (s *Server) RemoveMember(group, id string) error {
	return s.change(group, func(m []string) []string {
		return slices.DeleteFunc(m, func(x string) bool { return x == id })
	})
}

func (s *Server) change(group string, edit func([]string) []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.groups.byID[group]
	if o == nil {
		return fmt.Errorf("there is no group %q", group)
	}
	setValues(o, "members", edit(values(o, "members")))
	s.touch(o)
	return nil
}

// DeleteUser removes a user and its memberships.
func (s *Server) DeleteUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteFrom(&s.users, id)
}

// DeleteGroup removes a group and its memberships in other groups.
func (s *Server) DeleteGroup(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteFrom(&s.groups, id)
}

// deleteFrom removes a resource, and what refers to it. The lock is held.
func (s *Server) deleteFrom(c *collection, id string) {
	if c.byID[id] == nil {
		return
	}
	c.remove(id)
	s.rev++
	for _, g := range s.groups.byID {
		if m := values(g, "members"); slices.Contains(m, id) {
			setValues(g, "members", slices.DeleteFunc(m, func(x string) bool { return x == id }))
			s.touch(g)
		}
	}
}

// kindOf is the type of the resource that id names, or "". The lock is held.
func (s *Server) kindOf(id string) string {
	switch {
	case s.users.byID[id] != nil:
		return "User"
	case s.groups.byID[id] != nil:
		return "Group"
	default:
		return ""
	}
}

// setValues makes a multi-valued attribute of plain values; none removes the attribute.
func setValues(o *object, name string, list []string) {
	if delete(o.attrs, name); len(list) == 0 {
		return
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = map[string]any{"value": v}
	}
	o.attrs[name] = out
}

// values are the "value" parts of a multi-valued attribute.
func values(o *object, name string) []string {
	list, _ := o.attrs[name].([]any)
	out := make([]string, 0, len(list))
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, text(m["value"]))
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// canonical is the spelling that the state uses for an attribute name: names are
// case-insensitive (RFC 7643, 2.1).
func canonical(name string) string {
	for _, known := range []string{
		"userName", "displayName", "externalId", "title", "active", "emails", "roles", "entitlements",
		"members", "name", "nickName", "userType", "value", "type", "display", "primary", "$ref",
		"employeeNumber", "department", enterpriseURN,
	} {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}
