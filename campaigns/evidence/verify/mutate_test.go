package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// miniFixture is the smallest review that leaves no file of a package without content.
func miniFixture(tb testing.TB) (*fixture, *Package) {
	tb.Helper()
	f := &fixture{log: newTestLog(tb, 7)}
	l := f.log
	l.add(TypeLogKey, "", "", LogKey{VKey: l.vkey})
	l.add(TypeSessionStarted, "", "session:1", SessionStarted{Roles: []string{"admin"}, Method: "oidc"}, "user", "ops@example.com")
	early := l.checkpoint(2)
	l.add(TypeItemGone, "other@2026-03-02", "", ItemGone{Item: "foreign", Snapshot: 1})
	f.population()
	f.items, f.excluded = f.items[:2], f.excluded[:1]
	f.items[0].Paths, f.items[1].Paths = []string{""}, []string{""}
	snap := f.sealed(2, "wiki", "access", map[string]KindCount{"grants": {Read: 4, Accepted: 3, Rejected: 1, New: 3}}, f.rejected)
	l.add(TypeSnapshotSealed, "", "", snap)
	l.add(TypeCampaignLaunched, testRun, "", CampaignLaunched{
		Campaign: "quarterly", Spec: json.RawMessage("{}"), SpecSHA256: sum("{}"),
		Sources:         []SourceSnapshot{{Source: "wiki", Provides: "access", Snapshot: 2, AsOf: snap.AsOf, Digest: snap.Digest}},
		GrantsInSources: map[string]int64{"wiki": 3}, Items: 2, ItemGrants: 2, ItemsRoot: rootOf(tb, f.items),
		Excluded: 1, ExcludedRoot: rootOf(tb, f.excluded), Reviewers: 1,
	})
	f.decide("i1", 1, "revoke", "u1", "gone")
	l.add(TypeReviewSignedOff, testRun, "review:r1", ReviewSignedOff{Items: 2, Revoked: 1, Unanswered: 1}, "reviewer", "u1")
	l.add(TypeRevocationQueued, testRun, "", RevocationQueued{Remediation: "r1", Item: "i1", Source: "wiki", Mode: "connector"}, "account", "a1")
	l.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{Remediation: "r1", Item: "i1", Attempt: 1, IntentAt: Instant(l.at), Outcome: "removed", After: "absent", ReadAt: Instant(l.at)})
	p := f.pack(f.size())
	root, err := tlog.TreeHash(f.size(), l)
	if err != nil {
		tb.Fatal(err)
	}
	proof, err := tlog.ProveTree(f.size(), 2, l)
	if err != nil {
		tb.Fatal(err)
	}
	if err := tlog.CheckTree(proof, f.size(), root, 2, mustRoot(tb, l, 2)); err != nil {
		tb.Fatal(err)
	}
	p.Consistency = FormatConsistency(proof, early)
	return f, p
}

func mustRoot(tb testing.TB, l *testLog, n int64) tlog.Hash {
	tb.Helper()
	h, err := tlog.TreeHash(n, l)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// owner says to which file each byte of the package belongs.
func owner(tb testing.TB, pkg []byte) []string {
	tb.Helper()
	entries, err := readArchive(bytes.NewReader(pkg), int64(len(pkg)))
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, len(pkg))
	for i := range names {
		names[i] = archiveName
	}
	for _, e := range entries {
		for i := range e.stored {
			names[e.data+i] = e.name
		}
	}
	return names
}

// TestEveryByte changes every single byte of a package, one at a time: each change must be
// found and must be laid at the right door.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	if r := check(t, pkg, Options{}); !r.OK() {
		t.Fatal(r.Result)
	}
	names := owner(t, pkg)
	const shards = 8
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			t.Parallel()
			broken := bytes.Clone(pkg)
			for i := shard; i < len(pkg); i += shards * stride {
				broken[i] ^= 1 << (i / shards % 8)
				want := "FAILED: " + names[i] + ": "
				if r := check(t, broken, Options{}); !strings.HasPrefix(r.Result, want) {
					t.Errorf("byte %d of %s: %s", i, names[i], r.Result)
				}
				broken[i] = pkg[i]
			}
		})
	}
}

// forge rewrites files of a package as somebody would who knows the format: compressed, listed
// in the manifest and framed as they must be. With manifest false the manifest stays as it was.
func forge(tb testing.TB, pkg []byte, manifest bool, change map[string]func([]byte) []byte) []byte {
	tb.Helper()
	old := contents(tb, pkg)
	b := builder{spools: map[string]*spool{}, sinks: map[string]*sink{}}
	var m manifestJSON
	if err := json.Unmarshal(old[fileManifest], &m); err != nil {
		tb.Fatal(err)
	}
	for i := range m.Files {
		f := &m.Files[i]
		content := old[f.Name]
		if c := change[f.Name]; c != nil {
			content = c(bytes.Clone(content))
			if bytes.Equal(content, old[f.Name]) {
				tb.Fatalf("%s is not changed", f.Name)
			}
		}
		s := b.sink(f.Name)
		if _, err := s.Write(content); err != nil {
			tb.Fatal(err)
		}
		if err := s.Close(); err != nil {
			tb.Fatal(err)
		}
		f.Bytes, f.SHA256, f.StoredSHA256 = s.size, hexSum(s.sum), hexSum(s.stored)
		if f.Name == fileCheckpoint {
			m.Checkpoint = string(content)
		}
	}
	text := old[fileManifest]
	if manifest {
		c, err := Canonical(m)
		if err != nil {
			tb.Fatal(err)
		}
		text = append(bytes.ReplaceAll(c, []byte(`{"bytes"`), []byte("\n{\"bytes\"")), '\n')
	}
	if c := change[fileManifest]; c != nil {
		text = c(bytes.Clone(text))
	}
	if err := b.small(fileManifest, text); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := b.archive(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// contents unpacks a package.
func contents(tb testing.TB, pkg []byte) map[string][]byte {
	tb.Helper()
	v := &verifier{r: bytes.NewReader(pkg), spools: map[string]*spool{}}
	if err := v.open(int64(len(pkg))); err != nil {
		tb.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range fileOrder {
		if name == fileManifest {
			e := v.entries[name]
			files[name] = pkg[e.data : e.data+e.stored]
			continue
		}
		sp, err := v.inflate(tb.Context(), name, maxSmall)
		if err != nil {
			tb.Fatal(err)
		}
		if files[name], err = sp.bytes(); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

func TestForgeIsFaithful(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	if !bytes.Equal(forge(t, pkg, true, nil), pkg) || !bytes.Equal(forge(t, pkg, false, nil), pkg) {
		t.Error("forging nothing changes the package, so the tests below would prove nothing")
	}
}

// TestForgedFileAndManifest changes one byte at many places of each file's content, and the
// manifest with it.
func TestForgedFileAndManifest(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	for name, content := range contents(t, pkg) {
		if name == fileManifest {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := max(1, len(content)*(1+stride/4)/40)
			for i := 0; i < len(content); i += step {
				bad := forge(t, pkg, true, map[string]func([]byte) []byte{name: func(b []byte) []byte {
					b[i] ^= 1
					return b
				}})
				if r := check(t, bad, Options{}); !strings.HasPrefix(r.Result, "FAILED: "+name+": ") {
					t.Errorf("byte %d (%q): %s", i, content[i], r.Result)
				}
			}
		})
	}
}

// TestRepacked compresses a file in another way: the content is the same, the package is not.
func TestRepacked(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	for _, name := range []string{fileLeaves, fileDecisions, fileTree} {
		content := contents(t, pkg)[name]
		b := builder{spools: map[string]*spool{}, sinks: map[string]*sink{}}
		for n, c := range contents(t, pkg) {
			s := b.sink(n)
			if n == name {
				s.pack = storedBlock{(*storedBytes)(s)}
			}
			if _, err := s.Write(c); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := b.archive(&out); err != nil {
			t.Fatal(err)
		}
		if r := check(t, out.Bytes(), Options{}); !strings.HasPrefix(r.Result, "FAILED: "+name+": ") {
			t.Errorf("%s of %d bytes: %s", name, len(content), r.Result)
		}
	}
}

// storedBlock is DEFLATE that does not compress, for content below 64 KiB in one write.
type storedBlock struct{ w *storedBytes }

func (s storedBlock) Write(p []byte) (int, error) {
	n := uint16(len(p))
	head := []byte{1, byte(n), byte(n >> 8), byte(^n), byte(^n >> 8)}
	if _, err := s.w.Write(append(head, p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (storedBlock) Close() error { return nil }

func lines(b []byte) [][]byte { return bytes.SplitAfter(b[:len(b)-1], []byte("\n")) }

// TestForgedLeaves takes leaves out, swaps and doubles them, with the manifest made to match.
func TestForgedLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	pkg := write(t, f.pack(f.size()))
	n := len(lines(contents(t, pkg)[fileLeaves]))
	edit := func(how func(list [][]byte) [][]byte) []byte {
		return forge(t, pkg, true, map[string]func([]byte) []byte{fileLeaves: func(b []byte) []byte {
			list := lines(b)
			list[len(list)-1] = append(list[len(list)-1], '\n')
			return bytes.Join(how(list), nil)
		}})
	}
	for i := 0; i < n; i += 1 + stride/4 {
		for what, bad := range map[string][]byte{
			"left out": edit(func(list [][]byte) [][]byte { return slices.Delete(list, i, i+1) }),
			"doubled":  edit(func(list [][]byte) [][]byte { return slices.Insert(list, i, list[i]) }),
			"swapped": edit(func(list [][]byte) [][]byte {
				j := (i + 1) % n
				list[i], list[j] = list[j], list[i]
				return list
			}),
			"cut short": edit(func(list [][]byte) [][]byte { return list[:i] }),
			"renumbered": edit(func(list [][]byte) [][]byte {
				var line lineJSON
				if err := line.parse(bytes.TrimSuffix(list[i], []byte("\n"))); err != nil {
					t.Fatal(err)
				}
				list[i] = bytes.Replace(list[i], fmt.Appendf(nil, `"index":%d,`, line.Index), fmt.Appendf(nil, `"index":%d,`, line.Index+1), 1)
				return list
			}),
		} {
			if r := check(t, bad, Options{}); !strings.HasPrefix(r.Result, "FAILED: "+fileLeaves+": ") {
				t.Errorf("leaf %d %s: %s", i, what, r.Result)
			}
		}
	}
}

// TestForgedEvent changes an event and everything that can be computed again without the key:
// its hash, the line, the manifest.
func TestForgedEvent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 7, true)
	pkg := write(t, f.pack(f.size()))
	for _, c := range []struct{ name, from, to string }{
		{"answer", `"answer":"keep"`, `"answer":"none"`},
		{"time", `2026-03-02T09:13:00`, `2026-03-02T09:13:01`},
		{"key", f.log.vkey, strings.Replace(f.log.vkey, "+", "-", 1)},
		{"proof", `"after":"present"`, `"after":"absent"`},
		{"count", `"kept":1`, `"kept":2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bad := forge(t, pkg, true, map[string]func([]byte) []byte{fileLeaves: func(b []byte) []byte {
				var out []byte
				for _, text := range lines(b) {
					var line lineJSON
					if err := line.parse(bytes.TrimSuffix(text, []byte("\n"))); err != nil {
						t.Fatal(err)
					}
					leaf := strings.Replace(line.Leaf, c.from, c.to, 1)
					h := tlog.RecordHash([]byte(leaf))
					again, err := Canonical(lineJSON{Index: line.Index, Leaf: leaf, Hash: hex.EncodeToString(h[:]), Disclosures: line.Disclosures})
					if err != nil {
						t.Fatal(err)
					}
					out = append(append(out, again...), '\n')
				}
				return out
			}})
			if r := check(t, bad, Options{}); !strings.HasPrefix(r.Result, "FAILED: "+fileLeaves+": ") {
				t.Error(r.Result)
			}
		})
	}
}

// TestManifestAlone changes the manifest and nothing else.
func TestManifestAlone(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	for _, c := range [][2]string{{`"rows":2`, `"rows":3`}, {`"format":"recert-evidence/1"`, `"format":"recert-evidence/2"`}, {`"run":"`, `"run":"x`}, {"}\n", "}\n\n"}} {
		bad := forge(t, pkg, false, map[string]func([]byte) []byte{fileManifest: func(b []byte) []byte {
			return bytes.Replace(b, []byte(c[0]), []byte(c[1]), 1)
		}})
		if bytes.Equal(bad, pkg) {
			t.Fatalf("%q is not in the manifest", c[0])
		}
		if r := check(t, bad, Options{}); !strings.HasPrefix(r.Result, "FAILED: "+fileManifest+": ") {
			t.Errorf("%q: %s", c[1], r.Result)
		}
	}
}
