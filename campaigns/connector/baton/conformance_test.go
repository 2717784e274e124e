package baton

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// world is the target behind the fake connector, and the socket by which it asks.
type world struct {
	t *testing.T
	c *Client

	mu                sync.Mutex
	state             *state
	form              form
	byName            bool // the connector finds the holder by name, as some do
	listing           bool
	fault             connectortest.Fault
	say               string // in the log of every sync
	script            func(op string) (say string, exit int)
	then              func()
	attempts, changes int
	calls             []call
	wg                sync.WaitGroup
}

func newWorld(t *testing.T, edit func(*Config)) *world {
	t.Helper()
	w := &world{t: t, state: newState(), form: form{Zone: time.UTC}}
	short, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(short, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); w.wg.Wait(); _ = os.RemoveAll(short) })
	cfg := Config{
		Command: []string{os.Args[0], "--url", "ldap://127.0.0.1"}, Now: func() time.Time { return connectortest.Now }, CanGrant: true,
		Env:     map[string]string{controlVar: l.Addr().String(), "GORACE": "atexit_sleep_ms=0"},
		Secrets: map[string]string{secretVar: canary}, Timeout: time.Minute, MaxSize: 4 << 20, Location: time.UTC,
	}
	if edit != nil {
		edit(&cfg)
	}
	if w.c, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	w.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.serve(conn) })
		}
	})
	return w
}

func (w *world) serve(conn net.Conn) {
	defer conn.Close()
	var c call
	if json.NewDecoder(conn).Decode(&c) != nil {
		return
	}
	w.mu.Lock()
	var then func()
	w.calls = append(w.calls, c)
	if c.Op != "sync" {
		w.attempts++
		then, w.then = w.then, nil
	}
	w.mu.Unlock()
	if then != nil {
		then()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if json.NewEncoder(conn).Encode(w.order(c)) != nil {
		return
	}
}

// order carries a change out, and says how the connector is to answer.
func (w *world) order(c call) order {
	on := connectortest.Reads
	switch {
	case c.Op != "sync":
		on = connectortest.Writes
	case w.listing:
		on = connectortest.Lists
	}
	o := order{State: w.state, Form: w.form}
	if w.fault.On == on {
		o.Fault, o.Skip = w.fault.Kind, w.fault.Skip
	}
	if w.script != nil {
		if o.Say, o.Exit = w.script(c.Op); o.Exit != 0 {
			return o
		}
	}
	if c.Op == "sync" {
		if w.say != "" {
			o.Say = w.say
		}
		w.spoil(&o)
		return o
	}
	switch o.Fault {
	case connectortest.Lie, connectortest.Stall, connectortest.DropRequest:
		return o
	case connectortest.Status:
		o.Say, o.Exit = statusLine(w.fault), 1
		return o
	default:
	}
	w.change(c)
	return o
}

// spoil is what is wrong with a sync.
func (w *world) spoil(o *order) {
	switch o.Fault {
	case connectortest.Status:
		o.Say, o.Exit = statusLine(w.fault), 1
		if w.fault.Status == 204 {
			o.Exit = 0
		}
	case connectortest.ShortPage:
		o.Form.Open = o.Skip > 0
	case connectortest.CutPage:
		o.Form.NoUsers = true
	case connectortest.WrongTotal:
		o.Say = logLine("warn", "fresh ingest filtered references into resource types not scheduled for this sync",
			map[string]any{"entitlements_dropped": o.Skip, "grants_dropped": 7, "expansions_dropped": 0})
		if o.Skip == 1 {
			o.Say, o.Form.Type = "", "resources_only"
		}
	case connectortest.DupPage:
		o.Form.Twice = true
	default:
	}
}

func (w *world) change(c call) {
	group := strings.TrimSuffix(strings.TrimPrefix(c.Ent, "group:"), ":member")
	user, holds := c.Holder, c.Op == "grant"
	if holds {
		user = c.User
	}
	if w.byName && !holds {
		for id, name := range w.state.Users {
			if name == c.HolderIs {
				user = id
			}
		}
	}
	if w.state.Member[group][user] == holds {
		return
	}
	w.changes++
	if holds {
		w.state.member(group, user)
	} else {
		delete(w.state.Member[group], user)
	}
}

// statusLine is what a connector logs where a target on the web answers with a status.
func statusLine(f connectortest.Fault) string {
	code := "InvalidArgument"
	switch {
	case f.Status == 401:
		code = "Unauthenticated"
	case f.Status == 403:
		code = "PermissionDenied"
	case f.Status >= 500 || f.Status == 408 || f.Status == 429:
		code = "Unavailable"
	case f.Status == 204:
		return ""
	}
	return logLine("error", "failed", map[string]any{"error": fmt.Sprintf("rpc error: code = %s desc = signed in with %s", code, canary)})
}

func (w *world) Inject(f connectortest.Fault) bool {
	switch {
	case f.Kind == connectortest.Redirect, f.Kind == connectortest.WrongResource, f.RetryAfter != "":
		return false
	case f.Kind == connectortest.Stall || f.Kind == connectortest.SlowReply:
		w.c.cfg.Timeout = time.Second
		if f.On == connectortest.Writes {
			w.c.cfg.Timeout = 4 * time.Second // the sync before must succeed
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
	return true
}

func (w *world) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = connectortest.Fault{}
	w.c.cfg.Timeout = time.Minute
}

func (w *world) do(f func(s *state)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.state)
}

func (w *world) AddAccount(id, name string)     { w.do(func(s *state) { s.Users[id] = name }) }
func (w *world) AddEntitlement(id, name string) { w.do(func(s *state) { s.Groups[id] = name }) }
func (w *world) Grant(account, group string)    { w.do(func(s *state) { s.member(group, account) }) }
func (w *world) Ungrant(account, group string) {
	w.do(func(s *state) { delete(s.Member[group], account) })
}
func (w *world) Nest(outer, inner string)          { w.do(func(s *state) { s.inside(outer, inner) }) }
func (w *world) RenameAccount(id, name string)     { w.AddAccount(id, name) }
func (w *world) RenameEntitlement(id, name string) { w.AddEntitlement(id, name) }
func (w *world) Holds(account, group string) (h bool) {
	w.do(func(s *state) { h = s.Member[group][account] })
	return h
}
func (w *world) Active(account string) (a bool) {
	w.do(func(s *state) { a = !s.Off[account] })
	return a
}
func (w *world) Attempts() (n int)  { w.do(func(*state) { n = w.attempts }); return n }
func (w *world) Changes() (n int)   { w.do(func(*state) { n = w.changes }); return n }
func (w *world) Meanwhile(f func()) { w.do(func(*state) { w.then = f }) }
func (w *world) DeleteAccount(id string) {
	w.do(func(s *state) {
		delete(s.Users, id)
		for _, m := range s.Member {
			delete(m, id)
		}
	})
}

// short speaks the suite's ids: a connector's begin with the type of the resource.
type short struct {
	*Client
	w *world
}

func long(a connector.Access) connector.Access {
	a.AccountID = "user:" + a.AccountID
	if a.EntitlementID != "" {
		a.EntitlementID = entID(a.EntitlementID)
	}
	return a
}

func (s short) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	return s.Client.Check(ctx, long(a))
}

func (s short) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	return s.Client.Revoke(ctx, long(a), seen, key)
}

func (s short) Grant(ctx context.Context, a connector.Access, key string) (connector.Outcome, error) {
	return s.Client.Grant(ctx, long(a), key)
}

func (s short) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	s.w.do(func(*state) { s.w.listing = true })
	defer s.w.do(func(*state) { s.w.listing = false })
	cut := func(id *string) {
		*id = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(*id, "user:"), "group:"), ":member")
	}
	return s.Client.Read(ctx, func(r model.Record) error {
		cut(&r.Account.AccountID)
		cut(&r.Entitlement.EntitlementID)
		cut(&r.Grant.AccountID)
		cut(&r.Grant.EntitlementID)
		return yield(r)
	})
}

func harness(t *testing.T) connectortest.Harness {
	t.Helper()
	w := newWorld(t, nil)
	s := short{w.c, w}
	return connectortest.Harness{
		Target: s, Source: s, World: w, Page: 3, Secrets: []string{canary},
		Lacks: map[string]string{
			"guard":    "a sync has no versions",
			"accounts": "connectors can revoke grants, not deactivate accounts",
			"paths":    "a sync names where a grant comes from, not the whole way",
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness)
}
