package ldap

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
)

// Object identifiers of what servers can do.
const (
	oidActiveDirectory = "1.2.840.113556.1.4.800" // capability of Active Directory
	oidAssertion       = "1.3.6.1.1.12"           // RFC 4528: a change is made only if a filter matches
)

// server is what a directory says of itself.
type server struct {
	ad       bool
	asserts  bool     // it takes the assertion control
	name     string   // of this one among the domain's controllers; "" elsewhere
	contexts []string // the trees that this server holds
	vendor   string
}

// readDSE reads the root DSE, and is what it says.
func (s *session) readDSE(ctx context.Context) (*server, error) {
	req := &goldap.SearchRequest{
		Scope: goldap.ScopeBaseObject, Filter: "(objectClass=*)",
		Attributes: []string{"supportedControl", "supportedCapabilities", "namingContexts", "dnsHostName", "vendorName", "vendorVersion"},
	}
	var res *goldap.SearchResult
	err := s.do(ctx, "Reading what the directory is", func() (err error) {
		res, err = s.conn.Search(req)
		return err
	})
	if err != nil {
		return nil, s.sort("Reading what the directory is", err)
	}
	if len(res.Entries) != 1 || res.Entries[0].DN != "" {
		return nil, broken("The directory does not say what it is: its root entry cannot be read")
	}
	e := res.Entries[0]
	srv := &server{
		ad:      slices.Contains(values(e, "supportedCapabilities"), oidActiveDirectory),
		asserts: slices.Contains(values(e, "supportedControl"), oidAssertion),
		name:    first(e, "dnsHostName"),
		vendor:  strings.TrimSpace(first(e, "vendorName") + " " + first(e, "vendorVersion")),
	}
	if s.c.cfg.Flavor != Auto {
		srv.ad = s.c.cfg.Flavor == AD
	}
	srv.contexts = values(e, "namingContexts")
	s.srv = srv
	return srv, nil
}

// names are the attributes and filters that hold for this directory.
type names struct {
	accountID, groupID, username, groupName string
	accounts, groups                        string // filters
	members                                 []string
	version                                 string
}

// names are those of the configuration, and those of the flavor where it gives none.
func (s *session) names() names {
	c := s.c.cfg
	if s.srv.ad {
		return names{
			accountID: or(c.AccountIDAttr, "objectGUID"), groupID: or(c.GroupIDAttr, "objectGUID"),
			username: or(c.UsernameAttr, "sAMAccountName"), groupName: or(c.GroupNameAttr, "sAMAccountName"),
			accounts: or(c.AccountFilter, "(|(&(objectCategory=person)(objectClass=user))(objectClass=msDS-ManagedServiceAccount)(objectClass=msDS-GroupManagedServiceAccount))"),
			groups:   or(c.GroupFilter, "(objectClass=group)"),
			members:  []string{"member"}, version: "uSNChanged",
		}
	}
	return names{
		accountID: or(c.AccountIDAttr, "entryUUID"), groupID: or(c.GroupIDAttr, "entryUUID"),
		username: or(c.UsernameAttr, "uid"), groupName: or(c.GroupNameAttr, "cn"),
		accounts: or(c.AccountFilter, "(|(objectClass=inetOrgPerson)(objectClass=posixAccount)(objectClass=account)(objectClass=simpleSecurityObject))"),
		groups:   or(c.GroupFilter, "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(&(objectClass=organizationalRole)(!(objectClass=simpleSecurityObject))))"),
		members:  []string{"member", "uniqueMember", "memberUid", "roleOccupant"}, version: "entryCSN",
	}
}

// accountAttrs are the attributes of an account that are asked for.
func (s *session) accountAttrs() []string {
	n, c := s.names(), s.c.cfg
	attrs := []string{n.accountID, n.username, n.version, "objectClass", "cn", "displayName", "mail", "title", "employeeType", "description"}
	if s.srv.ad {
		attrs = append(attrs, "userPrincipalName", "userAccountControl", "accountExpires", "lastLogonTimestamp", "whenCreated",
			"primaryGroupID", "objectSid", "adminCount", "department", "employeeID")
	} else {
		attrs = append(attrs, "uid", "departmentNumber", "employeeNumber", "shadowExpire", "pwdAccountLockedTime", "authTimestamp",
			"pwdLastSuccess", "createTimestamp", "gidNumber", "memberOf")
		if c.DisableAttr != "" && c.DisableAttr != "-" {
			attrs = append(attrs, c.DisableAttr)
		}
	}
	if c.PersonAttr != "" {
		attrs = append(attrs, c.PersonAttr)
	}
	return attrs
}

// groupAttrs are the attributes of a group that are asked for.
func (s *session) groupAttrs() []string {
	n := s.names()
	attrs := append([]string{n.groupID, n.groupName, n.version, "objectClass", "cn", "description"}, n.members...)
	if s.srv.ad {
		return append(attrs, "objectSid", "adminCount")
	}
	return append(attrs, "gidNumber")
}

// search asks once, without pages; a base that does not exist is found == false.
func (s *session) search(ctx context.Context, what, base string, scope, most int, filter string, attrs []string) (list []*goldap.Entry, found bool, err error) {
	req := &goldap.SearchRequest{BaseDN: base, Scope: scope, SizeLimit: most, Filter: filter, Attributes: attrs}
	var res *goldap.SearchResult
	err = s.do(ctx, what, func() (err error) {
		res, err = s.conn.Search(req)
		return err
	})
	if code, ok := resultOf(err); ok && code == goldap.LDAPResultNoSuchObject {
		return nil, false, nil
	}
	if code, ok := resultOf(err); ok && code == goldap.LDAPResultSizeLimitExceeded && most > 0 && len(res.Entries) >= most {
		err = nil // as many as were asked for
	}
	if err != nil {
		return nil, false, s.sort(what, err)
	}
	return res.Entries, true, s.referrals(what, res.Referrals)
}

// everywhere is the base of searches that must not miss what has left the configured base: an
// account that was moved elsewhere is not gone, and a group elsewhere may still be a way in.
func (s *session) everywhere(ctx context.Context) (string, error) {
	if s.root != "" {
		return s.root, nil
	}
	root, base := s.c.cfg.BaseDN, normDN(s.c.cfg.BaseDN)
	for _, dn := range s.srv.contexts {
		if dn != "" && below(base, normDN(dn)) {
			root = dn
		}
	}
	if normDN(root) != base {
		_, found, err := s.search(ctx, "Looking at the tree", root, goldap.ScopeBaseObject, 0, "(objectClass=*)", []string{"1.1"})
		if err != nil {
			return "", err
		}
		if !found {
			root = s.c.cfg.BaseDN // the connector's account may see no more
		}
	}
	s.root = root
	return root, nil
}

// referrals fails where a part of the tree is on another server. A domain controller also
// refers to trees beside the domain that it holds itself, in which nobody is a member. What is
// outside the base is no part of what was asked for.
func (s *session) referrals(what string, list []string) error {
	for _, ref := range list {
		_, rest, _ := strings.Cut(ref, "://")
		_, dn, _ := strings.Cut(rest, "/")
		dn, _, _ = strings.Cut(dn, "?")
		if raw, err := url.PathUnescape(dn); err == nil {
			dn = raw
		}
		held := s.srv.ad && slices.ContainsFunc(s.srv.contexts, func(c string) bool { return normDN(c) == normDN(dn) })
		if s.c.cfg.IgnoreReferrals || held || dn != "" && !below(normDN(dn), normDN(s.c.cfg.BaseDN)) {
			continue
		}
		return broken("%s is not whole: the directory refers to another server for the tree %q. Set a base below which this server holds everything, or leave such trees out by ignore_referrals", what, dn)
	}
	return nil
}

// pages reads a list whole: pages until the directory says that there are no more, and no
// entry twice.
func (s *session) pages(ctx context.Context, what, base, filter string, attrs []string, size int, each func(e *goldap.Entry) error) (pages int, err error) {
	req := &goldap.SearchRequest{BaseDN: base, Scope: goldap.ScopeWholeSubtree, Filter: filter, Attributes: attrs}
	page := goldap.NewControlPaging(uint32(size)) //nolint:gosec // a page's size is positive and small
	req.Controls = []goldap.Control{page}
	for empty := 0; ; {
		var res *goldap.SearchResult
		err := s.do(ctx, what, func() (err error) {
			res, err = s.conn.Search(req)
			return err
		})
		if err != nil {
			return pages, s.sort(what, err)
		}
		if err := s.referrals(what, res.Referrals); err != nil {
			return pages, err
		}
		pages++
		for _, e := range res.Entries {
			if err := each(e); err != nil {
				return pages, err
			}
		}
		if empty++; len(res.Entries) > 0 {
			empty = 0
		}
		next, ok := goldap.FindControl(res.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 {
			return pages, nil
		}
		if empty > 100 {
			return pages, broken("%s does not end: the directory gave %d pages without an entry and says that there are more", what, empty)
		}
		page.SetCookie(next.Cookie)
	}
}

// count counts a list by a search of its own that asks for no attributes.
func (s *session) count(ctx context.Context, what, base, filter string) (n int64, err error) {
	_, err = s.pages(ctx, what, base, filter, []string{"1.1"}, 1000, func(*goldap.Entry) error {
		n++
		return nil
	})
	return n, err
}

// Probe implements connector.Prober: it signs in anew and looks for an account and a group.
func (c *Client) Probe(ctx context.Context) (string, error) {
	s, err := c.dial(ctx)
	if err != nil {
		return "", err
	}
	defer s.done()
	n := s.names()
	kind := "an LDAP directory"
	if s.srv.ad {
		kind = "an Active Directory domain controller"
	}
	if s.srv.name != "" {
		kind += " (" + s.srv.name + ")"
	}
	said := "Signed in to " + kind + "."
	for _, k := range []struct{ what, base, filter, id, idAttr string }{
		{"account", c.cfg.AccountBase, n.accounts, n.accountID, "account_id"},
		{"group", c.cfg.GroupBase, n.groups, n.groupID, "group_id"},
	} {
		list, found, err := s.search(ctx, "Looking for an "+k.what, k.base, goldap.ScopeWholeSubtree, 1, k.filter, []string{k.id})
		switch {
		case err != nil:
			return "", err
		case !found:
			return "", refused("The directory has no entry %q, or does not show it to the connector's account; check the base of the %ss", k.base, k.what)
		case len(list) == 0:
			return "", refused("There is no %s below %q that the filter %s finds and the connector's account may see", k.what, k.base, k.filter)
		case len(values(list[0], k.id)) == 0:
			return "", refused("The %s %q shows no %s, so it has no immutable id; let the connector's account read it, or name another attribute", k.what, list[0].DN, k.id)
		}
		said = fmt.Sprintf("%s The first %s found is %s.", said, k.what, list[0].DN)
	}
	guard := "It takes guarded changes."
	if !s.srv.asserts {
		guard = "It takes no guarded changes; a removal still touches the one value only."
	}
	return said + " " + guard, nil
}

// sight fails where the directory shows nothing of a kind: then that one entry is not found
// does not mean that it is gone.
func (s *session) sight(ctx context.Context, what, base, filter string) error {
	list, found, err := s.search(ctx, "Looking for any "+what, base, goldap.ScopeWholeSubtree, 1, filter, []string{"1.1"})
	if err != nil {
		return err
	}
	if !found || len(list) == 0 {
		return &connector.Failure{Kind: connector.Broken,
			Msg: "The directory shows the connector no " + what + " at all, so nobody can tell whether the one in question is gone; check the base and what the connector's account may read"}
	}
	return nil
}
