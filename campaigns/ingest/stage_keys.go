package ingest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
)

// cachedKeys bounds how many natural keys of a kind stay in memory: about 80 MB.
const cachedKeys = 1_000_000

// keyCache maps natural keys of one kind and source to their integers. While it holds all of
// them, what is missing is known to be new; when there are too many it forgets those that were
// not used for long, and the database is asked.
type keyCache struct {
	kind     model.Kind
	limit    int
	complete bool
	recent   map[string]int64
	older    map[string]int64
}

// load reads what the source has, unless that is too much.
func (c *keyCache) load(ctx context.Context, s *store.Store, sourceID int64) error {
	c.recent = map[string]int64{}
	n, err := s.CountKeys(ctx, c.kind, sourceID)
	if err != nil || n > int64(c.limit) {
		return err
	}
	c.complete = true
	return s.EachKey(ctx, c.kind, sourceID, func(id string, key int64) { c.recent[id] = key })
}

// get gives the integer of a natural key that is in memory.
func (c *keyCache) get(id string) (int64, bool) {
	key, ok := c.recent[id]
	if !ok {
		if key, ok = c.older[id]; ok {
			c.put(id, key)
		}
	}
	return key, ok
}

// put remembers; id must not be part of a longer string that should be freed.
func (c *keyCache) put(id string, key int64) {
	if len(c.recent) >= c.limit {
		c.complete = false
		c.older, c.recent = c.recent, make(map[string]int64, c.limit/4)
	}
	c.recent[id] = key
}

// resolve gives every id its integer, new ones a new one. It keeps them in chunk, because the
// cache may forget an id before the chunk is done with it.
func (c *keyCache) resolve(ctx context.Context, s *store.Store, snap *model.Snapshot, chunk map[string]int64) error {
	var missing []string
	for id := range chunk {
		if key, ok := c.get(id); ok {
			chunk[id] = key
		} else {
			missing = append(missing, strings.Clone(id))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing) // neighbours in the index, and the same integers whatever the map's order
	var found map[string]int64
	err := s.InTx(ctx, func(tx *store.Tx) error {
		found = make(map[string]int64, len(missing)) // the transaction may run again
		if err := tx.Heartbeat(ctx, snap.ID); err != nil {
			return err
		}
		created := missing
		if !c.complete {
			if err := tx.FindKeys(ctx, c.kind, snap.SourceID, missing, func(id string, key int64) { found[id] = key }); err != nil {
				return err
			}
			created = slices.DeleteFunc(slices.Clone(missing), func(id string) bool { _, ok := found[id]; return ok })
		}
		keys, err := tx.InsertKeys(ctx, c.kind, snap.SourceID, created)
		for i, key := range keys {
			found[created[i]] = key
		}
		return err
	})
	if err != nil {
		return err
	}
	for id, key := range found {
		c.put(id, key)
	}
	maps.Copy(chunk, found)
	return nil
}
