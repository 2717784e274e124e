package ldap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/model"
)

// Prefixes of the ids of members that have no entry: what a group holds is all that is known.
const (
	dnPrefix  = "dn:"
	uidPrefix = "uid:"
)

// principal is the account of one look.
type principal struct {
	entry *goldap.Entry // nil where only a group's value names it
	dn    string        // "" where only a user name is known
	uids  []string      // what memberUid holds of it
}

// look is one clean read of one access, with what a change needs.
type look struct {
	obs   connector.Observation
	who   *principal
	group *goldap.Entry
	entry *goldap.Entry // what a change is made to
	attr  string        // of the group, that holds the value; "" is the account itself
	value string        // in attr, as the directory has it
}

// saw makes a look that needs no change.
func saw(p connector.Presence, detail string) *look {
	return &look{obs: connector.Observation{Presence: p, Detail: detail}}
}

// Check implements connector.Target.
func (c *Client) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	s, err := c.open(ctx)
	if err != nil {
		return connector.Observation{}, err
	}
	defer s.done()
	l, err := s.look(ctx, a)
	if err != nil {
		return connector.Observation{}, err
	}
	return l.obs, nil
}

func (s *session) look(ctx context.Context, a connector.Access) (*look, error) {
	who, done, err := s.lookAccount(ctx, a)
	if err != nil {
		return nil, err
	}
	if a.EntitlementID == "" || done != nil && done.obs.Presence == connector.WrongTarget {
		if done == nil {
			done = s.lookStatus(who)
		}
		return done, nil
	}
	g, none, err := s.lookEntitlement(ctx, a)
	if err != nil || none != nil {
		return none, err
	}
	l, err := s.member(ctx, g, who)
	if err != nil {
		return nil, err
	}
	if l == nil && done != nil {
		l = done // the account is gone, and the group does not name it
	}
	if l == nil {
		l, err = s.indirect(ctx, g, who)
	}
	if l != nil {
		l.who, l.group = who, g
	}
	return l, err
}

// byID finds the one entry with an id; nil is that there is none. The filter and the base of the
// list do not matter: an account that was moved out of them is still one. Only ids that people
// give are looked for in the base alone, because they may mean somebody else elsewhere.
func (s *session) byID(ctx context.Context, what, attr, id string, attrs []string) (*goldap.Entry, error) {
	if id == "" {
		return nil, refused("An empty text cannot be the id of an %s", what)
	}
	filter, err := idFilter(attr, id)
	if err != nil {
		return nil, err
	}
	list, found, err := s.search(ctx, "Looking for the "+what, s.c.cfg.BaseDN, goldap.ScopeWholeSubtree, 2, filter, attrs)
	if err == nil && found && len(list) == 0 && ownID(attr) {
		var root string
		if root, err = s.everywhere(ctx); err == nil && root != s.c.cfg.BaseDN {
			list, _, err = s.search(ctx, "Looking for the "+what, root, goldap.ScopeWholeSubtree, 2, filter, attrs)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &connector.Failure{Kind: connector.Broken,
			Msg: fmt.Sprintf("The directory does not show the base %q to the connector, so nobody can tell whether the %s is gone; check base and what the connector's account may read", s.c.cfg.BaseDN, what)}
	case len(list) > 1:
		return nil, broken("More than one entry has the %s %q, so it is no id of an %s", attr, id, what)
	case len(list) == 0:
		return nil, nil //nolint:nilnil // there is none, which is an answer
	}
	got, err := idOf(list[0], attr)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(got, id) {
		return nil, broken("The directory was asked for the %s with the id %q and answered with another one", what, id)
	}
	return list[0], nil
}

// lookAccount finds the account; the look is not nil where it already settles the matter.
func (s *session) lookAccount(ctx context.Context, a connector.Access) (*principal, *look, error) {
	if strings.HasPrefix(a.AccountID, dnPrefix) || strings.HasPrefix(a.AccountID, uidPrefix) {
		return s.lookNameless(ctx, a)
	}
	n := s.names()
	e, err := s.byID(ctx, "account", n.accountID, a.AccountID, s.accountAttrs())
	if err != nil {
		return nil, nil, err
	}
	if e == nil {
		if err := s.sight(ctx, "account", s.c.cfg.AccountBase, n.accounts); err != nil {
			return nil, nil, err
		}
		return s.gone(ctx, a)
	}
	who := &principal{entry: e, dn: e.DN, uids: values(e, "uid")}
	list := s.usernames(e)
	if a.Username != "" && len(list) == 0 {
		return nil, nil, broken("The account %q shows no %s, so nobody can tell whether it is still the same", a.AccountID, n.username)
	}
	if a.Username != "" && !slices.ContainsFunc(list, func(u string) bool { return strings.EqualFold(u, a.Username) }) {
		return who, saw(connector.WrongTarget, "The account id now belongs to another user name than the one reviewed."), nil
	}
	return who, nil, nil
}

// gone is an account without an entry. A group may still hold its user name (memberUid), and
// would give the access to whoever gets the name next; unless somebody has it already, to whom
// the value then belongs.
func (s *session) gone(ctx context.Context, a connector.Access) (*principal, *look, error) {
	none := saw(connector.Absent, "The account no longer exists.")
	if a.Username == "" || s.srv.ad || !strings.EqualFold(s.names().username, "uid") {
		return &principal{}, none, nil
	}
	heir, err := s.holdsName(ctx, a.Username)
	if err != nil || heir {
		return &principal{}, none, err
	}
	return &principal{uids: []string{a.Username}}, none, nil
}

// holdsName tells whether any entry has the user name.
func (s *session) holdsName(ctx context.Context, uid string) (bool, error) {
	list, _, err := s.search(ctx, "Looking for a user name", s.c.cfg.BaseDN, goldap.ScopeWholeSubtree, 1,
		"(uid="+goldap.EscapeFilter(uid)+")", []string{"1.1"})
	return len(list) > 0, err
}

// lookNameless is about a value of a group that named no entry when it was read.
func (s *session) lookNameless(ctx context.Context, a connector.Access) (*principal, *look, error) {
	if uid, ok := strings.CutPrefix(a.AccountID, uidPrefix); ok {
		taken, err := s.holdsName(ctx, uid)
		if err != nil || taken {
			return &principal{}, saw(connector.WrongTarget, "The user name, which nobody had, now belongs to an account."), err
		}
		return &principal{uids: []string{uid}}, saw(connector.Absent, "The group no longer holds the user name, which nobody has."), nil
	}
	dn := strings.TrimPrefix(a.AccountID, dnPrefix)
	list, found, err := s.search(ctx, "Looking for the account", dn, goldap.ScopeBaseObject, 0, "(objectClass=*)", s.accountAttrs())
	if err != nil {
		return nil, nil, err
	}
	who := &principal{dn: dn}
	if found && len(list) == 1 {
		id, err := idOf(list[0], s.names().accountID)
		if err != nil || id != "" {
			return who, saw(connector.WrongTarget, "The DN, which had no account, now belongs to one."), err
		}
		who.entry = list[0]
	}
	return who, saw(connector.Absent, "The group no longer holds the DN, which has no account."), nil
}

// lookStatus is the look at a whole account that exists and has the right name.
func (s *session) lookStatus(who *principal) *look {
	l := &look{who: who, entry: who.entry}
	l.obs = connector.Observation{
		Presence: connector.Present, Detail: "The account is active.",
		Version: s.version(who.entry), Self: s.self(who),
	}
	switch s.disabled(who.entry) {
	case model.Yes:
		return saw(connector.Absent, "The account is disabled.")
	case model.Unknown:
		l.obs.Detail = "The directory does not say whether the account is active."
	case model.No:
		if at := s.expiry(who.entry); at.Known() && at <= model.TimeOf(s.c.cfg.Now()) {
			l.obs.Detail = "The account has expired, but it is not disabled."
		}
	}
	return l
}

// version is a guard for a change of an entry: "" where the directory gives none. The numbers
// of domain controllers differ, so the controller's name belongs to them.
func (s *session) version(e *goldap.Entry) string {
	v := first(e, s.names().version)
	if v != "" && s.srv.ad {
		v += "@" + s.srv.name
	}
	return v
}

// self tells whether it is the account that the connector signs in with.
func (s *session) self(who *principal) bool {
	if who.dn != "" && normDN(who.dn) == s.c.own {
		return true
	}
	if who.entry == nil || !s.srv.ad {
		return false
	}
	name := s.c.cfg.BindDN
	if strings.EqualFold(first(who.entry, "userPrincipalName"), name) {
		return true
	}
	if _, short, ok := strings.Cut(name, `\`); ok {
		name = short
	} else if short, _, ok := strings.Cut(name, "@"); ok {
		name = short // an account without a principal name signs in as NAME@DOMAIN all the same
	}
	return strings.EqualFold(first(who.entry, "sAMAccountName"), name)
}

// lookEntitlement finds the group; the look is not nil where it already settles the matter.
func (s *session) lookEntitlement(ctx context.Context, a connector.Access) (*goldap.Entry, *look, error) {
	n := s.names()
	g, err := s.byID(ctx, "group", n.groupID, a.EntitlementID, s.groupAttrs())
	if err != nil {
		return nil, nil, err
	}
	if g == nil {
		if err := s.sight(ctx, "group", s.c.cfg.GroupBase, n.groups); err != nil {
			return nil, nil, err
		}
		return nil, saw(connector.Absent, "The group no longer exists."), nil
	}
	list := values(g, n.groupName)
	if a.EntitlementName != "" && !slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(v, a.EntitlementName) }) {
		return nil, saw(connector.WrongTarget, "The group id now has another name than the one reviewed."), nil
	}
	return g, nil, s.shows(g)
}

// shows fails where the directory hides the members of a group that must have some: a hidden
// member would look like one that is gone.
func (s *session) shows(g *goldap.Entry) error {
	for class, attr := range map[string]string{"groupOfNames": "member", "groupOfUniqueNames": "uniqueMember"} {
		if hasClass(g, class) && len(values(g, attr)) == 0 && !s.srv.ad {
			return &connector.Failure{Kind: connector.Denied,
				Msg: fmt.Sprintf("The directory does not show the members of the group %q to the connector; let its account read the attribute %s", g.DN, attr)}
		}
	}
	return nil
}

// member looks for the account among the group's own values; nil is that it is not there.
func (s *session) member(ctx context.Context, g *goldap.Entry, who *principal) (*look, error) {
	l := &look{entry: g}
	dn, holders, whole := normDN(who.dn), 0, true
	for _, attr := range s.names().members {
		p, err := parts(g, attr)
		if err != nil {
			return nil, err
		}
		whole = whole && p.last
		for _, v := range p.vals {
			if s.c.holder(v) {
				continue
			}
			holders++
			if attr == "memberUid" && slices.Contains(who.uids, v) ||
				attr != "memberUid" && who.dn != "" && normDN(stripUID(v)) == dn {
				l.attr, l.value = attr, v
			}
		}
	}
	if l.attr == "" && !whole && who.dn != "" {
		// Too many to look through: the directory looks itself.
		list, found, err := s.search(ctx, "Looking for the member", g.DN, goldap.ScopeBaseObject, 0,
			"(member="+goldap.EscapeFilter(who.dn)+")", []string{"1.1"})
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, &connector.Failure{Kind: connector.Unreachable, Msg: "The group moved while it was looked at"}
		}
		if len(list) == 1 {
			l.attr, l.value = "member", who.dn
		}
	}
	if l.attr == "" {
		return nil, nil //nolint:nilnil // not a member, which is an answer
	}
	l.obs = connector.Observation{
		Presence: connector.Present, Detail: "The account is a direct member (" + l.attr + ").",
		Version: s.version(g), Last: whole && holders == 1, Self: s.self(who),
	}
	if who.entry == nil {
		l.obs.Detail = "There is no such account any more, but the group still lists it (" + l.attr + ")."
	}
	return l, nil
}

// holder tells whether a value is there only because the group must have one.
func (c *Client) holder(v string) bool {
	return v == "" || len(c.holders) > 0 && c.holders[normDN(stripUID(v))]
}
