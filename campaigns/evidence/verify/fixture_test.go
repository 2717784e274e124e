package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// testLog is a log in memory, with everything that a real one keeps.
type testLog struct {
	tb     testing.TB
	rand   io.Reader
	stored []tlog.Hash
	lines  []*LogLine
	runs   []string
	prev   map[string]string
	at     time.Time
	signer note.Signer
	vkey   string
}

// testKey makes a log key from a seed, so that every run of the tests has the same bytes.
func testKey(tb testing.TB, name string, seed byte) (note.Signer, string) {
	tb.Helper()
	secret := bytes.Repeat([]byte{seed}, ed25519.SeedSize)
	pub := ed25519.PublicKey(ed25519.NewKeyFromSeed(secret)[ed25519.SeedSize:])
	vkey, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		tb.Fatal(err)
	}
	parts := strings.Split(vkey, "+")
	skey := "PRIVATE+KEY+" + name + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, secret...))
	signer, err := note.NewSigner(skey)
	if err != nil {
		tb.Fatal(err)
	}
	return signer, vkey
}

func newTestLog(tb testing.TB, seed byte) *testLog {
	tb.Helper()
	l := &testLog{tb: tb, rand: rand.NewChaCha8([32]byte{1}), prev: map[string]string{}, at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	l.signer, l.vkey = testKey(tb, "recert.example.com/log", seed)
	return l
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, x := range indexes {
		list = append(list, l.stored[x])
	}
	return list, nil
}

// addLeaf appends a leaf as it is.
func (l *testLog) addLeaf(run, object string, leaf []byte, open []Disclosure) {
	l.tb.Helper()
	n := int64(len(l.lines))
	hashes, err := tlog.StoredHashes(n, leaf, l)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.stored = append(l.stored, hashes...)
	l.lines = append(l.lines, &LogLine{Index: n, Leaf: leaf, Disclosures: open})
	l.runs = append(l.runs, run)
	l.prev[object] = hex.EncodeToString(hashes[0][:])
}

// add seals an event a minute after the last.
func (l *testLog) add(typ, run, object string, data any, personal ...string) time.Time {
	l.tb.Helper()
	l.at = l.at.Add(time.Minute)
	if o := ObjectOf(run, data); o != "" {
		object = o
	}
	fields := map[string]string{}
	for i := 0; i < len(personal); i += 2 {
		fields[personal[i]] = personal[i+1]
	}
	leaf, _, open, err := Seal(Event{Type: typ, Run: run, Object: object, At: l.at, Data: data, Personal: fields}, l.prev[object], l.rand)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.addLeaf(run, object, leaf, open)
	return l.at
}

func (l *testLog) checkpoint(size int64) []byte {
	l.tb.Helper()
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		l.tb.Fatal(err)
	}
	msg, err := SignCheckpoint(Checkpoint{Origin: l.signer.Name(), Size: size, Root: root}, l.signer)
	if err != nil {
		l.tb.Fatal(err)
	}
	return msg
}

func (l *testLog) salt() []byte {
	b := make([]byte, SaltSize)
	if _, err := io.ReadFull(l.rand, b); err != nil {
		l.tb.Fatal(err)
	}
	return b
}

func (l *testLog) bind(salt []byte, name string, v any) Bound {
	l.tb.Helper()
	b, err := Bind(salt, name, v)
	if err != nil {
		l.tb.Fatal(err)
	}
	return b
}

const testRun = "quarterly@2026-03-02"

// fixture is one whole review: kept, removed and proven by a read, removed by hand and proven by
// a snapshot, unsure, unanswered, gone, reassigned and reduced.
type fixture struct {
	log      *testLog
	items    []*Item
	excluded []*Exclusion
	rejected []*Rejection
	closed   bool
}

func rootOf[T interface{ Hash() (tlog.Hash, error) }](tb testing.TB, rows []T) string {
	tb.Helper()
	var root Root
	for _, r := range rows {
		h, err := r.Hash()
		if err != nil {
			tb.Fatal(err)
		}
		root.Add(h)
	}
	sum := root.Sum()
	return hex.EncodeToString(sum[:])
}

func newFixture(tb testing.TB, seed byte, closed bool) *fixture {
	tb.Helper()
	f := &fixture{log: newTestLog(tb, seed), closed: closed}
	l := f.log
	l.add(TypeLogKey, "", "", LogKey{VKey: l.vkey})
	l.add(TypeConfigApplied, "", "", ConfigApplied{Kind: "Source", Name: "wiki", Action: "created", SHA256: sum("wiki")}, "actor", "ops@example.com")
	l.add(TypeSessionStarted, "", "session:1", SessionStarted{Roles: []string{"admin"}, Iss: "https://id.example.com", ACR: "1", AMR: "pwd otp", AuthTime: Instant(l.at), Method: "oidc"}, "user", "ops@example.com", "sub", "s-1")
	f.population()
	f.snapshots()
	l.add(TypeConfigApplied, "", "", ConfigApplied{Kind: "Campaign", Name: "quarterly", Action: "created", SHA256: sum("c")})
	f.launch()
	f.answers()
	f.removals()
	if closed {
		f.close()
	}
	l.add(TypeSessionEnded, "", "session:1", SessionEnded{How: "idle"}, "user", "ops@example.com")
	l.add(TypeItemGone, "other@2026-03-02", "", ItemGone{Item: "foreign", Snapshot: 1})
	return f
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func (f *fixture) population() {
	l := f.log
	ana := Reviewer{PersonID: "u1", Name: "Ana Lindqvist", Email: "ana@example.com"}
	ben := Reviewer{PersonID: "u2", Name: "Ben Okoro", Email: "ben@example.com"}
	anaBound, benBound := l.bind(l.salt(), "reviewer", ana), l.bind(l.salt(), "reviewer", ben)
	row := func(id, account, ent string, to Reviewer, bound Bound, avoided bool, paths ...string) {
		s := Subject{AccountID: account, Username: account, DisplayName: "D, " + account, PersonID: "p-" + account, Name: "N \"" + account + "\"", Email: account + "@example.com", Title: "Clerk", Department: "Sales\nNorth", ManagerID: "u1"}
		f.items = append(f.items, &Item{
			Item: id, Source: "wiki", Subject: s, SubjectBound: l.bind(bytes.Repeat([]byte(account)[:1], SaltSize), "subject", s),
			Entitlement: ent, EntitlementName: "Name of " + ent, Description: "=May edit, all of it", Risk: "high", Privileged: "yes", Kind: "group",
			Direct: slices.Contains(paths, ""), Paths: paths, GrantedAt: Instant(l.at), Status: "enabled", Basis: "manager", TextHash: sum(id),
			Reviewer: to, ReviewerBound: bound, Avoided: avoided,
		})
	}
	row("i1", "a1", "e1", ana, anaBound, false, "")
	row("i2", "b1", "e1", ana, anaBound, false, "", "outer>inner")
	row("i3", "c1", "e2", ana, anaBound, false, "")
	row("i4", "d1", "e2", ben, benBound, false, "")
	row("i5", "e1", "e2", ben, benBound, true, "")
	row("i6", "f1", "e3", ben, benBound, false, "")
	row("i7", "g1", "e3", ben, benBound, false, "")
	for _, s := range []string{"h1", "i1"} {
		sub := Subject{AccountID: s, Username: "-" + s}
		f.excluded = append(f.excluded, &Exclusion{Source: "wiki", Subject: sub, SubjectBound: l.bind(l.salt(), "subject", sub), Entitlement: "e9", EntitlementName: "Low", Reason: "risk is low"})
	}
	d := RejectDetails{Raw: "x;\"y", Reason: "a stray quote"}
	f.rejected = append(f.rejected, &Rejection{Snapshot: 2, Source: "wiki", Kind: "grants", File: "grants.csv", Line: 7, Details: d, Bound: l.bind(l.salt(), "details", d)})
}

func (f *fixture) sealed(id int64, source, provides string, kinds map[string]KindCount, rejects []*Rejection) SnapshotSealed {
	l := f.log
	l.at = l.at.Add(time.Minute)
	return SnapshotSealed{
		Source: source, Provides: provides, Snapshot: id, AsOf: Instant(l.at), Digest: sum(source + itoa(id)), Origin: "cli",
		StartedAt: Instant(l.at), EndedAt: Instant(l.at.Add(time.Second)), Files: []SourceFile{{Kind: "grants", Name: "grants.csv", SHA256: sum("f"), Bytes: 321}},
		Kinds: kinds, Unmatched: map[string]int64{"nobody": 1}, Rejects: int64(len(rejects)), RejectsRoot: rootOf(l.tb, rejects),
	}
}

func (f *fixture) snapshots() {
	n := int64(11)
	f.log.add(TypeSnapshotSealed, "", "", f.sealed(1, "hr", "people", map[string]KindCount{"people": {Read: 9, Accepted: 9, New: 9}}, nil), "actor", "ops@example.com")
	held := f.sealed(2, "wiki", "access", map[string]KindCount{"grants": {Read: 11, Accepted: 10, Rejected: 1, New: 3, Unchanged: 7, Previous: 9, Gone: 2, Expected: &n}}, f.rejected)
	f.log.add(TypeSnapshotHeld, "", "", SnapshotHeld{SnapshotSealed: held, Reasons: []string{"22 % gone"}}, "actor", "ops@example.com")
	f.log.add(TypeSnapshotReleased, "", "", SnapshotReleased{Snapshot: 2, Source: "wiki", Reason: "a team left"}, "actor", "eve@example.com")
}

func (f *fixture) launch() {
	spec := `{"scope":{"sources":["wiki"]},"stages":[{"reviewers":["manager"]}]}`
	of := func(id int64, source, provides string, back int) SourceSnapshot {
		_, body, err := ParseLeaf(f.log.lines[back].Leaf)
		if err != nil {
			f.log.tb.Fatal(err)
		}
		switch b := body.(type) {
		case *SnapshotSealed:
			return SourceSnapshot{Source: source, Provides: provides, Snapshot: id, AsOf: b.AsOf, Digest: b.Digest}
		case *SnapshotHeld:
			return SourceSnapshot{Source: source, Provides: provides, Snapshot: id, AsOf: b.AsOf, Digest: b.Digest}
		}
		panic("no snapshot")
	}
	f.log.add(TypeCampaignLaunched, testRun, "", CampaignLaunched{
		Campaign: "quarterly", Spec: json.RawMessage(spec), SpecSHA256: sum(spec),
		Sources: []SourceSnapshot{of(1, "hr", "people", 3), of(2, "wiki", "access", 4)},
		DueAt:   Instant(f.log.at.Add(8 * time.Minute)), TimeZone: "Europe/Berlin", OnNoAnswer: "keep", Remove: "sign_off", Strategy: "any_revoke",
		GrantsInSources: map[string]int64{"wiki": 10}, Items: 7, ItemGrants: 8, ItemsRoot: rootOf(f.log.tb, f.items),
		Excluded: 2, ExcludedRoot: rootOf(f.log.tb, f.excluded), Reviewers: 2, SelfReviewAvoided: 1,
	}, "actor", "ops@example.com")
}

func (f *fixture) decide(item string, version int64, answer, who, comment string) {
	lower := ""
	if answer == "reduce" {
		lower = "e1"
	}
	f.log.add(TypeItemDecided, testRun, "", ItemDecided{Item: item, Version: version, Answer: answer, LowerTo: lower, Channel: "web", TextHash: sum(item)}, "reviewer", who, "comment", comment)
}

func (f *fixture) answers() {
	l := f.log
	f.decide("i1", 1, "revoke", "u1", "wrong button")
	f.decide("i1", 2, "none", "u1", "")
	f.decide("i1", 3, "keep", "u1", "=needed, \"really\"")
	l.add(TypeItemDecided, "other@2026-03-02", "", ItemDecided{Item: "foreign", Version: 1, Answer: "keep", Channel: "web"}, "reviewer", "u9")
	f.decide("i2", 1, "revoke", "u1", "")
	f.decide("i3", 1, "revoke", "u1", "left the team")
	l.add(TypeReviewSignedOff, testRun, "review:r1", ReviewSignedOff{Items: 3, Kept: 1, Revoked: 2, Statement: "I have looked at each.", ACR: "1", AMR: "pwd", AuthTime: Instant(l.at)}, "reviewer", "u1")
	f.decide("i4", 1, "unsure", "u2", "ask Cleo")
	l.add(TypeItemGone, testRun, "", ItemGone{Item: "i6", Snapshot: 2})
	l.add(TypeItemReassigned, testRun, "", ItemReassigned{Item: "i7", Version: 1, Basis: "manual"}, "from", "u2", "to", "u3", "to_name", "Cleo Park", "to_email", "cleo@example.com", "reason", "not mine")
	f.decide("i7", 2, "reduce", "u3", "")
}

func (f *fixture) removals() {
	l := f.log
	of := func(kind, of_, id, item, account, ent, mode string) {
		l.add(TypeRevocationQueued, testRun, "", RevocationQueued{Kind: kind, For: of_, Remediation: id, Item: item, Source: "wiki", Mode: mode, Grant: 5, GrantedAt: Instant(l.at), PathKind: "direct", Entitlement: ent}, "account", account, "username", account)
	}
	queue := func(id, item, account, ent, mode string) { of("", "", id, item, account, ent, mode) }
	try := func(id, item string, n int64, outcome, after string) Time {
		read := Instant(l.at.Add(30 * time.Second))
		l.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: id, Item: item, Attempt: n, Fence: n, IntentAt: Instant(l.at), CalledAt: Instant(l.at), Before: "present", BeforeVersion: "W/1", Outcome: outcome, After: after, ReadAt: read, Detail: "204"})
		return read
	}
	move := func(id, item, from, to, proof string, read Time, snap int64) {
		l.add(TypeRevocationState, testRun, "", RevocationState{Remediation: id, Item: item, From: from, To: to, Proof: proof, ReadAt: read, Snapshot: snap})
	}
	queue("r1", "i2", "b1", "e1", "connector")
	queue("r2", "i3", "c1", "e2", "manual")
	move("r1", "i2", "queued", "sent", "", 0, 0)
	try("r1", "i2", 1, "removed", "present")
	read := try("r1", "i2", 2, "removed", "absent")
	move("r1", "i2", "sent", "confirmed", "read", read, 0)
	try("r2", "i3", 1, "task_opened", "")
	move("r2", "i3", "queued", "sent", "", 0, 0)
	l.add(TypeSnapshotSealed, "", "", f.sealed(3, "wiki", "access", map[string]KindCount{"grants": {Read: 8, Accepted: 8, Unchanged: 8, Previous: 10, Gone: 2}}, nil))
	move("r2", "i3", "sent", "confirmed", "snapshot", 0, 3)
	of("lower", "", "r0", "i7", "g1", "e1", "connector")
	read = try("r0", "i7", 1, "granted", "present")
	move("r0", "i7", "queued", "confirmed", "read", read, 0)
	of("", "r0", "r3", "i7", "g1", "e3", "connector")
	of("restore", "r1", "r4", "i2", "b1", "e1", "connector")
}

func (f *fixture) close() {
	l := f.log
	l.add(TypeCampaignClosed, testRun, "", CampaignClosed{Items: 7, Kept: 1, Revoked: 2, Reduced: 1, Unsure: 1, Unanswered: 1, Gone: 1, Reason: "due"}, "actor", "ops@example.com")
	l.add(TypeItemDefaulted, testRun, "", ItemDefaulted{Item: "i4", Version: 2, Outcome: "keep", By: "keep"})
	l.add(TypeItemDefaulted, testRun, "", ItemDefaulted{Item: "i5", Version: 1, Outcome: "keep", By: "keep"})
}

func seq[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// pack is the package of the run at the checkpoint of the given size.
func (f *fixture) pack(size int64) *Package {
	var lines []*LogLine
	for i, line := range f.log.lines[:size] {
		if f.log.runs[i] == "" || f.log.runs[i] == testRun {
			lines = append(lines, line)
		}
	}
	return &Package{
		Leaves: seq(lines), Items: seq(f.items), Excluded: seq(f.excluded), Rejected: seq(f.rejected),
		Checkpoint: f.log.checkpoint(size), Hashes: f.log, TempDir: f.log.tb.TempDir(),
	}
}

func (f *fixture) size() int64 { return int64(len(f.log.lines)) }

func write(tb testing.TB, p *Package) []byte {
	tb.Helper()
	var b bytes.Buffer
	done, err := p.Write(tb.Context(), &b)
	if err != nil {
		tb.Fatal(err)
	}
	if done.SHA256 != sum(b.String()) || done.Bytes != int64(b.Len()) {
		tb.Fatalf("Write says %+v of %d bytes", done, b.Len())
	}
	return b.Bytes()
}

func check(tb testing.TB, pkg []byte, opt Options, previous ...[]byte) Report {
	tb.Helper()
	var old io.ReaderAt
	var size int64
	if len(previous) > 0 {
		old, size = bytes.NewReader(previous[0]), int64(len(previous[0]))
	}
	r, err := Reader(tb.Context(), bytes.NewReader(pkg), int64(len(pkg)), opt, old, size)
	if err != nil {
		tb.Fatal(fmt.Errorf("verify: %w", err))
	}
	return r
}
