package baton

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// dump is one full sync, from a file of either kind. Each method gives every object once, in
// the same order each time, and fails where one cannot be read.
type dump interface {
	types(ctx context.Context, yield func(resourceType) error) error
	principals(ctx context.Context, yield func(key string) error) error // of the grants; the same one may come again
	resources(ctx context.Context, yield func(resource) error) error
	entitlements(ctx context.Context, yield func(entitlement) error) error
	grants(ctx context.Context, yield func(grant) error) error
	started() model.Time // when the sync began
}

// visitor takes what a scan finds; nil fields are passed over.
type visitor struct {
	account     func(model.Account) error
	entitlement func(model.Entitlement) error
	grant       func(g grant, paths []string) error // path "" is direct
}

// scan reads a sync whole and checks that nothing in it points to what is not there: connectors
// leave out rows that they could not complete and call the sync a full one all the same.
type scan struct {
	c          *Client
	d          dump
	to         visitor
	types      map[string]resourceType
	principals map[string]bool  // keys
	things     map[string]thing // resources by key
	ents       map[string]bool  // ids
	grants     map[uint64]struct{}
	seed       maphash.Seed
	users      int
	counts     map[model.Kind]int64
}

// thing is what stays of a resource.
type thing struct{ name, typ string }

func (c *Client) scan(ctx context.Context, d dump, to visitor) (*scan, error) {
	s := &scan{
		c: c, d: d, to: to, types: map[string]resourceType{}, principals: map[string]bool{}, things: map[string]thing{},
		ents: map[string]bool{}, grants: map[uint64]struct{}{}, seed: maphash.MakeSeed(), counts: map[model.Kind]int64{},
	}
	for _, step := range []func() error{
		func() error { return d.types(ctx, s.addType) },
		func() error {
			return d.principals(ctx, func(key string) error { s.principals[key] = true; return nil })
		},
		func() error { return d.resources(ctx, s.addResource) },
		s.hasUsers,
		func() error { return d.entitlements(ctx, s.addEntitlement) },
		func() error { return d.grants(ctx, s.addGrant) },
	} {
		if err := c.stopped(ctx); err != nil {
			return nil, err
		}
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, c.stopped(ctx)
}

func (s *scan) broken(format string, args ...any) error {
	return s.c.fail(connector.Broken, s.c.secrets.Show("The sync is not whole: "+fmt.Sprintf(format, args...)), nil)
}

func (s *scan) addType(t resourceType) error {
	if _, twice := s.types[t.id]; t.id == "" || twice {
		return s.broken("the resource type %q has no id or comes twice", t.id)
	}
	s.types[t.id] = t
	return nil
}

func (s *scan) is(typ string, t trait) bool { return slices.Contains(s.types[typ].traits, t) }

func (s *scan) addResource(r resource) error {
	_, twice := s.things[r.key]
	switch {
	case r.typ == "" || r.id == "":
		return s.broken("a resource has no id")
	case twice:
		return s.broken("the resource %q comes twice", r.key)
	}
	if _, known := s.types[r.typ]; !known {
		return s.broken("the resource %q is of a type that is not there", r.key)
	}
	s.things[r.key] = thing{r.name, r.typ}
	user := s.is(r.typ, traitUser) || s.is(r.typ, traitAgent) || r.user != nil
	if user {
		s.users++
	}
	if !user && !s.principals[r.key] {
		return nil
	}
	s.counts[model.KindAccounts]++
	if s.to.account == nil {
		return nil
	}
	return s.to.account(s.accountOf(r))
}

// hasUsers refuses a sync without anybody: one that was told to leave users out drops their
// grants, and looks like a mass removal.
func (s *scan) hasUsers() error {
	if s.users == 0 {
		return s.broken("it has no user at all; see that nothing restricts which resource types are synced")
	}
	return nil
}

func (s *scan) accountOf(r resource) model.Account {
	a := model.Account{
		AccountID: r.key, Username: r.name, DisplayName: r.name, Status: r.status, CreatedAt: r.created,
		Attrs: map[string]string{"resource_type": r.typ},
	}
	for k, v := range r.profile {
		a.Attrs["profile."+k] = v
	}
	if r.description != "" {
		a.Attrs["description"] = r.description
	}
	if s.is(r.typ, traitAgent) {
		a.Kind = "agent"
	}
	if u := r.user; u != nil {
		a.Email, a.LastLoginAt = u.email, u.lastLogin
		if u.kind != "" && a.Kind == "" {
			a.Kind = u.kind
		}
		if u.login != "" {
			a.Username = u.login
		}
	}
	switch by := s.c.cfg.PersonAttr; by {
	case "":
	case "id":
		a.PersonID = r.id
	case "login":
		if r.user != nil {
			a.PersonID = r.user.login
		}
	case "email":
		a.PersonID = a.Email
	default:
		a.PersonID = r.profile[strings.TrimPrefix(by, "profile.")]
	}
	return a
}

func (s *scan) addEntitlement(e entitlement) error {
	of, known := s.things[e.resource]
	switch {
	case e.id == "" || s.ents[e.id]:
		return s.broken("the entitlement %q has no id or comes twice", e.id)
	case !known:
		return s.broken("the entitlement %q belongs to the resource %q, which is not there", e.id, e.resource)
	}
	s.ents[e.id] = true
	s.counts[model.KindEntitlements]++
	if s.to.entitlement == nil {
		return nil
	}
	row := model.Entitlement{EntitlementID: e.id, Name: entitlementName(of.name, e), Description: e.description, Attrs: map[string]string{"resource": e.resource}}
	switch {
	case s.is(of.typ, traitLicence):
		row.Kind = "licence"
	case e.purpose == 2:
		row.Kind = "permission"
	case s.is(of.typ, traitGroup):
		row.Kind = "group"
	case s.is(of.typ, traitRole):
		row.Kind = "role"
	}
	return s.to.entitlement(row)
}

// entitlementName has the name of the resource in it, so that another resource under the same
// id is noticed.
func entitlementName(of string, e entitlement) string {
	name := e.name
	if name == "" {
		name = e.slug
	}
	switch {
	case name == "":
		return of
	case of == "" || strings.Contains(strings.ToLower(name), strings.ToLower(of)):
		return name
	}
	return of + ": " + name
}

func (s *scan) addGrant(g grant) error {
	key := maphash.String(s.seed, g.id)
	_, twice := s.grants[key]
	_, holder := s.things[g.principal]
	switch {
	case g.id == "" || twice:
		return s.broken("the grant %q has no id or comes twice", g.id)
	case !s.ents[g.entitlement]:
		return s.broken("the grant %q is of the entitlement %q, which is not there", g.id, g.entitlement)
	case !holder:
		return s.broken("the grant %q is of the principal %q, which is not there", g.id, g.principal)
	}
	s.grants[key] = struct{}{}
	s.counts[model.KindGrants]++
	if s.to.grant == nil {
		return nil
	}
	return s.to.grant(g, g.paths())
}

var pathEscaper = strings.NewReplacer(`\`, `\\`, `>`, `\>`)

// paths are the ways in which the grant is held. One that came by expansion names the
// entitlements that it came from; one that is direct as well names its own too.
func (g grant) paths() []string {
	if len(g.sources) == 0 {
		return []string{""}
	}
	out := make([]string, len(g.sources))
	for i, source := range g.sources {
		if source != g.entitlement {
			out[i] = pathEscaper.Replace(source)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// direct tells whether the grant itself can be taken away.
func (g grant) direct() bool { return !g.immutable && slices.Contains(g.paths(), "") }
