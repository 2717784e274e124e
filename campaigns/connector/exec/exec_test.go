package execconn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/exec/proc"
	"recert/model"
)

// shell is a client of a program of a few lines.
func shell(t *testing.T, script string, edit func(*Config)) *Client {
	t.Helper()
	cfg := Config{Command: []string{"/bin/sh", "-c", script}, Now: func() time.Time { return connectortest.Now }, Timeout: time.Minute, CanGrant: true}
	if edit != nil {
		edit(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// say is a program that prints lines.
func say(lines ...string) string {
	return "cat <<'END'\n" + strings.Join(lines, "\n") + "\nEND\n"
}

var ann = connector.Access{AccountID: "u-1", Username: "ann", EntitlementID: "g-1", EntitlementName: "G"}

const held = `{"account_id":"u-1","entitlement_id":"g-1","username":"Ann","entitlement_name":"G","presence":"present","version":"7"}`

func TestConfig(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*Config){
		"command is missing":       func(c *Config) { c.Command = nil },
		"absolute path":            func(c *Config) { c.Command = []string{"sh"} },
		"zero byte, which no arg":  func(c *Config) { c.Command = []string{"/bin/sh", "a\x00"} },
		"provides must be":         func(c *Config) { c.Provides = "things" },
		"must not be negative":     func(c *Config) { c.Timeout = -1 },
		"Config.Now is required":   func(c *Config) { c.Now = nil },
		"cannot be the name":       func(c *Config) { c.Env = map[string]string{"A=B": ""} },
		"RECERT_X is taken":        func(c *Config) { c.Secrets = map[string]string{"RECERT_X": ""} },
		"value of X holds a zero":  func(c *Config) { c.Secrets = map[string]string{"X": canary + "\x00"} },
		"X is given twice":         func(c *Config) { c.Env, c.Secrets = map[string]string{"X": "1"}, map[string]string{"X": canary} },
		"command repeats the secr": func(c *Config) { c.Command, c.Secrets = []string{"/a", "-p" + canary}, map[string]string{"X": canary} },
	} {
		cfg := Config{Command: []string{"/bin/true"}, Now: time.Now}
		edit(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	c := shell(t, "", func(c *Config) { c.Secrets = map[string]string{"X": canary} })
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", c, c.cfg, c.cfg), c.cfg.LogValue().String()} {
		if strings.Contains(s, canary) {
			t.Errorf("the secret is shown: %s", s)
		}
	}
}

// TestSurroundings: what the program gets, and nothing else.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	c := shell(t, `{ cat; env | sort; pwd; ls -A | wc -l; } >"$OUT"; echo '{"outcome":"removed"}'`, func(c *Config) {
		c.Env, c.Secrets = map[string]string{"OUT": out, "LANG": "C"}, map[string]string{"PASSWORD": "p w"}
	})
	a := ann
	a.AccountID = "<u>\n\"1"
	if _, err := c.change(t.Context(), request{Command: cmdRevoke, Access: accessOf(a), Seen: &wireSeen{Presence: "present", Version: "7"}, Key: "k"}, connector.Removed); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	dir := lines[len(lines)-2]
	want := `{"version":1,"command":"revoke","access":{"account_id":"<u>\n\"1","username":"ann","entitlement_id":"g-1","entitlement_name":"G","granted_at":null},"seen":{"presence":"present","version":"7","granted_at":null},"key":"k"}
"1
HOME=` + dir + `
LANG=C
OUT=` + out + `
PASSWORD=p w
PATH=/usr/local/bin:/usr/bin:/bin
PWD=` + dir + `
RECERT_ACCOUNT_ID=<u>
RECERT_COMMAND=revoke
RECERT_ENTITLEMENT_ID=g-1
RECERT_ENTITLEMENT_NAME=G
RECERT_KEY=k
RECERT_PROTOCOL=1
RECERT_SEEN_VERSION=7
RECERT_USERNAME=ann
TMPDIR=` + dir + `
` + dir + `
0`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the working directory stays: %v", err)
	}
}

func TestCheckAnswers(t *testing.T) {
	t.Parallel()
	with := func(from, to string) string { return strings.Replace(held, from, to, 1) }
	tests := map[string]struct {
		script string
		want   connector.Presence
		fails  connector.FailureKind
		says   string
	}{
		"present":               {say(held), connector.Present, "", ""},
		"no line end":           {"printf %s '" + held + "'", connector.Present, "", ""},
		"absent, no names":      {say(`{"account_id":"u-1","entitlement_id":"g-1","presence":"absent"}`), connector.Absent, "", ""},
		"gone, still listed":    {say(with(`"Ann"`, "null")), connector.Present, "", ""},
		"renamed":               {say(with(`"Ann"`, `"ben"`)), connector.WrongTarget, "", ""},
		"renamed, and absent":   {say(strings.Replace(with(`"Ann"`, `"ben"`), "present", "absent", 1)), connector.WrongTarget, "", ""},
		"other entitlement":     {say(with(`"G"`, `"H"`)), connector.WrongTarget, "", ""},
		"it says so itself":     {say(with("present", "wrong_target")), connector.WrongTarget, "", ""},
		"no user name":          {say(with(`"username":"Ann",`, "")), "", connector.Broken, "has no username"},
		"no entitlement name":   {say(with(`"entitlement_name":"G",`, "")), "", connector.Broken, "has no entitlement_name"},
		"another account":       {say(with("u-1", "u-2")), "", connector.Broken, "about another access"},
		"another entitlement":   {say(with("g-1", "g-2")), "", connector.Broken, "about another access"},
		"no ids":                {say(`{"presence":"absent"}`), "", connector.Broken, "does not repeat"},
		"no presence":           {say(with("present", "")), "", connector.Broken, "none of the presences"},
		"unknown presence":      {say(with("present", "maybe")), "", connector.Broken, "none of the presences"},
		"misspelt":              {say(with("version", "revision")), "", connector.Broken, "revision"},
		"version with line end": {say(with(`"7"`, `"7\n"`)), "", connector.Broken, "control"},
		"two answers":           {say(held, held), "", connector.Broken, "more came"},
		"two on a line":         {say(held + held), "", connector.Broken, "more follows"},
		"a blank line":          {say("", held), "", connector.Broken, "no JSON object"},
		"not UTF-8":             {`printf '{"presence":"absent\377"}'`, "", connector.Broken, "UTF-8"},
		"a list":                {say("[]"), "", connector.Broken, "no JSON object"},
		"nothing":               {"true", "", connector.Broken, "no answer"},
		"half an answer":        {say(held[:40]), "", connector.Broken, "cannot be read"},
		"half, and fails":       {say(held[:40]) + "exit 3", "", connector.Unreachable, "exit status 3"},
		"answer, and fails":     {say(held) + "exit 1", "", connector.Unreachable, "exit status 1"},
		"killed":                {say(held) + "kill -9 $$", "", connector.Unreachable, "killed"},
		"says why":              {"echo first >&2; echo 'no route' >&2; exit 1", "", connector.Unreachable, "ends with: no route"},
		"error":                 {say(`{"error":{"kind":"denied","message":"Wrong password."}}`) + "exit 1", "", connector.Denied, "Wrong password."},
		"error, unknown":        {say(`{"error":{"kind":"sad","message":"Boo."}}`), "", connector.Broken, "sad"},
		"error, no kind":        {say(`{"error":{}}`), "", connector.Broken, "none of denied"},
		"error, then more":      {say(`{"error":{"kind":"denied"}}`, "x"), "", connector.Broken, "more came"},
		"not there":             {"", "", connector.Unreachable, "cannot be started"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := shell(t, c.script, func(cfg *Config) {
				if c.script == "" {
					cfg.Command = []string{"/nonexistent/program"}
				}
			})
			obs, err := client.Check(t.Context(), ann)
			if c.fails != "" {
				if f := connector.FailureOf(err); err == nil || f.Kind != c.fails || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%+v, %v; want %s with %q", obs, err, c.fails, c.says)
				}
				return
			}
			if err != nil || obs.Presence != c.want || obs.Detail == "" {
				t.Fatalf("%+v, %v; want %s", obs, err, c.want)
			}
		})
	}
}

// TestObservation: everything that the program says of the access is handed on.
func TestObservation(t *testing.T) {
	t.Parallel()
	answer := strings.Replace(held, "}", `,"granted_at":"2026-01-02T03:04:05+01:00","last":true,"self":true,"detail":"It\tis SECRET <there>."}`, 1)
	c := shell(t, "{ "+say(answer)+`} | sed "s/SECRET/$P/"`, func(c *Config) { c.Secrets = map[string]string{"P": "p4ss"} })
	got, err := c.Check(t.Context(), ann)
	at, _ := model.ParseTime("2026-01-02T02:04:05Z")
	want := connector.Observation{Presence: connector.Present, GrantedAt: at, Version: "7", Last: true, Self: true, Detail: "It is *** <there>."}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestUnsendable: what no environment can carry is refused before anything runs.
func TestUnsendable(t *testing.T) {
	t.Parallel()
	c := shell(t, say(held), nil)
	for _, id := range []string{"", "a\x00b", "a\xffb", strings.Repeat("x", 70_000)} {
		a := ann
		a.AccountID = id
		_, err := c.Check(t.Context(), a)
		if f := connector.FailureOf(err); err == nil || f.Kind != connector.Refused {
			t.Errorf("id of %d bytes: %v", len(id), err)
		}
	}
}

// TestChangeWithoutAnswer: the change was made, and the program does not say so as it should.
// Neither its exit status nor what else it prints counts.
func TestChangeWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after string
		want  connector.FailureKind
		out   connector.Outcome
	}{
		"answered":            {`echo '{"outcome":"removed"}'`, "", connector.Removed},
		"a task":              {`echo '{"outcome":"task_opened"}'`, "", connector.TaskOpened},
		"nothing, status 0":   {"exit 0", connector.Broken, ""},
		"nothing, status 1":   {"exit 1", connector.Unreachable, ""},
		"answered, status 1":  {`echo '{"outcome":"removed"}'; exit 1`, connector.Unreachable, ""},
		"killed":              {"kill -9 $$", connector.Unreachable, ""},
		"garbage":             {"echo done", connector.Broken, ""},
		"more":                {`echo '{"outcome":"removed"}'; echo done`, connector.Broken, ""},
		"endless":             {`while :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done`, connector.Broken, ""},
		"of another command":  {`echo '{"outcome":"granted"}'`, connector.Broken, ""},
		"hangs, answered":     {`echo '{"outcome":"removed"}'; sleep 1000`, connector.Unreachable, ""},
		"hangs, output ended": {`echo '{"outcome":"removed"}'; exec >&-; sleep 1000`, connector.Unreachable, ""},
		"error":               {`echo '{"error":{"kind":"unreachable","retry_after":9}}'`, connector.Unreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := filepath.Join(t.TempDir(), "done")
			script := `if [ "$RECERT_COMMAND" = check ]; then ` + say(held) + `else echo x >>"$DONE"; ` + c.after + "\nfi"
			client := shell(t, script, func(cfg *Config) {
				cfg.Env, cfg.MaxLine = map[string]string{"DONE": done}, 2000
				if strings.HasPrefix(name, "hangs") {
					cfg.Timeout = 3 * time.Second
				}
			})
			got, err := client.Revoke(t.Context(), ann, connector.Observation{Presence: connector.Present}, "k")
			if c.want == "" && (err != nil || got != c.out) {
				t.Errorf("%q, %v", got, err)
			}
			if f := connector.FailureOf(err); c.want != "" && (err == nil || f.Kind != c.want || got != "") {
				t.Errorf("%q, %v; want %s", got, err, c.want)
			}
			if b, err := os.ReadFile(done); string(b) != "x\n" {
				t.Errorf("asked for the change %d times, %v", len(b)/2, err)
			}
		})
	}
}

// TestGuards: where the look differs from what was seen, the program is not asked.
func TestGuards(t *testing.T) {
	t.Parallel()
	newer := strings.Replace(held, "}", `,"granted_at":"2026-01-02T00:00:00Z"}`, 1)
	early, _ := model.ParseTime("2026-01-01T00:00:00Z")
	for name, c := range map[string]struct {
		answer string
		access connector.Access
		seen   connector.Observation
		want   connector.Outcome
	}{
		"another version": {held, ann, connector.Observation{Presence: connector.Present, Version: "6"}, connector.Changed},
		"granted later":   {newer, ann, connector.Observation{Presence: connector.Present, GrantedAt: early}, connector.Changed},
		"version gone":    {strings.Replace(held, `"7"`, `""`, 1), ann, connector.Observation{Presence: connector.Present, Version: "6"}, connector.Changed},
		"a path":          {held, connector.Access{AccountID: "u-1", EntitlementID: "g-1", Via: "g-2"}, connector.Observation{}, connector.RefusedDirect},
		"seen absent":     {held, ann, connector.Observation{Presence: connector.Absent}, connector.AlreadyAbsent},
		"not direct":      {strings.Replace(held, "present", "not_direct", 1), ann, connector.Observation{}, connector.RefusedDirect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := shell(t, `[ "$RECERT_COMMAND" = check ] || exit 9; `+say(c.answer), nil)
			if got, err := client.Revoke(t.Context(), c.access, c.seen, "k"); err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
	c := shell(t, say(held), func(c *Config) { c.CanGrant = false })
	if _, err := c.Grant(t.Context(), ann, "k"); connector.FailureOf(err).Kind != connector.Refused {
		t.Errorf("grant without the right: %v", err)
	}
	if _, ok := c.AsTarget().(connector.Granter); ok {
		t.Error("a program that cannot grant is a Granter")
	}
	if _, ok := c.AsTarget().(connector.Prober); !ok {
		t.Error("AsTarget loses Probe")
	}
	c.cfg.CanGrant = true
	if _, ok := c.AsTarget().(connector.Granter); !ok {
		t.Error("a program that can grant is no Granter")
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	got, err := shell(t, say(`{"detail":"12 accounts."}`), nil).Probe(t.Context())
	if err != nil || got != "12 accounts." {
		t.Errorf("%q, %v", got, err)
	}
	_, err = shell(t, say(`{"error":{"kind":"denied","message":"Wrong password for recert."}}`), nil).Probe(t.Context())
	if f := connector.FailureOf(err); f.Kind != connector.Denied || !strings.Contains(f.Msg, "Wrong password for recert.") {
		t.Errorf("%v", err)
	}
}

// ended waits for a process to end; one that nobody waited for has ended too.
func ended(t *testing.T, pidFile string) bool {
	t.Helper()
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(b)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// TestEndsEverything: at the deadline the program ends with all that it started, and the call
// comes back even where something got away and keeps the output open.
func TestEndsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := shell(t, `sleep 1000 & echo $! >"$D/child"; setsid sleep 60 & echo $! >"$D/away"; wait`, func(c *Config) {
		c.Env, c.Timeout = map[string]string{"D": dir}, time.Second
	})
	_, err := c.Check(t.Context(), ann)
	if f := connector.FailureOf(err); f.Kind != connector.Unreachable || !errors.Is(err, errSilent) {
		t.Errorf("%v", err)
	}
	if !ended(t, filepath.Join(dir, "child")) {
		t.Error("what the program started still runs")
	}
	b, err := os.ReadFile(filepath.Join(dir, "away"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill() // it may have ended by itself
	}
	// The caller's own context ends the program as well.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = shell(t, "sleep 1000", nil).Check(ctx, ann)
	if f := connector.FailureOf(err); f.Kind != connector.Unreachable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestSecrets: in no form, wherever the program repeats them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	quoted, _ := json.Marshal(canary)
	for name, script := range map[string]string{
		"error output": `echo "p=$P" >&2; exit 1`,
		"long line":    `i=0; while [ $i -lt 400 ]; do printf '%s' "$P" >&2; i=$((i+1)); done; exit 1`,
		"message":      say(`{"error":{"kind":"refused","message":` + string(quoted) + `}}`),
		"kind":         say(`{"error":{"kind":` + string(quoted) + `}}`),
		"field":        say(`{` + string(quoted) + `:1}`),
		"outcome":      say(`{"outcome":` + string(quoted) + `}`),
		"quoted":       "cat >&2 <<'END'\n" + string(quoted) + "\nEND\nexit 1",
		"in base64":    `printf %s "$P" | base64 -w0 >&2; exit 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := shell(t, script, func(c *Config) { c.Secrets = map[string]string{"P": canary} })
			_, err := c.change(t.Context(), request{Command: cmdRevoke, Access: accessOf(ann)}, connector.Removed)
			_, lerr := c.Read(t.Context(), func(model.Record) error { return nil })
			for _, err := range []error{err, lerr} {
				text := fmt.Sprintf("%v %+v %#v", err, err, connector.FailureOf(err))
				for _, s := range proc.SecretsOf(map[string]string{"": canary}) {
					if err == nil || strings.Contains(text, s) || strings.Contains(text, s[len(s)/2:]) {
						t.Errorf("%s", text)
					}
				}
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]time.Duration{
		"": 0, "null": 0, "7": 7 * time.Second, "1.5": 1500 * time.Millisecond, `"30"`: 30 * time.Second,
		"0": time.Second, "-5": time.Second, `"soon"`: time.Second, "{}": time.Second, `"NaN"`: time.Second, `"+Inf"`: 24 * time.Hour, "1e300": 24 * time.Hour,
	} {
		if got := retryAfter(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
}
