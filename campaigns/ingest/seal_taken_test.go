package ingest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"recert/model"
)

// TestShrinkTaken: what removals took does not hold the source it was taken from: the grants
// themselves, and what the same account held through them; all else that is gone counts.
func TestShrinkTaken(t *testing.T) {
	first := []string{"a,R,,,,", "a,x,,,,R", "a,y,,,,top > R", "a,z,,,,R > C", "b,R,,,,", "b,x,,,,R", "c,R,,,,", "d,R,,,,", "e,R,,,,", "f,R,,,,"}
	removal := func(state, kind, closed string) string {
		return fmt.Sprintf(`INSERT INTO remediations (id, run_id, item_id, source_id, grant_id, account_key, entitlement_key, via, mode, access, state, reason, task, attempts, fence, next_at, proof, queued_at, closed_at, kind)
			SELECT 1, 1, 1, a.source_id, 1, a.key, e.key, '', 'connector', '{}', '%s', '', '', 0, 0, 0, '', 0, %s, '%s'
			FROM accounts a JOIN entitlements e ON e.source_id = a.source_id WHERE a.account_id = 'a' AND e.entitlement_id = 'R'`, state, closed, kind)
	}
	const gone = "1 2 3" // of the first ten: all that hangs on a's R
	after, before := strconv.FormatInt(int64(model.TimeOf(day(2))), 10), strconv.FormatInt(int64(model.TimeOf(day(0))), 10)
	tests := map[string]struct {
		removal string
		gone    string
		want    model.SnapshotState
		says    string
	}{
		"nothing was removed":               {"", "0 1 2", model.SnapshotHeld, "3 of the 10"},
		"asked for":                         {removal("sent", "remove", "NULL"), "0 1 2", model.SnapshotSealed, ""},
		"proven since":                      {removal("confirmed", "remove", after), "0 1 2", model.SnapshotSealed, ""},
		"proven before, and shown since":    {removal("confirmed", "remove", before), "0 1 2", model.SnapshotHeld, "3 of the 10"},
		"not asked for":                     {removal("queued", "remove", "NULL"), "0 1 2", model.SnapshotHeld, "3 of the 10"},
		"given":                             {removal("sent", "restore", "NULL"), "0 1 2", model.SnapshotHeld, "3 of the 10"},
		"another path":                      {removal("sent", "remove", "NULL"), "0 1 2 3", model.SnapshotSealed, ""},
		"others are gone too":               {removal("sent", "remove", "NULL"), "0 1 2 3 6 7", model.SnapshotHeld, "3 of the 10 grants of the previous snapshot are gone (besides 3 that were to be removed): 30 %"},
		"another account's is nobody's":     {removal("sent", "remove", "NULL"), "3 4 5", model.SnapshotHeld, "3 of the 10"},
		"what hangs on it, and it is there": {removal("sent", "remove", "NULL"), gone, model.SnapshotSealed, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.apply("wiki", access())
				w.run(w.request("wiki", 1, grantsCSV(first...)))
				if tt.removal != "" {
					w.number(tt.removal + " RETURNING 1")
				}
				var rest []string
				for i, line := range first {
					if !strings.Contains(" "+tt.gone+" ", fmt.Sprintf(" %d ", i)) {
						rest = append(rest, line)
					}
				}
				res := w.run(w.request("wiki", 3, grantsCSV(rest...)))
				if res.State != tt.want || !strings.Contains(strings.Join(res.Reasons, " "), tt.says) {
					w.Errorf("%s, want %s: %s", res.State, tt.want, mustJSON(w, res))
				}
				if n := int64(len(first) - len(rest)); res.Gone != n {
					w.Errorf("the ledger says that %d are gone, want %d", res.Gone, n)
				}
			})
		})
	}
}
