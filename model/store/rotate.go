package store

import (
	"context"

	"recert/model"
)

// EntitlementData is what was last known of an entitlement, canonical JSON of model.Entitlement; ""
// where nothing is but its id.
func (tx *Tx) EntitlementData(ctx context.Context, key int64) (string, error) {
	if data, ok := tx.entitlements[key]; ok {
		return data, nil
	}
	var data []string
	err := tx.all(ctx, &data, "SELECT data FROM entitlement_versions WHERE entitlement_key = ? ORDER BY first_snapshot DESC LIMIT 1", key)
	if err != nil || len(data) == 0 {
		return "", err
	}
	return data[0], nil
}

// ReadEntitlementData reads at once what EntitlementData is to give for some entitlements, in a
// transaction that changes none of them.
func (tx *Tx) ReadEntitlementData(ctx context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	var found []struct {
		Key  int64  `bun:"entitlement_key"`
		Data string `bun:"data"`
	}
	if err := tx.hot(ctx, &found, `SELECT o.value AS entitlement_key, COALESCE((SELECT v.data FROM entitlement_versions v WHERE v.entitlement_key = o.value
		ORDER BY v.first_snapshot DESC LIMIT 1), '') AS data FROM `+tx.each("bigint"), keys); err != nil {
		return err
	}
	if tx.entitlements == nil {
		tx.entitlements = map[int64]string{}
	}
	for _, f := range found {
		tx.entitlements[f.Key] = f.Data
	}
	return nil
}

// RotationOf tells whether a task to change a secret is open for an item.
func (q queries) RotationOf(ctx context.Context, run, item int64) (bool, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT COUNT(*) FROM remediations WHERE run_id = ? AND item_id = ? AND kind = 'rotate' AND state NOT IN ('confirmed', 'cancelled')", run, item)
	return n > 0, err
}

// Rotation is the task to change a secret.
type Rotation struct {
	model.Remediation

	Run string `bun:"run"`
}

// OpenRotations are the open tasks of a source to change a secret, by id, locked.
func (tx *Tx) OpenRotations(ctx context.Context, source int64) ([]Rotation, error) {
	lock := ""
	if tx.dialect == Postgres {
		lock = " FOR UPDATE OF r"
	}
	var rs []Rotation
	err := tx.all(ctx, &rs, "SELECT r.*, u.name AS run FROM remediations r JOIN runs u ON u.id = r.run_id WHERE r.source_id = ? AND r.kind = 'rotate' AND r.state = 'sent' ORDER BY r.id"+lock, source)
	return rs, err
}
