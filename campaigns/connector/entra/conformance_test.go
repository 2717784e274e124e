package entra

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/entra/entraserver"
	"recert/model"
)

const (
	canary   = "c4n4ry~0f.the-secret"
	clientID = "00000000-0000-0000-0000-00000000c11e"
	wiki     = "app-wiki" // the application of the app roles under test
)

// kinds of entitlements under test.
const (
	ofGroups = "groups"
	ofApps   = "app roles"
	ofRoles  = "directory roles"
)

// world is the directory as the conformance suite sees it.
type world struct {
	t       *testing.T
	srv     *entraserver.Server
	ents    string // what entitlements are
	robots  bool   // accounts are service principals
	patient bool   // the client waits long, so nothing may stall

	mu   sync.Mutex
	then func()
}

func (w *world) AddAccount(id, name string) {
	if w.robots {
		w.srv.PutApp(entraserver.ServicePrincipal{ID: id, AppID: name, DisplayName: "The " + name})
		return
	}
	w.srv.PutUser(entraserver.User{ID: id, UserPrincipalName: name, DisplayName: "The " + name})
}

func (w *world) AddEntitlement(id, name string) {
	switch w.ents {
	case ofGroups:
		w.srv.PutGroup(entraserver.Group{ID: id, DisplayName: name})
	case ofRoles:
		w.srv.PutRole(id, name)
	default:
		a, _ := w.srv.App(wiki)
		a.ID, a.AppID, a.DisplayName = wiki, "wiki-client", "Wiki"
		a.Roles = append(slices.Clone(a.Roles), entraserver.AppRole{ID: id, DisplayName: name})
		w.srv.PutApp(a)
	}
}

func (w *world) Grant(account, ent string) {
	switch w.ents {
	case ofGroups:
		w.srv.AddMember(ent, account)
	case ofRoles:
		w.srv.AssignRole(ent, "/", account)
	default:
		w.srv.Assign(wiki, ent, account)
	}
}

func (w *world) Ungrant(account, ent string) {
	switch w.ents {
	case ofGroups:
		w.srv.RemoveMember(ent, account)
	case ofRoles:
		w.srv.UnassignRole(ent, "/", account)
	default:
		w.srv.Unassign(wiki, ent, account)
	}
}

func (w *world) Nest(outer, inner string) { w.srv.AddMember(outer, inner) }
func (w *world) DeleteAccount(id string)  { w.srv.Delete(id, true) }
func (w *world) RenameAccount(id, name string) {
	if w.robots {
		a, _ := w.srv.App(id)
		a.AppID = name
		w.srv.PutApp(a)
		return
	}
	u, _ := w.srv.User(id)
	u.UserPrincipalName = name
	w.srv.PutUser(u)
}

func (w *world) RenameEntitlement(id, name string) {
	switch w.ents {
	case ofGroups:
		g, _ := w.srv.Group(id)
		g.DisplayName = name
		w.srv.PutGroup(g)
	case ofRoles:
		w.srv.PutRole(id, name)
	default:
		a, _ := w.srv.App(wiki)
		a.Roles = slices.Clone(a.Roles)
		for i := range a.Roles {
			if a.Roles[i].ID == id {
				a.Roles[i].DisplayName = name
			}
		}
		w.srv.PutApp(a)
	}
}

func (w *world) Holds(account, ent string) bool {
	switch w.ents {
	case ofGroups:
		return w.srv.HasMember(ent, account)
	case ofRoles:
		return w.srv.HasRole(ent, "/", account)
	}
	return w.srv.Assigned(wiki, ent, account)
}

func (w *world) Active(account string) bool {
	if a, ok := w.srv.App(account); ok {
		return !a.Disabled
	}
	u, ok := w.srv.User(account)
	return ok && !u.Disabled
}

func (w *world) count(match func(entraserver.Call) bool) (n int) {
	for _, c := range w.srv.Calls() {
		if match(c) {
			n++
		}
	}
	return n
}
func (w *world) Attempts() int { return w.count(entraserver.Call.Mutates) }
func (w *world) Changes() int {
	return w.count(func(c entraserver.Call) bool { return c.Applied })
}

func (w *world) Meanwhile(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.then = f
}

func (w *world) before(c entraserver.Call) {
	if !c.Mutates() {
		return
	}
	w.mu.Lock()
	f := w.then
	w.then = nil
	w.mu.Unlock()
	if f != nil {
		f()
	}
}

func (w *world) ClearFaults() { w.srv.ClearFaults() }

func isList(c entraserver.Call) bool { return !c.Mutates() && strings.HasSuffix(c.Path, "/delta") }

func isRead(c entraserver.Call) bool {
	return !c.Mutates() && c.Path != "/token" && strings.Count(c.Path, "/") > 1 && !strings.HasSuffix(c.Path, "/delta") && !strings.HasSuffix(c.Path, "/$count")
}

func (w *world) Inject(f connectortest.Fault) bool {
	r := entraserver.Rule{
		Skip: f.Skip, Times: f.Times, Status: f.Status, RetryAfter: f.RetryAfter, Location: f.Location, Echo: true,
		// A list has no total beside its pages, so no total can be wrong: $count is a control total
		// of the snapshot, and has tests of its own.
		Fault: map[connectortest.FaultKind]entraserver.Fault{
			connectortest.Status: entraserver.Refuse, connectortest.Lie: entraserver.Lie,
			connectortest.SlowReply: entraserver.Slow, connectortest.Stall: entraserver.Stall,
			connectortest.DropReply: entraserver.DropReply, connectortest.DropRequest: entraserver.DropRequest,
			connectortest.Garbage: entraserver.BrokenJSON, connectortest.Redirect: entraserver.Redirect,
			connectortest.Huge: entraserver.HugeBody, connectortest.ShortPage: entraserver.ShortPage,
			connectortest.DupPage: entraserver.DupPage, connectortest.WrongResource: entraserver.WrongResource,
		}[f.Kind],
		When: func(c entraserver.Call) bool {
			switch f.On {
			case connectortest.Writes:
				return c.Mutates()
			case connectortest.Lists:
				return isList(c)
			case connectortest.Reads:
				return isRead(c)
			case connectortest.Nothing:
			}
			return false
		},
	}
	if w.patient && f.On != connectortest.Reads && (r.Fault == entraserver.Slow || r.Fault == entraserver.Stall) {
		return false
	}
	if r.Fault == "" {
		return false
	}
	w.srv.Inject(r)
	return true
}

func fixedNow() time.Time { return connectortest.Now }

// fixture is a directory with a client of it.
func fixture(t *testing.T, server entraserver.Config, edit func(*Config)) (*entraserver.Server, *Client) {
	t.Helper()
	server.Secret, server.ClientID = canary, clientID
	if server.Now == nil {
		server.Now = fixedNow
	}
	if server.Page == 0 {
		server.Page = 10
	}
	srv := entraserver.New(server)
	hs := httptest.NewServer(srv)
	t.Cleanup(hs.Close)
	cfg := Config{
		Tenant: "contoso.example", ClientID: clientID, ClientSecret: canary, GraphURL: hs.URL + entraserver.BasePath, LoginURL: hs.URL,
		MaxBody: 1 << 20, Timeout: 20 * time.Second, Now: server.Now,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if edit != nil {
		edit(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return srv, c
}

// live is what the suite tests.
type live interface {
	connector.Source
	connector.Granter
}

// variant is one way to run the suite.
type variant struct {
	server entraserver.Config
	ents   string // "" is ofGroups
	robots bool
	edit   func(*Config)
	wrap   func(*Client) live
}

func (v variant) harness(t *testing.T) connectortest.Harness {
	t.Helper()
	if v.ents == "" {
		v.ents = ofGroups
	}
	srv, c := fixture(t, v.server, v.edit)
	w := &world{t: t, srv: srv, ents: v.ents, robots: v.robots, patient: c.cfg.Timeout > 5*time.Second}
	srv.Hook(w.before)
	var l live = c
	if v.wrap != nil {
		l = v.wrap(c)
	}
	h := connectortest.Harness{Target: l, Source: l, World: w, Page: 10, Secrets: []string{canary, "eyJ0eXAi"}, Lacks: map[string]string{}}
	if v.ents != ofApps {
		h.Lacks["guard"] = "neither memberships nor assignments of directory roles have a version"
	}
	if v.ents != ofGroups {
		h.Target, h.Source = &translated{live: l, ents: v.ents}, &translated{live: l, ents: v.ents}
		h.Lacks["nesting"] = "roles hold no roles"
	}
	return h
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]variant{
		"groups":                {},
		"groups, impatient":     {edit: func(c *Config) { c.Timeout = 2 * time.Second }},
		"groups, small pieces":  {server: entraserver.Config{Page: 3, Members: 1}},
		"service principals":    {robots: true},
		"hidden among members":  {robots: true, server: entraserver.Config{HideApps: true}},
		"app roles":             {ents: ofApps},
		"app roles, short life": {ents: ofApps, server: entraserver.Config{Lifetime: 10 * time.Second}},
		"directory roles":       {ents: ofRoles},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connectortest.Run(t, v.harness)
		})
	}
}

// translated lets the suite name roles as it names everything: by "g-1" and "Editors", where the
// connector has "app:app-wiki:g-1" and "Wiki: Editors", or "role:g-1:/".
type translated struct {
	live
	ents string
}

func (x *translated) there(a connector.Access) connector.Access {
	switch {
	case a.EntitlementID == "":
	case x.ents == ofRoles:
		a.EntitlementID = rolePrefix + a.EntitlementID + ":/"
	case strings.HasSuffix(a.EntitlementID, "404"):
		// The suite means a thing that is not there; an app role is there as its application is.
		a.EntitlementID, a.EntitlementName = appPrefix+"app-404:g-404", ""
	default:
		a.EntitlementID = appPrefix + wiki + ":" + a.EntitlementID
		if a.EntitlementName != "" {
			a.EntitlementName = "Wiki: " + a.EntitlementName
		}
	}
	return a
}

func (x *translated) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	return x.live.Check(ctx, x.there(a))
}

func (x *translated) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	return x.live.Revoke(ctx, x.there(a), seen, key)
}

func (x *translated) Grant(ctx context.Context, a connector.Access, key string) (connector.Outcome, error) {
	return x.live.Grant(ctx, x.there(a), key)
}

func (x *translated) here(id string) string {
	prefix, first, second := splitID(id)
	if prefix == rolePrefix {
		return first
	}
	return second
}

// Read leaves out the application of the app roles, which is an account too, and counts without it.
// Roles that nobody holds are no entitlements to the connector, so "g-2" of the suite is put in.
func (x *translated) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	line, staff, extra := int64(0), false, int64(0)
	ext, err := x.live.Read(ctx, func(r model.Record) error {
		switch r.Kind {
		case model.KindAccounts:
			if r.Account.AccountID == wiki {
				extra++
				return nil
			}
		case model.KindEntitlements:
			line++
			r.Entitlement.EntitlementID = x.here(r.Entitlement.EntitlementID)
			r.Entitlement.Name = strings.TrimPrefix(r.Entitlement.Name, "Wiki: ")
			staff = staff || r.Entitlement.EntitlementID == "g-2"
		case model.KindGrants:
			r.Grant.EntitlementID = x.here(r.Grant.EntitlementID)
			if !staff {
				staff = true
				e := model.Record{Kind: model.KindEntitlements, File: "roles", Line: line + 1, Entitlement: model.Entitlement{EntitlementID: "g-2", Name: "Staff"}}
				if err := yield(e); err != nil {
					return err
				}
			}
		case model.KindPeople:
		}
		return yield(r)
	})
	if n, ok := ext.Totals[model.KindAccounts]; ok {
		ext.Totals[model.KindAccounts] = n - extra
	}
	return ext, err
}
