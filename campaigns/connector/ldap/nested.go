package ldap

import (
	"context"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
)

// maxOuter bounds how many groups one look goes through.
const maxOuter = 2_000

// rung is a group on the way from the account outwards.
type rung struct {
	entry *goldap.Entry
	path  []string // ids from this group inwards, outermost first
}

// indirect looks for a way from the account to the group that is not the group's own value:
// through other groups, the account's primary group, or what the account says of itself.
func (s *session) indirect(ctx context.Context, g *goldap.Entry, who *principal) (*look, error) {
	via, err := s.climb(ctx, g, who)
	switch {
	case err != nil:
		return nil, err
	case via != "":
		return &look{obs: connector.Observation{
			Presence: connector.NotDirect, Version: s.version(g), Self: s.self(who),
			Detail: "The account is no direct member; it is in the group through " + via + ".",
		}}, nil
	}
	if who.entry != nil && !s.srv.ad {
		for _, dn := range values(who.entry, "memberOf") {
			if normDN(dn) == normDN(g.DN) {
				return saw(connector.NotDirect, "The group does not list the account, but the account says by memberOf that it is in it."), nil
			}
		}
	}
	return saw(connector.Absent, "The account is not in the group, neither directly nor through another group."), nil
}

// climb goes from the account through the groups that hold it, and those that hold them, and
// is the path to g, or "". Going outwards asks for few entries even where groups are huge.
func (s *session) climb(ctx context.Context, g *goldap.Entry, who *principal) (string, error) {
	target := normDN(g.DN)
	queue, err := s.firstRungs(ctx, who)
	if err != nil {
		return "", err
	}
	seen := map[string]bool{}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		dn := normDN(at.entry.DN)
		if dn == target {
			if len(at.path) > 1 {
				return joinPath(at.path[1:]), nil
			}
			continue // the group's own value, which member has looked at
		}
		if seen[dn] {
			continue
		}
		if seen[dn] = true; len(seen) > maxOuter {
			return "", broken("The account is in more than %d groups; untangle the nested groups", maxOuter)
		}
		outer, err := s.groupsWith(ctx, s.dnFilter(at.entry.DN))
		if err != nil {
			return "", err
		}
		for _, o := range outer {
			r, err := s.rung(o, at.path)
			if err != nil {
				return "", err
			}
			queue = append(queue, r)
		}
	}
	return "", nil
}

// firstRungs are the groups that the account is in without another group between.
func (s *session) firstRungs(ctx context.Context, who *principal) ([]rung, error) {
	var queue []rung
	add := func(filter string, inner ...string) error {
		list, err := s.groupsWith(ctx, filter)
		for _, e := range list {
			r, rerr := s.rung(e, inner)
			if rerr != nil {
				return rerr
			}
			queue = append(queue, r)
		}
		return err
	}
	var filter strings.Builder
	if who.dn != "" {
		filter.WriteString(s.dnFilter(who.dn))
	}
	for _, uid := range who.uids {
		if !s.srv.ad {
			filter.WriteString("(memberUid=" + goldap.EscapeFilter(uid) + ")")
		}
	}
	if filter.Len() > 0 {
		if err := add(filter.String()); err != nil {
			return nil, err
		}
	}
	if who.entry == nil {
		return queue, nil
	}
	switch key := primaryKey(who.entry, s.srv.ad, false); {
	case key == "":
	case s.srv.ad:
		return queue, add("(objectSid="+goldap.EscapeFilter(key)+")", viaPrimaryAD)
	default:
		gid := strings.TrimPrefix(key, "gid:")
		return queue, add("(&(objectClass=posixGroup)(gidNumber="+goldap.EscapeFilter(gid)+"))", viaPrimaryPOSIX)
	}
	return queue, nil
}

func (s *session) rung(e *goldap.Entry, inner []string) (rung, error) {
	id, err := idOf(e, s.names().groupID)
	if err == nil && id == "" {
		id = e.DN // a group that is not listed, on the way to one that is
	}
	return rung{e, append([]string{id}, inner...)}, err
}

// dnFilter finds what holds a DN as a member.
func (s *session) dnFilter(dn string) string {
	var f strings.Builder
	for _, attr := range s.names().members {
		if attr != "memberUid" {
			f.WriteString("(" + attr + "=" + goldap.EscapeFilter(dn) + ")")
		}
	}
	return f.String()
}

// groupsWith finds groups, wherever they are.
func (s *session) groupsWith(ctx context.Context, filter string) (list []*goldap.Entry, err error) {
	root, err := s.everywhere(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.pages(ctx, "Looking for nested groups", root, "(|"+filter+")", []string{s.names().groupID}, s.c.cfg.PageSize,
		func(e *goldap.Entry) error {
			if list = append(list, e); len(list) > maxOuter {
				return broken("The account is in more than %d groups; untangle the nested groups", maxOuter)
			}
			return nil
		})
	return list, err
}

var pathEscaper = strings.NewReplacer(`\`, `\\`, `>`, `\>`)

// joinPath writes ids as one path, outermost first.
func joinPath(ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = pathEscaper.Replace(id)
	}
	return strings.Join(out, ">")
}
