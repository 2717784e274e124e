package scim

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/scim/scimserver"
)

const canary = "c4n4ry-0f-the-token"

// world is the service provider as the conformance suite sees it.
type world struct {
	t       *testing.T
	srv     *scimserver.Server
	patient bool // the client waits long, so nothing may stall

	mu   sync.Mutex
	then func()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) AddAccount(id, name string) {
	w.srv.PutUser(scimserver.User{ID: id, UserName: name, DisplayName: "The " + name, Active: true})
}
func (w *world) AddEntitlement(id, name string) {
	w.srv.PutGroup(scimserver.Group{ID: id, DisplayName: name})
}
func (w *world) Grant(account, group string)   { w.must(w.srv.AddMember(group, account)) }
func (w *world) Ungrant(account, group string) { w.must(w.srv.RemoveMember(group, account)) }
func (w *world) Nest(outer, inner string)      { w.must(w.srv.AddMember(outer, inner)) }
func (w *world) DeleteAccount(id string)       { w.srv.DeleteUser(id) }
func (w *world) RenameAccount(id, name string) {
	u, _ := w.srv.User(id)
	u.UserName = name
	w.srv.PutUser(u)
}
func (w *world) RenameEntitlement(id, name string) {
	g, _ := w.srv.Group(id)
	g.DisplayName = name
	w.srv.PutGroup(g)
}
func (w *world) Holds(account, group string) bool { return w.srv.HasMember(group, account) }
func (w *world) Active(account string) bool {
	u, ok := w.srv.User(account)
	return ok && u.Active
}

func (w *world) count(match func(scimserver.Call) bool) (n int) {
	for _, c := range w.srv.Calls() {
		if match(c) {
			n++
		}
	}
	return n
}
func (w *world) Attempts() int { return w.count(scimserver.Call.Mutates) }
func (w *world) Changes() int {
	return w.count(func(c scimserver.Call) bool { return c.Applied })
}

func (w *world) Meanwhile(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.then = f
}

func (w *world) before(c scimserver.Call) {
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

func (w *world) Inject(f connectortest.Fault) bool {
	r := scimserver.Rule{
		Skip: f.Skip, Times: f.Times, Status: f.Status, RetryAfter: f.RetryAfter, Location: f.Location, Echo: true,
		Fault: map[connectortest.FaultKind]scimserver.Fault{
			connectortest.Status: scimserver.Refuse, connectortest.Lie: scimserver.Lie,
			connectortest.SlowReply: scimserver.Slow, connectortest.Stall: scimserver.Stall,
			connectortest.DropReply: scimserver.DropReply, connectortest.DropRequest: scimserver.DropRequest,
			connectortest.Garbage: scimserver.BrokenJSON, connectortest.Redirect: scimserver.Redirect,
			connectortest.Huge: scimserver.HugeBody, connectortest.ShortPage: scimserver.ShortPage,
			connectortest.CutPage: scimserver.CutPage, connectortest.WrongTotal: scimserver.WrongTotal,
			connectortest.DupPage: scimserver.DupPage, connectortest.WrongResource: scimserver.WrongResource,
		}[f.Kind],
		When: func(c scimserver.Call) bool {
			switch f.On {
			case connectortest.Writes:
				return c.Mutates()
			case connectortest.Lists:
				return !c.Mutates() && (c.Path == "/Users" || c.Path == "/Groups")
			case connectortest.Reads:
				return !c.Mutates() && strings.Count(c.Path, "/") > 1
			case connectortest.Nothing:
			}
			return false
		},
	}
	if w.patient && f.On != connectortest.Reads && (r.Fault == scimserver.Slow || r.Fault == scimserver.Stall) {
		return false
	}
	w.srv.Inject(r)
	return r.Fault != ""
}

// fixture is a service provider with a client of it.
func fixture(t *testing.T, server scimserver.Config, edit func(*Config)) (*scimserver.Server, *Client) {
	t.Helper()
	server.BasePath = "/scim/v2"
	if server.Token == "" && server.Username == "" {
		server.Token = canary
	}
	server.Now = func() time.Time { return connectortest.Now }
	srv := scimserver.New(server)
	hs := httptest.NewServer(srv)
	t.Cleanup(hs.Close)
	cfg := Config{
		URL: hs.URL + "/scim/v2", Token: server.Token, Username: server.Username, Password: server.Password,
		PageSize: 10, MaxBody: 1 << 20, Timeout: 20 * time.Second,
		Now:  func() time.Time { return connectortest.Now },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if edit != nil {
		edit(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return srv, c
}

func harness(server scimserver.Config, traits scimserver.Traits, edit func(*Config)) func(t *testing.T) connectortest.Harness {
	return func(t *testing.T) connectortest.Harness {
		srv, c := fixture(t, server, edit)
		srv.SetTraits(traits)
		w := &world{t: t, srv: srv, patient: c.cfg.Timeout > 2*time.Second}
		srv.Hook(w.before, nil)
		h := connectortest.Harness{
			Target: c, Source: c, World: w, Page: 10, Secrets: []string{canary},
			Lacks: map[string]string{},
		}
		if server.Username != "" {
			h.Secrets = []string{server.Password, "Y2xpZW50OmM0bjRyeQ=="}
		}
		if traits.NoETag {
			h.Lacks["guard"] = "the target has no versions"
		}
		return h
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server scimserver.Config
		traits scimserver.Traits
		edit   func(*Config)
	}{
		"plain":           {},
		"impatient":       {edit: func(c *Config) { c.Timeout = 2 * time.Second }},
		"basic":           {server: scimserver.Config{Username: "client", Password: "c4n4ry"}},
		"small pages":     {server: scimserver.Config{MaxPage: 3}},
		"no versions":     {traits: scimserver.Traits{NoETag: true}},
		"version in meta": {traits: scimserver.Traits{HeaderlessETag: true}},
		"untyped":         {traits: scimserver.Traits{UntypedMembers: true}},
		"bare lists":      {traits: scimserver.Traits{OmitMembers: true}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connectortest.Run(t, harness(c.server, c.traits, c.edit))
		})
	}
}
