package remediate

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// crashWorld is a database, and a live target that knows what really happened to it.
type crashWorld struct {
	t   testing.TB
	s   *store.Store
	db  *sql.DB // past the store, for what nobody but a test asks
	srv *scimserver.Server
	job crashJob
	ids map[string]int64 // "user/group" -> removal

	anew  float64 // how often somebody grants anew right before a removal, and right after one
	hangs int64   // a source whose target never answers; 0 is none

	mu      sync.Mutex
	rnd     *rand.Rand
	gen     map[string]int // which grant of "user/group" is there: 1 is the reviewed one
	removed map[string]time.Time
	calls   map[int64][]time.Time // when a change was asked for, by removal
	broken  []string
}

// unreviewed is a member of every group whom nobody reviewed.
const unreviewed = "bystander"

// groupsOf is of how many groups each account is to be taken out.
const groupsOf = 10

// newCrashWorld makes n removals, of ten groups an account, and one member of each group that
// nobody reviewed.
func newCrashWorld(t testing.TB, d store.Dialect, seed uint64, speed time.Duration, n int) *crashWorld {
	t.Helper()
	c := &crashWorld{
		t: t, ids: map[string]int64{}, gen: map[string]int{}, removed: map[string]time.Time{}, calls: map[int64][]time.Time{},
		rnd: rand.New(rand.NewPCG(seed, 7)), //nolint:gosec // a test that can be repeated
		job: crashJob{DSN: storetest.Migrated(t, d), Token: "crash-canary", Epoch: time.Now().UTC(), Speed: speed},
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
	driver, dsn := "pgx", c.job.DSN
	if d == store.SQLite {
		driver, dsn = "sqlite", "file:"+c.s.Path()+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	}
	if c.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.db.Close() })
	if err := c.s.InTx(t.Context(), func(tx *store.Tx) error { return c.fill(tx, n) }); err != nil {
		t.Fatal(err)
	}
	c.srv.Hook(c.arrives, c.happened)
	return c
}

// fill puts a run and its removals into the database, and what they are about into the target.
func (c *crashWorld) fill(tx *store.Tx, n int) error {
	ctx := c.t.Context()
	src, err := tx.PutSource(ctx, "wiki", model.ProvidesAccess, "scim")
	if err != nil {
		return err
	}
	if _, err := tx.PutConfig(ctx, model.ConfigSource, "wiki", `{"provides":"access","type":"scim","revoke":{"mode":"connector","hourly_cap":"none","concurrency":64}}`, "s"); err != nil {
		return err
	}
	run, err := tx.InsertRun(ctx, model.Run{Campaign: "q", Name: "q@2026-10-01", State: model.Running, Spec: "{}", TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"})
	if err != nil {
		return err
	}
	groups := max(n/15, groupsOf)
	c.srv.PutUser(scimserver.User{ID: unreviewed, UserName: unreviewed, Active: true})
	for g := range groups {
		c.srv.PutGroup(scimserver.Group{ID: fmt.Sprintf("g%d", g), DisplayName: fmt.Sprintf("Group %d", g), Members: []string{unreviewed}})
	}
	subjects, err := tx.RunSubjectsBulk(ctx)
	if err != nil {
		return err
	}
	for u := range (n + groupsOf - 1) / groupsOf {
		c.srv.PutUser(scimserver.User{ID: fmt.Sprintf("u%d", u), UserName: fmt.Sprintf("user%d", u), Active: true})
		if err := subjects.Add(run, int64(u+1), nil, fmt.Sprintf(`{"account_id":"u%d"}`, u), []byte("salt"), "", ""); err != nil {
			return err
		}
	}
	if _, err := subjects.Close(); err != nil {
		return err
	}
	entitlements, err := tx.RunEntitlementsBulk(ctx)
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
	for i := range n {
		// 7 and groups share no factor that would make two of an account's groups one.
		if err := c.queue(tx, src.ID, run, i/groupsOf, (i/groupsOf*7+i%groupsOf)%groups); err != nil {
			return err
		}
	}
	return nil
}

// queue grants an access and queues its removal, as a campaign does.
func (c *crashWorld) queue(tx *store.Tx, source, run int64, u, g int) error {
	a := model.Access{AccountID: fmt.Sprintf("u%d", u), Username: fmt.Sprintf("user%d", u), EntitlementID: fmt.Sprintf("g%d", g), EntitlementName: fmt.Sprintf("Group %d", g)}
	name := a.AccountID + "/" + a.EntitlementID
	if err := c.srv.AddMember(a.EntitlementID, a.AccountID); err != nil {
		return err
	}
	c.gen[name] = 1
	access, err := json.Marshal(a)
	if err != nil {
		return err
	}
	n, key := int64(len(c.ids)+1), int64(g+1)
	rid, err := tx.InsertRemediation(c.t.Context(), model.Remediation{
		RunID: run, ItemID: n, SourceID: source, GrantID: n, AccountKey: int64(u + 1), EntitlementKey: &key, Mode: model.ModeConnector,
		Access: access, State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
	})
	if err != nil {
		return err
	}
	c.ids[name] = rid
	return appendEvent(c.t.Context(), tx, "tester", "q@2026-10-01", verify.TypeRevocationQueued, rid, verify.RevocationQueued{
		Remediation: id(rid), Item: id(n), Source: "wiki", Mode: model.ModeConnector, Grant: n, PathKind: "direct", Entitlement: a.EntitlementID,
	})
}

func (c *crashWorld) violated(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

func (c *crashWorld) chance(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.Float64() < p
}

// grant makes a grant anew, as an administrator of the target would.
func (c *crashWorld) grant(name string) {
	user, group, _ := strings.Cut(name, "/")
	if err := c.srv.AddMember(group, user); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen[name]++
}

// misbehave makes the target flap, fail, be slow, lie and drop its answers.
func (c *crashWorld) misbehave() {
	down := func(scimserver.Call) bool {
		// A quarter of a second in four.
		return time.Since(c.job.Epoch)%(4*time.Second) > 3750*time.Millisecond
	}
	p := func(p float64) func(scimserver.Call) bool {
		return func(scimserver.Call) bool { return c.chance(p) }
	}
	c.srv.Inject(
		scimserver.Rule{Fault: scimserver.Refuse, Status: 503, When: down},
		scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Method: write, When: p(0.15)},
		scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Method: "GET", When: p(0.04)},
		scimserver.Rule{Fault: scimserver.Slow, Delay: crashSlow, Method: write, When: p(0.05)},
		scimserver.Rule{Fault: scimserver.Slow, Delay: crashSlow, When: p(0.01)},
		scimserver.Rule{Fault: scimserver.Lie, Method: write, When: p(0.10)},
		scimserver.Rule{Fault: scimserver.DropReply, Method: write, When: p(0.15)},
	)
}

// arrives sees a change before it is carried out: its intent must be committed by now. Now and
// then somebody grants the access anew just before.
func (c *crashWorld) arrives(call scimserver.Call) {
	if !call.Mutates() {
		return
	}
	name := who(call)
	rid, err := strconv.ParseInt(strings.TrimPrefix(call.Key, "rev-"), 10, 64)
	if err != nil || c.ids[name] != rid {
		c.violated("a change was asked for that is no removal: %s %s, key %q", call.Method, call.Path, call.Key)
		return
	}
	as, err := c.s.RemediationAttempts(context.Background(), rid)
	if err != nil {
		c.t.Error(err)
	}
	if n := len(as); n == 0 || !as[n-1].CalledAt.Known() {
		c.violated("removal %d was asked for without an intent", rid)
	}
	c.mu.Lock()
	c.calls[rid] = append(c.calls[rid], c.job.now())
	c.mu.Unlock()
	if c.chance(c.anew) {
		c.grant(name)
	}
}

// happened sees what a change did: it may take the reviewed grant away, once, and nothing newer.
func (c *crashWorld) happened(call scimserver.Call) {
	name := who(call)
	if name == "" || !call.Applied {
		return
	}
	c.mu.Lock()
	if _, twice := c.removed[name]; twice {
		c.broken = append(c.broken, "a grant was removed twice: "+name)
	}
	if c.gen[name] != 1 {
		c.broken = append(c.broken, fmt.Sprintf("a newer grant was removed: %s, grant %d", name, c.gen[name]))
	}
	c.removed[name] = c.job.now()
	c.mu.Unlock()
	if c.chance(c.anew) {
		c.grant(name)
	}
}
