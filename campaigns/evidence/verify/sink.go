package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
)

// sink takes the content of one file, compresses it the one way there is, and hands the stored
// bytes on: to a file of the writer, or to a comparison with a package that is being verified.
type sink struct {
	entry

	rows   int64 // -1 where the file has none
	sum    hash.Hash
	stored hash.Hash
	out    io.Writer
	pack   io.WriteCloser
}

func newSink(name string, out io.Writer) *sink {
	s := &sink{entry: entry{name: name}, rows: -1, sum: sha256.New(), stored: sha256.New(), out: out}
	if s.method() == 0 {
		s.pack = plain{(*storedBytes)(s)}
	} else {
		s.pack = newDeflater((*storedBytes)(s))
	}
	return s
}

func (s *sink) Write(p []byte) (int, error) {
	s.crc = crc32.Update(s.crc, crc32.IEEETable, p)
	s.sum.Write(p)
	s.size += int64(len(p))
	return s.pack.Write(p) //nolint:wrapcheck // the output says which file
}

// Close ends the stored bytes and the output.
func (s *sink) Close() error {
	if err := s.pack.Close(); err != nil {
		return err //nolint:wrapcheck // the output says which file
	}
	if c, ok := s.out.(*comparer); ok {
		return c.end()
	}
	return nil
}

// release frees what the sink holds, closed or not.
func (s *sink) release() {
	if d, ok := s.pack.(*deflater); ok {
		d.release()
	}
}

// storedBytes is the sink behind the compression.
type storedBytes sink

func (s *storedBytes) Write(p []byte) (int, error) {
	s.stored.Write(p)
	s.entry.stored += int64(len(p))
	return s.out.Write(p) //nolint:wrapcheck // the output says which file
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// comparer compares what is written with the stored bytes of a file in a package.
type comparer struct {
	name string
	r    *io.SectionReader
	buf  []byte
	why  string
}

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	got := c.buf[:len(p)]
	n, err := io.ReadFull(c.r, got)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err //nolint:wrapcheck // names the package's own file
	}
	if n < len(p) || !bytes.Equal(got, p) {
		return 0, faultf(c.name, "%s", c.why)
	}
	return len(p), nil
}

// end refuses stored bytes that are left over.
func (c *comparer) end() error {
	if at, err := c.r.Seek(0, io.SeekCurrent); err != nil || at != c.r.Size() {
		return faultf(c.name, "%s", c.why)
	}
	return nil
}

// manifestJSON is manifest.json. Nothing in it is taken on trust: it is rendered again.
type manifestJSON struct {
	Format     string         `json:"format"`
	Run        string         `json:"run"`
	VKey       string         `json:"vkey"`
	Checkpoint string         `json:"checkpoint"` // the signed note
	Files      []manifestFile `json:"files"`
}

type manifestFile struct {
	Name         string `json:"name"`
	Bytes        int64  `json:"bytes"`
	Rows         *int64 `json:"rows"` // null where the file has none
	SHA256       string `json:"sha256"`
	StoredSHA256 string `json:"stored_sha256"` // of the bytes as stored, compressed
}

// Format names this version of the package.
const Format = "recert-evidence/1"

// manifest renders manifest.json from the sinks of all other files.
func manifest(s *state, checkpoint []byte, sinks map[string]*sink) ([]byte, error) {
	m := manifestJSON{Format: Format, Run: s.run, VKey: s.keys[len(s.keys)-1], Checkpoint: string(checkpoint)}
	for _, name := range fileOrder {
		if name == fileManifest {
			continue
		}
		f := sinks[name]
		line := manifestFile{
			Name: name, Bytes: f.size, SHA256: hexSum(f.sum),
			StoredSHA256: hexSum(f.stored),
		}
		if f.rows >= 0 {
			line.Rows = &f.rows
		}
		m.Files = append(m.Files, line)
	}
	b, err := Canonical(m)
	if err != nil {
		return nil, err
	}
	b = bytes.ReplaceAll(b, []byte(`{"bytes"`), []byte("\n{\"bytes\"")) // a file a line, for people
	return append(b, '\n'), nil
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
