package evidence_test

import (
	"strings"

	"recert/campaigns/evidence"
	"recert/model"
)

// rewriteRow changes what a source said of an entitlement, and its hash with it.
func rewriteRow(v *vandal) {
	const where = " FROM entitlement_versions WHERE data LIKE '%Writers%'"
	was := v.strings("SELECT data" + where)[0]
	key := v.strings("SELECT CAST(entitlement_key AS TEXT)" + where)[0]
	row := evidence.RowKey{Kind: model.KindEntitlements, ID: v.strings("SELECT entitlement_id FROM entitlements WHERE CAST(key AS TEXT) = ?", key)[0]}
	data := strings.Replace(was, "Writers", "Readers", 1)
	sum, _ := row.Hash([]byte(data))
	v.exec("UPDATE entitlement_versions SET data = ?, hash = ? WHERE data = ?", data, sum[:evidence.RowHashSize], was)
}
