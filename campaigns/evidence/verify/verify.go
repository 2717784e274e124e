package verify

import (
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/note"
)

// File verifies the package at path. The error is of the verification itself, such as a file that
// cannot be read; what is wrong with the package is in the report.
func File(ctx context.Context, path string, opt Options) (Report, error) {
	if opt.Key != "" {
		if _, err := note.NewVerifier(opt.Key); err != nil {
			return Report{}, &UsageError{fmt.Errorf("--key %q is not a verifier key (NAME+HASH+KEY): %w", opt.Key, err)}
		}
	}
	f, size, err := openFile(path)
	if err != nil {
		return Report{}, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if opt.Previous == "" {
		return Reader(ctx, f, size, opt, nil, 0)
	}
	old, oldSize, err := openFile(opt.Previous)
	if err != nil {
		return Report{}, err
	}
	defer old.Close() //nolint:errcheck // it was only read
	return Reader(ctx, f, size, opt, old, oldSize)
}

func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open the package: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open the package %s: %w", path, err), f.Close())
	}
	return f, info.Size(), nil
}

// Reader is File over packages that are already open; previous may be nil.
func Reader(ctx context.Context, r io.ReaderAt, size int64, opt Options, previous io.ReaderAt, previousSize int64) (Report, error) {
	v := &verifier{r: r, dir: opt.TempDir, sinks: map[string]*sink{}, spools: map[string]*spool{}, stage: "archive"}
	err := v.run(ctx, size, opt, previous, previousSize)
	for _, sp := range v.spools {
		err = errors.Join(err, sp.Close())
	}
	for _, sn := range v.sinks {
		sn.release()
	}
	var f *fault
	switch {
	case errors.As(err, &f):
		v.report.Checks = append(v.report.Checks, Check{Name: v.stage, Detail: f.Error()})
		v.report.Result = "FAILED: " + oneLine(f.Error())
	case err != nil:
		return Report{}, err
	case opt.Key == "" && previous == nil:
		v.report.Result = "OK (key not pinned)"
	default:
		v.report.Result = "OK"
	}
	return v.report, nil
}

type verifier struct {
	r       io.ReaderAt
	dir     string
	entries map[string]*entry
	sinks   map[string]*sink
	spools  map[string]*spool
	report  Report
	stage   string // the check that is under way
}

// stages are the checks in their order, so that a failure can be named after the right one.
var stages = []string{
	"archive", "events", "signature", "inclusion", "consistency", "population", "left out", "reconciliation", "answers",
	"removals", "tables", "previous", "canonical form", "manifest", "end",
}

func (v *verifier) done(name, format string, args ...any) {
	v.report.Checks = append(v.report.Checks, Check{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
	for i, s := range stages {
		if s == name {
			v.stage = stages[i+1]
		}
	}
	if v.stage == "previous" {
		v.stage = "canonical form"
	}
}

func (v *verifier) run(ctx context.Context, size int64, opt Options, previous io.ReaderAt, previousSize int64) error {
	if err := v.open(size); err != nil {
		return err
	}
	v.done("archive", "%d files, %d bytes", len(v.entries), size)
	p, err := v.unpack(ctx)
	if err != nil {
		return err
	}
	s, err := load(ctx, p, opt.Key, v.done)
	if err != nil {
		return v.place(err, p)
	}
	v.report.Totals = s.totals
	if err := v.tables(ctx, s); err != nil {
		return err
	}
	v.done("tables", "%d files are what the log says, byte for byte", len(rendered))
	if previous != nil {
		v.stage = "previous"
		if err := v.previous(ctx, s, p, previous, previousSize); err != nil {
			return err
		}
	}
	for _, name := range fileOrder {
		if name == fileManifest {
			continue
		}
		e, got := v.entries[name], &v.sinks[name].entry
		if e.crc != got.crc || e.size != got.size {
			return faultf(archiveName, "the header of %s has another size or checksum than its content", name)
		}
	}
	v.done("canonical form", "nothing is in the archive but its files")
	return v.manifest(s, p)
}

// maxRatio is the most that DEFLATE can expand, and maxContent the most a package may hold.
const (
	maxRatio   = 1032
	maxContent = 1 << 40
	maxSmall   = 256 << 20 // files that are read into memory
)

func (v *verifier) open(size int64) error {
	entries, err := readArchive(v.r, size)
	if err != nil {
		return blame(archiveName, err)
	}
	v.entries = map[string]*entry{}
	var total int64
	for i := range entries {
		e := &entries[i]
		v.entries[e.name] = e
		total += e.size
		if e.size > maxContent || total > maxContent || e.size > (e.stored+1)*maxRatio {
			return faultf(archiveName, "%s claims a size of %d bytes, more than it can have", e.name, e.size)
		}
		if e.method() == 0 && e.size != e.stored {
			return faultf(archiveName, "%s claims another size than it has", e.name)
		}
	}
	return nil
}

func (v *verifier) section(name string) *io.SectionReader {
	e := v.entries[name]
	return io.NewSectionReader(v.r, e.data, e.stored)
}

// inflate unpacks a primary file and compresses it again: the stored bytes must be the same.
func (v *verifier) inflate(ctx context.Context, name string, limit int64) (*spool, error) {
	sp := newSpool(v.dir)
	v.spools[name] = sp
	in := flate.NewReader(v.section(name))
	limit = min(limit, v.entries[name].size)
	n, err := io.Copy(sp, io.LimitReader(&ctxReader{ctx, in}, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("it is longer than the %d bytes it may have", limit)
	}
	if err != nil {
		return nil, blame(name, err)
	}
	return sp, nil
}

// ctxReader ends a long read when the context ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives for one read
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p) //nolint:wrapcheck // io.EOF must stay bare
}

// unpack reads the primary files.
func (v *verifier) unpack(ctx context.Context) (*primaries, error) {
	var p primaries
	for _, f := range []struct {
		name string
		to   **spool
	}{{fileLeaves, &p.leaves}, {filePopulation, &p.population}, {fileExcluded, &p.excluded}, {fileRejected, &p.rejected}} {
		sp, err := v.inflate(ctx, f.name, maxContent)
		if err != nil {
			return nil, err
		}
		*f.to = sp
	}
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{fileCheckpoint, &p.checkpoint}, {fileConsistency, &p.consistency}, {fileTree, &p.tree}} {
		sp, err := v.inflate(ctx, f.name, maxSmall)
		if err != nil {
			return nil, err
		}
		if *f.to, err = sp.bytes(); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

const (
	whyPacked   = "its content is not compressed in the one way"
	whyRendered = "it is not what the log says"
)

func (v *verifier) sink(name, why string) *sink {
	s := newSink(name, &comparer{name: name, r: v.section(name), why: why})
	v.sinks[name] = s
	return s
}

// tables compares the stored bytes of every file but the manifest with what they must be.
func (v *verifier) tables(ctx context.Context, s *state) error {
	for _, name := range fileOrder {
		sp := v.spools[name]
		if sp == nil {
			continue
		}
		if _, err := io.Copy(v.sink(name, whyPacked), &ctxReader{ctx, sp.reader()}); err != nil {
			return err //nolint:wrapcheck // the sink says which file
		}
	}
	rows, err := render(ctx, s, func(name string) io.Writer { return v.sink(name, whyRendered) })
	if err != nil {
		return err
	}
	rows[fileLeaves], rows[filePopulation] = int64(len(s.index)), s.rowCount
	rows[fileExcluded], rows[fileRejected] = s.exclusion, s.rejection
	for name, n := range rows {
		v.sinks[name].rows = n
	}
	for _, name := range fileOrder {
		if name == fileManifest {
			continue
		}
		if err := v.sinks[name].Close(); err != nil {
			return err
		}
	}
	return nil
}

// manifest renders manifest.json and compares it: it comes last, so that whatever else was
// changed is named itself.
func (v *verifier) manifest(s *state, p *primaries) error {
	want, err := manifest(s, p.checkpoint, v.sinks)
	if err != nil {
		return err
	}
	out := v.sink(fileManifest, "it is not what the files are")
	if _, err := out.Write(want); err != nil {
		return err //nolint:wrapcheck // the sink says which file
	}
	if err := out.Close(); err != nil {
		return err
	}
	if out.crc != v.entries[fileManifest].crc {
		return faultf(archiveName, "the header of %s has another checksum than its content", fileManifest)
	}
	v.done("manifest", "lists every file as it is")
	return nil
}

// readManifest reads the manifest as a hint; it is never trusted.
func (v *verifier) readManifest() manifestJSON {
	var m manifestJSON
	b := make([]byte, min(v.entries[fileManifest].stored, 1<<20))
	if _, err := v.section(fileManifest).ReadAt(b, 0); err != nil && err != io.EOF {
		return m
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return manifestJSON{}
	}
	return m
}
