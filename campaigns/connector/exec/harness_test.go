package execconn

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/connectortest"
)

// The test binary is also a program that stands between the connector and the real program, and
// spoils what goes through as the test tells it to.
const (
	controlVar = "TEST_CONTROL" // the address of the test's socket
	scriptVar  = "TEST_SCRIPT"
	secretVar  = "TEST_SECRET"
	canary     = `c4n4ry/"of+the` + "`secret"
)

func TestMain(m *testing.M) {
	if os.Getenv(controlVar) != "" {
		os.Exit(between())
	}
	os.Exit(m.Run())
}

// order is what the test tells the program in between.
type order struct {
	Fault connectortest.FaultKind
	Skip  int
	Line  string // the answer instead
}

func between() int {
	conn, err := net.Dial("unix", os.Getenv(controlVar))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	command := os.Getenv("RECERT_COMMAND")
	var o order
	if _, err = fmt.Fprintln(conn, command); err == nil {
		err = json.NewDecoder(conn).Decode(&o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	if o.Fault != "" {
		fmt.Fprintln(os.Stderr, "signed in with", os.Getenv(secretVar))
	}
	change := command == "revoke" || command == "grant"
	switch o.Fault {
	case connectortest.Status, connectortest.Lie:
		fmt.Println(o.Line)
		return 0
	case connectortest.Stall, connectortest.DropRequest:
		if !change && command != "list" {
			o.Skip = 0
		}
		if change || o.Skip == 0 {
			return cut(o.Fault)
		}
	default: // what the real program says is spoilt afterwards
	}
	var out bytes.Buffer
	cmd := exec.Command(os.Getenv(scriptVar))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr
	failed := cmd.Run() != nil
	if _, err := fmt.Fprintln(conn, strings.TrimSpace(out.String()[:min(out.Len(), 200)])); err != nil {
		return 3
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return 3
	}
	if code, done := spoil(o, out.String()); done {
		return code
	}
	fmt.Print(out.String())
	if failed {
		return 1
	}
	return 0
}

// cut ends without an answer, or never.
func cut(fault connectortest.FaultKind) int {
	if fault == connectortest.Stall || fault == connectortest.SlowReply {
		time.Sleep(time.Hour)
	}
	return 9
}

// spoil prints what came from the real program with a fault in it.
func spoil(o order, out string) (code int, done bool) {
	lines := strings.SplitAfter(out, "\n")
	lines = lines[:len(lines)-1]
	head := strings.Join(lines[:min(o.Skip, len(lines))], "")
	last := lines[len(lines)-1]
	switch o.Fault {
	default:
		return 0, false
	case connectortest.SlowReply, connectortest.DropReply, connectortest.DropRequest, connectortest.Stall:
		fmt.Print(head)
		return cut(o.Fault), true
	case connectortest.Garbage:
		fmt.Println(head+"<html>", os.Getenv(secretVar))
	case connectortest.Huge:
		fmt.Print(head)
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 64<<10)); err != nil {
				return 1, true
			}
		}
	case connectortest.ShortPage:
		fmt.Print(strings.Join(lines[:len(lines)-1-o.Skip], ""))
	case connectortest.CutPage:
		fmt.Print(strings.Join(lines[1:len(lines)-1], ""), count(last, "accounts", -1))
	case connectortest.WrongTotal:
		kind := []string{"accounts", "entitlements", "grants"}[min(o.Skip, 2)]
		fmt.Print(strings.Join(lines[:len(lines)-1], ""), count(last, kind, 1))
	case connectortest.DupPage:
		fmt.Print(lines[0], strings.Join(lines[:len(lines)-1], ""), count(last, "accounts", 1))
	case connectortest.WrongResource:
		fmt.Print(strings.Replace(out, `"account_id":"`, `"account_id":"x`, 1))
	}
	return 0, true
}

// count changes one total of an end line.
func count(end, kind string, by int64) string {
	var l struct {
		End    bool             `json:"end"`
		Totals map[string]int64 `json:"totals"`
	}
	if err := json.Unmarshal([]byte(end), &l); err != nil {
		panic(err)
	}
	l.Totals[kind] += by
	b, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

// world is the directory that example.sh takes for its target, and the socket by which the
// program in between is told what to do.
type world struct {
	t   *testing.T
	c   *Client
	dir string

	mu                sync.Mutex
	fault             connectortest.Fault
	then              func()
	attempts, changes int
	versions          int
	wg                sync.WaitGroup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	for _, d := range []string{"accounts", "entitlements", "members", "inner"} {
		w.must(os.Mkdir(filepath.Join(w.dir, d), 0o700))
	}
	// The address of a socket must be short.
	short, err := os.MkdirTemp("", "x")
	w.must(err)
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	l, err := net.Listen("unix", filepath.Join(short, "s"))
	w.must(err)
	script, err := filepath.Abs("testdata/example.sh")
	w.must(err)
	w.c, err = New(Config{
		Command: []string{os.Args[0]}, Now: func() time.Time { return connectortest.Now }, CanGrant: true, MaxLine: 4096,
		// With -race, a program would otherwise sleep for a second before it ends.
		Env:     map[string]string{controlVar: l.Addr().String(), scriptVar: script, "TARGET": w.dir, "GORACE": "atexit_sleep_ms=0"},
		Secrets: map[string]string{secretVar: canary}, Timeout: time.Minute,
	})
	w.must(err)
	w.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); w.wg.Wait() })
	return w
}

func (w *world) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	command, err := r.ReadString('\n')
	if err != nil {
		return
	}
	command = strings.TrimSpace(command)
	o, then := w.orders(command)
	if then != nil {
		then()
	}
	if err := json.NewEncoder(conn).Encode(o); err != nil {
		return
	}
	answer, err := r.ReadString('\n')
	if err != nil {
		return
	}
	w.mu.Lock()
	if strings.Contains(answer, `"removed"`) || strings.Contains(answer, `"granted"`) {
		w.changes++
	}
	w.mu.Unlock()
	_, _ = io.WriteString(conn, "\n")
}

// orders is what the program in between is to do about a command.
func (w *world) orders(command string) (order, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	on := map[string]connectortest.On{
		"list": connectortest.Lists, "check": connectortest.Reads,
		"revoke": connectortest.Writes, "grant": connectortest.Writes,
	}[command]
	var then func()
	if on == connectortest.Writes {
		w.attempts++
		then, w.then = w.then, nil
	}
	if w.fault.On != on {
		return order{}, then
	}
	o := order{Fault: w.fault.Kind, Skip: w.fault.Skip}
	switch o.Fault {
	case connectortest.Status:
		o.Line = statusLine(w.fault)
	case connectortest.Lie:
		o.Line = `{"outcome":"removed"}`
	default: // the program in between knows what to do
	}
	return o, then
}

// statusLine is what a program says where a target on the web would answer with a status.
func statusLine(f connectortest.Fault) string {
	if f.Status == http.StatusNoContent {
		return ""
	}
	kind := "refused"
	switch {
	case f.Status == 401 || f.Status == 403:
		kind = "denied"
	case f.Status >= 500 || f.Status == 408 || f.Status == 429:
		kind = "unreachable"
	}
	wait := "null"
	if f.RetryAfter != "" {
		wait = fmt.Sprintf("%q", f.RetryAfter)
		if at, err := http.ParseTime(f.RetryAfter); err == nil {
			wait = fmt.Sprintf("%f", at.Sub(connectortest.Now).Seconds())
		}
	}
	return fmt.Sprintf(`{"error":{"kind":%q,"message":%q,"retry_after":%s}}`, kind, "signed in with "+canary, wait)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) Inject(f connectortest.Fault) bool {
	switch f.Kind {
	case connectortest.Redirect:
		return false
	case connectortest.Garbage, connectortest.Huge:
		if f.On == connectortest.Writes {
			return false // an answer that is none is no answer here: see TestChangeWithoutAnswer
		}
	case connectortest.Stall, connectortest.SlowReply:
		w.c.cfg.Timeout = 700 * time.Millisecond
		if f.On == connectortest.Writes {
			w.c.cfg.Timeout = 3 * time.Second // the look before must succeed
		}
	default:
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

func (w *world) path(parts ...string) string {
	for i, p := range parts[1:] {
		parts[i+1] = hex.EncodeToString([]byte(p))
	}
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

func (w *world) write(path, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(path), 0o700))
	w.must(os.WriteFile(path, []byte(text), 0o600))
}

func (w *world) AddAccount(id, username string) {
	w.write(w.path("accounts", id), id+"\n"+username+"\nenabled\n")
}
func (w *world) AddEntitlement(id, name string) {
	w.write(w.path("entitlements", id), id+"\n"+name+"\n")
}
func (w *world) Nest(outer, inner string)      { w.write(w.path("inner", outer, inner), "") }
func (w *world) RenameAccount(id, name string) { w.AddAccount(id, name) }
func (w *world) RenameEntitlement(id, name string) {
	w.AddEntitlement(id, name)
}

func (w *world) members(account, entitlement string) []string {
	found, err := filepath.Glob(w.path("members", entitlement, account) + ".*")
	w.must(err)
	return found
}

func (w *world) Grant(account, entitlement string) {
	w.Ungrant(account, entitlement)
	w.mu.Lock()
	w.versions++
	version := w.versions
	w.mu.Unlock()
	w.write(fmt.Sprintf("%s.v%d", w.path("members", entitlement, account), version), "")
}

func (w *world) Ungrant(account, entitlement string) {
	for _, f := range w.members(account, entitlement) {
		w.must(os.Remove(f))
	}
}

func (w *world) DeleteAccount(id string) {
	w.must(os.Remove(w.path("accounts", id)))
	held, err := filepath.Glob(filepath.Join(w.dir, "members", "*", hex.EncodeToString([]byte(id))+".*"))
	w.must(err)
	for _, f := range held {
		w.must(os.Remove(f))
	}
}

func (w *world) Holds(account, entitlement string) bool {
	return len(w.members(account, entitlement)) > 0
}

func (w *world) Active(account string) bool {
	b, err := os.ReadFile(w.path("accounts", account))
	return err == nil && strings.HasSuffix(string(b), "\nenabled\n")
}

func (w *world) Attempts() int { w.mu.Lock(); defer w.mu.Unlock(); return w.attempts }
func (w *world) Changes() int  { w.mu.Lock(); defer w.mu.Unlock(); return w.changes }

func (w *world) Meanwhile(f func()) { w.mu.Lock(); defer w.mu.Unlock(); w.then = f }

func harness(t *testing.T) connectortest.Harness {
	t.Helper()
	w := newWorld(t)
	return connectortest.Harness{Target: w.c, Source: w.c, World: w, Page: 3, Secrets: []string{canary}}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, harness)
}
