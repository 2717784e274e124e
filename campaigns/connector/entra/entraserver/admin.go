package entraserver

import (
	"cmp"
	"maps"
	"slices"
)

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func (s *Server) admin(f func(st *state) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(f)
}

// PutUser adds a user, or replaces the one of that id.
func (s *Server) PutUser(u User) {
	s.admin(func(st *state) bool { st.users[u.ID] = u; st.touch(u.ID); return true })
}

// PutApp adds a service principal, or replaces the one of that id.
func (s *Server) PutApp(a ServicePrincipal) {
	s.admin(func(st *state) bool { st.apps[a.ID] = a; st.touch(a.ID); return true })
}

// PutGroup adds a group, or replaces the one of that id; its members stay.
func (s *Server) PutGroup(g Group) {
	s.admin(func(st *state) bool { st.groups[g.ID] = g; st.touch(g.ID); return true })
}

// PutRole declares a directory role, or renames it.
func (s *Server) PutRole(id, name string) {
	s.admin(func(st *state) bool { st.definitions[id] = name; return true })
}

// User is the user of an id.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.state.users[id]
	return u, ok
}

// App is the service principal of an id.
func (s *Server) App(id string) (ServicePrincipal, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.state.apps[id]
	return a, ok
}

// Group is the group of an id.
func (s *Server) Group(id string) (Group, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.state.groups[id]
	return g, ok
}

// Delete removes an object; soft is into the bin.
func (s *Server) Delete(id string, soft bool) {
	s.admin(func(st *state) bool { return st.remove(id, soft) })
}

// AddMember puts an object into a group, whatever the group's rules; a member that is there already is put in anew.
func (s *Server) AddMember(group, member string) {
	s.admin(func(st *state) bool {
		st.removeMember(group, member)
		return st.addMember(group, member)
	})
}

// RemoveMember takes an object out of a group.
func (s *Server) RemoveMember(group, member string) {
	s.admin(func(st *state) bool { return st.removeMember(group, member) })
}

// HasMember tells whether an object is a direct member of a group, in truth.
func (s *Server) HasMember(group, member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.members[group][member]
}

// Assign assigns an app role to a user, group or service principal; one that is there already is
// replaced by a new assignment.
func (s *Server) Assign(resource, role, principal string) (id string) {
	s.admin(func(st *state) bool {
		st.unassign(resource, role, principal)
		id = st.assign(Assignment{Resource: resource, Role: role, Principal: principal, Created: s.now()}).ID
		return true
	})
	return id
}

func (st *state) unassign(resource, role, principal string) bool {
	for id, a := range st.assignments {
		if a.Resource == resource && a.Role == role && a.Principal == principal {
			delete(st.assignments, id)
			st.rev++
			return true
		}
	}
	return false
}

// Unassign takes an app role away.
func (s *Server) Unassign(resource, role, principal string) {
	s.admin(func(st *state) bool { return st.unassign(resource, role, principal) })
}

// Assigned tells whether an app role is assigned directly, in truth.
func (s *Server) Assigned(resource, role, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.state.assignments {
		if a.Resource == resource && a.Role == role && a.Principal == principal {
			return true
		}
	}
	return false
}

// AssignRole assigns a directory role in a scope, "/" being the whole tenant.
func (s *Server) AssignRole(definition, scope, principal string) (id string) {
	s.admin(func(st *state) bool {
		a := roleAssignment(definition, scope, principal)
		st.roles[a.ID], id = a, a.ID
		st.rev++
		return true
	})
	return id
}

// UnassignRole takes a directory role away.
func (s *Server) UnassignRole(definition, scope, principal string) {
	s.admin(func(st *state) bool {
		id := roleAssignment(definition, scope, principal).ID
		_, has := st.roles[id]
		delete(st.roles, id)
		st.rev++
		return has
	})
}

// roleAssignment has an id that follows from what it is, as those of the real directory do.
func roleAssignment(definition, scope, principal string) RoleAssignment {
	return RoleAssignment{ID: "ra-" + hexOf(definition+"\x00"+scope+"\x00"+principal), Definition: definition, Principal: principal, Scope: scope}
}

// HasRole tells whether a directory role is assigned directly, in truth.
func (s *Server) HasRole(definition, scope, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.state.roles[roleAssignment(definition, scope, principal).ID]
	return ok
}

// ExpireTokens ends every token that was issued.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// ExpireCursors ends every delta and skip token that was given out.
func (s *Server) ExpireCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.cursors)
}
