package verify

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func deflate(tb testing.TB, content []byte, cut func() int) []byte {
	tb.Helper()
	var b bytes.Buffer
	d := newDeflater(&b)
	for len(content) > 0 {
		n := min(cut(), len(content))
		if _, err := d.Write(content[:n]); err != nil {
			tb.Fatal(err)
		}
		content = content[n:]
	}
	if err := d.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func whole() int { return 1 << 30 }

func TestDeflate(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 400_000)
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	hexes := bytes.Repeat([]byte("{\"hash\":\"0123456789abcdef\"},\n"), 20_000)
	far := slices.Concat(noise[:window], noise[:window+5], noise[:3*window])
	for i, content := range [][]byte{
		nil, []byte("a"), []byte("aaa"), []byte("aaaa"), bytes.Repeat([]byte("a"), 600_000), noise, hexes, far, noise[:bufSize], noise[:bufSize+1],
		noise[:bufSize-1], append(bytes.Clone(hexes[:bufSize-3]), noise...),
	} {
		packed := deflate(t, content, whole)
		got, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d: %d bytes come back as %d, %v", i, len(content), len(got), err)
		}
		if !bytes.Equal(byTheBook(content), packed) {
			t.Errorf("%d: the result is not what FORMAT.md says", i)
		}
		for _, cut := range []func() int{func() int { return 1 + r.IntN(100_000) }, func() int { return bufSize - 1 }, func() int { return 777 }} {
			if !bytes.Equal(deflate(t, content, cut), packed) {
				t.Errorf("%d: the result depends on how it is written", i)
			}
		}
	}
	if n := len(deflate(t, hexes, whole)); n > len(hexes)/50 {
		t.Errorf("%d repetitive bytes are still %d", len(hexes), n)
	}
}

// byTheBook compresses as FORMAT.md says it, without any of the encoder's shortcuts.
func byTheBook(content []byte) []byte {
	var b bytes.Buffer
	d := newDeflater(&b)
	places := map[uint32][]int{}
	for p := 0; p < len(content); {
		rest := content[p:]
		length, dist := 0, 0
		if len(rest) >= minMatch {
			list := places[hash4(rest)]
			for i := len(list) - 1; i >= max(0, len(list)-chain) && p-list[i] <= window; i-- {
				n := 0
				for n < min(len(rest), maxMatch) && content[list[i]+n] == rest[n] {
					n++
				}
				if n > length {
					length, dist = n, p-list[i]
				}
			}
		}
		if length < minMatch {
			d.literal(rest[0])
			length = 1
		} else {
			d.copy(length, dist)
		}
		for range length {
			if len(content)-p >= minMatch {
				h := hash4(content[p:])
				places[h] = append(places[h], p)
			}
			p++
		}
	}
	if err := d.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func FuzzDeflate(f *testing.F) {
	f.Add([]byte("abcabcabc"), uint16(2))
	f.Fuzz(func(t *testing.T, content []byte, n uint16) {
		content = bytes.Repeat(content, 1+int(n)%300)
		packed := deflate(t, content, func() int { return 1 + int(n) })
		got, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
		if err != nil || !bytes.Equal(got, content) || !bytes.Equal(packed, deflate(t, content, whole)) || !bytes.Equal(packed, byTheBook(content)) {
			t.Errorf("%d bytes come back as %d, %v", len(content), len(got), err)
		}
	})
}

// TestStandardUnzip has another implementation read the golden package.
func TestStandardUnzip(t *testing.T) {
	t.Parallel()
	pkg, err := os.ReadFile("testdata/golden.zip")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(pkg), int64(len(pkg)))
	if err != nil {
		t.Fatal(err)
	}
	want := contents(t, pkg)
	for i, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || file.Name != fileOrder[i] || !bytes.Equal(got, want[file.Name]) {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}

// sparse is an archive with huge holes: only its structure exists.
type sparse struct {
	at   []int64
	part [][]byte
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	for i, at := range s.at {
		if part := s.part[i]; off+int64(len(p)) > at && off < at+int64(len(part)) {
			copy(p[max(0, at-off):], part[max(0, off-at):])
		}
	}
	return len(p), nil
}

func TestZip64(t *testing.T) {
	t.Parallel()
	var s sparse
	var entries []entry
	var at int64
	for i, name := range fileOrder {
		e := entry{name: name, crc: uint32(i), stored: int64(i) << 29, size: int64(i) << 30, header: at}
		if e.method() == 0 {
			e.size = e.stored
		}
		head := localHeader(&e)
		s.at, s.part = append(s.at, at), append(s.part, head)
		e.data = at + int64(len(head))
		at = e.data + e.stored
		entries = append(entries, e)
	}
	dir := directory(entries, at)
	s.at, s.part = append(s.at, at), append(s.part, dir)
	size := at + int64(len(dir))
	got, err := readArchive(&s, size)
	if err != nil || !slices.Equal(got, entries) {
		t.Fatalf("%v: %+v", err, got)
	}
	z, err := zip.NewReader(&s, size)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range z.File {
		if o, err := f.DataOffset(); err != nil || o != entries[i].data || int64(f.UncompressedSize64) != entries[i].size || int64(f.CompressedSize64) != entries[i].stored {
			t.Errorf("%s: %d, %v", f.Name, o, err)
		}
	}
	for i := range dir {
		dir[i] ^= 0x10
		if _, err := readArchive(&s, size); err == nil {
			t.Errorf("byte %d of the directory can be changed", i)
		}
		dir[i] ^= 0x10
	}
}

func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	_, p := miniFixture(t)
	pkg := write(t, p)
	for name, bad := range map[string][]byte{
		"cut by one":           pkg[:len(pkg)-1],
		"cut in the middle":    pkg[:len(pkg)/2],
		"something appended":   append(bytes.Clone(pkg), 0),
		"something prepended":  append([]byte{0}, pkg...),
		"a package twice":      append(bytes.Clone(pkg), pkg...),
		"a comment":            append(bytes.Clone(pkg[:len(pkg)-2]), 1, 0, 'x'),
		"nothing":              nil,
		"only an end record":   pkg[len(pkg)-endSize:],
		"the directory's half": pkg[len(pkg)-400:],
	} {
		if r := check(t, bad, Options{}); !strings.HasPrefix(r.Result, "FAILED: archive: ") {
			t.Errorf("%s: %s", name, r.Result)
		}
	}
	// A bomb: sizes that no content of that length can have.
	entries, err := readArchive(bytes.NewReader(pkg), int64(len(pkg)))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1 << 32, 1 << 50} {
		var b bytes.Buffer
		for i := range entries {
			e := entries[i]
			e.header = int64(b.Len())
			if e.name == fileLeaves {
				e.size = size
			}
			b.Write(localHeader(&e))
			b.Write(pkg[entries[i].data : entries[i].data+e.stored])
			entries[i] = e
			entries[i].data = int64(b.Len()) - e.stored
		}
		b.Write(directory(entries, int64(b.Len())))
		if r := check(t, b.Bytes(), Options{}); !strings.HasPrefix(r.Result, "FAILED: archive: ") {
			t.Errorf("size %d: %s", size, r.Result)
		}
		pkg = b.Bytes()
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	columns := []string{"a", "b"}
	for _, c := range []struct{ cells, text string }{
		{"|", ",\n"}, {"x|y z", "x,y z\n"}, {`"|,`, "\"\"\"\",\",\"\n"}, {"l1\nl2|\r", "\"l1\nl2\",\"'\r\"\n"}, {"=1|+1", "'=1,'+1\n"}, {"-1|@x", "'-1,'@x\n"},
		{"\tx|'x", "'\tx,''x\n"}, {"=\"a\"|''", "\"'=\"\"a\"\"\",'''\n"}, {"é|a=b", "é,a=b\n"},
	} {
		cells := strings.Split(c.cells, "|")
		b, err := appendRow(nil, cells)
		if err != nil || string(b) != c.text {
			t.Errorf("%q is written %q, %v; want %q", cells, b, err, c.text)
		}
		rows, err := newRowReader(strings.NewReader("a,b\n"+c.text), columns)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rows.next(); err != nil || !slices.Equal(got, cells) {
			t.Errorf("%q is read as %q, %v", c.text, got, err)
		}
		if _, err := rows.next(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last row: %v", err)
		}
	}
	for _, text := range []string{
		"", "a,b", "b,a\n", "a\n", "a,b\nx\n", "a,b\nx,y,z\n", "a,b\nx,y", "a,b\r\nx,y\r\n", "a,b\n\"x\",y\n", "a,b\n=x,y\n", "a,b\n\"x,y\n", "a,b\nx\"\",y\n",
		"a,b\n\"\"\"x,y\n", "a,b\n\n", "\ufeffa,b\n", "a,b\n\xff,y\n", "a,b\n'x,y\n",
	} {
		rows, err := newRowReader(strings.NewReader(text), columns)
		if err == nil {
			_, err = rows.next()
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q is read (%v)", text, err)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("x,\"y\n\"\"\"\n'=,'\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := newRowReader(io.MultiReader(strings.NewReader("a,b\n"), bytes.NewReader(b)), []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		var again []byte
		for {
			cells, err := rows.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			if again, err = appendRow(again, cells); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%q is read as if it were %q", b, again)
		}
	})
}

// treeOf is a log of n leaves, all with different hashes.
func treeOf(tb testing.TB, n int64) *testLog {
	tb.Helper()
	l := &testLog{tb: tb, prev: map[string]string{}}
	for i := range n {
		l.addLeaf("", itoa(i), fmt.Appendf(nil, "leaf %d", i), nil)
	}
	return l
}

// TestTree proves every set of leaves in small logs, and random ones in larger logs.
func TestTree(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for n := int64(1); n < 24; n++ {
		l := treeOf(t, n)
		root := mustRoot(t, l, n)
		var own Root
		for i := range n {
			own.Add(tlog.RecordHash(fmt.Appendf(nil, "leaf %d", i)))
		}
		if own.Sum() != root || own.Len() != n {
			t.Fatalf("root of %d leaves is wrong", n)
		}
		sets := int64(1) << min(n, 6)
		for s := range sets {
			var known []int64
			for i := range n {
				if n <= 6 && s>>i&1 == 1 || n > 6 && r.IntN(4) == 0 {
					known = append(known, i)
				}
			}
			text, err := ProveTree(n, known, l)
			if len(known) == 0 {
				if err == nil {
					t.Fatal("a proof of nothing")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var hashes []tlog.Hash
			for _, i := range known {
				hashes = append(hashes, tlog.RecordHash(fmt.Appendf(nil, "leaf %d", i)))
			}
			if err := provenBy(text, n, root, known, hashes); err != nil {
				t.Fatalf("%v of %d: %v", known, n, err)
			}
			spoilTree(t, r, text, n, root, known, hashes)
		}
	}
}

func provenBy(text []byte, n int64, root tlog.Hash, known []int64, hashes []tlog.Hash) error {
	list, err := parseTree(text, n, root)
	if err != nil {
		return err
	}
	return checkLeaves(list, n, root, known, hashes)
}

// spoilTree changes the proof, or a leaf, and none of it may pass.
func spoilTree(t *testing.T, r *rand.Rand, text []byte, n int64, root tlog.Hash, known []int64, hashes []tlog.Hash) {
	t.Helper()
	if len(text) > 0 {
		bad := bytes.Clone(text)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if _, err := parseTree(bad, n, root); err == nil {
			t.Fatalf("%q passes for %q", bad, text)
		}
		first := text[bytes.IndexByte(text, '\n')+1:]
		if provenBy(first, n, root, known, hashes) == nil {
			t.Fatalf("%q passes for %q", first, text)
		}
	}
	i := r.IntN(len(known))
	other := slices.Clone(hashes)
	other[i][5] ^= 1
	if provenBy(text, n, root, known, other) == nil {
		t.Fatalf("another leaf %d passes", known[i])
	}
	if provenBy(text, n, root, slices.Delete(slices.Clone(known), i, i+1), slices.Delete(slices.Clone(hashes), i, i+1)) == nil {
		t.Fatalf("leaf %d of %v in %d can be left out", known[i], known, n)
	}
	moved := slices.Clone(known)
	moved[len(moved)-1]++
	if provenBy(text, n, root, moved, hashes) == nil {
		t.Fatalf("leaf %d of %d passes as %d", known[len(known)-1], n, moved[len(moved)-1])
	}
}

func FuzzTree(f *testing.F) {
	l := treeOf(f, 11)
	root := mustRoot(f, l, 11)
	text, err := ProveTree(11, []int64{2, 3, 9}, l)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseTree(b, 11, root)
		if err != nil {
			return
		}
		var again []byte
		for _, x := range list {
			again = fmt.Appendf(again, "%d %d %v %v\n", x.lo, x.hi, x.left, x.right)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%q is read as if it were %q", b, again)
		}
	})
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	signer, vkey := testKey(t, "recert.example.com/log", 1)
	_, other := testKey(t, "recert.example.com/log", 2)
	c := Checkpoint{Origin: "recert.example.com/log", Size: 9, Root: tlog.RecordHash([]byte("x"))}
	msg, err := SignCheckpoint(c, signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCheckpoint(msg, vkey); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := OpenCheckpoint(msg, other); err == nil {
		t.Error("another key opens it")
	}
	for i := range msg {
		for bit := range 8 {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << bit
			if _, err := OpenCheckpoint(bad, vkey); err == nil {
				t.Errorf("byte %d bit %d can be changed: %q", i, bit, bad)
			}
		}
	}
	if _, err := OpenCheckpoint(append(bytes.Clone(msg), "— other AAAAAAAA\n"...), vkey); err == nil {
		t.Error("an unknown signature is accepted")
	}
	if _, err := OpenCheckpoint(append(bytes.Clone(msg), bytes.SplitAfter(msg, []byte("\n\n"))[1]...), vkey); err == nil {
		t.Error("the signature may stand there twice")
	}
	c.Origin = "elsewhere"
	if _, err := SignCheckpoint(c, signer); err == nil {
		t.Error("a key of another origin signs")
	}
}

func FuzzConsistency(f *testing.F) {
	f.Add(FormatConsistency(tlog.TreeProof{{1}, {2}}, []byte("x\n")))
	f.Add([]byte("0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		proof, rest, err := parseConsistency(b)
		if err == nil && !bytes.Equal(FormatConsistency(proof, rest), b) {
			t.Errorf("%q is read as if it were another", b)
		}
		if c, err := parseCheckpoint(string(b)); err == nil && c.Text() != string(b) {
			t.Errorf("%q is read as checkpoint %+v", b, c)
		}
	})
}

func TestSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSpool(dir)
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
	want := bytes.Repeat(chunk, spoolMemory/len(chunk)+3)
	for i := 0; i < len(want); i += len(chunk) {
		if _, err := s.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.bytes()
	if err != nil || !bytes.Equal(got, want) || s.file == nil {
		t.Errorf("%d bytes come back as %d, %v", len(want), len(got), err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}
