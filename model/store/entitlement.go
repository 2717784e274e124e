package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"recert/model"
)

// Entitlement is an entitlement as one version of its source says. One that only grants name is
// Implied: nothing but its id is known.
type Entitlement struct {
	model.Entitlement

	Key           int64
	SourceID      int64
	Implied       bool
	FirstSnapshot int64  // 0 where implied
	LastSnapshot  *int64 // nil while it is the current version
}

const entitlementColumns = `SELECT e.key, e.source_id, e.entitlement_id, v.first_snapshot, v.last_snapshot, v.data
FROM entitlements e LEFT JOIN entitlement_versions v ON v.entitlement_key = e.key AND %s WHERE `

func readEntitlement(rows *sql.Rows, e *Entitlement) error {
	var data []byte
	var id string
	var firstSnapshot *int64
	if err := rows.Scan(&e.Key, &e.SourceID, &id, &firstSnapshot, &e.LastSnapshot, &data); err != nil {
		return err
	}
	if err := decode(data, &e.Entitlement, "entitlement", e.Key); err != nil {
		return err
	}
	e.EntitlementID, e.Implied = id, firstSnapshot == nil
	if firstSnapshot != nil {
		e.FirstSnapshot = *firstSnapshot
	}
	return nil
}

// EntitlementsAsOf are the entitlements of a source as a snapshot shows them (or Live), by key,
// those that only its grants name included.
func (q queries) EntitlementsAsOf(ctx context.Context, sourceID, snapshot int64) iter.Seq2[Entitlement, error] {
	vcond, vargs := asOf("v", snapshot)
	gcond, gargs := asOf("g", snapshot)
	args := append(append(vargs, sourceID, sourceID), gargs...)
	return each(ctx, q, readEntitlement, fmt.Sprintf(entitlementColumns, "v.source_id = e.source_id AND "+vcond)+`e.source_id = ? AND (v.entitlement_key IS NOT NULL
 OR e.key IN (SELECT g.entitlement_key FROM grants g WHERE g.source_id = ? AND `+gcond+`)) ORDER BY e.key`, args...)
}

// DescribedEntitlements are the current entitlements of a source that it describes itself, by key.
func (q queries) DescribedEntitlements(ctx context.Context, sourceID int64) iter.Seq2[Entitlement, error] {
	return each(ctx, q, readEntitlement, `SELECT e.key, e.source_id, e.entitlement_id, v.first_snapshot, v.last_snapshot, v.data
FROM entitlement_versions v JOIN entitlements e ON e.key = v.entitlement_key WHERE v.source_id = ? AND v.last_snapshot IS NULL ORDER BY v.entitlement_key`, sourceID)
}

// EntitlementByKey is the current version of an entitlement, else the last one that there was.
func (q queries) EntitlementByKey(ctx context.Context, key int64) (Entitlement, error) {
	latest := "v.first_snapshot = (SELECT max(w.first_snapshot) FROM entitlement_versions w WHERE w.entitlement_key = e.key)"
	return first(each(ctx, q, readEntitlement, fmt.Sprintf(entitlementColumns, latest)+"e.key = ?", key), "There is no such entitlement.")
}

// EntitlementKey is the integer of a natural key; none is NotFound.
func (q queries) EntitlementKey(ctx context.Context, sourceID int64, entitlementID string) (int64, error) {
	var key int64
	err := q.one(ctx, &key, fmt.Sprintf("The source has no entitlement %q.", entitlementID),
		"SELECT key FROM entitlements WHERE source_id = ? AND entitlement_id = ?", sourceID, entitlementID)
	return key, err
}

// CountImpliedEntitlements counts the entitlements that only the live grants of a source name.
func (q queries) CountImpliedEntitlements(ctx context.Context, sourceID int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", `SELECT count(*) FROM entitlements e WHERE e.source_id = ?
 AND NOT EXISTS (SELECT 1 FROM entitlement_versions v WHERE v.source_id = e.source_id AND v.entitlement_key = e.key AND v.last_snapshot IS NULL)
 AND EXISTS (SELECT 1 FROM grants g WHERE g.source_id = e.source_id AND g.entitlement_key = e.key AND g.last_snapshot IS NULL)`, sourceID)
	return n, err
}
