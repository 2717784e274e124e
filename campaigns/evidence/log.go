package evidence

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// batch is how many events one transaction gives a place: decisions wait for it on SQLite.
const batch = 5000

// Log is the sequencer and the signer of the evidence log. Any number of replicas may run one:
// the database lets one of them at a time write.
type Log struct {
	Store *store.Store
	// KeyFile holds the private key outside the database; "" keeps it inside, where whoever can
	// write the database could sign another history.
	KeyFile string
	Log     *slog.Logger

	mu      sync.Mutex
	signer  note.Signer
	vkey    string
	health  error      // what the last check of the whole log found
	checked model.Time // when that was; 0 is not yet
}

// hashReader reads the tree's stored hashes.
type hashReader struct {
	ctx context.Context //nolint:containedctx // tlog's interface has no context
	q   interface {
		LogNodes(ctx context.Context, indexes []int64) ([][]byte, error)
	}
	fresh map[int64]tlog.Hash // not written yet
}

// ReadHashes implements tlog.HashReader.
func (r hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var ask []int64
	for i, x := range indexes {
		if h, ok := r.fresh[x]; ok {
			out[i] = h
		} else {
			ask = append(ask, x)
		}
	}
	nodes, err := r.q.LogNodes(r.ctx, ask)
	if err != nil {
		return nil, err
	}
	for i, x := range indexes {
		if _, ok := r.fresh[x]; ok {
			continue
		}
		if len(nodes[0]) != tlog.HashSize {
			return nil, fmt.Errorf("stored hash %d has %d bytes", x, len(nodes[0]))
		}
		out[i] = tlog.Hash(nodes[0])
		nodes = nodes[1:]
	}
	return out, nil
}

// Sequence gives events that have none a place in the tree, at most one batch, and tells how
// many. Where another replica is at it, it does nothing.
//
// A crash at any point leaves the log as it was: places and nodes are one transaction.
func (l *Log) Sequence(ctx context.Context) (int, error) {
	return l.sequence(ctx, (*store.Tx).LockLog)
}

func (l *Log) sequence(ctx context.Context, lock func(*store.Tx, context.Context) (bool, error)) (n int, err error) {
	err = l.Store.InTx(ctx, func(tx *store.Tx) error {
		n = 0
		mine, err := lock(tx, ctx)
		if err != nil || !mine {
			return err
		}
		events, err := tx.Unsequenced(ctx, batch)
		if err != nil || len(events) == 0 {
			return err
		}
		size, err := tx.LogSize(ctx)
		if err != nil {
			return err
		}
		r := hashReader{ctx: ctx, q: tx, fresh: map[int64]tlog.Hash{}}
		next := tlog.StoredHashIndex(0, size)
		first := next
		var nodes [][]byte
		for i, e := range events {
			if len(e.Hash) != tlog.HashSize {
				return fmt.Errorf("event %d has a hash of %d bytes", e.ID, len(e.Hash))
			}
			hashes, err := tlog.StoredHashesForRecordHash(size+int64(i), tlog.Hash(e.Hash), r)
			if err != nil {
				return fmt.Errorf("place event %d: %w", e.ID, err)
			}
			for _, h := range hashes {
				r.fresh[next] = h
				nodes = append(nodes, h[:])
				next++
			}
		}
		n = len(events)
		return tx.AppendLog(ctx, size, events, first, nodes)
	})
	if err != nil {
		return 0, fmt.Errorf("sequence the evidence log: %w", err)
	}
	return n, nil
}

// Checkpoint signs the log's size and root where it has grown since the last one, and gives the
// newest checkpoint. It is stored before it is given to anybody, so that there are never two of
// one size.
func (l *Log) Checkpoint(ctx context.Context) (store.Checkpoint, error) {
	signer, _, err := l.Key(ctx)
	if err != nil {
		return store.Checkpoint{}, err
	}
	var out store.Checkpoint
	err = l.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.WaitLog(ctx); err != nil {
			return err
		}
		size, err := tx.LogSize(ctx)
		if err != nil {
			return err
		}
		out, err = tx.LatestCheckpoint(ctx)
		if err == nil && out.Size == size {
			return nil
		}
		if err != nil && model.KindOf(err) != model.NotFound {
			return err
		}
		root, err := tlog.TreeHash(size, hashReader{ctx: ctx, q: tx})
		if err != nil {
			return fmt.Errorf("compute the root: %w", err)
		}
		msg, err := verify.SignCheckpoint(verify.Checkpoint{Origin: signer.Name(), Size: size, Root: root}, signer)
		if err != nil {
			return err
		}
		out = store.Checkpoint{Size: size, Note: string(msg), At: tx.Now}
		return tx.InsertCheckpoint(ctx, size, string(msg))
	})
	if err != nil {
		return store.Checkpoint{}, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return out, nil
}

// Barrier gives every event that is committed now its place, and signs a checkpoint over them.
func (l *Log) Barrier(ctx context.Context) (store.Checkpoint, error) {
	if _, _, err := l.Key(ctx); err != nil { // its event belongs into the log, too
		return store.Checkpoint{}, err
	}
	wait := func(tx *store.Tx, ctx context.Context) (bool, error) { return true, tx.WaitLog(ctx) }
	for {
		n, err := l.sequence(ctx, wait)
		if err != nil {
			return store.Checkpoint{}, err
		}
		if n < batch {
			return l.Checkpoint(ctx)
		}
	}
}

// Key gives the signer and its public key; at the first use of a database it makes them. Its
// name, the log's origin, is random once and then the same for good.
func (l *Log) Key(ctx context.Context) (note.Signer, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signer != nil {
		return l.signer, l.vkey, nil
	}
	k, err := l.Store.LogKey(ctx)
	if model.KindOf(err) == model.NotFound {
		k, err = l.newKey(ctx)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the log's key: %w", err)
	}
	skey := k.SKey
	if l.KeyFile != "" {
		b, err := os.ReadFile(l.KeyFile)
		if err != nil {
			return nil, "", model.Errorf(model.Invalid, "cannot read the log's private key: %v", err)
		}
		skey = strings.TrimSpace(string(b))
	}
	if skey == "" {
		return nil, "", model.Errorf(model.Invalid, "the log's private key is kept in a file: name it with --log-key-file")
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", model.Errorf(model.Invalid, "the log's private key cannot be used")
	}
	verifier, err := note.NewVerifier(k.VKey)
	if err != nil || verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, "", model.Errorf(model.Invalid, "the log's private key does not belong to this database's log, whose public key is %s", k.VKey)
	}
	l.signer, l.vkey = signer, k.VKey
	return l.signer, l.vkey, nil
}

func (l *Log) newKey(ctx context.Context) (store.LogKey, error) {
	name := "recert/" + strings.ToLower(rand.Text()[:8])
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return store.LogKey{}, err
	}
	k := store.LogKey{Name: name, SKey: skey, VKey: vkey}
	if l.KeyFile != "" {
		if k, err = l.fileKey(k); err != nil {
			return k, err
		}
	}
	err = l.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.WaitLog(ctx); err != nil {
			return err
		}
		old, err := tx.LogKey(ctx)
		if err == nil { // another replica was first
			k = old
			return nil
		}
		if model.KindOf(err) != model.NotFound {
			return err
		}
		if err := tx.InsertLogKey(ctx, k); err != nil {
			return err
		}
		_, err = Append(ctx, tx, verify.Event{Type: verify.TypeLogKey, Object: "log:key", Data: verify.LogKey{VKey: k.VKey}})
		return err
	})
	return k, err
}

// fileKey keeps the private key in KeyFile only; one that is there already is used.
func (l *Log) fileKey(k store.LogKey) (store.LogKey, error) {
	f, err := os.OpenFile(l.KeyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		b, err := os.ReadFile(l.KeyFile)
		if err != nil {
			return k, model.Errorf(model.Invalid, "cannot read the log's private key: %v", err)
		}
		return publicKey(strings.TrimSpace(string(b)))
	}
	if err != nil {
		return k, model.Errorf(model.Invalid, "cannot write the log's private key: %v", err)
	}
	_, err = f.WriteString(k.SKey + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return k, fmt.Errorf("write the log's private key: %w", err)
	}
	k.SKey = ""
	return k, nil
}

// publicKey works the public key out of a private one (golang.org/x/mod/sumdb/note: an Ed25519 seed).
func publicKey(skey string) (store.LogKey, error) {
	bad := model.Errorf(model.Invalid, "the log's private key cannot be used")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return store.LogKey{}, bad
	}
	parts := strings.Split(skey, "+")
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return store.LogKey{}, bad
	}
	pub, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return store.LogKey{}, bad
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), pub)
	if err != nil {
		return store.LogKey{}, bad
	}
	return store.LogKey{Name: signer.Name(), VKey: vkey}, nil
}

// Run sequences and signs until ctx ends. What fails is tried again, and said.
func (l *Log) Run(ctx context.Context) error {
	l.check(ctx)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	night := time.NewTicker(24 * time.Hour)
	defer night.Stop()
	for signed := 0; ; signed++ {
		select {
		case <-ctx.Done():
			return nil
		case <-night.C:
			l.check(ctx)
		case <-tick.C:
		}
		if _, err := l.Sequence(ctx); err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "the evidence log is not written", slog.Any("error", err))
			continue
		}
		if signed%5 != 0 {
			continue
		}
		if _, err := l.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "no checkpoint could be signed", slog.Any("error", err))
		}
	}
}
