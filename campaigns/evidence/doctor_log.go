package evidence

import (
	"bytes"
	"context"
	"encoding/hex"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkLeaves: each event's leaf is canonical, has the hash that is stored, and says what the
// columns beside it say.
func checkLeaves(ctx context.Context, d *doctor) error {
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) { return d.EventsAfter(ctx, e.ID) }
	return pages(ctx, page, nil, func(e *store.Event) error {
		d.saw(1, "events")
		h := tlog.RecordHash(e.Leaf)
		if !bytes.Equal(h[:], e.Hash) {
			d.fault("event %d (%s of %s) is not what its hash is of", e.ID, e.Type, e.Object)
			return nil
		}
		leaf, _, err := verify.ParseLeaf(e.Leaf)
		switch {
		case err != nil:
			d.fault("event %d: %v", e.ID, err)
		case leaf.Type != e.Type || leaf.Run != e.Run || leaf.Object != e.Object || leaf.At != verify.Time(e.At):
			d.fault("event %d is stored as %s of %s, its leaf is %s of %s", e.ID, e.Type, e.Object, leaf.Type, leaf.Object)
		}
		return nil
	})
}

// checkChains: each event names the hash of the one before it of the same object and run.
func checkChains(ctx context.Context, d *doctor) error {
	var last store.Event
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) { return d.ChainsAfter(ctx, "", e) }
	return pages(ctx, page, nil, func(e *store.Event) error {
		d.saw(1, "events")
		prev := ""
		if last.Object == e.Object && last.Run == e.Run {
			prev = hex.EncodeToString(last.Hash)
		}
		last = *e
		leaf, _, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			d.fault("event %d: %v", e.ID, err)
		} else if leaf.Prev != prev {
			d.fault("event %d (%s of %s) does not follow the one before it: an event is missing, was added or changed", e.ID, e.Type, e.Object)
		}
		return nil
	})
}

// checkDisclosures: each commitment of each event is opened, to the value that was committed to, and
// nothing else is. Nothing erases values in this version.
func checkDisclosures(ctx context.Context, d *doctor) error {
	var open map[int64][]store.Disclosure
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) { return d.EventsAfter(ctx, e.ID) }
	whole := func(events []store.Event) error {
		ids := make([]int64, len(events))
		for i := range events {
			ids[i] = events[i].ID
		}
		rows, err := d.DisclosuresOf(ctx, ids)
		open = make(map[int64][]store.Disclosure, len(ids))
		for _, r := range rows {
			open[r.EventID] = append(open[r.EventID], r)
		}
		return err
	}
	err := pages(ctx, page, whole, func(e *store.Event) error {
		d.saw(len(open[e.ID]), "disclosures")
		leaf, _, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			if len(open[e.ID]) > 0 {
				d.fault("what opens event %d: the event cannot be read", e.ID)
			}
			return nil
		}
		d.disclosures(e, leaf, open[e.ID])
		return nil
	})
	if err != nil {
		return err
	}
	n, err := d.CountDisclosures(ctx)
	if err == nil && n != d.looked {
		d.fault("%d disclosures are of no event", n-d.looked)
	}
	return err
}

// disclosures holds what opens an event against its commitments.
func (d *doctor) disclosures(e *store.Event, leaf *verify.Leaf, open []store.Disclosure) {
	opened := make(map[string]bool, len(open))
	for _, o := range open {
		opened[o.Field] = true
		got := verify.Commit(o.Salt, o.Field, o.Value)
		if len(o.Salt) != verify.SaltSize || leaf.Commitments[o.Field] != hex.EncodeToString(got[:]) {
			d.fault("%s of event %d is not the value that was committed to", o.Field, e.ID)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(leaf.Commitments)) {
		if !opened[field] {
			d.fault("%s of event %d (%s of %s) is missing: it was committed to", field, e.ID, e.Type, e.Object)
		}
	}
}

// checkSequenced: no event is left out of the log.
func checkSequenced(ctx context.Context, d *doctor) error {
	if err := d.rule(ctx, store.RuleOvertaken, overtakenAfter.Microseconds()); err != nil || !d.strict {
		return err
	}
	if err := d.rule(ctx, store.RuleSequenced, d.Now.Add(-sealedAfter)); err != nil {
		return err
	}
	size, err := d.LogSize(ctx)
	if err != nil || size == 0 {
		return err
	}
	cp, err := d.LatestCheckpoint(ctx)
	if err != nil && model.KindOf(err) != model.NotFound {
		return err
	}
	if cp.Size >= size {
		return nil
	}
	oldest, err := d.LoggedAt(ctx, cp.Size) // the first entry that no checkpoint is over
	if err == nil && oldest < d.Now.Add(-sealedAfter) {
		d.fault("the newest checkpoint is over %d of %d entries", cp.Size, size)
	}
	return err
}

// logEntries calls fn for the hash of each entry of the log, in order.
func logEntries(ctx context.Context, d *doctor, whole func([]store.LogHash) error, fn func(*store.LogHash, tlog.Hash) error) error {
	first := true
	page := func(ctx context.Context, h store.LogHash) ([]store.LogHash, error) {
		if first {
			h.Idx, first = -1, false
		}
		return d.LogHashesAfter(ctx, h.Idx)
	}
	next := int64(0)
	return pages(ctx, page, whole, func(h *store.LogHash) error {
		if h.Idx != next || len(h.Hash) != tlog.HashSize {
			d.fault("the log has no usable entry %d", next)
			return errEnough
		}
		next++
		d.saw(1, "entries")
		return fn(h, tlog.Hash(h.Hash))
	})
}

// checkTree: the stored nodes are those that the events give, no more and no fewer.
func checkTree(ctx context.Context, d *doctor) error {
	var frontier []tlog.Hash // the complete subtrees, largest first
	var want []tlog.Hash     // the nodes of one page
	at, pageEnd := int64(0), int64(-1)
	err := logEntries(ctx, d, func(page []store.LogHash) error {
		pageEnd = page[len(page)-1].Idx
		return nil
	}, func(e *store.LogHash, h tlog.Hash) error {
		want = append(want, h)
		for i := e.Idx; i&1 == 1; i >>= 1 {
			h = tlog.NodeHash(frontier[len(frontier)-1], h)
			frontier = frontier[:len(frontier)-1]
			want = append(want, h)
		}
		frontier = append(frontier, h)
		if e.Idx != pageEnd {
			return nil
		}
		err := compareNodes(ctx, d, at, want)
		at, want = at+int64(len(want)), want[:0]
		return err
	})
	if err != nil {
		return err
	}
	extra, err := d.NodesFrom(ctx, at, 1)
	if err == nil && len(extra) > 0 {
		d.fault("the tree has node %d, which no event gives", extra[0].Idx)
	}
	return err
}

func compareNodes(ctx context.Context, d *doctor, first int64, want []tlog.Hash) error {
	got, err := d.NodesFrom(ctx, first, len(want))
	if err != nil {
		return err
	}
	for i, w := range want {
		idx := first + int64(i)
		if i >= len(got) || got[i].Idx != idx {
			d.fault("the tree has no node %d", idx)
			return errEnough
		}
		if !bytes.Equal(got[i].Hash, w[:]) {
			level, n := tlog.SplitStoredHashIndex(idx)
			d.fault("node %d of the tree (level %d, number %d) is not what the events give", idx, level, n)
		}
	}
	return nil
}

// checkCheckpoints: each checkpoint is signed with the log's key, and the log of now begins with
// what it says.
func checkCheckpoints(ctx context.Context, d *doctor) error {
	signed, err := d.CheckpointsAfter(ctx, -1)
	if err != nil || len(signed) == 0 {
		return err
	}
	key, err := d.LogKey(ctx)
	if err != nil {
		return err
	}
	var root verify.Root
	due := func() error {
		for len(signed) > 0 && signed[0].Size <= root.Len() {
			d.checkpoint(signed[0], key.VKey, &root)
			size := signed[0].Size
			if signed = signed[1:]; len(signed) == 0 {
				if signed, err = d.CheckpointsAfter(ctx, size); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := due(); err != nil {
		return err
	}
	err = logEntries(ctx, d, nil, func(_ *store.LogHash, h tlog.Hash) error {
		root.Add(h)
		return due()
	})
	if err == nil && len(signed) > 0 {
		d.fault("a checkpoint of size %d was signed, and the log has %d entries: history is lost", signed[0].Size, root.Len())
	}
	return err
}

// checkpoint compares one with the log of its size.
func (d *doctor) checkpoint(c store.Checkpoint, vkey string, root *verify.Root) {
	cp, err := verify.OpenCheckpoint([]byte(c.Note), vkey)
	switch {
	case err != nil:
		d.fault("checkpoint of size %d: %v", c.Size, err)
	case cp.Size != c.Size:
		d.fault("the checkpoint of size %d says that it is of size %d", c.Size, cp.Size)
	case cp.Root != root.Sum():
		d.fault("checkpoint of size %d: the log has another root now, its history was changed", c.Size)
	}
}

// checkKey: there is one key, it is the one that the log itself names last, and the private half
// belongs to it where it is kept here.
func checkKey(ctx context.Context, d *doctor) error {
	keys, err := d.LogKeys(ctx)
	if err != nil {
		return err
	}
	events, err := d.EventsOf(ctx, "", "log:key")
	if err != nil {
		return err
	}
	last := ""
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			d.fault("event %d: %v", e.ID, err)
		} else if k, ok := body.(*verify.LogKey); ok {
			last = k.VKey
		}
	}
	if len(keys) > 1 {
		d.fault("%d keys are stored, and a log has one", len(keys))
	}
	stored := ""
	if len(keys) > 0 {
		stored = keys[0].VKey
	}
	if stored != last {
		d.fault("the log names the key %q last, the one that is stored is %q", last, stored)
	}
	for _, k := range keys {
		verifier, err := note.NewVerifier(k.VKey)
		if err != nil || verifier.Name() != k.Name {
			d.fault("the key of %q is not usable", k.Name)
			continue
		}
		if k.SKey == "" {
			continue
		}
		if signer, err := note.NewSigner(k.SKey); err != nil || signer.Name() != k.Name || signer.KeyHash() != verifier.KeyHash() {
			d.fault("the private key of %q does not belong to its public one", k.Name)
		}
	}
	return nil
}
