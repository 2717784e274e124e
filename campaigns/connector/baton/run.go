package baton

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/exec/proc"
)

var errSlow = errors.New("the connector took too long and was ended")

const (
	afterEnd   = 10 * time.Second // for what an ended connector left behind to let go of its output
	longestLog = 64 << 10         // bytes of one line of the log that are looked at
	logLines   = 20               // lines of the log that are kept
)

// sync runs the connector for a full sync into a file of its own, and opens it.
func (c *Client) sync(ctx context.Context, dir string) (*c1z, string, error) {
	file := filepath.Join(dir, "sync.c1z")
	if err := c.run(ctx, "sync", "-f", file); err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(file); err != nil {
		return nil, "", c.fail(connector.Broken, "The connector reports success and wrote no file", err)
	}
	f, err := c.openC1Z(ctx, file, dir)
	return f, file, err
}

// run runs the connector once. Whatever it was asked for may have taken effect when the error
// is of kind Unreachable.
func (c *Client) run(ctx context.Context, what string, args ...string) error {
	dir, err := os.MkdirTemp("", "recert-baton-")
	if err != nil {
		return c.fail(connector.Unreachable, "No working directory could be made for the connector", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is the machine's to clear away
	if ctx.Err() != nil {
		return c.fail(connector.Unreachable, "The connector was not started", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, errSlow)
	defer cancel()
	all := append(append([]string{}, c.cfg.Command[1:]...), args...)
	cmd := exec.CommandContext(ctx, c.cfg.Command[0], all...) //nolint:gosec // the connector is what the admin configured
	var log watch
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &log, &log, afterEnd
	cmd.Env = proc.Environ(
		map[string]string{"PATH": c.cfg.Path, "LANG": "C.UTF-8", "HOME": dir, "TMPDIR": dir}, c.cfg.Env, c.cfg.Secrets,
		// Its log is where a connector says that it left rows out. A file that other programs
		// can read is asked for by a variable, because older connectors do not know the flag.
		map[string]string{"BATON_OTEL_TRACING_DISABLED": "true", "BATON_LOG_LEVEL": "info", "BATON_LOG_FORMAT": "json", "BATON_STORAGE_ENGINE": "sqlite"},
	)
	proc.Apart(cmd)
	if err := cmd.Start(); err != nil {
		return c.fail(connector.Unreachable, "The connector cannot be started: see that the file exists and may be run", err)
	}
	err = cmd.Wait()
	log.end()
	switch {
	case ctx.Err() != nil:
		return c.fail(connector.Unreachable, fmt.Sprintf("The connector %s did not finish its %s", c.cfg.Command[0], what), context.Cause(ctx))
	case err != nil:
		return c.exited(what, err, log.message())
	case what == "sync" && log.dropped != "":
		return c.fail(connector.Broken, "The connector left rows out of its sync and calls it a full one ("+c.secrets.Show(log.dropped)+"): see that nothing restricts what is synced", nil)
	}
	return nil
}

// exited sorts a failure by what the connector wrote last: its exit status is the same for all.
func (c *Client) exited(what string, err error, says string) error {
	kind, lower := connector.Unreachable, strings.ToLower(says)
	msg := fmt.Sprintf("The connector %s failed at its %s", c.cfg.Command[0], what)
	switch {
	case says == "":
	case anyOf(lower, deniedWords):
		kind, msg = connector.Denied, msg+": the target does not accept its credentials, or they lack the right"
	case anyOf(lower, refusedWords):
		kind, msg = connector.Refused, msg+": it refuses this for good"
	}
	cause := err
	if says = c.secrets.Show(says); says != "" {
		cause = fmt.Errorf("%w: %s", err, says)
	}
	return c.fail(kind, msg, cause)
}

// What connectors and the systems behind them write where credentials are at fault, and where
// trying again is of no use.
var (
	deniedWords = []string{
		"code = unauthenticated", "code = permissiondenied", "sqlstate 28", "sqlstate 42501", "result code 49", "result code 50",
		"invalid credentials", "insufficient access", "permission denied", "401 unauthorized", "403 forbidden",
	}
	refusedWords = []string{"code = invalidargument", "code = failedprecondition", "code = unimplemented", "code = notfound", "code = outofrange"}
)

func anyOf(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// watch takes a connector's output: it keeps the last lines, and notices the one that says that
// rows were left out.
type watch struct {
	mu      sync.Mutex
	line    []byte
	lines   []string
	dropped string
}

var droppedRE = regexp.MustCompile(`([a-z_]+_dropped)"?\s*[:=]\s*"?([1-9][0-9]*)`)

// Write takes output as it comes; it never fails.
func (w *watch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if room := longestLog - len(w.line); len(part) > room {
			part = part[:room]
		}
		w.line = append(w.line, part...)
		if i < 0 {
			return n, nil
		}
		w.endLine()
		b = b[i+1:]
	}
}

func (w *watch) endLine() {
	line := strings.TrimSpace(string(w.line))
	w.line = w.line[:0]
	if line == "" {
		return
	}
	if m := droppedRE.FindStringSubmatch(line); m != nil {
		w.dropped = m[1] + ": " + m[2]
	} else if strings.Contains(line, "filtered references") {
		w.dropped = "filtered references"
	}
	if len(w.lines) == logLines {
		w.lines = w.lines[1:]
	}
	w.lines = append(w.lines, line)
}

// end takes a last line that was not ended.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLine()
}

// message is the last line that speaks of an error, or the last.
func (w *watch) message() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.lines) - 1; i >= 0; i-- {
		if strings.Contains(strings.ToLower(w.lines[i]), "error") {
			return w.lines[i]
		}
	}
	if len(w.lines) == 0 {
		return ""
	}
	return w.lines[len(w.lines)-1]
}
