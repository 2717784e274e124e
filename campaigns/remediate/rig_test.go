package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// rig is a database with removals, and a live target that they are about.
type rig struct {
	accountKind string // of every account, as it was reviewed

	t      testing.TB
	s      *store.Store
	clock  *storetest.Clock
	srv    *scimserver.Server
	target connector.Target
	run    model.Run
	source int64
	system string           // name of source
	shared bool             // the database is examined when all cases are done
	ids    map[string]int64 // "user/group" -> removal
	names  map[int64]string

	mu      sync.Mutex
	gen     map[string]int // which grant of "user/group" is there: 1 is the reviewed one
	removed map[string]int // "user/group/generation" -> how often
	broken  []string       // what was violated

	onCall func(c scimserver.Call) // before a change is carried out
	onDone func(c scimserver.Call) // after it was, before the answer
}

// rigs counts rigs: several may share a database, one after another.
var rigs atomic.Int64

// newRig makes users u1…un, all of them members of groups g1…gm, and a removal of each of those.
func newRig(t testing.TB, s *store.Store, clock *storetest.Clock, users, groups int) *rig {
	t.Helper()
	return newRigOf(t, s, clock, users, groups, frozen{spec: "{}", entitlement: "{}"})
}

// frozen is what a launch froze.
type frozen struct {
	spec        string // of the campaign
	items       int64
	entitlement string // of every group, as it was reviewed
	account     string // the kind of every account; "" is none
}

// newRigOf is newRig with what was frozen.
func newRigOf(t testing.TB, s *store.Store, clock *storetest.Clock, users, groups int, f frozen) *rig {
	t.Helper()
	n := rigs.Add(1)
	r := &rig{
		t: t, s: s, clock: clock, srv: scimserver.New(scimserver.Config{Token: "canary-token"}),
		system: fmt.Sprintf("wiki-%d", n), accountKind: f.account, ids: map[string]int64{}, names: map[int64]string{}, gen: map[string]int{}, removed: map[string]int{},
	}
	server := httptest.NewServer(r.srv)
	t.Cleanup(server.Close)
	var err error
	if r.target, err = scim.New(scim.Config{URL: server.URL, Token: "canary-token", Now: clock.Now}); err != nil {
		t.Fatal(err)
	}
	for u := 1; u <= users; u++ {
		r.srv.PutUser(scimserver.User{ID: fmt.Sprintf("u%d", u), UserName: fmt.Sprintf("user%d", u), Active: true})
	}
	r.tx(func(tx *store.Tx) error {
		src, err := tx.PutSource(t.Context(), r.system, model.ProvidesAccess, "scim")
		if err != nil {
			return err
		}
		r.source = src.ID
		if _, err := tx.PutConfig(t.Context(), model.ConfigSource, r.system, `{"provides":"access","type":"scim","revoke":{"mode":"connector","hourly_cap":"none"}}`, "1"); err != nil {
			return err
		}
		r.run = model.Run{Campaign: r.system, Name: r.system + "@2026-10-01", State: model.Running, Spec: f.spec, Items: f.items, TimeZone: "UTC", LaunchedAt: tx.Now, DueAt: tx.Now, Summary: "{}"}
		r.run.ID, err = tx.InsertRun(t.Context(), r.run)
		return err
	})
	r.tx(func(tx *store.Tx) error {
		b, err := tx.RunEntitlementsBulk(t.Context())
		if err != nil {
			return err
		}
		for g := range int64(max(groups, 1)) {
			if err := b.Add(r.run.ID, 1001+g, f.entitlement, ""); err != nil {
				return err
			}
		}
		_, err = b.Close()
		return err
	})
	for g := 1; g <= groups; g++ {
		group := fmt.Sprintf("g%d", g)
		r.srv.PutGroup(scimserver.Group{ID: group, DisplayName: "Group " + group})
		for u := 1; u <= users; u++ {
			r.grant(fmt.Sprintf("u%d", u), group)
			r.queue(u, g, model.ModeConnector)
		}
	}
	r.srv.Hook(r.before, r.after)
	return r
}

func (r *rig) tx(fn func(*store.Tx) error) {
	r.t.Helper()
	if err := r.s.InTx(r.t.Context(), fn); err != nil {
		r.t.Fatal(err)
	}
}

// queue makes the removal of user u from group g, as signing off does.
func (r *rig) queue(u, g int, mode string) int64 {
	r.t.Helper()
	user, group := fmt.Sprintf("u%d", u), fmt.Sprintf("g%d", g)
	access, err := json.Marshal(model.Access{AccountID: user, Username: fmt.Sprintf("user%d", u), EntitlementID: group, EntitlementName: "Group " + group})
	if err != nil {
		r.t.Fatal(err)
	}
	key := int64(1000 + g)
	var rid int64
	r.tx(func(tx *store.Tx) error {
		if g == 1 { // what the reviewer saw of the account
			b, err := tx.RunSubjectsBulk(r.t.Context())
			if err != nil {
				return err
			}
			if err := b.Add(r.run.ID, int64(u), nil, `{"account_id":"`+user+`","account_kind":"`+r.accountKind+`"}`, []byte("salt"), "", user); err != nil {
				return err
			}
			if _, err := b.Close(); err != nil {
				return err
			}
		}
		n := int64(len(r.ids) + 1)
		rid, err = tx.InsertRemediation(r.t.Context(), model.Remediation{
			RunID: r.run.ID, ItemID: n, SourceID: r.source, GrantID: n, AccountKey: int64(u), EntitlementKey: &key, Mode: mode,
			Access: access, State: model.Queued, NextAt: tx.Now, QueuedAt: tx.Now,
		})
		if err != nil {
			return err
		}
		return appendEvent(r.t.Context(), tx, "tester", r.run.Name, verify.TypeRevocationQueued, rid, verify.RevocationQueued{
			Remediation: id(rid), Item: id(n), Source: r.system, Mode: mode, Grant: n, PathKind: "direct", Entitlement: group,
		})
	})
	r.ids[user+"/"+group], r.names[rid] = rid, user+"/"+group
	return rid
}

// grant makes user a member of group anew, as somebody else would.
func (r *rig) grant(user, group string) {
	if err := r.srv.AddMember(group, user); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gen[user+"/"+group]++
}

func (r *rig) violated(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

var removeOp = regexp.MustCompile(`members\[value eq \\"(u\d+)\\"\]`)

// who is the access that a change is about, or "".
func who(c scimserver.Call) string {
	m := removeOp.FindStringSubmatch(c.Body)
	if m == nil || !c.Mutates() {
		return ""
	}
	return m[1] + "/" + strings.TrimPrefix(c.Path, "/Groups/")
}

// before sees a call arrive: its intent must be committed by now.
func (r *rig) before(c scimserver.Call) {
	if !c.Mutates() {
		return
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(c.Key, "rev-"), 10, 64)
	if err != nil {
		r.violated("a change without a key: %s", c.Path)
		return
	}
	as, err := r.s.RemediationAttempts(context.WithoutCancel(r.t.Context()), n)
	if err != nil {
		r.t.Error(err)
	}
	intent := false
	for _, a := range as {
		intent = intent || a.IntentAt.Known() && a.CalledAt.Known() && a.Before != ""
	}
	if !intent {
		r.violated("removal %d was asked for without an intent", n)
	}
	if r.onCall != nil {
		r.onCall(c)
	}
}

// after sees a call that was carried out: what it removed must be the reviewed grant, once.
func (r *rig) after(c scimserver.Call) {
	if name := who(c); name != "" && c.Applied {
		r.mu.Lock()
		gen := r.gen[name]
		key := fmt.Sprintf("%s/%d", name, gen)
		r.removed[key]++
		if gen > 1 {
			r.broken = append(r.broken, "a newer grant was removed: "+key)
		}
		if r.removed[key] > 1 {
			r.broken = append(r.broken, "a grant was removed twice: "+key)
		}
		r.mu.Unlock()
	}
	if r.onDone != nil && c.Mutates() {
		r.onDone(c)
	}
}

// worker makes a worker on the rig that sees what it confirms.
func (r *rig) worker(name string) *Worker {
	return &Worker{
		Store: r.s, Name: name, Now: r.clock.Now, Random: func() float64 { return 0.5 },
		Targets:     func(context.Context, int64) (connector.Target, error) { return r.target, nil },
		ReadTimeout: 20 * time.Second, CallTimeout: 20 * time.Second,
		Fault: r.seen,
	}
}

// seen looks at each outcome the moment it is committed: what is confirmed is not there.
func (r *rig) seen(ctx context.Context, p Point, removal int64) error {
	if p != PointFinished {
		return nil
	}
	row, err := r.s.Remediation(ctx, removal)
	if err != nil {
		return err
	}
	user, group, _ := strings.Cut(r.names[removal], "/")
	if row.State == model.Confirmed && r.srv.HasMember(group, user) && r.gen[user+"/"+group] == 1 {
		r.violated("%s was confirmed, and is there", r.names[removal])
	}
	return nil
}

// with puts another fault hook before the rig's own.
func (r *rig) with(f func(context.Context, Point, int64) error) func(context.Context, Point, int64) error {
	return func(ctx context.Context, p Point, n int64) error {
		if err := f(ctx, p, n); err != nil {
			return err
		}
		return r.seen(ctx, p, n)
	}
}

func (r *rig) row(name string) store.RemediationRow {
	r.t.Helper()
	row, err := r.s.Remediation(r.t.Context(), r.ids[name])
	if err != nil {
		r.t.Fatal(err)
	}
	return row
}

func (r *rig) rows() []store.RemediationRow {
	r.t.Helper()
	rows, err := r.s.Remediations(r.t.Context(), store.RemediationFilter{RunID: r.run.ID, Limit: 200})
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

func (r *rig) attempts(name string) []model.Attempt {
	r.t.Helper()
	as, err := r.s.RemediationAttempts(r.t.Context(), r.ids[name])
	if err != nil {
		r.t.Fatal(err)
	}
	return as
}

var errCrash = errors.New("crash")

// settle works until nothing is open any more, moving the clock to whatever is due next.
func (r *rig) settle(ws ...*Worker) {
	r.t.Helper()
	for range 400 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		worked := 0
		for _, w := range ws {
			wg.Go(func() {
				n, err := w.Step(r.t.Context())
				if err != nil && !errors.Is(err, errCrash) {
					r.t.Errorf("step: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				worked += n
			})
		}
		wg.Wait()
		if r.t.Failed() {
			return
		}
		if worked == 0 && !r.forward() {
			return
		}
	}
	r.t.Errorf("nothing comes to an end: %s", r.states())
}

// forward moves the clock to what is due next; false is that nothing is open that time would change.
func (r *rig) forward() bool {
	now := model.TimeOf(r.clock.T)
	var next model.Time
	open := false
	for _, row := range r.rows() {
		if !row.State.Open() || row.State == model.Held || row.Paused != "" || row.Mode == model.ModeManual && row.State == model.Sent {
			continue
		}
		open = true
		at := row.NextAt
		if row.LeaseUntil.Known() {
			at = max(at, row.LeaseUntil+1)
		}
		if at > now && (next == 0 || at < next) {
			next = at
		}
	}
	if next == 0 { // a breaker holds the source
		next = now.Add(10 * time.Second)
	}
	if open {
		r.clock.T = next.Std()
	}
	return open
}

func (r *rig) states() string {
	var b strings.Builder
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "%s %s (%s); ", r.names[row.ID], row.State, row.Reason)
	}
	return b.String()
}

// holds fails the test where anything was violated.
func (r *rig) holds() {
	r.t.Helper()
	for _, v := range r.check() {
		r.t.Error(v)
	}
}

// eachOf runs the cases one after another in one database of either kind; each of them must come
// to an end of all that it begins.
func eachOf[C any](t *testing.T, users, groups int, cases map[string]C, fn func(t *testing.T, r *rig, c C)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, s, clock, users, groups)
				r.shared = true
				fn(t, r, c)
			})
		}
		for _, v := range newRig(t, s, clock, 0, 0).doctor() {
			t.Error(v)
		}
	})
}

// each runs a rig of its own on either database.
func each(t *testing.T, users, groups int, fn func(t *testing.T, r *rig)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) { fn(t, newRig(t, s, clock, users, groups)) })
}

// patches counts the requests for a change that the target was sent.
func (r *rig) patches() (n int) {
	for _, c := range r.srv.Calls() {
		if c.Mutates() {
			n++
		}
	}
	return n
}
