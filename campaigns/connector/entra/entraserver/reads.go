package entraserver

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func (st *state) user(id string) map[string]any {
	u := st.users[id]
	m := map[string]any{
		"id": u.ID, "userPrincipalName": u.UserPrincipalName, "displayName": null(u.DisplayName), "mail": null(u.Mail), "employeeId": null(u.EmployeeID),
		"department": null(u.Department), "jobTitle": null(u.JobTitle), "accountEnabled": !u.Disabled, "userType": "Member",
		"createdDateTime": instant(u.Created), "onPremisesSyncEnabled": nil,
	}
	if u.Guest {
		m["userType"] = "Guest"
	}
	if u.Synced {
		m["onPremisesSyncEnabled"] = true
	}
	if !u.LastSignIn.IsZero() || !u.LastNonInteractive.IsZero() || !u.LastSuccessful.IsZero() {
		m["signInActivity"] = map[string]any{
			"lastSignInDateTime": instant(u.LastSignIn), "lastNonInteractiveSignInDateTime": instant(u.LastNonInteractive),
			"lastSuccessfulSignInDateTime": instant(u.LastSuccessful),
		}
	}
	return m
}

func (st *state) app(id string) map[string]any {
	a := st.apps[id]
	roles := []any{}
	for _, r := range a.Roles {
		roles = append(roles, map[string]any{"id": r.ID, "displayName": r.DisplayName, "value": null(r.Value), "isEnabled": true, "allowedMemberTypes": []string{"User"}})
	}
	typ := a.Type
	if typ == "" {
		typ = "Application"
	}
	return map[string]any{
		"id": a.ID, "appId": a.AppID, "displayName": a.DisplayName, "accountEnabled": !a.Disabled, "servicePrincipalType": typ,
		"appOwnerOrganizationId": "11111111-0000-0000-0000-000000000000", "appRoles": roles,
	}
}

func (st *state) group(id string) map[string]any {
	g := st.groups[id]
	types := g.Types
	if types == nil {
		types = []string{}
	}
	m := map[string]any{
		"id": g.ID, "displayName": g.DisplayName, "description": null(g.Description), "groupTypes": types, "membershipRule": null(g.Rule),
		"onPremisesSyncEnabled": nil, "isAssignableToRole": nil, "mailEnabled": g.MailEnabled, "securityEnabled": !g.NotSecurity, "visibility": nil,
	}
	if g.Synced {
		m["onPremisesSyncEnabled"] = true
	}
	if g.RoleAssignable {
		m["isAssignableToRole"] = true
	}
	if g.Hidden {
		m["visibility"] = "HiddenMembership"
	}
	return m
}

// object is any object by its id, with its type, or nil.
func (st *state) object(id string) map[string]any {
	var m map[string]any
	kind := st.typeOf(id)
	switch kind {
	case "user":
		m = st.user(id)
	case "servicePrincipal":
		m = st.app(id)
	case "group":
		m = st.group(id)
	default:
		return nil
	}
	m["@odata.type"] = "#microsoft.graph." + kind
	return m
}

// read answers what changes nothing.
func (s *Server) read(req *request, st *state) reply {
	p := req.parts
	if m := byAppRE.FindStringSubmatch(p[0]); m != nil {
		id := ""
		for _, a := range st.apps {
			if a.AppID == m[1] {
				id = a.ID
			}
		}
		p = slices.Concat([]string{"servicePrincipals", id}, p[1:])
		req.parts = p
	}
	switch {
	case len(p) == 2 && p[1] == "delta":
		return s.delta(req, st, p[0])
	case len(p) == 2 && p[1] == "$count":
		return count(req, st, p[0])
	case len(p) == 1:
		return s.collection(req, st, p[0])
	case p[0] == "roleManagement":
		return s.roles(req, st)
	case len(p) == 3 && p[0] == "directory" && p[1] == "deletedItems":
		if r, gone := st.removed[p[2]]; gone && r.reason == "changed" {
			return ok(map[string]any{"@odata.type": "#microsoft.graph." + r.kind, "id": p[2]})
		}
		return notFound(p[2])
	case len(p) == 3 && p[2] == "checkMemberGroups":
		return check(req, st)
	case len(p) == 2:
		return one(req, st)
	case len(p) > 2:
		return s.related(req, st)
	}
	return failure(http.StatusBadRequest, "Request_BadRequest", "Resource not found for the segment '"+p[0]+"'.")
}

// collection is a list of all objects of a kind.
func (s *Server) collection(req *request, st *state, kind string) reply {
	var all []any
	switch kind {
	case "users":
		for _, id := range sorted(st.users) {
			all = append(all, st.user(id))
		}
	case "servicePrincipals":
		for _, id := range sorted(st.apps) {
			all = append(all, st.app(id))
		}
	case "groups":
		for _, id := range sorted(st.groups) {
			all = append(all, st.group(id))
		}
	default:
		return failure(http.StatusBadRequest, "Request_BadRequest", "Resource not found for the segment '"+kind+"'.")
	}
	return s.list(req, all)
}

func count(req *request, st *state, kind string) reply {
	if !req.eager {
		return failure(http.StatusBadRequest, "Request_BadRequest", "$count is not currently supported.")
	}
	n, known := map[string]int{"users": len(st.users), "groups": len(st.groups), "servicePrincipals": len(st.apps)}[kind]
	if !known {
		return notFound(kind)
	}
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, raw: []byte(strconv.Itoa(n))}
}

func one(req *request, st *state) reply {
	kind, id := req.parts[0], req.parts[1]
	obj := st.object(id)
	if kind == "users" && obj == nil { // a user is found by the principal name too
		for _, u := range st.users {
			if strings.EqualFold(u.UserPrincipalName, id) {
				obj = st.object(u.ID)
			}
		}
	}
	if obj == nil || kind != "directoryObjects" && obj["@odata.type"] != "#microsoft.graph."+strings.TrimSuffix(kind, "s") {
		return notFound(id)
	}
	if kind != "directoryObjects" {
		delete(obj, "@odata.type")
	}
	if sel := req.query.Get("$select"); sel != "" {
		obj = pick(obj, strings.Split(sel, ","))
	}
	obj["@odata.context"] = req.base + "/$metadata#" + kind + "/$entity"
	return ok(obj)
}

func check(req *request, st *state) reply {
	var in struct {
		GroupIDs []string `json:"groupIds"`
	}
	id := req.parts[1]
	if json.Unmarshal(req.body, &in) != nil || len(in.GroupIDs) == 0 || len(in.GroupIDs) > 20 {
		return failure(http.StatusBadRequest, "", "groupIds must hold 1 to 20 ids.")
	}
	if st.typeOf(id) == "" {
		return notFound(id)
	}
	has, in2 := []string{}, st.transitive(id)
	for _, g := range in.GroupIDs {
		if in2[g] {
			has = append(has, g)
		}
	}
	return ok(map[string]any{"@odata.context": req.base + "/$metadata#Collection(Edm.String)", "value": has})
}

// related answers lists of what hangs on an object.
func (s *Server) related(req *request, st *state) reply {
	id, what := req.parts[1], strings.Join(req.parts[2:], "/")
	if st.typeOf(id) == "" {
		return notFound(id)
	}
	var all []any
	switch what {
	case "memberOf":
		for _, g := range st.holders(id) {
			all = append(all, st.object(g))
		}
	case "members":
		for _, m := range sorted(st.members[id]) {
			if _, app := st.apps[m]; !app { // v1.0 does not list service principals
				all = append(all, st.object(m))
			}
		}
	case "transitiveMembers/microsoft.graph.group":
		if !req.eager || req.query.Get("$count") != "true" {
			return failure(http.StatusBadRequest, "Request_UnsupportedQuery", "The specified cast needs $count and ConsistencyLevel: eventual.")
		}
		for _, g := range sorted(st.groups) {
			if st.transitive(g)[id] {
				all = append(all, st.object(g))
			}
		}
	case "appRoleAssignedTo":
		for _, aid := range sorted(st.assignments) {
			if a := st.assignments[aid]; a.Resource == id {
				all = append(all, st.assignment(a))
			}
		}
	case "appRoleAssignments":
		for _, aid := range sorted(st.assignments) {
			a := st.assignments[aid]
			if a.Principal == id || st.members[a.Principal][id] {
				all = append(all, st.assignment(a))
			}
		}
	default:
		return failure(http.StatusBadRequest, "", "Resource not found for the segment '"+what+"'.")
	}
	return s.list(req, all)
}

func (st *state) assignment(a Assignment) map[string]any {
	kind := map[string]string{"user": "User", "group": "Group", "servicePrincipal": "ServicePrincipal"}[st.typeOf(a.Principal)]
	return map[string]any{
		"id": a.ID, "deletedDateTime": nil, "appRoleId": a.Role, "createdDateTime": instant(a.Created), "principalId": a.Principal,
		"principalType": kind, "resourceId": a.Resource, "resourceDisplayName": st.apps[a.Resource].DisplayName,
	}
}

// roles answers what is below roleManagement.
func (s *Server) roles(req *request, st *state) reply {
	switch path := strings.Join(req.parts[1:min(3, len(req.parts))], "/"); {
	case path == "directory/roleDefinitions" && len(req.parts) == 4:
		name, known := st.definitions[req.parts[3]]
		if !known {
			return notFound(req.parts[3])
		}
		return ok(map[string]any{"id": req.parts[3], "displayName": name, "isBuiltIn": true})
	case path == "directory/roleDefinitions":
		var all []any
		for _, id := range sorted(st.definitions) {
			all = append(all, map[string]any{"id": id, "displayName": st.definitions[id], "description": "Can do what " + st.definitions[id] + " can.", "isBuiltIn": true})
		}
		return s.list(req, all)
	case path == "directory/roleAssignments":
		var all []any
		for _, id := range sorted(st.roles) {
			r := st.roles[id]
			m := map[string]any{"id": r.ID, "principalId": r.Principal, "roleDefinitionId": r.Definition, "directoryScopeId": r.Scope}
			if req.query.Get("$expand") == "principal" {
				m["principal"] = st.object(r.Principal)
			}
			all = append(all, m)
		}
		return s.list(req, all)
	}
	return notFound(req.call.Path)
}

var byAppRE = regexp.MustCompile(`^servicePrincipals\(appId='([^']*)'\)$`)

var filterRE = regexp.MustCompile(`^(\w+) eq ('((?:[^']|'')*)'|[0-9A-Za-z-]+)$`)

// list is one page of a list, with $filter of one equation, $select, $top and $skiptoken.
func (s *Server) list(req *request, all []any) reply {
	if f := req.query.Get("$filter"); f != "" {
		m := filterRE.FindStringSubmatch(f)
		if m == nil {
			return failure(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.")
		}
		value := m[2]
		if strings.HasPrefix(value, "'") {
			value = strings.ReplaceAll(m[3], "''", "'")
		}
		all = slices.DeleteFunc(all, func(v any) bool { o, is := v.(map[string]any); return !is || o[m[1]] != value })
	}
	size := s.cfg.Page
	if top, err := strconv.Atoi(req.query.Get("$top")); err == nil && top > 0 {
		size = min(size, top)
	}
	from, err := strconv.Atoi(req.query.Get("$skiptoken"))
	if err != nil {
		from = 0
	}
	from = min(from, len(all))
	end := min(from+size, len(all))
	page := []any{}
	for _, v := range all[from:end] {
		o, is := v.(map[string]any)
		if sel := req.query.Get("$select"); is && sel != "" {
			t, typed := o["@odata.type"]
			o = pick(o, strings.Split(sel, ","))
			if typed {
				o["@odata.type"] = t
			}
		}
		page = append(page, o)
	}
	body := map[string]any{"@odata.context": req.base + "/$metadata#directoryObjects", "value": page}
	if end < len(all) {
		q := req.query
		q.Set("$skiptoken", strconv.Itoa(end))
		body["@odata.nextLink"] = req.base + req.call.Path + "?" + q.Encode()
	}
	return ok(body)
}
