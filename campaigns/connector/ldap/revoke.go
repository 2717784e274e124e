package ldap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
)

// Revoke implements connector.Target. It looks first, and changes nothing where the access is
// not there, is not held directly, names somebody else, or where the entry's version is no
// longer the one in seen. What it changes is one value: the one that is the membership, or the
// mark that disables the account.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, _ string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	if o := outcomeOf(seen.Presence); o != "" {
		return o, nil
	}
	s, err := c.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.done()
	l, err := s.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	if seen.Version != "" && l.obs.Version != seen.Version {
		return connector.Changed, nil
	}
	req, err := s.removal(l)
	if err != nil {
		return "", err
	}
	code, err := s.modify(ctx, "The removal", req)
	if err != nil {
		return "", err
	}
	switch code {
	case goldap.LDAPResultSuccess:
		return connector.Removed, nil
	case goldap.LDAPResultAssertionFailed:
		return connector.Changed, nil
	case goldap.LDAPResultNoSuchAttribute, goldap.LDAPResultAttributeOrValueExists, goldap.LDAPResultNoSuchObject,
		goldap.LDAPResultUnwillingToPerform, goldap.LDAPResultObjectClassViolation, goldap.LDAPResultConstraintViolation:
		return s.afterNo(ctx, a, l, code)
	}
	return "", s.sort("The removal", code)
}

// afterNo looks again after the directory refused a removal: somebody else may have done it.
func (s *session) afterNo(ctx context.Context, a connector.Access, before *look, code result) (connector.Outcome, error) {
	l, err := s.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	switch {
	case l.obs.Version != before.obs.Version:
		return connector.Changed, nil
	case before.obs.Last && code != goldap.LDAPResultUnwillingToPerform:
		return "", fail(connector.Refused, "The account is the last member of the group, and this kind of group must have one; add another member or delete the group", code)
	case code == goldap.LDAPResultNoSuchAttribute:
		return "", fail(connector.Refused, "The directory shows the membership and says that it does not hold it: it makes it up from something else. Take that away, or remove the access by hand", code)
	}
	return "", fail(connector.Refused, "The directory refuses the removal; look at what its administrator allows, or remove the access by hand", code)
}

// outcomeOf is what a revocation reports where a look shows nothing to take away, or "".
func outcomeOf(p connector.Presence) connector.Outcome {
	switch p {
	case connector.Absent:
		return connector.AlreadyAbsent
	case connector.NotDirect:
		return connector.RefusedDirect
	case connector.WrongTarget:
		return connector.RefusedTarget
	case connector.Present:
	}
	return ""
}

// modify sends one change, once, and is the directory's answer; an error is one that is no
// answer, so that the change may have been made.
func (s *session) modify(ctx context.Context, what string, req *goldap.ModifyRequest) (result, error) {
	err := s.do(ctx, what, func() error { return s.conn.Modify(req) })
	if code, ok := resultOf(err); ok {
		if code == goldap.LDAPResultReferral {
			return 0, fail(connector.Refused, what+" was answered with the address of another server: this one takes no changes. Set the address of one that does", code)
		}
		return code, nil
	}
	return 0, err
}

// target names an entry for a change: by its immutable id where the directory takes that.
func (s *session) target(e *goldap.Entry, attr string) string {
	if s.srv.ad && isGUID(attr) {
		if id, err := idOf(e, attr); err == nil && id != "" {
			return "<GUID=" + id + ">"
		}
	}
	return e.DN
}

// change makes a request that the directory carries out only if the entry is still what was
// looked at, where it can promise that.
func (s *session) change(e *goldap.Entry, idAttr, assert string) *goldap.ModifyRequest {
	var controls []goldap.Control
	if s.srv.asserts && assert != "" {
		if filter, err := goldap.CompileFilter(assert); err == nil {
			controls = append(controls, goldap.NewControlString(oidAssertion, true, string(filter.Bytes())))
		}
	}
	return goldap.NewModifyRequest(s.target(e, idAttr), controls)
}

// unchanged is the filter that only this version of an entry matches; "" where it has none.
func (s *session) unchanged(e *goldap.Entry) string {
	attr := s.names().version
	v := first(e, attr)
	if v == "" {
		return ""
	}
	return "(" + attr + "=" + goldap.EscapeFilter(v) + ")"
}

// removal is the change that takes away what l shows.
func (s *session) removal(l *look) (*goldap.ModifyRequest, error) {
	if l.attr != "" {
		req := s.change(l.entry, s.names().groupID, s.unchanged(l.entry))
		req.Delete(l.attr, []string{l.value})
		return req, nil
	}
	attr, value := s.disabling()
	if attr == "" {
		return nil, refused("The configuration names no attribute that disables an account, so a whole account cannot be closed; disable it by hand")
	}
	req := s.change(l.entry, s.names().accountID, s.unchanged(l.entry))
	old := values(l.entry, attr)
	if s.srv.ad {
		flags, err := strconv.ParseInt(first(l.entry, attr), 10, 64)
		if err != nil {
			return nil, refused("The account shows no userAccountControl, so it cannot be disabled there; disable it by hand, or let the connector's account read it")
		}
		value = strconv.FormatInt(flags|uacDisabled, 10)
	}
	if len(old) > 0 {
		req.Delete(attr, old[:1]) // by value: it fails if somebody has changed it
	}
	req.Add(attr, []string{value})
	return req, nil
}

// Grant implements connector.Granter. A whole account is enabled again where it carries the
// mark that Revoke sets.
func (c *Client) Grant(ctx context.Context, a connector.Access, _ string) (connector.Outcome, error) {
	s, err := c.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.done()
	l, err := s.look(ctx, a)
	if err != nil {
		return "", err
	}
	switch {
	case l.obs.Presence == connector.WrongTarget:
		return connector.RefusedTarget, nil
	case l.obs.Presence == connector.Present:
		return connector.AlreadyHeld, nil
	case a.EntitlementID == "":
		return s.enable(ctx, a)
	case l.group == nil:
		return "", refused("The group no longer exists, so nobody can be put into it")
	case l.who == nil || l.who.entry == nil:
		return "", refused("The account no longer exists, so it cannot be given anything")
	}
	n := s.names()
	attr, value := s.slot(l.group), l.who.dn
	if attr == "memberUid" {
		if len(l.who.uids) == 0 {
			return "", refused("The account has no uid, and the group lists its members by that")
		}
		value = l.who.uids[0]
	}
	id, err := idFilter(n.groupID, a.EntitlementID)
	if err != nil {
		return "", err
	}
	req := s.change(l.group, n.groupID, id)
	req.Add(attr, []string{value})
	return s.give(ctx, a, req)
}

// give sends a change that gives access, and sorts the answer.
func (s *session) give(ctx context.Context, a connector.Access, req *goldap.ModifyRequest) (connector.Outcome, error) {
	code, err := s.modify(ctx, "The grant", req)
	if err != nil {
		return "", err
	}
	switch code {
	case goldap.LDAPResultSuccess:
		return connector.Granted, nil
	case goldap.LDAPResultAssertionFailed:
		return connector.Changed, nil
	case goldap.LDAPResultAttributeOrValueExists, goldap.LDAPResultEntryAlreadyExists, goldap.LDAPResultNoSuchObject,
		goldap.LDAPResultNoSuchAttribute:
		l, err := s.look(ctx, a)
		if err != nil {
			return "", err
		}
		switch l.obs.Presence {
		case connector.Present:
			return connector.AlreadyHeld, nil
		case connector.WrongTarget:
			return connector.RefusedTarget, nil
		case connector.Absent, connector.NotDirect:
		}
		return connector.Changed, nil
	}
	return "", s.sort("The grant", code)
}

// slot is the attribute into which a group takes a new member: the one that its kind has.
func (s *session) slot(g *goldap.Entry) string {
	switch {
	case s.srv.ad, hasClass(g, "groupOfNames"):
		return "member"
	case hasClass(g, "groupOfUniqueNames"):
		return "uniqueMember"
	case hasClass(g, "organizationalRole"):
		return "roleOccupant"
	}
	for _, attr := range s.names().members {
		if len(values(g, attr)) > 0 {
			return attr
		}
	}
	if hasClass(g, "posixGroup") {
		return "memberUid"
	}
	return "member"
}

// enable takes away the mark that disables an account.
func (s *session) enable(ctx context.Context, a connector.Access) (connector.Outcome, error) {
	who, _, err := s.lookAccount(ctx, a)
	if err != nil {
		return "", err
	}
	if who == nil || who.entry == nil {
		return "", refused("The account no longer exists, so it cannot be enabled")
	}
	attr, value := s.disabling()
	req := s.change(who.entry, s.names().accountID, s.unchanged(who.entry))
	old := values(who.entry, attr)
	if !s.srv.ad {
		i := slices.IndexFunc(old, func(v string) bool { return strings.EqualFold(v, value) })
		if i < 0 {
			return "", refused("The account is not disabled in a way that the connector knows; enable it by hand")
		}
		req.Delete(attr, old[i:i+1])
		return s.give(ctx, a, req)
	}
	flags, err := strconv.ParseInt(first(who.entry, attr), 10, 64)
	if err != nil {
		return "", &connector.Failure{Kind: connector.Broken, Msg: fmt.Sprintf("The account's %s is no number", attr)}
	}
	req.Delete(attr, old[:1])
	req.Add(attr, []string{strconv.FormatInt(flags&^uacDisabled, 10)})
	return s.give(ctx, a, req)
}
