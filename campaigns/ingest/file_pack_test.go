package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"recert/campaigns/ingest"
	"recert/model"
)

func gzipped(tb testing.TB, s string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func zstdPacked(tb testing.TB, s string, window int) string {
	tb.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithSingleSegment(false))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(z, s); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func hexSHA256(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// A stream may ask for more history than we give it; its text is never held whole.
func TestZstdWindowIsBounded(t *testing.T) {
	t.Parallel()
	head := "account_id,entitlement_id\n"
	_, err := readFile(t, "g.csv.zst", zstdPacked(t, head+strings.Repeat("a,b\n", 64<<10), 256<<20), model.KindGrants, ingest.Layout{})
	expectRefused(t, err, "window", "64 MiB")
}

// pattern is a text of size bytes that repeats, and is never in memory.
type pattern struct {
	head string
	body []byte
	at   int
	left int64
}

func (p *pattern) Read(b []byte) (int, error) {
	if n := copy(b, p.head); n > 0 {
		p.head = p.head[n:]
		return n, nil
	}
	if p.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(int64(len(b)), p.left)], p.body[p.at:])
	p.at = (p.at + n) % len(p.body)
	p.left -= int64(n)
	return n, nil
}

// Memory stays flat whatever stands in a file: an endless line, an endless quoted field, JSON
// and compressed text without a line end, and a great many rows. Not parallel: it measures.
func TestFileMemoryIsFlat(t *testing.T) { // measures the whole process
	head := "account_id,entitlement_id\na,b\n"
	row := bytes.Repeat([]byte("account,entitlement\n"), 5000)
	junk := bytes.Repeat([]byte("x"), 100_000)
	const size = 256 << 20 // of one line; 8 times the memory that is allowed
	for _, c := range []struct {
		name     string
		file     string
		r        io.Reader
		accepted int64
		rejected int64
	}{
		{"one line", "g.csv", io.MultiReader(&pattern{head: head, body: junk, left: size}, strings.NewReader("\nc,d\n")), 2, 1},
		{"one line without end", "g.csv", &pattern{head: head, body: junk, left: size}, 1, 1},
		{"one quoted field", "g.csv", io.MultiReader(&pattern{head: head + `c,"`, body: junk, left: size}, strings.NewReader("\nc,d\n")), 2, 1},
		{"JSON", "g.jsonl", io.MultiReader(&pattern{head: `{"account_id":"a","entitlement_id":"b"}` + "\n" + `{"x":"`, body: junk, left: size}, strings.NewReader("\"}\n")), 1, 1},
		{"rows", "g.csv", &pattern{head: head, body: row, left: int64(len(row)) * 60}, 300_001, 0},
		{"gzip bomb", "g.csv.gz", packed(&pattern{head: head, body: junk, left: size}), 1, 1},
	} {
		var most uint64
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n := 0
		f, err := ingest.Open(c.file, &every{r: c.r, do: func() {
			if n++; n%200 == 0 {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}}, model.KindGrants, ingest.Layout{})
		if err != nil {
			t.Fatal(err)
		}
		st, err := f.Read(context.Background(), func(*model.Record) error { return nil }, func(model.Reject) error { return nil })
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if st.Accepted != c.accepted || st.Rejected != c.rejected {
			t.Errorf("%s: accepted %d, rejected %d; want %d, %d", c.name, st.Accepted, st.Rejected, c.accepted, c.rejected)
		}
		if n < 200 {
			t.Errorf("%s: only %d reads were watched", c.name, n)
		}
		if grown := int64(most) - int64(before.HeapAlloc); grown > 32<<20 { // heap sizes fit
			t.Errorf("%s: the heap grew by %d MiB", c.name, grown>>20)
		}
	}
}

// every calls do at each read.
type every struct {
	r  io.Reader
	do func()
}

func (e *every) Read(p []byte) (int, error) {
	e.do()
	return e.r.Read(p[:min(len(p), 16<<10)])
}

// packed compresses as it is read.
func packed(r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		z, err := gzip.NewWriterLevel(pw, gzip.BestSpeed)
		if err == nil {
			_, err = io.Copy(z, r)
			err = errors.Join(err, z.Close())
		}
		pw.CloseWithError(err)
	}()
	return pr
}

// A reader that fails is not the file's fault, whenever it fails, and no digest is given then.
func TestFileReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	plain := "account_id,entitlement_id\n" + strings.Repeat("a,b\n", 1000)
	for name, content := range map[string]string{
		"g.csv": plain, "g.csv.gz": gzipped(t, plain), "g.csv.zst": zstdPacked(t, plain, 1<<20), "g.jsonl": `{"account_id":"a","entitlement_id":"b"}` + "\n",
		"g.xlsx": workbookOf(t, [][]any{{"account_id", "entitlement_id"}, {"a", "b"}}),
	} {
		for _, at := range []int{0, 3, len(content) / 2, len(content) - 1, len(content)} {
			r := io.MultiReader(strings.NewReader(content[:at]), failing{broken})
			f, err := ingest.Open(name, r, model.KindGrants, ingest.Layout{})
			var st ingest.Stats
			if err == nil {
				st, err = f.Read(context.Background(), func(*model.Record) error { return nil }, func(model.Reject) error { return nil })
			}
			if !errors.Is(err, broken) || model.KindOf(err) != model.Internal || st.SHA256 != "" {
				t.Errorf("%s at %d: %v (digest %q)", name, at, err, st.SHA256)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// An error of a callback and the end of the context end the reading as they are.
func TestFileStops(t *testing.T) {
	t.Parallel()
	text := "account_id,entitlement_id\na,b\nbad\n" + strings.Repeat("c,d\n", 5000)
	stop := errors.New("stop")
	good := func(*model.Record) error { return nil }
	bad := func(model.Reject) error { return nil }
	for name, c := range map[string]struct {
		row    func(*model.Record) error
		reject func(model.Reject) error
		read   int64
	}{
		"row":    {func(*model.Record) error { return stop }, bad, 1},
		"reject": {good, func(model.Reject) error { return stop }, 2},
	} {
		f, err := ingest.Open("g.csv", strings.NewReader(text), model.KindGrants, ingest.Layout{})
		if err != nil {
			t.Fatal(err)
		}
		if st, err := f.Read(context.Background(), c.row, c.reject); !errors.Is(err, stop) || st.Read != c.read {
			t.Errorf("%s: %v after %d rows", name, err, st.Read)
		}
		if _, err := f.Read(context.Background(), good, bad); err == nil {
			t.Errorf("%s: the file was read twice", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	f, err := ingest.Open("g.csv", strings.NewReader(text), model.KindGrants, ingest.Layout{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Read(ctx, func(*model.Record) error { cancel(); return nil }, bad)
	if !errors.Is(err, context.Canceled) || st.Read > 2000 {
		t.Errorf("%v after %d rows", err, st.Read)
	}
	// Inside a line without end, too.
	ctx, cancel = context.WithCancel(context.Background())
	n := 0
	f, err = ingest.Open("g.csv", &every{r: &pattern{head: text, body: []byte("x"), left: 1 << 50}, do: func() {
		if n++; n == 100 {
			cancel()
		}
	}}, model.KindGrants, ingest.Layout{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(ctx, good, bad); !errors.Is(err, context.Canceled) {
		t.Errorf("%v inside a line", err)
	}
}
