package ldap

import (
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/model"
)

// node is a group of a reading.
type node struct {
	id    string
	dn    string   // normalised
	name  string   // the DN as it came
	users []int32  // direct members that are accounts
	prime []int32  // accounts whose primary group it is
	inner []*node  // direct members that are groups
	loose []string // DNs of members that are no listed accounts: groups, or unknown
}

// maxPaths bounds the ways in which one group may hold others. Groups that hold each other in
// layers have exponentially many.
const maxPaths = 20_000

// Notes on accounts that only a group names.
const (
	noteUnlisted = "named by a group; the directory has the entry, but not among the accounts that are read"
	noteForeign  = "named by a group; it is a principal of another domain"
	noteGone     = "named by a group; the directory has no such entry"
	noteNoName   = "named by a group; no account that is read has this user name"
	noteClaimed  = "named by the account only; the group does not list it"
	notePrimary  = "by an attribute of the account, not by the group's list"
)

// attrNote is the attribute of a grant that holds a note.
const attrNote = "note"

// resolve sorts the loose members into accounts and groups.
func (r *reading) resolve() error {
	known := map[string]int32{} // members that were looked up, by DN
	for _, n := range r.groups {
		for _, dn := range n.loose {
			key := normDN(dn)
			if inner := r.byGroup[key]; inner != nil {
				n.inner = append(n.inner, inner)
				continue
			}
			i, ok := known[key]
			if !ok {
				var err error
				if i, err = r.lookUp(n, dn); err != nil {
					return err
				}
				known[key] = i
			}
			n.users = append(n.users, i)
		}
		n.loose = nil
		// One account may stand in two attributes of a group; that is one access.
		slices.Sort(n.users)
		n.users = slices.Compact(n.users)
		slices.SortFunc(n.inner, func(a, b *node) int { return strings.Compare(a.dn, b.dn) })
		n.inner = slices.Compact(n.inner)
	}
	return nil
}

// lookUp finds out what a member is that no list has, and is its number as an account.
func (r *reading) lookUp(g *node, dn string) (int32, error) {
	s := r.s
	n := s.names()
	list, found, err := s.search(r.ctx, "Looking up a member of a group", dn, goldap.ScopeBaseObject, 0, "(objectClass=*)",
		[]string{n.accountID, "objectClass"})
	if err != nil {
		return 0, err
	}
	if !found || len(list) != 1 {
		i := r.account(dnPrefix + dn)
		r.notes[i] = noteGone
		return i, nil
	}
	e := list[0]
	if hasClass(e, "group", "groupOfNames", "groupOfUniqueNames", "posixGroup", "groupOfURLs", "organizationalRole") && !hasClass(e, "simpleSecurityObject") {
		return 0, broken("The group %q holds the group %q, which is not among the groups that are read, so its members are not known; widen the base or the filter of the groups (or read again, if it is new)", g.name, e.DN)
	}
	id, err := idOf(e, n.accountID)
	if err != nil {
		return 0, err
	}
	if id == "" {
		id = dnPrefix + e.DN
	}
	i := r.account(id)
	if int(i) >= r.listed {
		r.notes[i] = noteUnlisted
		if hasClass(e, "foreignSecurityPrincipal") {
			r.notes[i] = noteForeign
		}
	}
	return i, nil
}

// giveGrants gives each group's direct members, those by their primary group, those that are in
// it through inner groups, and those that only the account itself names.
func (r *reading) giveGrants() error {
	for _, n := range r.groups {
		if err := r.giveGroup(n); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) grant(account int32, entitlement, via, note string) error {
	g := model.Grant{AccountID: r.ids[account], EntitlementID: entitlement, Via: via}
	if note == "" {
		note = r.notes[account]
	}
	if note != "" {
		g.Attrs = map[string]string{attrNote: note}
	}
	return r.give(model.Record{Kind: model.KindGrants, Grant: g}, "groups")
}

// giveGroup gives the grants of one group.
func (r *reading) giveGroup(n *node) error {
	claims := r.claims[n.dn]
	held := map[int32]bool{}
	for _, i := range claims {
		held[i] = false
	}
	give := func(list []int32, via, note string) error {
		for _, i := range list {
			if _, ok := held[i]; ok {
				held[i] = true
			}
			if err := r.grant(i, n.id, via, note); err != nil {
				return err
			}
		}
		return nil
	}
	prime := viaPrimary(r.s.srv.ad)
	if err := give(n.users, "", ""); err != nil {
		return err
	}
	if err := give(n.prime, prime, notePrimary); err != nil {
		return err
	}
	w := walk{on: map[*node]bool{n: true}}
	err := w.down(n, func(inner *node) error {
		if err := give(inner.users, joinPath(w.path), ""); err != nil {
			return err
		}
		return give(inner.prime, joinPath(append(slices.Clone(w.path), prime)), notePrimary)
	})
	if w.paths > maxPaths {
		return broken("The group %q holds others in more than %d ways; untangle the nested groups", n.name, maxPaths)
	}
	if err != nil {
		return err
	}
	for _, i := range claims {
		if !held[i] {
			held[i] = true
			if err := r.grant(i, n.id, viaMemberOf, noteClaimed); err != nil {
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
