package ldap

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/model"
)

// mostGroups bounds a page of groups: each of them brings all its members.
const mostGroups = 100

// reading is the state of one Read. It keeps ids, DNs and, for each membership, one number;
// rows are never kept for longer than a page.
type reading struct {
	s     *session
	ctx   context.Context // of one call of Read, as the whole reading is
	yield func(model.Record) error
	lines map[model.Kind]int64
	out   connector.Extraction

	ids    []string         // accounts: the listed ones, then those that only a group names
	index  map[string]int32 // of ids
	listed int              // how many of ids the list of accounts has
	notes  map[int32]string // why an account that is not listed is there
	byDN   map[string]int32
	byUID  map[string]int32   // shared where two accounts have the name
	shared map[string]bool    // user names that two accounts have
	prime  map[string][]int32 // accounts by the key of their primary group
	claims map[string][]int32 // accounts by the DN of a group that they say they are in

	groups  []*node
	byGroup map[string]*node // by DN
	groupID map[string]bool
}

// Read implements connector.Source: accounts are the entries that the account filter finds,
// entitlements those that the group filter finds, and a grant is a membership.
//
// Each list is counted a second time by a search of its own; a difference fails the read. A
// member that is neither a listed account nor a listed group is looked up by its DN: where it
// has an entry, or none any more, its grant is given all the same, with an attribute that says
// so; where it is a group that is not listed, the read fails, because its members are not known.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	began := model.TimeOf(c.cfg.Now())
	s, err := c.open(ctx)
	if err != nil {
		return connector.Extraction{}, err
	}
	defer s.done()
	n := s.names()
	r := &reading{
		s: s, ctx: ctx, yield: yield, lines: map[model.Kind]int64{},
		index: map[string]int32{}, notes: map[int32]string{}, byDN: map[string]int32{}, byUID: map[string]int32{},
		shared: map[string]bool{}, prime: map[string][]int32{}, claims: map[string][]int32{},
		byGroup: map[string]*node{}, groupID: map[string]bool{},
		out: connector.Extraction{
			Endpoint: c.cfg.URL, StartedAt: began, Totals: map[model.Kind]int64{},
			Query: fmt.Sprintf("accounts %s below %q; groups %s below %q; by pages, each list counted again", n.accounts, c.cfg.AccountBase, n.groups, c.cfg.GroupBase),
		},
	}
	for _, step := range []func() error{r.readAccounts, r.readGroups, r.resolve, r.giveGrants} {
		if err := step(); err != nil {
			return connector.Extraction{}, err
		}
	}
	r.out.EndedAt = model.TimeOf(c.cfg.Now())
	return r.out, nil
}

// give hands one row on.
func (r *reading) give(rec model.Record, list string) error {
	if err := r.ctx.Err(); err != nil {
		return r.s.c.unreachable(r.ctx, "The read was given up", err)
	}
	r.lines[rec.Kind]++
	rec.File, rec.Line = list, r.lines[rec.Kind]
	return r.yield(rec)
}

// list reads one list whole and compares it with a count of its own.
func (r *reading) list(kind model.Kind, base, filter string, attrs []string, size int, each func(e *goldap.Entry) error) error {
	what := "The list of " + map[model.Kind]string{model.KindAccounts: "accounts", model.KindEntitlements: "groups"}[kind]
	seen := int64(0)
	pages, err := r.s.pages(r.ctx, what, base, filter, attrs, size, func(e *goldap.Entry) error {
		seen++
		return each(e)
	})
	r.out.Pages += pages
	if err != nil {
		return err
	}
	total, err := r.s.count(r.ctx, what, base, filter)
	if err != nil {
		return err
	}
	if total != seen {
		return broken("%s has %d entries, and %d were read: it changed meanwhile, or came in part; read again", what, total, seen)
	}
	r.out.Totals[kind] = total
	return nil
}

func (r *reading) readAccounts() error {
	n, c := r.s.names(), r.s.c.cfg
	err := r.list(model.KindAccounts, c.AccountBase, n.accounts, r.s.accountAttrs(), c.PageSize, func(e *goldap.Entry) error {
		id, err := idOf(e, n.accountID)
		if err != nil {
			return err
		}
		if id == "" {
			return broken("The account %q shows no %s, so it has no immutable id; let the connector's account read it, or name another attribute", e.DN, n.accountID)
		}
		dn := normDN(e.DN)
		if _, twice := r.index[id]; twice {
			return broken("Two accounts have the %s %q, or the list gave one twice; it is no id, or the list is not whole", n.accountID, id)
		}
		if _, twice := r.byDN[dn]; twice {
			return broken("The list of accounts gave %q twice, so another one may be missing; read again", e.DN)
		}
		i := r.account(id)
		r.byDN[dn] = i
		r.keepClaims(e, i)
		return r.give(model.Record{Kind: model.KindAccounts, Account: r.s.accountOf(e, id)}, "accounts")
	})
	r.listed = len(r.ids)
	return err
}

// keepClaims notes what ties an account to groups besides their member lists.
func (r *reading) keepClaims(e *goldap.Entry, i int32) {
	if key := primaryKey(e, r.s.srv.ad, false); key != "" {
		r.prime[key] = append(r.prime[key], i)
	}
	if r.s.srv.ad {
		return // memberOf is made from the groups' own lists there
	}
	for _, uid := range values(e, "uid") {
		if other, ok := r.byUID[uid]; ok && other != i {
			r.shared[uid] = true
		}
		r.byUID[uid] = i
	}
	for _, dn := range values(e, viaMemberOf) {
		key := normDN(dn)
		r.claims[key] = append(r.claims[key], i)
	}
}

// account is the number of an account, a new one where the id is new.
func (r *reading) account(id string) int32 {
	i, ok := r.index[id]
	if !ok {
		i = int32(len(r.ids)) //nolint:gosec // two thousand million accounts do not fit in memory
		r.ids, r.index[id] = append(r.ids, id), i
	}
	return i
}

// rest is a group whose members came in part.
type rest struct {
	n    *node
	dn   string
	next int
}

func (r *reading) readGroups() error {
	n, c := r.s.names(), r.s.c.cfg
	size := min(c.PageSize, mostGroups)
	var rests []rest
	err := r.list(model.KindEntitlements, c.GroupBase, n.groups, r.s.groupAttrs(), size, func(e *goldap.Entry) error {
		g, more, err := r.keepGroup(e)
		if err != nil {
			return err
		}
		rests = append(rests, more...)
		ent := model.Entitlement{
			EntitlementID: g.id, Name: first(e, n.groupName), Description: first(e, "description"), Kind: "group",
			Attrs: map[string]string{"dn": e.DN},
		}
		if hasClass(e, "organizationalRole") {
			ent.Kind = "role"
		}
		if count, err := strconv.Atoi(first(e, "adminCount")); err == nil && count > 0 {
			ent.Privileged = model.Yes
		}
		return r.give(model.Record{Kind: model.KindEntitlements, Entitlement: ent}, "groups")
	})
	if err != nil {
		return err
	}
	for _, m := range rests {
		if err := r.readRest(m); err != nil {
			return err
		}
	}
	return nil
}

// keepGroup notes a group's members by number; what cannot be told yet is noted by its value.
func (r *reading) keepGroup(e *goldap.Entry) (*node, []rest, error) {
	n := r.s.names()
	id, err := idOf(e, n.groupID)
	if err != nil {
		return nil, nil, err
	}
	dn := normDN(e.DN)
	switch {
	case id == "":
		return nil, nil, broken("The group %q shows no %s, so it has no immutable id; let the connector's account read it, or name another attribute", e.DN, n.groupID)
	case r.groupID[id]:
		return nil, nil, broken("Two groups have the %s %q, or the list gave one twice; it is no id, or the list is not whole", n.groupID, id)
	case r.byGroup[dn] != nil:
		return nil, nil, broken("The list of groups gave %q twice, so another one may be missing; read again", e.DN)
	}
	if _, both := r.byDN[dn]; both {
		return nil, nil, broken("%q is among the accounts and among the groups; make the filters or the bases tell them apart", e.DN)
	}
	if err := r.s.shows(e); err != nil {
		return nil, nil, err
	}
	g := &node{id: id, dn: dn, name: e.DN, prime: r.prime[primaryKey(e, r.s.srv.ad, true)]}
	var rests []rest
	for _, attr := range n.members {
		p, err := parts(e, attr)
		if err != nil {
			return nil, nil, err
		}
		if err := r.keepMembers(g, attr, p.vals); err != nil {
			return nil, nil, err
		}
		if !p.last {
			rests = append(rests, rest{g, e.DN, p.next})
		}
	}
	g.users = slices.Clip(g.users)
	r.groups, r.byGroup[dn], r.groupID[id] = append(r.groups, g), g, true
	return g, rests, nil
}

func (r *reading) keepMembers(g *node, attr string, vals []string) error {
	for _, v := range vals {
		switch {
		case r.s.c.holder(v):
		case attr != "memberUid":
			if i, ok := r.byDN[normDN(stripUID(v))]; ok {
				g.users = append(g.users, i)
			} else {
				g.loose = append(g.loose, stripUID(v))
			}
		case r.shared[v]:
			return broken("The group %q lists the user name %q, which two accounts have; give them different ones", g.name, v)
		default:
			i, ok := r.byUID[v]
			if !ok {
				i = r.account(uidPrefix + v)
				r.notes[i] = noteNoName
			}
			g.users = append(g.users, i)
		}
	}
	return nil
}

// readRest reads the members that did not come with the group, part by part.
func (r *reading) readRest(m rest) error {
	for next := m.next; ; {
		attr := fmt.Sprintf("member;range=%d-*", next)
		list, found, err := r.s.search(r.ctx, "Reading the members of a group", m.dn, goldap.ScopeBaseObject, 0, "(objectClass=*)", []string{attr})
		if err != nil {
			return err
		}
		if !found || len(list) != 1 {
			return broken("The group %q went away while its members were read; read again", m.dn)
		}
		p, err := parts(list[0], "member")
		if err != nil {
			return err
		}
		if p.next-len(p.vals) != next || len(p.vals) == 0 {
			return broken("The members of the group %q end at %d, although the directory says that there are more: they changed meanwhile; read again", m.dn, next)
		}
		if err := r.keepMembers(m.n, "member", p.vals); err != nil {
			return err
		}
		if p.last {
			return nil
		}
		next = p.next
	}
}
