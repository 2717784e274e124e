package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"golang.org/x/mod/sumdb/tlog"

	"recert/model"
)

// sequencerLock is an arbitrary number that the sequencers of one PostgreSQL database agree on.
const sequencerLock = 7263912

// LockLog makes this transaction the only one that writes the log. It gives false where another
// replica holds it: there is nothing to do then, the other one does it. SQLite's writer is alone.
func (tx *Tx) LockLog(ctx context.Context) (bool, error) {
	if tx.dialect == SQLite {
		return true, nil
	}
	var got bool
	err := tx.all(ctx, &got, "SELECT pg_try_advisory_xact_lock(?)", sequencerLock)
	return got, err
}

// WaitLog is LockLog, but waits for its turn.
func (tx *Tx) WaitLog(ctx context.Context) error {
	if tx.dialect == SQLite {
		return nil
	}
	_, err := tx.exec(ctx, "SELECT pg_advisory_xact_lock(?)", sequencerLock)
	return err
}

// UnsequencedEvent is an event that has no place in the log yet.
type UnsequencedEvent struct {
	ID   int64  `bun:"id"`
	Hash []byte `bun:"hash"`
}

// Unsequenced are events without a place in the log, in the order of their ids: an event that
// commits late comes later in the log than its id says, which is no fault.
func (q queries) Unsequenced(ctx context.Context, limit int) ([]UnsequencedEvent, error) {
	var es []UnsequencedEvent
	err := q.all(ctx, &es, `SELECT e.id, e.hash FROM events e
		WHERE NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.event_id = e.id) ORDER BY e.id LIMIT ?`, limit)
	return es, err
}

// LogSize is how many events have a place in the log.
func (q queries) LogSize(ctx context.Context) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COALESCE(MAX(idx) + 1, 0) FROM log_entries")
	return n, err
}

// LogNodes reads stored hashes of the tree by their index, in the order asked.
func (q queries) LogNodes(ctx context.Context, indexes []int64) ([][]byte, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	found := make(map[int64][]byte, len(indexes))
	for chunk := range chunks(indexes, 500) {
		var rows []struct {
			Idx  int64  `bun:"idx"`
			Hash []byte `bun:"hash"`
		}
		if err := q.all(ctx, &rows, "SELECT idx, hash FROM log_nodes WHERE idx IN (?)", bun.List(chunk)); err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[r.Idx] = r.Hash
		}
	}
	out := make([][]byte, len(indexes))
	for i, x := range indexes {
		h, ok := found[x]
		if !ok {
			return nil, fmt.Errorf("the log lacks its stored hash %d", x)
		}
		out[i] = h
	}
	return out, nil
}

func chunks[T any](list []T, n int) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			k := min(n, len(list))
			if !yield(list[:k]) {
				return
			}
			list = list[k:]
		}
	}
}

// AppendLog gives events their places from first on, and stores the tree's new nodes from
// firstNode on.
func (tx *Tx) AppendLog(ctx context.Context, first int64, events []UnsequencedEvent, firstNode int64, nodes [][]byte) error {
	b, err := tx.bulk(ctx, "log_entries", "idx", "event_id")
	if err != nil {
		return err
	}
	for i, e := range events {
		if err := b.Add(first+int64(i), e.ID); err != nil {
			return err
		}
	}
	if _, err := b.Close(); err != nil {
		return err
	}
	if b, err = tx.bulk(ctx, "log_nodes", "idx", "hash"); err != nil {
		return err
	}
	for i, n := range nodes {
		if err := b.Add(firstNode+int64(i), n); err != nil {
			return err
		}
	}
	_, err = b.Close()
	return err
}

// Checkpoint is one signed size and root of the log.
type Checkpoint struct {
	Size int64      `bun:"size"`
	Note string     `bun:"note"`
	At   model.Time `bun:"at"`
}

// LoggedAt is when the event at an index of the log happened.
func (q queries) LoggedAt(ctx context.Context, idx int64) (model.Time, error) {
	var at model.Time
	err := q.one(ctx, &at, "There is no such entry.", "SELECT e.at FROM log_entries l JOIN events e ON e.id = l.event_id WHERE l.idx = ?", idx)
	return at, err
}

// LatestCheckpoint is the newest one; NotFound where none was signed yet.
func (q queries) LatestCheckpoint(ctx context.Context) (Checkpoint, error) {
	var c Checkpoint
	err := q.one(ctx, &c, "No checkpoint has been signed yet.", "SELECT * FROM checkpoints ORDER BY size DESC LIMIT 1")
	return c, err
}

// CheckpointAt is the checkpoint of exactly that size.
func (q queries) CheckpointAt(ctx context.Context, size int64) (Checkpoint, error) {
	var c Checkpoint
	err := q.one(ctx, &c, fmt.Sprintf("There is no checkpoint of size %d.", size), "SELECT * FROM checkpoints WHERE size = ?", size)
	return c, err
}

// CheckpointCovering is the first checkpoint that holds the event.
func (q queries) CheckpointCovering(ctx context.Context, eventID int64) (Checkpoint, error) {
	var c Checkpoint
	err := q.one(ctx, &c, "No checkpoint holds this yet.",
		"SELECT c.* FROM checkpoints c WHERE c.size > (SELECT l.idx FROM log_entries l WHERE l.event_id = ?) ORDER BY c.size LIMIT 1", eventID)
	return c, err
}

// Checkpoints are all checkpoints, the smallest first.
func (q queries) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	var cs []Checkpoint
	err := q.all(ctx, &cs, "SELECT * FROM checkpoints ORDER BY size")
	return cs, err
}

// InsertCheckpoint stores a checkpoint before anybody sees it: there is one of each size, ever.
func (tx *Tx) InsertCheckpoint(ctx context.Context, size int64, note string) error {
	_, err := tx.exec(ctx, "INSERT INTO checkpoints (size, note, at) VALUES (?, ?, ?)", size, note, tx.Now)
	return err
}

// LogKey is the log's key pair. SKey is "" where the private key is kept outside the database.
type LogKey struct {
	Name string `bun:"name"`
	SKey string `bun:"skey"`
	VKey string `bun:"vkey"`
}

// LogKey is the key of the log; NotFound before its first use.
func (q queries) LogKey(ctx context.Context) (LogKey, error) {
	var k LogKey
	err := q.one(ctx, &k, "The log has no key yet.", "SELECT * FROM log_keys ORDER BY name LIMIT 1")
	return k, err
}

// InsertLogKey stores the log's key.
func (tx *Tx) InsertLogKey(ctx context.Context, k LogKey) error {
	_, err := tx.exec(ctx, "INSERT INTO log_keys (name, skey, vkey) VALUES (?, ?, ?)", k.Name, k.SKey, k.VKey)
	return err
}

// LogLeaves calls fn for every entry of the log in order, with the event's leaf and stored hash
// and the tree's own leaf hash; nil where one is missing.
func (q queries) LogLeaves(ctx context.Context, fn func(idx int64, leaf, hash, node []byte) error) error {
	// Keyset pages, because a long cursor on SQLite keeps its write-ahead log growing.
	for after := int64(-1); ; {
		var page []struct {
			Idx  int64  `bun:"idx"`
			Leaf []byte `bun:"leaf"`
			Hash []byte `bun:"hash"`
		}
		if err := q.all(ctx, &page, `SELECT l.idx, e.leaf, e.hash FROM log_entries l LEFT JOIN events e ON e.id = l.event_id
			WHERE l.idx > ? ORDER BY l.idx LIMIT 2000`, after); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		want := make([]int64, len(page))
		for i, r := range page {
			want[i] = tlog.StoredHashIndex(0, r.Idx)
		}
		nodes, err := q.LogNodes(ctx, want)
		if err != nil {
			return err
		}
		for i, r := range page {
			if err := fn(r.Idx, r.Leaf, r.Hash, nodes[i]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Idx
	}
}
