package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"recert/campaigns/evidence"
	"recert/model"
)

// digest is a snapshot's identity: what was read, whatever the order of the rows. Of rejected
// rows it takes what they held, not the line on which they stood.
type digest struct {
	kinds   []model.Kind
	rows    map[model.Kind][]rowHash
	used    map[model.Kind][]fullHash // the rows that also say when they were used
	rejects map[model.Kind][]fullHash
}

// rowHash is what is stored of a row's hash.
type rowHash = [evidence.RowHashSize]byte

func newDigest(given []model.Kind) *digest {
	return &digest{kinds: given, rows: map[model.Kind][]rowHash{}, used: map[model.Kind][]fullHash{}, rejects: map[model.Kind][]fullHash{}}
}

// row counts in an accepted row.
func (d *digest) row(kind model.Kind, r *stagedRow) {
	d.rows[kind] = append(d.rows[kind], r.hash)
	if r.usage.Known() {
		d.used[kind] = append(d.used[kind], r.full)
	}
}

// reject counts in a rejected row.
func (d *digest) reject(kind model.Kind, h fullHash) { d.rejects[kind] = append(d.rejects[kind], h) }

// unread counts in a row that could not be understood.
func (d *digest) unread(r *model.Reject) {
	h := sha256.New()
	for _, part := range [...]string{string(r.Kind), r.Column, r.Raw} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	d.reject(r.Kind, fullHash(h.Sum(nil)))
}

// root commits to the accepted rows of a kind, usage aside.
func (d *digest) root(kind model.Kind) string {
	list := d.rows[kind]
	slices.SortFunc(list, func(a, b rowHash) int { return bytes.Compare(a[:], b[:]) })
	root := evidence.NewRowsRoot()
	for i := range list {
		root.Add(list[i][:])
	}
	return root.Sum()
}

// sum is the digest in hexadecimal, given the roots.
func (d *digest) sum(roots map[model.Kind]string) string {
	h := sha256.New()
	for _, kind := range d.kinds {
		h.Write([]byte(kind))
		h.Write([]byte(roots[kind]))
		for _, list := range [...][]fullHash{d.used[kind], d.rejects[kind]} {
			slices.SortFunc(list, func(a, b fullHash) int { return bytes.Compare(a[:], b[:]) })
			h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(len(list))))
			for i := range list {
				h.Write(list[i][:])
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
