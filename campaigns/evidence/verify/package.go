package verify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Package is what an evidence package is made of. The same input gives the same bytes.
type Package struct {
	// Leaves are, in the order of the log, all events of the run, those of its snapshots and of the
	// snapshots that confirm its removals, every log.key, and the tool's own administration in the
	// period, as far as the checkpoint reaches.
	Leaves   iter.Seq2[*LogLine, error]
	Items    iter.Seq2[*Item, error]      // in the order of items_root
	Excluded iter.Seq2[*Exclusion, error] // in the order of excluded_root
	Rejected iter.Seq2[*Rejection, error] // by snapshot in the order of the launch, then in that of rejects_root

	Checkpoint  []byte          // the signed note, of SignCheckpoint
	Consistency []byte          // of FormatConsistency, empty where there is no earlier package
	Hashes      tlog.HashReader // the log's stored hashes; read once
	TempDir     string          // for what does not fit into memory; "" is the system's
}

// Written tells what Write wrote.
type Written struct {
	SHA256 string // of the archive, hexadecimal
	Bytes  int64
	Totals Totals
}

// Write makes the package and writes it to w. It applies every check of the verifier first: what
// it writes, verify accepts. An error names what is wrong; then nothing of w may be used.
func (p *Package) Write(ctx context.Context, w io.Writer) (done Written, err error) {
	b := builder{dir: p.TempDir, spools: map[string]*spool{}, sinks: map[string]*sink{}}
	defer func() {
		for _, sp := range b.spools {
			err = errors.Join(err, sp.Close())
		}
		for _, sn := range b.sinks {
			sn.release()
		}
	}()
	s, err := b.load(ctx, p)
	if err != nil {
		return Written{}, err
	}
	rows, err := render(ctx, s, func(name string) io.Writer { return b.sink(name) })
	if err != nil {
		return Written{}, err
	}
	for name, n := range rows {
		b.sinks[name].rows = n
	}
	for _, name := range slices.Sorted(maps.Keys(b.sinks)) {
		if err := b.sinks[name].Close(); err != nil {
			return Written{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	text, err := manifest(s, p.Checkpoint, b.sinks)
	if err != nil {
		return Written{}, err
	}
	if err := b.small(fileManifest, text); err != nil {
		return Written{}, err
	}
	done, err = b.archive(w)
	done.Totals = s.totals
	return done, err
}

// builder holds the files of a package while it is made.
type builder struct {
	dir    string
	spools map[string]*spool // by file name, and by file name with "=" for content
	sinks  map[string]*sink  // by file name
}

func (b *builder) spool(name string) *spool {
	sp := newSpool(b.dir)
	b.spools[name] = sp
	return sp
}

// sink is where the content of a file goes to be compressed.
func (b *builder) sink(name string) *sink {
	s := newSink(name, b.spool(name))
	b.sinks[name] = s
	return s
}

func (b *builder) small(name string, content []byte) error {
	s := b.sink(name)
	if _, err := s.Write(content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if name == fileManifest {
		return s.Close()
	}
	return nil
}

// load writes the primary files and reads them back as the verifier will.
func (b *builder) load(ctx context.Context, p *Package) (*state, error) {
	in := primaries{checkpoint: p.Checkpoint, consistency: p.Consistency}
	var err error
	var index []int64
	if in.leaves, err = b.lines(p.Leaves, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", fileLeaves, err)
	}
	if in.population, err = writeRows(b, filePopulation, itemColumns, p.Items); err != nil {
		return nil, err
	}
	if in.excluded, err = writeRows(b, fileExcluded, exclusionColumns, p.Excluded); err != nil {
		return nil, err
	}
	if in.rejected, err = writeRows(b, fileRejected, rejectionColumns, p.Rejected); err != nil {
		return nil, err
	}
	text, _, _ := bytes.Cut(p.Checkpoint, []byte("\n\n"))
	c, err := parseCheckpoint(string(text) + "\n") // load checks the signature
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileCheckpoint, err)
	}
	if in.tree, err = ProveTree(c.Size, index, p.Hashes); err != nil {
		return nil, fmt.Errorf("%s: %w", fileTree, err)
	}
	for name, content := range map[string][]byte{fileCheckpoint: in.checkpoint, fileConsistency: in.consistency, fileTree: in.tree} {
		if err := b.small(name, content); err != nil {
			return nil, err
		}
	}
	return load(ctx, &in, "", func(string, string, ...any) {})
}

func (b *builder) lines(leaves iter.Seq2[*LogLine, error], index *[]int64) (*spool, error) {
	content, out := b.spool(fileLeaves+"="), b.sink(fileLeaves)
	w := bufio.NewWriterSize(io.MultiWriter(content, out), 1<<16)
	var buf []byte
	for l, err := range leaves {
		if err != nil {
			return nil, err
		}
		if buf, err = l.append(buf[:0]); err != nil {
			return nil, err
		}
		if _, err := w.Write(buf); err != nil {
			return nil, err
		}
		*index = append(*index, l.Index)
	}
	out.rows = int64(len(*index))
	return content, w.Flush()
}

// writeRows writes a primary table from its records.
func writeRows[T any, P interface {
	*T
	record
}](b *builder, name string, columns []string, records iter.Seq2[P, error]) (*spool, error) {
	content, out := b.spool(name+"="), b.sink(name)
	w := bufio.NewWriterSize(io.MultiWriter(content, out), 1<<16)
	buf, err := appendRow(nil, columns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := w.Write(buf); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out.rows = 0
	var cells []string
	for rec, err := range records {
		if err == nil {
			cells, err = rec.row(cells)
		}
		if err == nil {
			buf, err = appendRow(buf[:0], cells)
		}
		if err == nil {
			_, err = w.Write(buf)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", name, out.rows+1, err)
		}
		out.rows++
	}
	if err := w.Flush(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

// archive writes the finished files in their order.
func (b *builder) archive(w io.Writer) (Written, error) {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	entries := make([]entry, 0, len(fileOrder))
	var at int64
	for _, name := range fileOrder {
		e := b.sinks[name].entry
		e.header = at
		head := localHeader(&e)
		if _, err := out.Write(head); err != nil {
			return Written{}, fmt.Errorf("write the package: %w", err)
		}
		n, err := io.Copy(out, b.spools[name].reader())
		if err != nil {
			return Written{}, fmt.Errorf("write the package: %s: %w", name, err)
		}
		at += int64(len(head)) + n
		entries = append(entries, e)
	}
	dir := directory(entries, at)
	if _, err := out.Write(dir); err != nil {
		return Written{}, fmt.Errorf("write the package: %w", err)
	}
	if err := out.Flush(); err != nil {
		return Written{}, fmt.Errorf("write the package: %w", err)
	}
	return Written{SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: at + int64(len(dir))}, nil
}
