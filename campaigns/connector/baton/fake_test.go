package baton

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector/connectortest"
)

// The test binary is also a connector, with the command line and the files of a real one. It
// asks the test what its target holds and in which way it is to fail.
const (
	controlVar = "TEST_CONTROL" // the address of the test's socket
	secretVar  = "BATON_PASSWORD"
	canary     = "c4n4ry-0f-the-password"
)

func TestMain(m *testing.M) {
	if os.Getenv(controlVar) != "" {
		os.Exit(fake(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// call is what the connector was run for.
type call struct {
	Args      []string
	Env       []string
	Op        string // sync, revoke or grant
	Grant     string // what is revoked, and whose it is by the file
	Holder    string
	HolderIs  string // the holder's name by the file
	Ent, User string // what is granted
}

// order is what it is to do.
type order struct {
	Fault connectortest.FaultKind
	Skip  int
	Say   string // on the error output
	Exit  int
	State *state
	Form  form
}

func fake(args []string) int {
	c := call{Args: args, Env: os.Environ(), Op: "sync"}
	file := ""
	for i, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "-f":
			file = args[i+1]
		case "--revoke-grant":
			c.Op, c.Grant = "revoke", value
		case "--grant-entitlement":
			c.Op, c.Ent = "grant", value
		case "--grant-principal":
			c.User = value
		}
	}
	if c.Grant != "" {
		if err := c.lookUp(file); err != nil {
			fmt.Fprintf(os.Stderr, "{\"level\":\"error\",\"msg\":\"error fetching grant '%s': %v\"}\n", c.Grant, err)
			return 1
		}
	}
	conn, err := net.Dial("unix", os.Getenv(controlVar))
	if err != nil {
		return 3
	}
	var o order
	if json.NewEncoder(conn).Encode(c) != nil || json.NewDecoder(conn).Decode(&o) != nil {
		return 3
	}
	if o.Say != "" {
		fmt.Fprintln(os.Stderr, o.Say)
	}
	switch o.Fault {
	case connectortest.Stall, connectortest.SlowReply:
		child := exec.Command("sleep", "1000") // as a real one has a child
		_ = child.Run()                        // it is ended from outside
	case connectortest.DropReply, connectortest.DropRequest:
		return 9
	default:
	}
	if o.Exit != 0 || o.Fault == connectortest.Status {
		return o.Exit
	}
	if c.Op != "sync" {
		switch o.Fault {
		case connectortest.Garbage:
			fmt.Println("<html>", os.Getenv(secretVar))
		case connectortest.Huge:
			fmt.Println(strings.Repeat("x", 3<<20))
		default:
		}
		return 0
	}
	if err := writeFile(file, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 4
	}
	return 0
}

// writeFile writes the sync, or what is none.
func writeFile(file string, o order) error {
	ctx := context.Background()
	switch o.Fault {
	case connectortest.Garbage:
		return os.WriteFile(file, []byte("<html>"+strings.Repeat(os.Getenv(secretVar), o.Skip+1)), 0o600)
	case connectortest.Huge:
		return os.WriteFile(file, pack(make([]byte, 5<<20)), 0o600)
	default:
	}
	if err := writeC1Z(ctx, file, o.State, o.Form); err != nil {
		return err
	}
	if o.Fault != connectortest.ShortPage || o.Form.Open {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b[:len(b)*2/3], 0o600)
}

// lookUp reads the grant from the file, as a real connector does: it believes the file.
func (c *call) lookUp(file string) error {
	cl := &Client{cfg: Config{MaxSize: 1 << 30, Now: func() time.Time { return connectortest.Now }, Location: time.UTC}}
	dir, err := os.MkdirTemp("", "fake")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	f, err := cl.openC1Z(ctx, file, dir)
	if err != nil {
		return err
	}
	defer f.close()
	err = f.grants(ctx, func(g grant) error {
		if g.id == c.Grant {
			c.Holder, c.Ent = g.of, g.entitlement
		}
		return nil
	})
	if err == nil && c.Holder == "" {
		err = fmt.Errorf("sql: no rows in result set")
	}
	if err != nil {
		return err
	}
	return f.resources(ctx, func(r resource) error {
		if r.id == c.Holder && r.user != nil {
			c.HolderIs = r.user.login
		}
		return nil
	})
}

// logLine is one line of a connector's log.
func logLine(level, message string, more map[string]any) string {
	m := map[string]any{"level": level, "ts": 1.5, "msg": message}
	for k, v := range more {
		m[k] = v
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(m); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}
