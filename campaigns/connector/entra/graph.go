package entra

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recert/campaigns/connector"
)

// node is a group of a reading. While it is read, ops are its members' numbers plus one as they
// were added, and negative as they were removed, in the order in which that happened.
type node struct {
	id       string
	rule     bool // a rule makes its members
	ops      []int32
	accounts []int32        // direct members that are accounts
	inner    []*node        // direct members that are groups
	other    map[string]int // direct members that are neither, by type
}

// maxPaths bounds the ways in which one group may hold others. Groups that hold each other in
// layers have exponentially many.
const maxPaths = 20_000

// viaRule is the last step of the path of a member that a dynamic group's rule put there.
const viaRule = "membershipRule"

// Notes on accounts that only a group or an assignment names.
const (
	attrNote     = "note"
	noteUnlisted = "named by a group or an assignment; the directory has it but does not list it"
	noteGone     = "named by a group or an assignment; the directory has no such user or service principal"
)

// last is what the group's list says of a member now: 1 is in, -1 is out, 0 is that it was never named.
func (n *node) last(member int32) int {
	for _, op := range slices.Backward(n.ops) {
		switch op {
		case member + 1:
			return 1
		case -(member + 1):
			return -1
		}
	}
	return 0
}

func (n *node) add(member int32) { n.ops = append(n.ops, member+1) }

// keepGroup takes in one piece of a group of the delta query: big groups come in many.
func (r *reading) keepGroup(raw json.RawMessage) (changed bool, err error) {
	const path = "/groups/delta"
	id, removed, fields, err := r.change(path, raw)
	if err != nil {
		return false, err
	}
	if removed {
		if n := r.byGroup[id]; n != nil {
			n.ops = nil
		}
		return r.groups.remove(id), nil
	}
	if strings.Contains(id, ":") {
		return false, r.c.fail(connector.Broken, fmt.Sprintf("GET %s: %q is not the id of a group", path, id), nil)
	}
	r.number(id, typeGroup)
	if changed, err = r.groups.merge(id, fields); err != nil {
		return false, err
	}
	n := r.byGroup[id]
	if n == nil {
		n = &node{id: id}
		r.nodes, r.byGroup[id] = append(r.nodes, n), n
	}
	var members struct {
		Delta []object `json:"members@delta"`
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return false, r.c.fail(connector.Broken, fmt.Sprintf("GET %s: the members of the group %q cannot be read", path, id), nil)
	}
	settled := r.follows.delta != ""
	for _, m := range members.Delta {
		if m.ID == "" {
			return false, r.c.fail(connector.Broken, fmt.Sprintf("GET %s: the group %q has a member without an id", path, id), nil)
		}
		i := r.number(m.ID, m.kind())
		want := 1
		if m.removed() {
			want = -1
		}
		// A change that came before may come again, and is none. The first list has no need to look.
		if settled && (n.last(i) == want || want < 0 && n.last(i) == 0) {
			continue
		}
		changed = true
		if want > 0 {
			n.add(i)
		} else {
			n.ops = append(n.ops, -(i + 1))
		}
	}
	return changed, nil
}

// resolve sorts the members of the groups, and looks up whoever is named and not listed.
func (r *reading) resolve() error {
	r.nodes = slices.DeleteFunc(r.nodes, func(n *node) bool { return !r.groups.has(n.id) })
	for id := range r.byGroup {
		if !r.groups.has(id) {
			delete(r.byGroup, id)
		}
	}
	for _, n := range r.nodes {
		var g group
		if _, err := r.groups.load(n.id, &g); err != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("GET /groups/delta: the group %q cannot be read", n.id), nil)
		}
		n.rule = g.dynamic()
		if err := r.sortMembers(n); err != nil {
			return err
		}
		if g.Visibility == "HiddenMembership" && len(n.accounts)+len(n.inner)+len(n.other) == 0 {
			if err := r.mayReadHidden(&g); err != nil {
				return err
			}
		}
	}
	var kept []assignment
	for _, a := range r.grants {
		if ent := r.ents[a.ent]; ent.prefix == appPrefix && !r.apps.has(ent.first) {
			continue // the application was deleted during the read, and its assignments with it
		}
		if r.byGroup[r.ids[a.principal]] == nil {
			account, err := r.principal(a.principal, "an assignment")
			if err != nil {
				return err
			}
			if !account {
				continue // a group that was deleted during the read, and its assignments with it
			}
		}
		kept = append(kept, a)
	}
	r.grants = kept
	used := map[int32]bool{}
	for _, a := range r.grants {
		used[a.ent] = true
	}
	r.prune(used)
	return nil
}

// prune drops entitlements that nobody holds any more.
func (r *reading) prune(used map[int32]bool) {
	var ents []entitlement
	moved := map[int32]int32{}
	for i, e := range r.ents {
		if used[int32(i)] { //nolint:gosec // as many as entitlements
			moved[int32(i)] = int32(len(ents)) //nolint:gosec // as many as entitlements
			ents = append(ents, e)
		}
	}
	r.ents = ents
	for i := range r.grants {
		r.grants[i].ent = moved[r.grants[i].ent]
	}
}

func (r *reading) sortMembers(n *node) error {
	is := map[int32]bool{}
	for _, op := range n.ops {
		if op > 0 {
			is[op-1] = true
		} else {
			delete(is, -op-1)
		}
	}
	n.ops = nil
	for _, i := range slices.Sorted(maps.Keys(is)) {
		id := r.ids[i]
		if g := r.byGroup[id]; g != nil {
			n.inner = append(n.inner, g)
			continue
		}
		account, err := r.principal(i, fmt.Sprintf("the group %q", n.id))
		if err != nil {
			return err
		}
		if account {
			n.accounts = append(n.accounts, i)
			continue
		}
		if n.other == nil {
			n.other = map[string]int{}
		}
		n.other[r.kinds[i]]++
	}
	return nil
}

// principal tells whether an object is an account; one that is not listed is looked up.
func (r *reading) principal(i int32, by string) (account bool, err error) {
	id := r.ids[i]
	if r.users.has(id) || r.apps.has(id) || r.notes[i] != "" {
		return true, nil
	}
	switch r.kinds[i] {
	case "", typeUser, typeApp, typeGroup:
	default:
		return false, nil // a device or a contact, which is no account
	}
	var o object
	_, found, err := r.c.get(r.ctx, request{path: "/directoryObjects/" + escape(id), needs: "Directory.Read.All"}, &o)
	switch {
	case err != nil:
		return false, err
	case !found && r.kinds[i] == typeGroup:
		return false, nil // it is gone, and gives nobody anything
	case !found:
		r.notes[i] = noteGone
		return true, nil
	case o.ID != id:
		return false, r.c.fail(connector.Broken, fmt.Sprintf("Graph was asked for %q and answered with another object", id), nil)
	}
	r.kinds[i] = o.kind()
	switch o.kind() {
	case typeUser, typeApp:
		r.notes[i] = noteUnlisted
		return true, nil
	case typeGroup:
		return false, r.c.fail(connector.Broken, fmt.Sprintf("the group %q is named by %s but not in the list of groups: it appeared during the read; read again", id, by), nil)
	}
	return false, nil
}

// others says what members are in the group that are no accounts.
func (n *node) others() string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(n.other)) {
		out = append(out, fmt.Sprintf("%d %s", n.other[kind], kind))
	}
	return strings.Join(out, ", ")
}

// walk goes down every path of inner groups. A group that is on the path already is not entered
// again, so cycles end.
type walk struct {
	on    map[*node]bool
	path  []string
	paths int
}

func (w *walk) down(n *node, each func(inner *node) error) error {
	for _, inner := range n.inner {
		if w.on[inner] {
			continue
		}
		if w.paths++; w.paths > maxPaths {
			return fmt.Errorf("more than %d paths", maxPaths)
		}
		w.on[inner] = true
		w.path = append(w.path, inner.id)
		err := each(inner)
		if err == nil {
			err = w.down(inner, each)
		}
		w.path = w.path[:len(w.path)-1]
		delete(w.on, inner)
		if err != nil {
			return err
		}
	}
	return nil
}

// mayReadHidden fails where a group hides its members and the application may not see them: an
// empty list is then no answer.
func (r *reading) mayReadHidden(g *group) error {
	const right = "Member.Read.Hidden"
	if !r.hidden {
		q := request{path: "/servicePrincipals(appId=" + escape(literal(r.c.cfg.ClientID)) + ")/appRoleAssignments", needs: needsApps}
		_, _, err := r.c.list(r.ctx, q, func(raw json.RawMessage) error {
			var a appAssignment
			if json.Unmarshal(raw, &a) != nil {
				return r.c.fail(connector.Broken, "GET "+q.path+": an assignment cannot be read", nil)
			}
			var p app
			if _, err := r.apps.load(a.Resource, &p); err != nil {
				return err
			}
			r.hidden = r.hidden || slices.ContainsFunc(p.Roles, func(role appRole) bool { return role.ID == a.Role && role.Value == right })
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !r.hidden {
		return r.c.fail(connector.Denied, fmt.Sprintf("The group %q hides its members, and the application may not see them; give it the application permission %s and an admin's consent", g.DisplayName, right), nil)
	}
	return nil
}
