package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// What reads need, for the message where Graph refuses.
const (
	needsUsers   = "User.Read.All"
	needsApps    = "Application.Read.All"
	needsGroups  = "GroupMember.Read.All"
	needsRoles   = "RoleManagement.Read.Directory"
	needsSignIns = "AuditLog.Read.All"
)

// reading is the state of one Read. It keeps ids and, for each membership and assignment, a few
// numbers; objects wait in temporary files for their last change.
type reading struct {
	c     *Client
	ctx   context.Context // of one call of Read, as the whole reading is
	yield func(model.Record) error
	lines map[model.Kind]int64
	out   connector.Extraction

	ids   []string // of all objects that were named, by number
	kinds []string // what they were named as; "" where nobody said
	index map[string]int32

	users, apps, groups *spool

	hidden  bool // the application may read hidden members
	nodes   []*node
	byGroup map[string]*node
	follows *stream  // the groups' delta query; it has a delta link when their first list is in
	gone    []string // applications that were listed and not found
	grants  []assignment
	ents    []entitlement
	entity  map[string]int32 // of ents, by id
	defs    map[string]roleDefinition
	seen    map[int32]model.Time // last sign-ins
	notes   map[int32]string     // why an account that is not listed is there
}

// entitlement is an app role or a directory role that somebody holds.
type entitlement struct{ prefix, first, second string }

// assignment is one assignment of ents[ent] to an object.
type assignment struct {
	ent, principal int32
	at             model.Time
}

// Read implements connector.Source: accounts are users and service principals, entitlements are
// groups, app roles and directory roles that somebody holds, and a grant is a membership or an
// assignment.
//
// Users, service principals and groups are read by delta queries, which are followed until a pass
// over all of them brings no change, and only then handed on: what changed during the read is in it.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	patient := *c
	patient.patient = true
	r := &reading{
		c: &patient, ctx: ctx, yield: yield, lines: map[model.Kind]int64{}, index: map[string]int32{}, entity: map[string]int32{},
		defs: map[string]roleDefinition{}, seen: map[int32]model.Time{}, notes: map[int32]string{}, byGroup: map[string]*node{},
		out: connector.Extraction{
			Endpoint: c.base.String(),
			Query:    "delta queries of users, servicePrincipals and groups, followed until nothing changes; appRoleAssignedTo of each service principal; directory roleAssignments",
			Totals:   map[model.Kind]int64{}, StartedAt: model.TimeOf(c.cfg.Now()),
		},
	}
	defer r.close()
	if err := r.open(); err != nil {
		return connector.Extraction{}, err
	}
	for _, step := range []func() error{r.collect, r.readSignIns, r.resolve, r.count, r.giveAccounts, r.giveEntitlements, r.giveGrants} {
		if err := step(); err != nil {
			return connector.Extraction{}, err
		}
	}
	r.out.EndedAt = model.TimeOf(c.cfg.Now())
	return r.out, nil
}

func (r *reading) open() (err error) {
	for _, s := range []**spool{&r.users, &r.apps, &r.groups} {
		if *s, err = newSpool(); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) close() {
	for _, s := range []*spool{r.users, r.apps, r.groups} {
		if s != nil {
			s.close()
		}
	}
}

// number is the number of an object, a new one where the id is new.
func (r *reading) number(id, kind string) int32 {
	i, ok := r.index[id]
	if !ok {
		i = int32(len(r.ids)) //nolint:gosec // two thousand million objects do not fit in memory
		r.ids, r.kinds, r.index[id] = append(r.ids, id), append(r.kinds, kind), i
	}
	if r.kinds[i] == "" {
		r.kinds[i] = kind
	}
	return i
}

// collect reads everything that is then handed on.
func (r *reading) collect() error {
	fresh := func(s **spool) func() error {
		return func() (err error) {
			(*s).close()
			*s, err = newSpool()
			return err
		}
	}
	users := &stream{path: "/users/delta", fields: userFields, needs: needsUsers, reset: fresh(&r.users)}
	users.each = func(raw json.RawMessage) (bool, error) { return r.keep(r.users, users.path, typeUser, raw) }
	apps := &stream{path: "/servicePrincipals/delta", fields: appFields, needs: needsApps, reset: fresh(&r.apps)}
	apps.each = func(raw json.RawMessage) (bool, error) { return r.keep(r.apps, apps.path, typeApp, raw) }
	groups := &stream{path: "/groups/delta", fields: groupFields + ",members", needs: needsGroups}
	groups.each = r.keepGroup
	groups.reset = func() error {
		r.nodes, r.byGroup = nil, map[string]*node{}
		return fresh(&r.groups)()
	}
	r.follows = groups
	for _, s := range []*stream{users, apps, groups} {
		if _, err := r.round(s); err != nil {
			return err
		}
	}
	if err := r.readApps(); err != nil {
		return err
	}
	if err := r.readRoles(); err != nil {
		return err
	}
	resyncs := groups.resyncs
	if err := r.settle(users, apps, groups); err != nil {
		return err
	}
	if groups.resyncs != resyncs {
		// What the applications themselves said of their groups went with the groups' first list.
		if err := r.readAppGroups(); err != nil {
			return err
		}
	}
	for _, id := range r.gone {
		if r.apps.has(id) {
			return r.c.fail(connector.Broken, fmt.Sprintf("Graph lists the application %q and does not find it; read again", id), nil)
		}
	}
	return nil
}

// change is an object as a delta query gives it.
func (r *reading) change(path string, raw json.RawMessage) (id string, removed bool, fields map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", false, nil, r.c.fail(connector.Broken, "GET "+path+": an entry is no object", nil)
	}
	if err := json.Unmarshal(fields["id"], &id); err != nil || id == "" {
		return "", false, nil, r.c.fail(connector.Broken, "GET "+path+": an entry has no id", nil)
	}
	why, removed := fields["@removed"]
	for k := range fields {
		if strings.Contains(k, "@") {
			delete(fields, k)
		}
	}
	return id, removed && string(why) != "null", fields, nil
}

// keep takes in a user or an application of a delta query.
func (r *reading) keep(s *spool, path, kind string, raw json.RawMessage) (changed bool, err error) {
	id, removed, fields, err := r.change(path, raw)
	if err != nil {
		return false, err
	}
	if removed {
		return s.remove(id), nil
	}
	r.number(id, kind)
	return s.merge(id, fields)
}

// entry is the number of an entitlement that is no group.
func (r *reading) entry(prefix, first, second string) int32 {
	id := prefix + first + ":" + second
	i, ok := r.entity[id]
	if !ok {
		i = int32(len(r.ents)) //nolint:gosec // fewer than assignments
		r.ents, r.entity[id] = append(r.ents, entitlement{prefix, first, second}), i
	}
	return i
}

// readApps reads who is assigned to each application, and the groups that the application is in
// itself: Graph v1.0 does not list applications among a group's members.
func (r *reading) readApps() error {
	err := r.apps.each(func(id string) error {
		q := request{path: "/servicePrincipals/" + escape(id) + "/appRoleAssignedTo", query: url.Values{"$top": {"999"}}, needs: needsApps}
		pages, found, err := r.c.list(r.ctx, q, func(raw json.RawMessage) error {
			var a appAssignment
			if json.Unmarshal(raw, &a) != nil || a.Principal == "" || a.Role == "" {
				return r.c.fail(connector.Broken, "GET "+q.path+": an assignment cannot be read", nil)
			}
			if a.Resource != id {
				return r.c.fail(connector.Broken, "GET "+q.path+" gave an assignment of another application", nil)
			}
			at, err := model.ParseTime(a.Created)
			if err != nil {
				return r.c.fail(connector.Broken, "GET "+q.path+": when an assignment was made cannot be read", nil)
			}
			r.grants = append(r.grants, assignment{r.entry(appPrefix, id, a.Role), r.number(a.Principal, kindOf(a.Kind)), at})
			return nil
		})
		r.out.Pages += pages
		if err == nil && !found {
			r.gone = append(r.gone, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.readAppGroups()
}

func kindOf(principal string) string {
	return map[string]string{"User": typeUser, "ServicePrincipal": typeApp, "Group": typeGroup}[principal]
}

func (r *reading) readAppGroups() error {
	return r.apps.each(func(id string) error {
		q := request{path: "/servicePrincipals/" + escape(id) + "/memberOf", query: url.Values{"$select": {"id"}, "$top": {"999"}}, needs: needsApps}
		pages, found, err := r.c.list(r.ctx, q, func(raw json.RawMessage) error {
			var o object
			if json.Unmarshal(raw, &o) != nil || o.ID == "" || o.Type == "" {
				return r.c.fail(connector.Broken, "GET "+q.path+": a group cannot be read", nil)
			}
			if n := r.byGroup[o.ID]; n != nil && o.kind() == typeGroup {
				n.add(r.number(id, typeApp))
			}
			return nil
		})
		r.out.Pages += pages
		if err == nil && !found {
			r.gone = append(r.gone, id)
		}
		return err
	})
}

func (r *reading) readRoles() error {
	const path = "/roleManagement/directory/"
	pages, found, err := r.c.list(r.ctx, request{path: path + "roleDefinitions", query: url.Values{"$select": {"id,displayName,description"}}, needs: needsRoles}, func(raw json.RawMessage) error {
		var d roleDefinition
		if json.Unmarshal(raw, &d) != nil || d.ID == "" {
			return r.c.fail(connector.Broken, "GET "+path+"roleDefinitions: a role cannot be read", nil)
		}
		r.defs[d.ID] = d
		return nil
	})
	r.out.Pages += pages
	if err != nil {
		return err
	}
	more, also, err := r.c.list(r.ctx, request{path: path + "roleAssignments", needs: needsRoles}, func(raw json.RawMessage) error {
		var a roleAssignment
		if json.Unmarshal(raw, &a) != nil || a.Principal == "" || a.Definition == "" || a.scope() == "" {
			return r.c.fail(connector.Broken, "GET "+path+"roleAssignments: an assignment cannot be read", nil)
		}
		r.grants = append(r.grants, assignment{r.entry(rolePrefix, a.Definition, a.scope()), r.number(a.Principal, ""), 0})
		return nil
	})
	r.out.Pages += more
	if err == nil && (!found || !also) {
		err = r.c.fail(connector.Broken, "GET "+path+" was answered 404; check graph_url", nil)
	}
	return err
}

// readSignIns reads when each user signed in last.
func (r *reading) readSignIns() error {
	if !r.c.cfg.SignInActivity {
		return nil
	}
	q := request{path: "/users", query: url.Values{"$select": {"id,signInActivity"}, "$top": {"500"}}, needs: needsSignIns}
	pages, found, err := r.c.list(r.ctx, q, func(raw json.RawMessage) error {
		var s signIns
		if json.Unmarshal(raw, &s) != nil || s.ID == "" {
			return r.c.fail(connector.Broken, "GET /users: a user's sign-in activity cannot be read", nil)
		}
		at, err := s.last()
		if err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /users: a time in the sign-in activity of %q cannot be read", s.ID), nil)
		}
		if i, known := r.index[s.ID]; known && at.Known() {
			r.seen[i] = at
		}
		return nil
	})
	r.out.Pages += pages
	if err == nil && !found {
		err = r.c.fail(connector.Broken, "GET /users was answered 404; check graph_url", nil)
	}
	return err
}

// count asks Graph itself how many accounts there are. It counts by an index that may lag a
// little; a difference holds the snapshot for a person to look.
func (r *reading) count() error {
	var sums []int64
	for _, of := range []struct{ path, needs string }{{"/users", needsUsers}, {"/servicePrincipals", needsApps}, {"/groups", needsGroups}} {
		n, known, err := r.c.count(r.ctx, of.path, of.needs)
		if err != nil {
			return err
		}
		if !known {
			return nil // a tenant of Azure AD B2C does not count
		}
		sums = append(sums, n)
	}
	r.out.Totals[model.KindAccounts] = sums[0] + sums[1]
	if len(r.ents) == 0 {
		r.out.Totals[model.KindEntitlements] = sums[2] // with roles, Graph has no count of the kind
	}
	return nil
}

// count is how many objects a collection has; known is false where the tenant does not count.
func (c *Client) count(ctx context.Context, path, needs string) (n int64, known bool, err error) {
	var text string
	r := request{path: path + "/$count", eager: true, needs: needs}
	a, found, err := c.get(ctx, r, &text)
	if a != nil && (a.status == 400 && slices.Contains([]string{"Request_UnsupportedQuery", "Request_BadRequest"}, a.code) || a.status == 501) {
		return 0, false, nil
	}
	if err != nil || !found {
		return 0, false, err
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil || n < 0 {
		return 0, false, c.fail(connector.Broken, "GET "+r.path+" is no number", nil)
	}
	return n, true, nil
}
