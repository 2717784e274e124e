package scim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// node is a group of a reading.
type node struct {
	id    string
	users []int32  // direct members that are accounts
	inner []*node  // direct members that are groups
	maybe []string // ids of untyped members that are accounts, and may be groups too
	loose []member // members that are not listed users; groups, or unknown
}

// maxPaths bounds the ways in which one group may hold others. Groups that hold each other in
// layers have exponentially many.
const maxPaths = 20_000

// Notes on accounts that only a group names.
const (
	noteUnlisted = "named by a group; the target has the user but does not list it"
	noteGone     = "named by a group; the target has no such user or group"
	noteClaimed  = "named by the account only; the group does not list it"
)

// attrNote is the attribute of a grant that holds a note.
const attrNote = "note"

// resolve sorts the loose members into users and groups.
func (r *reading) resolve() error {
	for _, n := range r.groups {
		for _, id := range n.maybe {
			if g := r.byID[id]; g != nil {
				n.inner = append(n.inner, g)
			}
		}
		for _, m := range n.loose {
			if err := r.resolveMember(n, m); err != nil {
				return err
			}
		}
		n.maybe, n.loose = nil, nil
	}
	return nil
}

func (r *reading) resolveMember(n *node, m member) error {
	id, kind := string(m.Value), m.kind()
	if id == "" {
		return r.c.fail(connector.Broken, fmt.Sprintf("the group %q has a member without an id", n.id), nil)
	}
	if g := r.byID[id]; g != nil && kind != typeUser {
		n.inner = append(n.inner, g)
		return nil
	}
	if i, known := r.index[id]; known && kind != typeGroup {
		n.users = append(n.users, i)
		return nil
	}
	note := noteGone
	if kind != typeGroup {
		u, err := r.c.user(r.ctx, id)
		if err != nil {
			return err
		}
		if u != nil {
			note = noteUnlisted
		}
	}
	if kind != typeUser && note == noteGone {
		g, err := r.c.group(r.ctx, id)
		if err != nil {
			return err
		}
		if g != nil {
			return r.c.fail(connector.Broken, fmt.Sprintf("the group %q is in the group %q but not in the list of groups: it appeared during the read; read again", id, n.id), nil)
		}
	}
	i := r.account(id)
	if int(i) >= r.listed {
		r.notes[i] = note
	}
	n.users = append(n.users, i)
	return nil
}

// giveGrants gives every grant: values of users, then each group's direct members, those that
// are in it through inner groups, and those that only the account itself names.
func (r *reading) giveGrants() error {
	for _, b := range r.blank {
		// Without a value there is no id: the row is given all the same, to be rejected by name.
		g := model.Grant{AccountID: r.ids[b.account], Attrs: map[string]string{attrNote: "an element of " + b.attr + " without a value"}}
		if err := r.give(model.Record{Kind: model.KindGrants, Grant: g}, "/Users"); err != nil {
			return err
		}
	}
	for _, id := range r.values {
		for _, i := range r.holders[id] {
			if err := r.grant(i, id, "", "/Users", ""); err != nil {
				return err
			}
		}
	}
	for _, n := range r.groups {
		if err := r.giveGroup(n); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.claimed)) {
		// A group that the target does not list, and its members name.
		for _, i := range r.claimed[id] {
			if err := r.grant(i, id, "", "/Users", noteClaimed); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reading) grant(account int32, entitlement, via, file, note string) error {
	g := model.Grant{AccountID: r.ids[account], EntitlementID: entitlement, Via: via}
	if note == "" {
		note = r.notes[account]
	}
	if note != "" {
		g.Attrs = map[string]string{attrNote: note}
	}
	return r.give(model.Record{Kind: model.KindGrants, Grant: g}, file)
}

// giveGroup gives the grants of one group.
func (r *reading) giveGroup(n *node) error {
	claims := r.claimed[n.id]
	delete(r.claimed, n.id)
	held := map[int32]bool{}
	for _, i := range claims {
		held[i] = false
	}
	see := func(i int32) {
		if _, ok := held[i]; ok {
			held[i] = true
		}
	}
	for _, i := range n.users {
		see(i)
		if err := r.grant(i, n.id, "", "/Groups", ""); err != nil {
			return err
		}
	}
	w := walk{on: map[*node]bool{n: true}}
	err := w.down(n, func(inner *node) error {
		via := w.via()
		for _, i := range inner.users {
			see(i)
			if err := r.grant(i, n.id, via, "/Groups", ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		if w.paths > maxPaths {
			return r.c.fail(connector.Broken, fmt.Sprintf("the group %q holds others in more than %d ways; untangle the nested groups", n.id, maxPaths), nil)
		}
		return err
	}
	for _, i := range claims {
		if !held[i] {
			held[i] = true
			if err := r.grant(i, n.id, "", "/Groups", noteClaimed); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk goes down every path of inner groups. A group that is on the path already is not
// entered again, so cycles end.
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

func (w *walk) via() string { return joinPath(w.path) }

var pathEscaper = strings.NewReplacer(`\`, `\\`, `>`, `\>`)

// joinPath writes ids as one path.
func joinPath(ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = pathEscaper.Replace(id)
	}
	return strings.Join(out, ">")
}
