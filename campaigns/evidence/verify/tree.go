package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Root builds the RFC 6962 root of a list of leaf hashes, in memory that grows with the
// logarithm of their number. The zero value is the empty list.
type Root struct {
	n     int64
	stack []tlog.Hash // the complete subtrees, largest first
}

// Add appends one leaf hash.
func (r *Root) Add(h tlog.Hash) {
	for i := r.n; i&1 == 1; i >>= 1 {
		h = tlog.NodeHash(r.stack[len(r.stack)-1], h)
		r.stack = r.stack[:len(r.stack)-1]
	}
	r.stack = append(r.stack, h)
	r.n++
}

// Len is the number of leaves added.
func (r *Root) Len() int64 { return r.n }

// Sum is the root; that of an empty list is the hash of the empty string.
func (r *Root) Sum() tlog.Hash {
	if len(r.stack) == 0 {
		return sha256.Sum256(nil)
	}
	h := r.stack[len(r.stack)-1]
	for i := len(r.stack) - 2; i >= 0; i-- {
		h = tlog.NodeHash(r.stack[i], h)
	}
	return h
}

// A fork of the log's tree is a node [lo, hi) of which some leaves are in the package and some
// are not. tree.txt has one line for each, in pre-order: lo, hi, and for each of the two children
// a mark and the hash. From the signed root down, each line is thereby bound to its parent and
// says which leaves the package has, so that a wrong hash is the fault of tree.txt and a wrong
// or missing leaf is the fault of leaves.jsonl. No forks at all means that all leaves are here.
type fork struct {
	lo, hi      int64
	left, right child
}

type child struct {
	mark byte
	hash tlog.Hash
}

// The marks of a child.
const (
	markAll  = '+' // all of its leaves are in the package
	markNone = '-' // none of them is
	markSome = '*' // it is a fork itself, and its line follows
)

func (c child) String() string { return string(c.mark) + c.hash.String() }

// split is where RFC 6962 cuts a node of hi-lo > 1 leaves: the largest power of two below.
func split(lo, hi int64) int64 {
	return lo + int64(1)<<(bits.Len64(uint64(hi-lo-1))-1)
}

// inRange cuts the sorted indexes to those in [lo, hi).
func inRange(known []int64, lo, hi int64) []int64 {
	a := sort.Search(len(known), func(i int) bool { return known[i] >= lo })
	b := sort.Search(len(known), func(i int) bool { return known[i] >= hi })
	return known[a:b]
}

func mark(known []int64, lo, hi int64) byte {
	switch n := int64(len(inRange(known, lo, hi))); n {
	case 0:
		return markNone
	case hi - lo:
		return markAll
	default:
		return markSome
	}
}

// forks lists the forks that the known indexes make in [lo, hi), without hashes.
func forks(list []fork, known []int64, lo, hi int64) []fork {
	known = inRange(known, lo, hi)
	if mark(known, lo, hi) != markSome {
		return list
	}
	mid := split(lo, hi)
	list = append(list, fork{lo: lo, hi: hi, left: child{mark: mark(known, lo, mid)}, right: child{mark: mark(known, mid, hi)}})
	return forks(forks(list, known, lo, mid), known, mid, hi)
}

// ProveTree writes log/proofs/tree.txt: how the leaves with the given indexes, sorted and at least
// one, lie in the log of the given size. The hashes come from the log's stored hashes in one read.
func ProveTree(size int64, known []int64, r tlog.HashReader) ([]byte, error) {
	if len(known) == 0 || !slices.IsSorted(known) || known[0] < 0 || known[len(known)-1] >= size {
		return nil, errors.New("indexes must be sorted and within the log")
	}
	list := forks(nil, known, 0, size)
	var want []int64
	for _, f := range list {
		mid := split(f.lo, f.hi)
		want = storedHashes(storedHashes(want, f.lo, mid), mid, f.hi)
	}
	order := slices.Compact(slices.Sorted(slices.Values(want)))
	hashes, err := r.ReadHashes(order)
	if err != nil {
		return nil, fmt.Errorf("read the log's hashes: %w", err)
	}
	if len(hashes) != len(order) {
		return nil, fmt.Errorf("read %d of the log's hashes, got %d", len(order), len(hashes))
	}
	stored := make(map[int64]tlog.Hash, len(order))
	for i, x := range order {
		stored[x] = hashes[i]
	}
	var b bytes.Buffer
	for _, f := range list {
		mid := split(f.lo, f.hi)
		f.left.hash, f.right.hash = rangeHash(stored, f.lo, mid), rangeHash(stored, mid, f.hi)
		fmt.Fprintf(&b, "%d %d %v %v\n", f.lo, f.hi, f.left, f.right)
	}
	return b.Bytes(), nil
}

// storedHashes appends the indexes of the complete subtrees that make up [lo, hi).
func storedHashes(list []int64, lo, hi int64) []int64 {
	for lo < hi {
		k, level := largest(hi - lo)
		list = append(list, tlog.StoredHashIndex(level, lo>>level))
		lo += k
	}
	return list
}

func rangeHash(stored map[int64]tlog.Hash, lo, hi int64) tlog.Hash {
	k, level := largest(hi - lo)
	h := stored[tlog.StoredHashIndex(level, lo>>level)]
	if k == hi-lo {
		return h
	}
	return tlog.NodeHash(h, rangeHash(stored, lo+k, hi))
}

// largest is the largest power of two that is not above n, and its exponent.
func largest(n int64) (int64, int) {
	level := bits.Len64(uint64(n)) - 1
	return int64(1) << level, level
}

// parseTree reads tree.txt and checks each fork against the signed root.
func parseTree(text []byte, size int64, root tlog.Hash) ([]fork, error) {
	p := treeParser{text: text}
	if len(text) > 0 {
		if err := p.fork(0, size, root); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(p.list)+1, err)
		}
	}
	if len(p.text) > 0 {
		return nil, fmt.Errorf("line %d does not belong here", len(p.list)+1)
	}
	return p.list, nil
}

type treeParser struct {
	text []byte
	list []fork
}

// fork reads the fork [lo, hi) and those below it.
func (p *treeParser) fork(lo, hi int64, hash tlog.Hash) error {
	line, rest, ok := bytes.Cut(p.text, []byte{'\n'})
	fields := strings.Split(string(line), " ")
	if !ok || hi-lo < 2 || len(fields) != 4 || fields[0] != itoa(lo) || fields[1] != itoa(hi) {
		return fmt.Errorf("%d %d and two children are expected", lo, hi)
	}
	f := fork{lo: lo, hi: hi}
	mid := split(lo, hi)
	var err error
	if f.left, err = parseChild(fields[2]); err != nil {
		return err
	}
	if f.right, err = parseChild(fields[3]); err != nil {
		return err
	}
	if f.left.mark == f.right.mark && f.left.mark != markSome {
		return errors.New("there is nothing to tell apart")
	}
	if tlog.NodeHash(f.left.hash, f.right.hash) != hash {
		return errors.New("it does not hash to the node above it")
	}
	p.text = rest
	p.list = append(p.list, f)
	if f.left.mark == markSome {
		if err := p.fork(lo, mid, f.left.hash); err != nil {
			return err
		}
	}
	if f.right.mark == markSome {
		return p.fork(mid, hi, f.right.hash)
	}
	return nil
}

func parseChild(s string) (child, error) {
	if s == "" || s[0] != markAll && s[0] != markNone && s[0] != markSome {
		return child{}, fmt.Errorf("%q has no mark", s)
	}
	h, err := parseHash(s[1:])
	return child{mark: s[0], hash: h}, err
}

// parseHash reads a hash in its one base64 spelling.
func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%q is not a hash", s)
	}
	return tlog.Hash(b), nil
}

// checkLeaves tells whether the leaves of the package, by index and hash, are those of the tree.
func checkLeaves(list []fork, size int64, root tlog.Hash, index []int64, hash []tlog.Hash) error {
	if n := len(index); n > 0 && index[n-1] >= size {
		return fmt.Errorf("event %d is beyond the checkpoint's %d events", index[n-1], size)
	}
	c := leafChecker{index: index, hash: hash}
	if len(list) == 0 {
		return c.child(0, size, child{markAll, root})
	}
	for _, f := range list {
		mid := split(f.lo, f.hi)
		if err := c.child(f.lo, mid, f.left); err != nil {
			return err
		}
		if err := c.child(mid, f.hi, f.right); err != nil {
			return err
		}
	}
	return nil
}

type leafChecker struct {
	index []int64
	hash  []tlog.Hash
}

func (c *leafChecker) child(lo, hi int64, want child) error {
	a := sort.Search(len(c.index), func(i int) bool { return c.index[i] >= lo })
	n := sort.Search(len(c.index), func(i int) bool { return c.index[i] >= hi }) - a
	switch {
	case want.mark == markSome:
		return nil
	case want.mark == markNone && n > 0:
		return fmt.Errorf("event %d is not one of those that the proof is for", c.index[a])
	case want.mark == markNone:
		return nil
	case int64(n) != hi-lo:
		return fmt.Errorf("of events %d to %d, %d are missing", lo, hi-1, hi-lo-int64(n))
	}
	var r Root
	for _, h := range c.hash[a : a+n] {
		r.Add(h)
	}
	if r.Sum() != want.hash {
		return fmt.Errorf("events %d to %d are not those of the signed log", lo, hi-1)
	}
	return nil
}
