package ingest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// chunkRows is how many rows one transaction stages: more makes decisions wait (measured: 10,000
// rows cost them 42 ms, a million 1.1 s), and fewer is no faster.
const chunkRows = 10_000

// chunk is what goes from the reading goroutine to the writing one.
type chunk struct {
	kind    model.Kind
	rows    []stagedRow
	rejects []model.Reject
}

// stager writes chunks. It is the only one that knows integer keys, so it finds the duplicates.
type stager struct {
	store  *store.Store
	snap   *model.Snapshot
	source string
	keys   map[model.Kind]*keyCache
	seen   map[rowKey]uint32 // key -> line, of the kind that is being staged
	vias   map[string]uint32
	kind   model.Kind
	digest *digest
	stats  map[model.Kind]*kindStats
	n      int64 // rejects of all kinds
	root   evidence.Root
}

// rowKey is a key of any kind in as little memory as possible: a million of them are kept.
type rowKey struct{ a, b, via uint32 }

// newStager loads the keys that the source already has.
func newStager(ctx context.Context, j *job) (*stager, error) {
	st := &stager{
		store: j.Store, snap: &j.snap, source: j.src.Name, stats: j.stats,
		keys: map[model.Kind]*keyCache{}, digest: newDigest(j.given),
	}
	for _, kind := range j.src.Provides.Kinds() {
		if kind == model.KindGrants {
			continue
		}
		c := &keyCache{kind: kind, limit: cmp.Or(j.cachedKeys, cachedKeys)}
		if err := c.load(ctx, j.Store, j.src.ID); err != nil {
			return nil, fmt.Errorf("read the keys of %s: %w", kind, err)
		}
		st.keys[kind] = c
	}
	return st, nil
}

// write stages a chunk: its integer keys in a transaction of their own, because one that runs
// again must find the same duplicates, then its rows and rejects.
func (st *stager) write(ctx context.Context, c *chunk) error {
	if c.kind != st.kind {
		st.kind = c.kind
		st.seen, st.vias = map[rowKey]uint32{}, map[string]uint32{"": 0}
	}
	var rows []store.StageRow
	var grants []store.StageGrant
	var err error
	if c.kind == model.KindGrants {
		grants, err = st.grants(ctx, c)
	} else {
		rows, err = st.rows(ctx, c)
	}
	if err != nil {
		return err
	}
	rejects, err := st.rejects(c)
	if err != nil {
		return err
	}
	err = st.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CountRead(ctx, st.snap.ID, int64(len(c.rows)+len(c.rejects))); err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := tx.StageRows(ctx, st.snap.ID, c.kind, rows); err != nil {
				return err
			}
		}
		if len(grants) > 0 {
			if err := tx.StageGrants(ctx, st.snap.ID, grants); err != nil {
				return err
			}
		}
		return tx.InsertRejects(ctx, rejects)
	})
	if err != nil {
		return fmt.Errorf("stage %s: %w", c.kind, err)
	}
	st.stats[c.kind].accepted += int64(len(rows) + len(grants))
	st.stats[c.kind].rejected += int64(len(rejects))
	return nil
}

// grants resolves the keys of a chunk of grants and leaves out the duplicates.
func (st *stager) grants(ctx context.Context, c *chunk) ([]store.StageGrant, error) {
	accounts := make(map[string]int64, len(c.rows)/4)
	entitlements := make(map[string]int64, len(c.rows)/4)
	for i := range c.rows {
		accounts[c.rows[i].id] = 0
		entitlements[c.rows[i].entID] = 0
	}
	if err := st.keys[model.KindAccounts].resolve(ctx, st.store, st.snap, accounts); err != nil {
		return nil, fmt.Errorf("number accounts: %w", err)
	}
	if err := st.keys[model.KindEntitlements].resolve(ctx, st.store, st.snap, entitlements); err != nil {
		return nil, fmt.Errorf("number entitlements: %w", err)
	}
	out := make([]store.StageGrant, 0, len(c.rows))
	for i := range c.rows {
		r := &c.rows[i]
		via, ok := st.vias[r.via]
		if !ok {
			via = uint32(len(st.vias)) //nolint:gosec // there are fewer paths than rows
			st.vias[strings.Clone(r.via)] = via
		}
		a, e := accounts[r.id], entitlements[r.entID]
		first, err := st.first(a, e, via, r)
		if err != nil {
			return nil, err
		}
		if !first {
			c.rejects = append(c.rejects, st.duplicate(r, rowKey{uint32(a), uint32(e), via})) //nolint:gosec // checked by first
			continue
		}
		out = append(out, store.StageGrant{
			AccountKey: a, EntitlementKey: e, Via: r.via, N: r.n,
			GrantedAt: r.grant, Hash: r.hash[:], Data: r.data, UsageAt: r.usage,
		})
	}
	slices.SortFunc(out, func(x, y store.StageGrant) int {
		return cmp.Or(cmp.Compare(x.AccountKey, y.AccountKey), cmp.Compare(x.EntitlementKey, y.EntitlementKey), cmp.Compare(x.Via, y.Via))
	})
	return out, nil
}

// rows resolves the keys of a chunk of people, accounts or entitlements and leaves out the duplicates.
func (st *stager) rows(ctx context.Context, c *chunk) ([]store.StageRow, error) {
	keys := make(map[string]int64, len(c.rows))
	for i := range c.rows {
		keys[c.rows[i].id] = 0
	}
	if err := st.keys[c.kind].resolve(ctx, st.store, st.snap, keys); err != nil {
		return nil, fmt.Errorf("number %s: %w", c.kind, err)
	}
	out := make([]store.StageRow, 0, len(c.rows))
	for i := range c.rows {
		r := &c.rows[i]
		key := keys[r.id]
		first, err := st.first(key, 0, 0, r)
		if err != nil {
			return nil, err
		}
		if !first {
			c.rejects = append(c.rejects, st.duplicate(r, rowKey{a: uint32(key)})) //nolint:gosec // checked by first
			continue
		}
		row := store.StageRow{Key: key, Hash: r.hash[:], Data: r.data, UsageAt: r.usage}
		if p := r.person; p != nil {
			row.IDFold, row.NameFold, row.EmailFold, row.ManagerID, row.Status = p.id, p.name, p.email, p.manager, p.status
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(x, y store.StageRow) int { return cmp.Compare(x.Key, y.Key) })
	return out, nil
}

// first tells whether a key is read for the first time, and counts the row into the digest.
func (st *stager) first(a, b int64, via uint32, r *stagedRow) (bool, error) {
	if a > math.MaxUint32 || b > math.MaxUint32 {
		return false, fmt.Errorf("key %d or %d is beyond what ingest can hold", a, b)
	}
	k := rowKey{uint32(a), uint32(b), via} //nolint:gosec // checked above
	if _, ok := st.seen[k]; ok {
		st.digest.reject(st.kind, r.full)
		return false, nil
	}
	st.seen[k] = uint32(min(r.line, math.MaxUint32)) //nolint:gosec // bounded
	st.digest.row(st.kind, r)
	return true, nil
}

// keyColumns name the columns that make a row's key.
var keyColumns = map[model.Kind]string{
	model.KindPeople: "person_id", model.KindAccounts: "account_id", model.KindEntitlements: "entitlement_id",
	model.KindGrants: "account_id, entitlement_id, via",
}

// duplicateReason begins the reason of every duplicate.
func duplicateReason(kind model.Kind) string {
	return "the same " + keyColumns[kind] + " was read already"
}

// duplicate is the reject of a row whose key was read already.
func (st *stager) duplicate(r *stagedRow, k rowKey) model.Reject {
	st.stats[st.kind].duplicates++
	return model.Reject{
		Kind: st.kind, File: r.file, Line: r.line, Column: keyColumns[st.kind],
		Reason: fmt.Sprintf("%s, on line %d", duplicateReason(st.kind), st.seen[k]),
		Raw:    cleanText([]byte(r.raw()), maxRaw),
	}
}

// raw is a row in words, where the text that it came from is not at hand.
func (s *stagedRow) raw() string {
	if s.entID == "" {
		return s.data
	}
	key := struct {
		Account     string     `json:"account_id"`
		Entitlement string     `json:"entitlement_id"`
		Via         string     `json:"via,omitempty"`
		GrantedAt   model.Time `json:"granted_at"`
	}{s.id, s.entID, s.via, s.grant}
	return strings.TrimSpace(jsonText(key) + " " + s.data)
}

// rejects seals the rejected rows of a chunk, in the order of the source.
func (st *stager) rejects(c *chunk) ([]store.Reject, error) {
	slices.SortStableFunc(c.rejects, func(x, y model.Reject) int { return cmp.Compare(x.Line, y.Line) })
	out := make([]store.Reject, 0, len(c.rejects))
	for _, r := range c.rejects {
		salt := make([]byte, evidence.SaltSize)
		rand.Read(salt)
		details := evidence.RejectDetails{Raw: r.Raw, Reason: r.Reason}
		bound, err := evidence.Bind(salt, "details", details)
		if err != nil {
			return nil, fmt.Errorf("seal the rejected line %d of %s: %w", r.Line, r.File, err)
		}
		row := evidence.Rejection{Snapshot: st.snap.ID, Source: st.source, Kind: string(r.Kind), File: r.File, Line: r.Line, Column: r.Column, Details: details, Bound: bound}
		hash, err := row.Hash()
		if err != nil {
			return nil, fmt.Errorf("seal the rejected line %d of %s: %w", r.Line, r.File, err)
		}
		st.root.Add(hash)
		st.n++
		out = append(out, store.Reject{
			SnapshotID: st.snap.ID, N: st.n, Kind: r.Kind, File: r.File, Line: r.Line, Column: r.Column,
			Reason: r.Reason, Raw: r.Raw, Salt: salt, Commitment: bound.Commitment,
		})
	}
	return out, nil
}
