package verify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// fault is what is wrong with a package and which of its files is to blame.
type fault struct {
	file   string
	reason string
}

func (f *fault) Error() string { return f.file + ": " + f.reason }

func faultf(file, format string, args ...any) error {
	return &fault{file: file, reason: fmt.Sprintf(format, args...)}
}

// blame makes err the fault of file, unless it already is somebody's fault or comes from outside
// (a full disk, a cancelled context).
func blame(file string, err error) error {
	if err == nil {
		return nil
	}
	f, p := (*fault)(nil), (*fs.PathError)(nil)
	if errors.As(err, &f) || errors.As(err, &p) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fault{file: file, reason: err.Error()}
}

// state is what the events of a package say, after all rules about them hold. Writer and verifier
// build it with the same code and render every table from it.
type state struct {
	lines  *spool
	offset []int64 // of each line, and the end
	index  []int64
	hash   []tlog.Hash

	run       string
	keys      []string // of log.key, the latest last
	launched  *event
	amended   []*event
	paused    bool
	closed    *event
	signoffs  []*event
	items     map[string]*item
	removals  []*removal
	removal   map[string]*removal
	snapshots map[int64]*snapshot
	holds     []*event // snapshot.held and snapshot.released, as they came
	admin     []int32  // lines of the tool's own administration
	last      map[string]int32
	erased    int64

	checkpoint Checkpoint
	population
}

// item is what the events say about one item. Its row stays in population.csv.
type item struct {
	events    []int32
	removals  []*removal
	seen      bool // in population.csv
	gone      bool
	version   int64
	answer    string // the last one, "" for none
	lowerTo   string // with reduce: the entitlement
	until     string // with keep: the date that it ends with, "" for no end
	decision  int32  // the line of it
	defaulted string
	reviewer  string // the person_id it was reassigned to last, "" for the one of population.csv
}

// removal is what the events say about one removal.
type removal struct {
	queued   *event
	body     *RevocationQueued
	attempts []*event
	states   []*event
	reports  []*event // what people say was done
	state    string
	mode     string
	held     Time // when it was held last
	called   Time // the last time that the target, or a person, was asked

	contested, resolved *event // by the person concerned, and the answer to that; nil where there is none
}

// snapshot is what the events say about one snapshot.
type snapshot struct {
	body                      *SnapshotSealed
	event                     *event
	held, released, discarded bool
	wasHeld                   bool // before it was sealed
}

// began is when what the snapshot shows was read at the earliest: a file may be loaded long after
// the time that it speaks of.
func (s *snapshot) began() Time {
	if s.body.StartedAt == 0 {
		return s.body.AsOf
	}
	return min(s.body.StartedAt, s.body.AsOf)
}

// counts tells whether the snapshot is sealed and not held.
func (s *snapshot) counts() bool { return !s.discarded && (!s.held || s.released) }

// readLines builds the state from log/leaves.jsonl.
func readLines(ctx context.Context, lines *spool) (*state, error) {
	s := &state{
		lines: lines, items: map[string]*item{}, removal: map[string]*removal{},
		snapshots: map[int64]*snapshot{}, last: map[string]int32{},
	}
	r := bufio.NewReaderSize(lines.reader(), 1<<14)
	var at int64
	var buf []byte
	for {
		if len(s.offset)%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var err error
		if buf, err = readLine(r, buf[:0]); errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.addLine(buf[:len(buf)-1])
		}
		if err != nil {
			return nil, blame(fileLeaves, fmt.Errorf("line %d: %w", len(s.offset)+1, err))
		}
		s.offset = append(s.offset, at)
		at += int64(len(buf))
	}
	s.offset = append(s.offset, at)
	s.last = nil
	if s.launched == nil {
		return nil, faultf(fileLeaves, "there is no %s", TypeCampaignLaunched)
	}
	if len(s.keys) == 0 {
		return nil, faultf(fileLeaves, "there is no %s", TypeLogKey)
	}
	return s, nil
}

// readLine appends one line with its line feed to b.
func readLine(r *bufio.Reader, b []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		b = append(b, part...)
		switch {
		case len(b) > maxRow:
			return b, fmt.Errorf("it is longer than %d bytes", maxRow)
		case err == nil:
			return b, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(b) > 0:
			return b, errors.New("it has no line feed")
		default:
			return b, err
		}
	}
}

func (s *state) addLine(b []byte) error {
	e, err := parseLine(b)
	if err != nil {
		return err
	}
	e.n = int32(len(s.index))
	if e.index < 0 || e.n > 0 && e.index <= s.index[e.n-1] {
		return fmt.Errorf("event %d is out of order or there twice", e.index)
	}
	if err := s.checkPrev(e); err != nil {
		return err
	}
	s.index = append(s.index, e.index)
	s.hash = append(s.hash, e.hash)
	s.last[chainKey(e)] = e.n
	s.erased += int64(e.erased)
	switch {
	case e.Run == "":
		s.admin = append(s.admin, e.n)
	case s.run == "":
		s.run = e.Run
	case s.run != e.Run:
		return fmt.Errorf("it is of run %q, others are of %q", e.Run, s.run)
	}
	if err := s.apply(e); err != nil {
		return fmt.Errorf("%s of %s: %w", e.Type, e.Object, err)
	}
	return nil
}

// chainKey names the chain an event is in: the events of one object within one run.
func chainKey(e *event) string { return e.Run + "\x00" + e.Object }

// checkPrev follows the chain of the object. Of the run, all events are here, so a chain begins
// at its beginning; of the tool's administration, a package holds a period.
func (s *state) checkPrev(e *event) error {
	n, ok := s.last[chainKey(e)]
	want := ""
	switch {
	case ok:
		want = hex.EncodeToString(s.hash[n][:])
	case e.Run == "":
		return nil
	}
	if e.Prev != want {
		return fmt.Errorf("%s of %s does not follow the one before it: an event is missing or changed", e.Type, e.Object)
	}
	return nil
}

// event reads line n again.
func (s *state) event(n int32) (*event, error) {
	b := make([]byte, s.offset[n+1]-s.offset[n])
	if _, err := s.lines.ReadAt(b, s.offset[n]); err != nil {
		return nil, fmt.Errorf("read line %d again: %w", n+1, err)
	}
	e, err := openLine(bytes.TrimSuffix(b, []byte{'\n'}), false)
	if err != nil {
		return nil, fmt.Errorf("read line %d again: %w", n+1, err)
	}
	e.n = n
	return e, nil
}
