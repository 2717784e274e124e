package entraserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// write carries a change out.
func (s *Server) write(req *request) reply {
	p := req.parts
	switch is := func(method string, n int) bool { return req.call.Method == method && len(p) == n }; {
	case is(http.MethodPost, 4) && p[0] == "groups" && p[2] == "members" && p[3] == "$ref":
		return s.addRef(req)
	case is(http.MethodDelete, 5) && p[0] == "groups" && p[2] == "members" && p[4] == "$ref":
		return s.removeRef(req)
	case is(http.MethodDelete, 4) && p[0] == "groups" && p[2] == "members":
		// Without $ref the member itself is deleted, as Graph warns.
		return s.done(s.change(func(st *state) bool { return st.remove(p[3], true) }))
	case is(http.MethodPost, 3) && p[0] == "servicePrincipals" && p[2] == "appRoleAssignedTo":
		return s.assignApp(req)
	case is(http.MethodDelete, 4) && p[0] == "servicePrincipals" && p[2] == "appRoleAssignedTo":
		if a, known := s.state.assignments[p[3]]; !known || a.Resource != p[1] {
			return notFound(p[3])
		}
		return s.done(s.change(func(st *state) bool { delete(st.assignments, p[3]); st.rev++; return true }))
	case is(http.MethodPost, 3) && strings.Join(p, "/") == "roleManagement/directory/roleAssignments":
		return s.assignRole(req)
	case is(http.MethodDelete, 4) && strings.Join(p[:3], "/") == "roleManagement/directory/roleAssignments":
		if _, known := s.state.roles[p[3]]; !known {
			return notFound(p[3])
		}
		return s.done(s.change(func(st *state) bool { delete(st.roles, p[3]); st.rev++; return true }))
	case is(http.MethodPatch, 2) && (p[0] == "users" || p[0] == "servicePrincipals"):
		return s.patch(req)
	}
	return failure(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

func (s *Server) done(applied bool) reply {
	return reply{status: http.StatusNoContent, header: http.Header{}, applied: applied}
}

// managed is the refusal of a group whose members Graph cannot change.
func managed(g Group) (reply, bool) {
	switch {
	case slices.Contains(g.Types, "DynamicMembership"):
		return failure(http.StatusBadRequest, "Request_BadRequest", "Insufficient privileges to complete the operation. Cannot update members of a dynamic group."), true
	case g.Synced:
		return failure(http.StatusBadRequest, "Request_BadRequest", "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."), true
	case g.MailEnabled && !slices.Contains(g.Types, "Unified"):
		return failure(http.StatusBadRequest, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list."), true
	}
	return reply{}, false
}

func (s *Server) addRef(req *request) reply {
	var in struct {
		ID string `json:"@odata.id"`
	}
	if json.Unmarshal(req.body, &in) != nil {
		return failure(http.StatusBadRequest, "", "The body cannot be read.")
	}
	escaped, found := strings.CutPrefix(in.ID, req.base+"/directoryObjects/")
	id, err := url.PathUnescape(escaped)
	g, known := s.state.groups[req.parts[1]]
	switch {
	case !found || err != nil:
		return failure(http.StatusBadRequest, "", "Invalid object reference.")
	case !known:
		return notFound(req.parts[1])
	case s.state.typeOf(id) == "":
		return notFound(id)
	case s.state.members[g.ID][id]:
		return failure(http.StatusBadRequest, "", "One or more added object references already exist for the following modified properties: 'members'.")
	}
	if rep, no := managed(g); no {
		return rep
	}
	return s.done(s.change(func(st *state) bool { return st.addMember(g.ID, id) }))
}

func (s *Server) removeRef(req *request) reply {
	g, known := s.state.groups[req.parts[1]]
	if !known || !s.state.members[g.ID][req.parts[3]] {
		return notFound(req.parts[3])
	}
	if rep, no := managed(g); no {
		return rep
	}
	return s.done(s.change(func(st *state) bool { return st.removeMember(g.ID, req.parts[3]) }))
}

func (s *Server) assignApp(req *request) reply {
	var in struct{ PrincipalID, ResourceID, AppRoleID string }
	if json.Unmarshal(req.body, &in) != nil || in.ResourceID != req.parts[1] {
		return failure(http.StatusBadRequest, "", "The body cannot be read.")
	}
	app, known := s.state.apps[in.ResourceID]
	if !known {
		return notFound(in.ResourceID)
	}
	if s.state.typeOf(in.PrincipalID) == "" {
		return notFound(in.PrincipalID)
	}
	declared := slices.ContainsFunc(app.Roles, func(r AppRole) bool { return r.ID == in.AppRoleID })
	if !declared && (len(app.Roles) > 0 || in.AppRoleID != "00000000-0000-0000-0000-000000000000") {
		return failure(http.StatusBadRequest, "", "Permission being assigned was not found on application.")
	}
	for _, a := range s.state.assignments {
		if a.Resource == in.ResourceID && a.Role == in.AppRoleID && a.Principal == in.PrincipalID {
			return failure(http.StatusBadRequest, "", "Permission being assigned already exists on the object.")
		}
	}
	var made Assignment
	applied := s.change(func(st *state) bool {
		made = st.assign(Assignment{Resource: in.ResourceID, Role: in.AppRoleID, Principal: in.PrincipalID, Created: s.now()})
		return true
	})
	return reply{status: http.StatusCreated, header: http.Header{}, body: s.state.assignment(made), applied: applied}
}

func (s *Server) assignRole(req *request) reply {
	var in struct{ RoleDefinitionID, PrincipalID, DirectoryScopeID string }
	if json.Unmarshal(req.body, &in) != nil || in.DirectoryScopeID == "" {
		return failure(http.StatusBadRequest, "", "The body cannot be read.")
	}
	if _, known := s.state.definitions[in.RoleDefinitionID]; !known {
		return notFound(in.RoleDefinitionID)
	}
	if s.state.typeOf(in.PrincipalID) == "" {
		return notFound(in.PrincipalID)
	}
	a := roleAssignment(in.RoleDefinitionID, in.DirectoryScopeID, in.PrincipalID)
	if _, has := s.state.roles[a.ID]; has {
		return failure(http.StatusBadRequest, "", "A conflicting object with one or more of the specified property values is present in the directory.")
	}
	applied := s.change(func(st *state) bool { st.roles[a.ID] = a; st.rev++; return true })
	return reply{status: http.StatusCreated, header: http.Header{}, body: map[string]any{
		"id": a.ID, "principalId": a.Principal, "roleDefinitionId": a.Definition, "directoryScopeId": a.Scope,
	}, applied: applied}
}

func (s *Server) patch(req *request) reply {
	var in struct {
		AccountEnabled *bool `json:"accountEnabled"`
	}
	id := req.parts[1]
	if json.Unmarshal(req.body, &in) != nil || in.AccountEnabled == nil {
		return failure(http.StatusBadRequest, "", "The body cannot be read.")
	}
	if u, known := s.state.users[id]; known && req.parts[0] == "users" {
		if u.Synced {
			return failure(http.StatusBadRequest, "", "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.")
		}
		return s.done(s.change(func(st *state) bool { u.Disabled = !*in.AccountEnabled; st.users[id] = u; st.touch(id); return true }))
	}
	if a, known := s.state.apps[id]; known && req.parts[0] == "servicePrincipals" {
		return s.done(s.change(func(st *state) bool { a.Disabled = !*in.AccountEnabled; st.apps[id] = a; st.touch(id); return true }))
	}
	return notFound(id)
}
