package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"recert/model"
)

// RowHashSize is how much of a row's SHA-256 is stored beside it: enough to tell whether it
// changed, and that nobody finds another row with the same one.
const RowHashSize = 16

// RowKey is what tells a row of a source from the others of its kind. ID is that of the person,
// account or entitlement, or the account_id of a grant; the rest is of grants alone.
type RowKey struct {
	Kind          model.Kind
	ID            string
	EntitlementID string
	Via           string
	GrantedAt     model.Time
}

// Hash is the SHA-256 over the data of a row, its key, and their lengths, so that no two rows are
// the same bytes. buf holds the data; it comes back longer, to be used again.
func (k *RowKey) Hash(buf []byte) (sum [sha256.Size]byte, _ []byte) {
	n := len(buf)
	for _, part := range [...]string{string(k.Kind), k.ID, k.EntitlementID, k.Via} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	buf = binary.BigEndian.AppendUint64(buf, uint64(k.GrantedAt)) //nolint:gosec // a bit pattern
	buf = binary.BigEndian.AppendUint64(buf, uint64(n))           //nolint:gosec // a length
	return sha256.Sum256(buf), buf
}

// RowsRoot commits to all rows of a kind in a snapshot: the SHA-256 over their stored hashes in
// ascending order, and their number.
type RowsRoot struct {
	h hash.Hash
	n uint64
}

// NewRowsRoot begins one.
func NewRowsRoot() *RowsRoot { return &RowsRoot{h: sha256.New()} }

// Add counts in the next stored hash, in ascending order.
func (r *RowsRoot) Add(hash []byte) {
	r.h.Write(hash)
	r.n++
}

// Sum is the root in hexadecimal.
func (r *RowsRoot) Sum() string {
	r.h.Write(binary.BigEndian.AppendUint64(nil, r.n))
	return hex.EncodeToString(r.h.Sum(nil))
}
