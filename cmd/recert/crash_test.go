package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
)

// crashEnv makes the test binary a worker instead: the process that TestCrash kills.
const crashEnv = "RECERT_TEST_CRASH_WORKER"

func TestMain(m *testing.M) {
	if job := os.Getenv(crashEnv); job != "" {
		if err := crashWorker(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// crashJob is what a worker process is told.
type crashJob struct {
	DSN, URL, Token string
	Epoch           time.Time       // when the harness's clock began
	Point           remediate.Point // where to stop and wait for the kill; "" is never
	Naive           string          // the guard that is off: "", believes, blind
}

// Clocks of the harness run faster, so that waits of minutes are seconds.
const crashSpeed = 100

func (j crashJob) now() time.Time {
	since := time.Since(j.Epoch)
	return j.Epoch.Add(since * crashSpeed)
}

// crashWorker is a worker as serve runs it, that says where it is and waits there to be killed.
func crashWorker(text string) error {
	var job crashJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := store.Open(ctx, job.DSN, store.Options{Now: job.now})
	if err != nil {
		return err
	}
	client, err := scim.New(scim.Config{URL: job.URL, Token: job.Token, Now: job.now})
	if err != nil {
		return err
	}
	var target connector.Target = client
	if job.Naive != "" {
		target = &naive{Target: client, how: job.Naive}
	}
	w := &remediate.Worker{
		Store: s, Name: strconv.Itoa(os.Getpid()), Now: job.now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Targets: func(context.Context, int64) (connector.Target, error) { return target, nil },
		Poll:    10 * time.Millisecond, Concurrency: 2,
		Fault: func(_ context.Context, p remediate.Point, removal int64) error {
			if p == job.Point {
				fmt.Println(removal)
				select {} // until the kill
			}
			return nil
		},
	}
	return w.Run(ctx)
}

// naive is a target behind which a guard is missing: the negative control.
type naive struct {
	connector.Target

	how  string
	mu   sync.Mutex
	done map[connector.Access]bool
}

// Check shows an access as gone once the target has said that it removed it, or any object by
// one and the same version.
func (n *naive) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	o, err := n.Target.Check(ctx, a)
	if err != nil || o.Presence != connector.Present {
		return o, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.how == "believes" && n.done[a] {
		return connector.Observation{Presence: connector.Absent}, nil
	}
	if n.how == "blind" {
		o.Version = "the only one"
	}
	return o, nil
}

// Revoke removes without the version that was seen where it is blind.
func (n *naive) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if n.how == "blind" {
		seen.Version = ""
	}
	o, err := n.Target.Revoke(ctx, a, seen, key)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.done == nil {
		n.done = map[connector.Access]bool{}
	}
	n.done[a] = o == connector.Removed
	return o, err
}

// TestCrash kills real workers at each step of the protocol, with a target that lies, loses
// replies, and where people grant anew what was just removed.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			c := newCrashSite(t, d, 5, 8)
			c.srv.Inject(
				scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH", Skip: 3, Times: 2},
				scimserver.Rule{Fault: scimserver.DropReply, Method: "PATCH", Skip: 6, Times: 3},
				scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Skip: 30, Times: 4},
			)
			anew := 0
			for _, p := range remediate.Points {
				c.kill(p, nil)
				if p == remediate.PointClaimed || p == remediate.PointPreRead {
					continue // nothing was asked yet: the target cannot tell the new grant from the old one
				}
				c.kill(p, func(name string) { c.grant(name); anew++ })
			}
			counts := c.settle()
			t.Logf("%v after %d kills; %d granted anew", counts, 2*len(remediate.Points)-2, anew)
			if anew == 0 || counts[model.Confirmed] < 30 {
				t.Errorf("40 removals came to %v, %d were granted anew", counts, anew)
			}
			for _, v := range c.violations() {
				t.Error(v)
			}
		})
	}
}

// TestCrashNegativeControls: with a guard off, the harness sees what goes wrong.
func TestCrashNegativeControls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule scimserver.Rule
		then func(c *crashSite, name string)
		want string
	}{
		"believes": {scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH", Times: 1}, nil, "is confirmed, and is there"},
		"blind":    {scimserver.Rule{Fault: scimserver.DropReply, Method: "PATCH", Times: 1}, (*crashSite).grant, "a newer grant was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newCrashSite(t, store.SQLite, 1, 1)
			site.job.Naive = name
			site.srv.Inject(c.rule)
			if c.then != nil {
				site.kill(remediate.PointCallDone, func(name string) { c.then(site, name) })
			}
			site.settle()
			if got := strings.Join(site.violations(), "; "); !strings.Contains(got, c.want) {
				t.Errorf("the harness saw %q, want %q", got, c.want)
			}
		})
	}
}
