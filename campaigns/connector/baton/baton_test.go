package baton

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
)

// staffed is a world with ann and ben in "Engineers" and carl in "Contractors", whose members
// are engineers too.
func staffed(t *testing.T, edit func(*Config)) *world {
	t.Helper()
	w := newWorld(t, edit)
	w.do(func(*state) { w.state = staff() })
	return w
}

func staff() *state {
	s := newState()
	s.Users = map[string]string{"1": "ann", "2": "ben", "3": "carl"}
	s.Groups = map[string]string{"e": "Engineers", "c": "Contractors"}
	s.member("e", "1")
	s.member("e", "2")
	s.member("c", "3")
	s.inside("e", "c")
	return s
}

func holds(user, name, group, groupName string) connector.Access {
	return long(connector.Access{AccountID: user, Username: name, EntitlementID: group, EntitlementName: groupName})
}

var present = connector.Observation{Presence: connector.Present}

// TestLies are what connectors were seen to do with exit status 0.
func TestLies(t *testing.T) {
	t.Parallel()
	t.Run("access remains", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		w.Inject(connectortest.Fault{Kind: connectortest.Lie, On: connectortest.Writes})
		a := holds("1", "ann", "e", "Engineers")
		if o, err := w.c.Revoke(t.Context(), a, present, "k"); o != connector.Removed || err != nil {
			t.Errorf("%q, %v", o, err)
		}
		if obs, err := w.c.Check(t.Context(), a); obs.Presence != connector.Present || err != nil {
			t.Errorf("%+v, %v", obs, err)
		}
	})
	t.Run("expanded", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		if o, err := w.c.Revoke(t.Context(), holds("3", "carl", "e", "Engineers"), present, "k"); o != connector.RefusedDirect || err != nil || w.Attempts() != 0 {
			t.Errorf("%q, %v, asked %d times", o, err, w.Attempts())
		}
	})
	t.Run("immutable", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		w.do(func(s *state) { s.Fixed["e"] = true })
		if o, err := w.c.Revoke(t.Context(), holds("1", "ann", "e", "Engineers"), present, "k"); o != connector.RefusedDirect || err != nil || w.Attempts() != 0 {
			t.Errorf("%q, %v, asked %d times", o, err, w.Attempts())
		}
	})
	t.Run("renamed, and another has the name", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		w.do(func(s *state) {
			w.byName = true
			s.Users["2"], s.Users["9"] = "ben_left", "ben"
			s.member("e", "9")
		})
		a := holds("2", "ben", "e", "Engineers")
		if o, err := w.c.Revoke(t.Context(), a, present, "k"); o != connector.RefusedTarget || err != nil {
			t.Errorf("%q, %v", o, err)
		}
		if !w.Holds("9", "e") || !w.Holds("2", "e") || w.Attempts() != 0 {
			t.Error("somebody lost access")
		}
	})
	t.Run("a group recycled", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		w.do(func(s *state) { s.Groups["e"] = "Directors" })
		if o, err := w.c.Revoke(t.Context(), holds("1", "ann", "e", "Engineers"), present, "k"); o != connector.RefusedTarget || err != nil || w.Attempts() != 0 {
			t.Errorf("%q, %v", o, err)
		}
	})
	t.Run("already gone", func(t *testing.T) {
		t.Parallel()
		w := staffed(t, nil)
		if o, err := w.c.Revoke(t.Context(), holds("2", "ben", "c", "Contractors"), present, "k"); o != connector.AlreadyAbsent || err != nil || w.Attempts() != 0 {
			t.Errorf("%q, %v", o, err)
		}
	})
}

// TestObservation: the last one, and the connector's own account.
func TestObservation(t *testing.T) {
	t.Parallel()
	w := staffed(t, func(c *Config) { c.Self = "user:3" })
	for _, c := range []struct {
		a          connector.Access
		last, self bool
	}{
		{holds("1", "ann", "e", ""), false, false},
		{holds("3", "carl", "c", ""), true, true},
	} {
		obs, err := w.c.Check(t.Context(), c.a)
		if err != nil || obs.Presence != connector.Present || obs.Last != c.last || obs.Self != c.self {
			t.Errorf("%s: %+v, %v", c.a.AccountID, obs, err)
		}
	}
	whole := connector.Access{AccountID: "user:1", Username: "ann"}
	if o, err := w.c.Revoke(t.Context(), whole, present, "k"); connector.FailureOf(err).Kind != connector.Refused || o != "" {
		t.Errorf("a whole account: %q, %v", o, err)
	}
	w.do(func(s *state) { s.Off["1"] = true })
	if obs, err := w.c.Check(t.Context(), whole); obs.Presence != connector.Absent || err != nil {
		t.Errorf("a disabled account: %+v, %v", obs, err)
	}
}

// TestFailures are those that were seen of real connectors, all with exit status 1.
func TestFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sync, revoke string
		want         connector.FailureKind
	}{
		"bad password, PostgreSQL": {sync: "failed to connect: FATAL: password authentication failed (SQLSTATE 28P01)", want: connector.Denied},
		"bad password, LDAP":       {sync: `LDAP Result Code 49 "Invalid Credentials"`, want: connector.Denied},
		"down":                     {sync: "dial tcp 127.0.0.1:5432: connect: connection refused", want: connector.Unreachable},
		"no privilege":             {revoke: `rpc error: code = Unknown desc = ERROR: permission denied for table t (SQLSTATE 42501)`, want: connector.Denied},
		"principal dropped":        {revoke: `ERROR: role "bob" does not exist (SQLSTATE 42704)`, want: connector.Unreachable},
		"nested group":             {revoke: "rpc error: code = InvalidArgument desc = only users can have group membership revoked", want: connector.Refused},
		"unknown":                  {revoke: "something odd", want: connector.Unreachable},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, nil)
			script := func(op string) (string, int) {
				say := c.revoke
				if op == "sync" {
					say = c.sync
				}
				if say == "" {
					return logLine("info", "starting", map[string]any{"error": nil}), 0
				}
				return logLine("error", "failed with "+canary, map[string]any{"error": say}) + "\nbye", 1
			}
			w.do(func(*state) { w.script = script })
			o, err := w.c.Revoke(t.Context(), holds("1", "ann", "e", "Engineers"), present, "k")
			f := connector.FailureOf(err)
			if err == nil || f.Kind != c.want || !w.Holds("1", "e") {
				t.Errorf("%q, %v; want %s", o, err, c.want)
			}
			text := fmt.Sprintf("%v %+v", err, f)
			if strings.Contains(text, canary) || !strings.Contains(text, "***") {
				t.Errorf("the log's line is not shown, or not without the secret: %s", text)
			}
		})
	}
}

// TestHung: real connectors have no time limit of their own. What they started ends with them.
func TestHung(t *testing.T) {
	t.Parallel()
	w := staffed(t, nil)
	w.Inject(connectortest.Fault{Kind: connectortest.Stall, On: connectortest.Reads})
	start := time.Now()
	_, err := w.c.Check(t.Context(), holds("1", "ann", "e", ""))
	if f := connector.FailureOf(err); f.Kind != connector.Unreachable || !errors.Is(err, errSlow) {
		t.Errorf("%v", err)
	}
	if d := time.Since(start); d > afterEnd {
		t.Errorf("it took %v: what the connector started was not ended", d)
	}
}

// TestSurroundings: how the connector is run.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	w := staffed(t, nil)
	if _, err := w.c.Revoke(t.Context(), holds("1", "ann", "e", "Engineers"), present, "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.c.Grant(t.Context(), holds("2", "ben", "c", "Contractors"), "k"); err != nil {
		t.Fatal(err)
	}
	var calls []call
	w.do(func(*state) { calls = w.calls })
	if len(calls) != 4 {
		t.Fatalf("%d runs", len(calls))
	}
	for i, want := range []string{"-f FILE", "-f FILE --revoke-grant=group:e:member:user:1", "-f FILE", "-f FILE --grant-entitlement=group:c:member --grant-principal=2 --grant-principal-type=user"} {
		c := calls[i]
		file := c.Args[3]
		got := strings.ReplaceAll(strings.Join(c.Args, " "), file, "FILE")
		if got != "--url ldap://127.0.0.1 "+want {
			t.Errorf("run %d with %s", i, got)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stays: %v", file, err)
		}
		var names []string
		for _, v := range c.Env {
			name, value, _ := strings.Cut(v, "=")
			names = append(names, name)
			if strings.Contains(value, canary) != (name == secretVar) {
				t.Errorf("%s is %s", name, value)
			}
		}
		slices.Sort(names)
		if got, want := strings.Join(names, " "), "BATON_LOG_FORMAT BATON_LOG_LEVEL BATON_OTEL_TRACING_DISABLED BATON_PASSWORD BATON_STORAGE_ENGINE GORACE HOME LANG PATH TEST_CONTROL TMPDIR"; got != want {
			t.Errorf("variables %s, want %s", got, want)
		}
	}
}

// TestRowsLeftOut: a sync that says that it dropped rows is refused wherever it is looked at.
func TestRowsLeftOut(t *testing.T) {
	t.Parallel()
	dropped := logLine("warn", "fresh ingest filtered references", map[string]any{"grants_dropped": 7})
	for name, c := range map[string]struct {
		say  string
		form form
		says string
	}{
		"the log says so":         {dropped, form{}, "left rows out"},
		"the log, other form":     {"WARN\tfresh ingest\tgrants_dropped=3", form{}, "left rows out"},
		"users left out":          {"", form{NoUsers: true}, "no user at all"},
		"a group left out":        {"", form{Lost: true}, "which is not there"},
		"a resource twice":        {"", form{Twice: true}, "comes twice"},
		"resources only":          {"", form{Type: "resources_only"}, "no full sync"},
		"partial, older form":     {"", form{Old: true, Type: "partial"}, "no full sync"},
		"it did not end":          {"", form{Open: true}, "no full sync"},
		"nothing dropped, so far": {logLine("info", "done", map[string]any{"grants_dropped": 0}), form{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staffed(t, nil)
			c.form.Zone = time.UTC
			w.do(func(*state) { w.say, w.form = c.say, c.form })
			a := holds("2", "ben", "c", "Contractors") // absent, if it were whole
			obs, err := w.c.Check(t.Context(), a)
			if c.says == "" {
				if err != nil || obs.Presence != connector.Absent {
					t.Errorf("%+v, %v", obs, err)
				}
				return
			}
			if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken || !strings.Contains(err.Error(), c.says) {
				t.Errorf("check: %+v, %v", obs, err)
			}
			_, err = w.c.Read(t.Context(), drop)
			if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken {
				t.Errorf("read: %v", err)
			}
			if s, err := w.c.Probe(t.Context()); err == nil {
				t.Errorf("probe: %s", s)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	w := staffed(t, nil)
	got, err := w.c.Probe(t.Context())
	if want := "A full sync that began at 2026-03-02T08:00:00.123456Z has 4 accounts, 2 entitlements and 5 grants."; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.c.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*Config){
		"give one of a command":        func(c *Config) { c.Command = nil },
		"give one of a command, ":      func(c *Config) { c.File = "x.c1z" },
		"JSON needs four":              func(c *Config) { c.Command, c.JSON = nil, &JSONFiles{Grants: "g"} },
		"mean something with":          func(c *Config) { c.Command, c.File, c.CanGrant = nil, "f", true },
		"must not be negative":         func(c *Config) { c.Timeout = -1 },
		"profile.KEY":                  func(c *Config) { c.PersonAttr = "shoe" },
		"Config.Now is required":       func(c *Config) { c.Now = nil },
		"absolute path":                func(c *Config) { c.Command = []string{"baton-ldap"} },
		"BATON_PASSWORD among":         func(c *Config) { c.Command = []string{"/b", "--password", canary} },
		"BATON_BIND_TOKEN among":       func(c *Config) { c.Command = []string{"/b", "--bind-token=" + canary} },
		"an address with a password":   func(c *Config) { c.Command = []string{"/b", "--dsn", "postgres://u:" + canary + "@h/d"} },
		"flag --sync-resource-types,":  func(c *Config) { c.Command = []string{"/b", "--sync-resource-types", "group"} },
		"flag --log-level,":            func(c *Config) { c.Command = []string{"/b", "--log-level=error"} },
		"flag -f,":                     func(c *Config) { c.Command = []string{"/b", "-f", "x"} },
		"flag --client-id,":            func(c *Config) { c.Command = []string{"/b", "--client-id", "x"} },
		"env has BATON_SKIP_FULL_SYNC": func(c *Config) { c.Env = map[string]string{"BATON_SKIP_FULL_SYNC": "1"} },
		"env has BATON_CLIENT_SECRET":  func(c *Config) { c.Secrets = map[string]string{"BATON_CLIENT_SECRET": canary} },
		"repeats the secret BATON_X":   func(c *Config) { c.Command, c.Secrets = []string{"/b", canary}, map[string]string{"BATON_X": canary} },
	} {
		cfg := Config{Command: []string{"/usr/bin/baton-ldap"}, Now: time.Now}
		edit(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	c, err := New(Config{Command: []string{"/b", "--bind-dn", "cn=x", "--user-search-dn=ou=people"}, Secrets: map[string]string{"BATON_PASSWORD": canary}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %#v %v", c, c.cfg, c.cfg, c.cfg.LogValue()); strings.Contains(s, canary) {
		t.Errorf("the secret is shown: %s", s)
	}
	if _, ok := c.AsTarget().(connector.Granter); ok {
		t.Error("a connector that cannot grant is a Granter")
	}
	if _, err := c.Grant(t.Context(), holds("1", "", "e", ""), "k"); connector.FailureOf(err).Kind != connector.Refused {
		t.Errorf("grant: %v", err)
	}
	c, err = New(Config{File: filepath.Join(t.TempDir(), "x"), Now: time.Now})
	if err != nil || c.AsTarget() != nil {
		t.Errorf("a file is a target: %v", err)
	}
}
