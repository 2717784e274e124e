package entra

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/entra/entraserver"
)

func good() Config {
	return Config{Tenant: "contoso.onmicrosoft.com", ClientID: clientID, ClientSecret: canary, Now: fixedNow}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(*Config)
		says string
	}{
		"no tenant":        {func(c *Config) { c.Tenant = "" }, "tenant"},
		"tenant with path": {func(c *Config) { c.Tenant = "x/../y" }, "tenant"},
		"no directory":     {func(c *Config) { c.Tenant = "common" }, `"common" names no directory`},
		"no client":        {func(c *Config) { c.ClientID = "Recert" }, "client_id"},
		"no secret":        {func(c *Config) { c.ClientSecret = "" }, "client secret"},
		"secret with end":  {func(c *Config) { c.ClientSecret = canary + "\n" }, "line end"},
		"secret's id":      {func(c *Config) { c.ClientSecret = "11111111-2222-3333-4444-555555555555" }, "secret's id"},
		"clear graph":      {func(c *Config) { c.GraphURL = "http://graph.microsoft.com/v1.0" }, "graph_url must begin with https"},
		"clear login":      {func(c *Config) { c.LoginURL = "http://login.microsoftonline.com" }, "login_url must begin with https"},
		"no address":       {func(c *Config) { c.GraphURL = "graph.microsoft.com" }, "graph_url"},
		"user in address":  {func(c *Config) { c.GraphURL = "https://a:" + canary + "@graph.microsoft.com/v1.0" }, "must hold no user"},
		"query in address": {func(c *Config) { c.LoginURL = "https://login.microsoftonline.com/?x=1" }, "must hold no user"},
		"no clock":         {func(c *Config) { c.Now = nil }, "Now"},
		"negative":         {func(c *Config) { c.Timeout = -1 }, "negative"},
	} {
		cfg := good()
		test.edit(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v, want …%s…", name, err, test.says)
		}
	}
	c, err := New(good())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.tokens.cfg; got.TokenURL != "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token" || got.Scopes[0] != "https://graph.microsoft.com/.default" {
		t.Errorf("token from %s for %v", got.TokenURL, got.Scopes)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprintf("%v %+v %#v", good(), good(), good())} {
		if strings.Contains(text, canary) {
			t.Errorf("the secret is shown: %s", text)
		}
	}
}

// TestSignInRefused: what Microsoft's sign-in errors mean, in one message, without the secret.
func TestSignInRefused(t *testing.T) {
	t.Parallel()
	token := func(c entraserver.Call) bool { return c.Path == "/token" }
	for name, test := range map[string]struct {
		edit func(*Config)
		rule entraserver.Rule
		kind connector.FailureKind
		says string
	}{
		"wrong secret": {edit: func(c *Config) { c.ClientSecret = canary + "x" }, kind: connector.Denied, says: "the client secret is wrong; give the secret's value, not its id (AADSTS7000215)"},
		"unknown app":  {edit: func(c *Config) { c.ClientID = "99999999-0000-0000-0000-000000000000" }, kind: connector.Denied, says: "no such application"},
		"no tenant":    {edit: func(c *Config) { c.Tenant = "fabrikam.example" }, kind: connector.Denied, says: "there is no such tenant"},
		"busy":         {rule: entraserver.Rule{Fault: entraserver.Refuse, Status: 429, RetryAfter: "9", When: token}, kind: connector.Unreachable, says: "429"},
		"down":         {rule: entraserver.Rule{Fault: entraserver.Refuse, Status: 503, When: token}, kind: connector.Unreachable, says: "503"},
		"cut":          {rule: entraserver.Rule{Fault: entraserver.DropRequest, When: token}, kind: connector.Unreachable, says: "got no answer"},
		"stalls":       {edit: func(c *Config) { c.Timeout = 100 * time.Millisecond }, rule: entraserver.Rule{Fault: entraserver.Stall, When: token}, kind: connector.Unreachable, says: "got no answer"},
		"redirects":    {rule: entraserver.Rule{Fault: entraserver.Redirect, Location: "http://127.0.0.1:1/", When: token}, kind: connector.Broken, says: "check login_url"},
		"not found":    {rule: entraserver.Rule{Fault: entraserver.PlainNotFound, When: token}, kind: connector.Broken, says: "check login_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := fixture(t, entraserver.Config{}, test.edit)
			company(srv)
			if test.rule.Fault != "" {
				srv.Inject(test.rule)
			}
			for what, call := range map[string]func() error{
				"probe": func() error { _, err := c.Probe(t.Context()); return err },
				"check": func() error { _, err := c.Check(t.Context(), of("u-ann", "g-it")); return err },
				"revoke": func() error {
					_, err := c.Revoke(t.Context(), of("u-ann", "g-it"), connector.Observation{}, "")
					return err
				},
				"read": func() error { _, err := tryRead(t.Context(), c); return err },
			} {
				t.Log(what)
				f := wantFailure(t, call(), test.kind, test.says)
				if test.rule.RetryAfter != "" && f.RetryAfter != 9*time.Second {
					t.Errorf("wait %v", f.RetryAfter)
				}
			}
		})
	}
}

// TestTokenIsKept: one token serves many requests, until shortly before its end.
func TestTokenIsKept(t *testing.T) {
	t.Parallel()
	var at atomic.Int64
	at.Store(fixedNow().Unix())
	srv, c := fixture(t, entraserver.Config{Now: func() time.Time { return time.Unix(at.Load(), 0).UTC() }}, nil)
	company(srv)
	tokens := func() (n int) {
		for _, call := range srv.Calls() {
			if call.Path == "/token" {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {57 * time.Minute, 1}, {90 * time.Second, 2}, {58 * time.Minute, 3}} {
		at.Add(int64(step.after / time.Second))
		check(t, c, of("u-ann", "g-it"), connector.Present)
		if got := tokens(); got != step.want {
			t.Errorf("%s later: %d tokens, want %d", step.after, got, step.want)
		}
	}
}

// TestDialer: every connection, those for tokens included, goes through the dialer of the configuration.
func TestDialer(t *testing.T) {
	t.Parallel()
	var dialled atomic.Int64
	srv, c := fixture(t, entraserver.Config{}, func(c *Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			dialled.Add(1)
			return nil, fmt.Errorf("not from here")
		}
	})
	_, err := c.Probe(t.Context())
	wantFailure(t, err, connector.Unreachable, "sign-in")
	if dialled.Load() == 0 || len(srv.Calls()) != 0 {
		t.Errorf("%d dialled, the server was sent %d requests", dialled.Load(), len(srv.Calls()))
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, func(c *Config) { c.SignInActivity = true })
	company(srv)
	said, err := c.Probe(t.Context())
	if want := "Microsoft Graph answers: the tenant has 3 users, 3 service principals, 5 groups."; err != nil || said != want {
		t.Errorf("probe says %q, %v, want %q", said, err, want)
	}
	srv.Inject(entraserver.Rule{Fault: entraserver.Refuse, Status: 403, When: func(c entraserver.Call) bool { return strings.Contains(c.Query, "signInActivity") }})
	_, err = c.Probe(t.Context())
	wantFailure(t, err, connector.Denied, "AuditLog.Read.All")
	srv.ClearFaults()
	srv.Inject(entraserver.Rule{Fault: entraserver.PlainNotFound})
	_, err = c.Probe(t.Context())
	wantFailure(t, err, connector.Broken, "")
}
