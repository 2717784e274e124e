package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// crashSite is the database, the target, and what the target knows to be true.
type crashSite struct {
	t   *testing.T
	s   *store.Store
	srv *scimserver.Server
	job crashJob
	ids map[string]int64 // "user/group" -> removal

	mu      sync.Mutex
	gen     map[string]int
	removed map[string]int
	broken  []string
}

func newCrashSite(t *testing.T, d store.Dialect, users, groups int) *crashSite {
	t.Helper()
	c := &crashSite{
		t: t, ids: map[string]int64{}, gen: map[string]int{}, removed: map[string]int{},
		job: crashJob{DSN: storetest.DSN(t, d), Token: "crash-canary", Epoch: time.Now().UTC()},
	}
	c.srv = scimserver.New(scimserver.Config{Token: c.job.Token})
	server := httptest.NewServer(c.srv)
	t.Cleanup(server.Close)
	c.job.URL = server.URL
	var err error
	if c.s, err = store.Open(t.Context(), c.job.DSN, store.Options{Now: c.job.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.s.Close() })
	if _, err := c.s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for u := range users {
		c.srv.PutUser(scimserver.User{ID: fmt.Sprintf("u%d", u), UserName: fmt.Sprintf("user%d", u), Active: true})
	}
	err = c.s.InTx(t.Context(), func(tx *store.Tx) error {
		src, err := tx.PutSource(t.Context(), "wiki", model.ProvidesAccess, "scim")
		if err != nil {
			return err
		}
		// What the brakes look at: the source's definition, and what was reviewed.
		if _, err := tx.PutConfig(t.Context(), model.ConfigSource, "wiki", `{"provides":"access","type":"scim","revoke":{"mode":"connector"}}`, "s"); err != nil {
			return err
		}
		run, err := tx.InsertRun(t.Context(), model.Run{Campaign: "q", Name: "q@2026-10-01", State: model.Running, Spec: "{}", TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"})
		if err != nil {
			return err
		}
		for g := range groups {
			c.srv.PutGroup(scimserver.Group{ID: fmt.Sprintf("g%d", g), DisplayName: fmt.Sprintf("Group %d", g)})
		}
		subjects, err := tx.RunSubjectsBulk(t.Context())
		if err != nil {
			return err
		}
		for u := range users {
			if err := subjects.Add(run, int64(u+1), nil, fmt.Sprintf(`{"account_id":"u%d"}`, u), []byte("salt"), "", ""); err != nil {
				return err
			}
		}
		if _, err := subjects.Close(); err != nil {
			return err
		}
		entitlements, err := tx.RunEntitlementsBulk(t.Context())
		if err != nil {
			return err
		}
		for g := range groups {
			if err := entitlements.Add(run, int64(g+1), "{}", ""); err != nil {
				return err
			}
		}
		if _, err := entitlements.Close(); err != nil {
			return err
		}
		for u := range users {
			for g := range groups {
				if err := c.queue(tx, src.ID, run, u, g); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.srv.Hook(c.arrives, c.happened)
	return c
}

// queue grants an access and queues its removal, as a campaign does.
func (c *crashSite) queue(tx *store.Tx, source, run int64, u, g int) error {
	a := model.Access{AccountID: fmt.Sprintf("u%d", u), Username: fmt.Sprintf("user%d", u), EntitlementID: fmt.Sprintf("g%d", g), EntitlementName: fmt.Sprintf("Group %d", g)}
	c.grant(a.AccountID + "/" + a.EntitlementID)
	access, err := json.Marshal(a)
	if err != nil {
		return err
	}
	n, key := int64(len(c.ids)+1), int64(g+1)
	id, err := tx.InsertRemediation(c.t.Context(), model.Remediation{
		RunID: run, ItemID: n, SourceID: source, GrantID: n, AccountKey: int64(u + 1), EntitlementKey: &key, Mode: model.ModeConnector,
		Access: access, State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
	})
	if err != nil {
		return err
	}
	c.ids[a.AccountID+"/"+a.EntitlementID] = id
	name := strconv.FormatInt(id, 10)
	_, err = evidence.Append(c.t.Context(), tx, verify.Event{
		Type: verify.TypeRevocationQueued, Run: "q@2026-10-01", Object: verify.RemediationObject(name),
		Data: verify.RevocationQueued{Remediation: name, Item: strconv.FormatInt(n, 10), Source: "wiki", Mode: model.ModeConnector, Grant: n, PathKind: "direct", Entitlement: a.EntitlementID},
	})
	return err
}

// grant makes a grant anew in the target, as an administrator of it would.
func (c *crashSite) grant(name string) {
	user, group, _ := strings.Cut(name, "/")
	if err := c.srv.AddMember(group, user); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen[name]++
}

func (c *crashSite) violated(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// arrives sees a change before it is carried out: its intent must be in the database.
func (c *crashSite) arrives(call scimserver.Call) {
	if !call.Mutates() {
		return
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(call.Key, "rev-"), 10, 64)
	if err != nil {
		c.violated("a change came without its key")
	}
	as, err := c.s.RemediationAttempts(context.Background(), id)
	if err != nil {
		c.t.Error(err)
	}
	if len(as) == 0 || !as[len(as)-1].CalledAt.Known() {
		c.violated("removal %d was asked for without an intent", id)
	}
}

var crashRemove = regexp.MustCompile(`members\[value eq \\"(u\d+)\\"\]`)

// happened sees what a change did: it may remove the reviewed grant, once, and nothing newer.
func (c *crashSite) happened(call scimserver.Call) {
	m := crashRemove.FindStringSubmatch(call.Body)
	if m == nil || !call.Applied {
		return
	}
	name := m[1] + "/" + strings.TrimPrefix(call.Path, "/Groups/")
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprintf("%s, grant %d", name, c.gen[name])
	if c.removed[key]++; c.removed[key] > 1 {
		c.broken = append(c.broken, "a grant was removed twice: "+key)
	}
	if c.gen[name] > 1 {
		c.broken = append(c.broken, "a newer grant was removed: "+key)
	}
}

// kill runs a worker until it is at a point, does something, and kills it.
func (c *crashSite) kill(p remediate.Point, then func(name string)) {
	c.t.Helper()
	job := c.job
	job.Point = p
	cmd, out := c.start(job)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.t.Errorf("the worker did not come to %s: %v", p, err)
	}
	id, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		c.t.Error(err)
	}
	for name, n := range c.ids {
		if n == id && then != nil {
			then(name)
		}
	}
	c.end(cmd, syscall.SIGKILL)
}

func (c *crashSite) start(job crashJob) (*exec.Cmd, io.Reader) {
	c.t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		c.t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+string(text))
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd, out
}

// end ends a worker and waits until it is gone. It does not stop by itself, so that is no error.
func (c *crashSite) end(cmd *exec.Cmd, sig syscall.Signal) {
	c.t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		c.t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		c.t.Error("the worker ended by itself")
	}
}

// settle runs a worker until no removal is open, and gives what they came to.
func (c *crashSite) settle() map[model.RemediationState]int {
	c.t.Helper()
	cmd, _ := c.start(c.job)
	defer c.end(cmd, syscall.SIGKILL)
	deadline := time.Now().Add(2 * time.Minute)
	for {
		counts := map[model.RemediationState]int{}
		open := 0
		for _, r := range c.rows() {
			counts[r.State]++
			if r.State.Open() {
				open++
			}
		}
		if open == 0 {
			return counts
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("nothing comes to an end: %v", counts)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *crashSite) rows() []store.RemediationRow {
	c.t.Helper()
	rows, err := c.s.Remediations(c.t.Context(), store.RemediationFilter{Limit: 200})
	if err != nil {
		c.t.Fatal(err)
	}
	return rows
}

// violations is what does not hold, by the target's own state and by the doctor.
func (c *crashSite) violations() []string {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := append([]string{}, c.broken...)
	for _, r := range c.rows() {
		name := r.Access
		var a model.Access
		if err := json.Unmarshal(name, &a); err != nil {
			c.t.Fatal(err)
		}
		key := a.AccountID + "/" + a.EntitlementID
		if r.State == model.Confirmed && c.gen[key] == 1 && c.srv.HasMember(a.EntitlementID, a.AccountID) {
			out = append(out, key+" is confirmed, and is there")
		}
		if r.State != model.Confirmed && c.gen[key] == 1 {
			out = append(out, fmt.Sprintf("%s is %s (%s), though nobody granted it anew", key, r.State, r.Reason))
		}
		if c.gen[key] > 1 && !c.srv.HasMember(a.EntitlementID, a.AccountID) {
			out = append(out, key+" was granted anew, and is gone")
		}
	}
	checks, err := evidence.Doctor(c.t.Context(), c.s, false)
	if err != nil {
		c.t.Fatal(err)
	}
	looked := 0
	for _, check := range checks {
		// The rest is about reviews, of which there are none here.
		if strings.HasPrefix(check.Check, "events.") || check.Check == "secrets" ||
			strings.HasPrefix(check.Check, "removals.") && check.Check != "removals.asked" {
			if looked++; !check.OK {
				out = append(out, check.Check+": "+check.Detail)
			}
		}
	}
	if looked < 9 {
		c.t.Errorf("the doctor made %d checks", looked)
	}
	return out
}
