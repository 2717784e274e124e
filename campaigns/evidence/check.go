package evidence

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/mod/sumdb/tlog"

	"recert/campaigns/evidence/verify"
	"recert/model"
)

// CheckLog reads the whole log and works everything out anew: each leaf's hash, each node of the
// tree, and the root of every checkpoint that was ever signed. It gives the first difference.
func (l *Log) CheckLog(ctx context.Context) error {
	_, vkey, err := l.Key(ctx)
	if err != nil {
		return err
	}
	signed, err := l.Store.Checkpoints(ctx)
	if err != nil {
		return err
	}
	var root verify.Root
	next := int64(0)
	due := func() error {
		for len(signed) > 0 && signed[0].Size == root.Len() {
			cp, err := verify.OpenCheckpoint([]byte(signed[0].Note), vkey)
			if err != nil {
				return fmt.Errorf("checkpoint of size %d: %w", signed[0].Size, err)
			}
			if cp.Size != root.Len() || cp.Root != root.Sum() {
				return fmt.Errorf("checkpoint of size %d: the log has another root now", signed[0].Size)
			}
			signed = signed[1:]
		}
		return nil
	}
	if err := due(); err != nil {
		return err
	}
	err = l.Store.LogLeaves(ctx, func(idx int64, leaf, hash, node []byte) error {
		if idx != next {
			return fmt.Errorf("the log has no entry %d", next)
		}
		next++
		h := tlog.RecordHash(leaf)
		if !bytes.Equal(h[:], hash) {
			return fmt.Errorf("event at index %d is not what was logged", idx)
		}
		if !bytes.Equal(h[:], node) {
			return fmt.Errorf("the tree holds another hash at index %d", idx)
		}
		root.Add(h)
		return due()
	})
	if err != nil {
		return err
	}
	if len(signed) > 0 {
		return fmt.Errorf("a checkpoint of size %d was signed, but the log has %d entries: history is lost", signed[0].Size, root.Len())
	}
	size := root.Len()
	if size == 0 {
		return nil
	}
	stored, err := tlog.TreeHash(size, hashReader{ctx: ctx, q: l.Store})
	if err != nil {
		return fmt.Errorf("read the tree: %w", err)
	}
	if stored != root.Sum() {
		return fmt.Errorf("the stored tree has another root than its %d events give", size)
	}
	return nil
}

// check is CheckLog at start and every night: what it finds is loud, and stays until the next one.
func (l *Log) check(ctx context.Context) {
	err := l.CheckLog(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		l.Log.ErrorContext(ctx, "the evidence log does not verify", slog.Any("error", err))
	}
	l.mu.Lock()
	l.health, l.checked = err, model.TimeOf(l.Store.Now())
	l.mu.Unlock()
}

// Health is what the last check of the whole log found, nil where all was well, and when that
// was; 0 where it was not checked yet.
func (l *Log) Health() (model.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checked, l.health
}
