package verify

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestGolden pins the format: the same input has given the same bytes since the format began.
func TestGolden(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	pkg := write(t, f.pack(f.size()))
	path := filepath.Join("testdata", "golden.zip")
	if *update {
		if err := os.WriteFile(path, pkg, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", "golden.vkey"), []byte(f.log.vkey+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pkg, want) {
		a, b := contents(t, pkg), contents(t, want)
		for name := range a {
			if !bytes.Equal(a[name], b[name]) {
				t.Errorf("%s differs:\n%s\nwant:\n%s", name, a[name], b[name])
			}
		}
		t.Error("the package is not the golden one; if the format is meant to change, run with -update and raise Format")
	}
}

func TestPackage(t *testing.T) {
	t.Parallel()
	closed := newFixture(t, 7, true)
	running := newFixture(t, 7, false)
	_, other := testKey(t, "recert.example.com/log", 8)
	for _, c := range []struct {
		name string
		f    *fixture
		size int64
		opt  Options
		want string
	}{
		{"closed", closed, closed.size(), Options{}, "OK (key not pinned)"},
		{"running", running, running.size(), Options{}, "OK (key not pinned)"},
		{"running, earlier checkpoint", running, 12, Options{}, "OK (key not pinned)"},
		{"pinned", closed, closed.size(), Options{Key: closed.log.vkey}, "OK"},
		{"pinned to another", closed, closed.size(), Options{Key: other}, "FAILED: log/checkpoint: it is not signed with the key that was given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.f.pack(c.size)
			pkg := write(t, p)
			if !bytes.Equal(pkg, write(t, p)) {
				t.Error("the same input gives other bytes")
			}
			r := check(t, pkg, c.opt)
			if r.Result != c.want {
				t.Errorf("%s", r.Result)
			}
			if c.f == closed && r.OK() && r.Totals != (Totals{Items: 7, Kept: 1, Revoked: 2, Reduced: 1, Unsure: 1, Unanswered: 1, Gone: 1, Removals: 3, Confirmed: 2, Open: 1}) {
				t.Errorf("totals %+v", r.Totals)
			}
		})
	}
}

// TestTables reads the derived tables as an auditor would: they say what the story was.
func TestTables(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	files := contents(t, write(t, f.pack(f.size())))
	for name, wants := range map[string][]string{
		fileDecisions: {
			",i1,3,2026-03-02T09:13:00.000000Z,keep,,,yes,no,web,,0,", "u1,\"'=needed, \"\"really\"\"\",wiki,a1,a1,p-a1,",
			",i1,1,2026-03-02T09:11:00.000000Z,revoke,,,no,no,",
		},
		fileRemediation: {
			",r1,i2,wiki,b1,b1,e1,,direct,connector,5,", ",2,2026-03-02T09:25:00.000000Z,removed,present,absent,confirmed,",
			",r2,i3,wiki,c1,c1,e2,,direct,manual,", ",snapshot,,3,remove,,", ",queued,", ",lower,,", ",remove,r0,", ",restore,r1,",
		},
		fileExceptions: {
			"self_review_avoided,item:i5,wiki,e1,e2,u2,", "unsure,item:i4,wiki,d1,e2,u2,", "unanswered,item:i5,", "defaulted,item:i5,",
			"reassigned,item:i7,wiki,g1,e3,u3,", "gone,item:i6,", "late,item:i7,", "removal_queued,remediation:r3,", "restore_queued,remediation:r4,",
			"snapshot_held,snapshot:2,wiki,,,ops@example.com,", "snapshot_released,snapshot:2,wiki,,,eve@example.com,",
		},
		fileReviewers: {
			"u1,Ana Lindqvist,ana@example.com,3,\"{\"\"manager\"\":3}\",0,0,0,3,0,2026-", "u2,Ben Okoro,ben@example.com,4,", "u3,Cleo Park,cleo@example.com,0,{},0,1,0,1,0,,,,",
		},
		fileReconciliation: {"wiki,grants,live grants = in items + excluded,10,10,yes", "hr,people,read = accepted + rejected,9,9,yes"},
		fileBeforeAfter:    {",r1,i2,wiki,", ",launch,", ",present,snapshot:", ",attempt 1 before,", ",present,read,W/1,", ",attempt 1 after,", ",absent,read,,removed,", ",now,"},
		fileToolAccess:     {"ops@example.com,oidc,https://id.example.com,admin,1,"},
		fileToolAudit:      {`"type":"config.applied"`, `"personal":{"actor":"ops@example.com"}`},
		fileSignoff:        {`"statement":"I have looked at each."`, `"reviewer_id":"u1"`, `"closed":{`},
		fileExcluded:       {"wiki,h1,'-h1,", ",risk is low,"},
		fileRejected:       {"2,wiki,grants,grants.csv,7,,a stray quote,\"x;\"\"y\","},
		fileControl:        {`"run":"quarterly@2026-03-02"`, `"on_no_answer":"keep"`},
		fileScope:          {`"excluded_by":{"risk is low":2}`, `"grants_in_items":{"wiki":8}`},
		fileExtraction:     {`"held":true`, `"origin":"cli"`},
		fileReadme:         {"7 items: 1 kept, 2 to be removed", f.log.vkey},
	} {
		for _, want := range wants {
			if !bytes.Contains(files[name], []byte(want)) {
				t.Errorf("%s lacks %q:\n%s", name, want, files[name])
			}
		}
	}
}

func TestErased(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	for _, l := range f.log.lines {
		l.Disclosures = nil
	}
	for _, it := range f.items {
		it.Subject, it.Reviewer = erasedSubject, erasedReviewer
		it.SubjectBound.Salt, it.ReviewerBound.Salt = "", ""
	}
	for _, x := range f.excluded {
		x.Subject, x.SubjectBound.Salt = erasedSubject, ""
	}
	for _, x := range f.rejected {
		x.Details, x.Bound.Salt = erasedDetails, ""
	}
	pkg := write(t, f.pack(f.size()))
	if r := check(t, pkg, Options{Key: f.log.vkey}); r.Result != "OK" {
		t.Error(r.Result)
	}
	for name, content := range contents(t, pkg) {
		for _, secret := range []string{"Ana", "ana@example.com", "ops@example.com", "p-a1", "really", "wrong button", "stray quote"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s still holds %q", name, secret)
			}
		}
	}
	f.items[0].Subject.Name = "Somebody Else"
	if _, err := f.pack(f.size()).Write(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), filePopulation) {
		t.Errorf("a value without a salt passes: %v", err)
	}
}

func TestPrevious(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	early := f.pack(20)
	old := write(t, early)
	proof, err := tlog.ProveTree(f.size(), 20, f.log)
	if err != nil {
		t.Fatal(err)
	}
	with := f.pack(f.size())
	with.Consistency = FormatConsistency(proof, early.Checkpoint)
	now, bare := write(t, with), write(t, f.pack(f.size()))
	stranger := newFixture(t, 8, true)
	fork := newFixture(t, 7, true) // the same key, another history
	fork.log = newTestLog(t, 7)
	fork.log.rand = bytes.NewReader(bytes.Repeat([]byte{9}, 1<<16))
	refilled := refill(t, fork)
	for _, c := range []struct {
		name     string
		pkg, old []byte
		want     string
	}{
		{"continues", now, old, "OK"},
		{"same checkpoint", bare, bare, "OK"},
		{"no proof", bare, old, "FAILED: log/consistency.txt: it does not begin at"},
		{"another history", now, refilled, "FAILED: log/consistency.txt: it does not begin at"},
		{"another key", now, write(t, stranger.pack(20)), "FAILED: log/checkpoint: it is signed with another key"},
		{"previous cut short", now, old[:len(old)-1], "FAILED: previous package: archive: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if r := check(t, c.pkg, Options{}, c.old); !strings.HasPrefix(r.Result, c.want) {
				t.Error(r.Result)
			}
		})
	}
}

// refill is a package of a log with the same key and another history.
func refill(tb testing.TB, f *fixture) []byte {
	tb.Helper()
	g := &fixture{log: f.log}
	g.log.add(TypeLogKey, "", "", LogKey{VKey: g.log.vkey})
	g.population()
	g.log.add(TypeSessionEnded, "", "session:0", SessionEnded{How: "x"})
	g.log.add(TypeSessionEnded, "", "session:1", SessionEnded{How: "x"})
	g.snapshots()
	g.launch()
	return write(tb, g.pack(g.size()))
}

// queued adds one more remediation.
func queued(f *fixture, b RevocationQueued) {
	b.Source, b.Mode, b.Grant, b.PathKind = "wiki", "connector", 5, "direct"
	f.log.add(TypeRevocationQueued, testRun, "", b, "account", "x1")
}

// TestWriterRefuses has the log say what cannot be: signed, hashed and complete, yet untrue. The
// writer applies the verifier's rules, so it must refuse.
func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lie  func(f *fixture)
		want string
	}{
		{"confirmed by a read that showed it present", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "queued", To: "confirmed", Proof: "read"})
		}, "confirmed without proof: there was no attempt"},
		{"confirmed by an older snapshot", func(f *fixture) {
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r3", Item: "i7", Attempt: 1, CalledAt: Instant(f.log.at)})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "queued", To: "confirmed", Proof: "snapshot", Snapshot: 3})
		}, "did not begin after the last call"},
		{"confirmed on somebody's word", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "queued", To: "confirmed"})
		}, `proof "" is not known`},
		{"manual, confirmed by a read", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r2", Item: "i3", From: "confirmed", To: "came_back"})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r2", Item: "i3", From: "came_back", To: "confirmed", Proof: "read"})
		}, "by a snapshot alone"},
		{"confirmed by a read before the last call", func(f *fixture) {
			now := Instant(f.log.at)
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r3", Item: "i7", Attempt: 2, CalledAt: now + 9})
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r3", Item: "i7", Attempt: 1, After: "absent", ReadAt: now + 8})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "queued", To: "confirmed", Proof: "read"})
		}, "after the last call"},
		{"an attempt twice", func(f *fixture) {
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r1", Item: "i2", Attempt: 1})
		}, "attempt 1 ended before"},
		{"a state that was skipped", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "sent", To: "failed"})
		}, `the removal is "queued"`},
		{"lowered before the weaker access was proven", func(f *fixture) {
			queued(f, RevocationQueued{Remediation: "r9", Item: "i7", Entitlement: "e3"})
		}, "the weaker access was not proven before"},
		{"lowered to what nobody said", func(f *fixture) {
			queued(f, RevocationQueued{Kind: "lower", Remediation: "r9", Item: "i5", Entitlement: "e7"})
		}, "not answered to be lowered to it"},
		{"lowered twice", func(f *fixture) {
			queued(f, RevocationQueued{Kind: "lower", Remediation: "r9", Item: "i7", Entitlement: "e1"})
		}, "being lowered by r0 already"},
		{"given back what was not removed", func(f *fixture) {
			queued(f, RevocationQueued{Kind: "restore", For: "r3", Remediation: "r9", Item: "i7", Entitlement: "e3"})
		}, "nothing to give back"},
		{"given back twice", func(f *fixture) {
			queued(f, RevocationQueued{Kind: "restore", For: "r1", Remediation: "r9", Item: "i2", Entitlement: "e1"})
		}, "given back already"},
		{"given back something else", func(f *fixture) {
			queued(f, RevocationQueued{Kind: "restore", For: "r2", Remediation: "r9", Item: "i3", Entitlement: "e1"})
		}, "another access than removal r2 took"},
		{"restored without proof", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r1", Item: "i2", From: "confirmed", To: "restored"})
		}, "without proof that the access is there again"},
		{"came back while it is given back", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r1", Item: "i2", From: "confirmed", To: "came_back"})
		}, "while r4 gives it back"},
		{"given back by the target's word", func(f *fixture) {
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r4", Item: "i2", Attempt: 1, CalledAt: Instant(f.log.at), Outcome: "granted", After: "absent", ReadAt: Instant(f.log.at) + 1})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r4", Item: "i2", From: "queued", To: "confirmed", Proof: "read"})
		}, "that shows it present"},
		{"given back by an older snapshot", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r4", Item: "i2", From: "queued", To: "confirmed", Proof: "snapshot", Snapshot: 3})
		}, "did not begin after it was asked for"},
		{"a task that is confirmed by a read", func(f *fixture) {
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r4", Item: "i2", Attempt: 1, After: "present", ReadAt: Instant(f.log.at)})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r4", Item: "i2", From: "queued", To: "sent", Mode: "manual"})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r4", Item: "i2", From: "sent", To: "confirmed", Proof: "read"})
		}, "by a snapshot alone"},
		{"a removal that becomes a task", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r3", Item: "i7", From: "queued", To: "sent", Mode: "manual"})
		}, "cannot take its place"},
		{"given access that came back", func(f *fixture) {
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r0", Item: "i7", From: "confirmed", To: "came_back"})
		}, "is never came_back"},
		{"a decision after the close", func(f *fixture) { f.decide("i5", 9, "keep", "u2", "") }, "after the close"},
		{"a version twice", func(f *fixture) {
			f.log.add(TypeItemDefaulted, testRun, "", ItemDefaulted{Item: "i5", Version: 1, Outcome: "revoke", By: "x"})
		}, "does not raise version"},
		{"an item nobody froze", func(f *fixture) {
			f.log.add(TypeItemDefaulted, testRun, "", ItemDefaulted{Item: "i99", Version: 1, Outcome: "revoke", By: "x"})
		}, `item "i99" is not in the population`},
		{"an item left out", func(f *fixture) { f.items = f.items[1:] }, filePopulation + ": it has 6 rows, the log says 7"},
		{"an item changed", func(f *fixture) { f.items[2].Description += "." }, filePopulation + ": its rows are not those"},
		{"a name changed", func(f *fixture) { f.items[2].Subject.Name += "." }, "the subject is not the one that was committed to"},
		{"an exclusion left out", func(f *fixture) { f.excluded = nil }, fileExcluded},
		{"a rejection changed", func(f *fixture) { f.rejected[0].Line++ }, fileRejected},
		{"a decision swallowed", func(f *fixture) {
			for i, line := range f.log.lines {
				if bytes.Contains(line.Leaf, []byte(`"answer":"none"`)) {
					f.log.runs[i] = "hidden"
				}
			}
		}, "an event is missing or changed"},
		{"a disclosure of something else", func(f *fixture) { f.log.lines[1].Disclosures[0].Value = "nobody" }, "is not the value that was committed to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 7, true)
			c.lie(f)
			_, err := f.pack(f.size()).Write(t.Context(), io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestResigned(t *testing.T) {
	t.Parallel()
	honest := newFixture(t, 7, true)
	forged := write(t, newFixture(t, 8, true).pack(honest.size()))
	if r := check(t, forged, Options{Key: honest.log.vkey}); !strings.HasPrefix(r.Result, "FAILED: log/checkpoint: ") {
		t.Error(r.Result)
	}
	if r := check(t, forged, Options{}); r.Result != "OK (key not pinned)" {
		t.Errorf("the forger's package is not even consistent, so the test proves nothing: %s", r.Result)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "golden.zip")
	r, err := File(t.Context(), golden, Options{})
	if ExitCode(r, err) != 0 {
		t.Error(r.Result, err)
	}
	var b bytes.Buffer
	if err := Print(&b, r); err != nil || !strings.HasSuffix(b.String(), "\nOK (key not pinned)\n") || strings.Count(b.String(), "\n") != len(r.Checks)+1 {
		t.Errorf("%v\n%s", err, b.String())
	}
	r, err = File(t.Context(), golden, Options{Key: "nonsense"})
	if ExitCode(r, err) != 2 {
		t.Error(r.Result, err)
	}
	r, err = File(t.Context(), filepath.Join(t.TempDir(), "none.zip"), Options{})
	if ExitCode(r, err) != 1 || !errors.Is(err, os.ErrNotExist) {
		t.Error(r.Result, err)
	}
	for name, content := range map[string][]byte{"empty": nil, "text": []byte("hello"), "zip": append(make([]byte, 100), "PK\x05\x06"+strings.Repeat("\x00", 18)...)} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err = File(t.Context(), path, Options{})
		if ExitCode(r, err) != 3 || !strings.HasPrefix(r.Result, "FAILED: archive: ") {
			t.Error(name, r.Result, err)
		}
	}
}
