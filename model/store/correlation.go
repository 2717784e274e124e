package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"recert/model"
)

// Correlation says which person a current account belongs to, or why it is unmatched.
type Correlation struct {
	AccountKey int64  `bun:"account_key"`
	SourceID   int64  `bun:"source_id"`
	PersonKey  *int64 `bun:"person_key"`
	Rule       string `bun:"rule"`   // which rule matched; "" when none
	Reason     string `bun:"reason"` // why it is unmatched; "" when it is matched
}

// Correlation is what is known of an account's person; none is NotFound.
func (q queries) Correlation(ctx context.Context, accountKey int64) (Correlation, error) {
	var c Correlation
	err := q.one(ctx, &c, "There is no such account.", "SELECT * FROM correlations WHERE account_key = ?", accountKey)
	return c, err
}

// Correlations are those of a source, by account.
func (q queries) Correlations(ctx context.Context, sourceID int64) iter.Seq2[Correlation, error] {
	return each(ctx, q, func(rows *sql.Rows, c *Correlation) error {
		return rows.Scan(&c.AccountKey, &c.SourceID, &c.PersonKey, &c.Rule, &c.Reason)
	}, "SELECT account_key, source_id, person_key, rule, reason FROM correlations WHERE source_id = ? ORDER BY account_key", sourceID)
}

// Unmatched counts the current accounts of a source that have no person, by reason.
func (q queries) Unmatched(ctx context.Context, sourceID int64) (map[string]int64, error) {
	var rows []struct {
		Reason string `bun:"reason"`
		N      int64  `bun:"n"`
	}
	err := q.all(ctx, &rows, "SELECT reason, count(*) AS n FROM correlations WHERE source_id = ? AND person_key IS NULL GROUP BY reason", sourceID)
	counts := make(map[string]int64, len(rows))
	for _, r := range rows {
		counts[r.Reason] = r.N
	}
	return counts, err
}

// AccountMatch is what correlation needs of an account: everything that its source says, and what
// was found the last time.
type AccountMatch struct {
	Account model.Account
	Implied bool         // only grants name it
	Was     *Correlation // nil where the account was not correlated yet
	Key     int64
}

// AccountMatches are the current accounts of a source with their correlations, by key.
func (q queries) AccountMatches(ctx context.Context, sourceID int64) iter.Seq2[AccountMatch, error] {
	return each(ctx, q, func(rows *sql.Rows, m *AccountMatch) error {
		var id string
		var data []byte
		var was Correlation
		var rule *string
		if err := rows.Scan(&m.Key, &id, &data, &was.PersonKey, &rule, &was.Reason); err != nil {
			return err
		}
		if rule != nil {
			was.AccountKey, was.SourceID, was.Rule = m.Key, sourceID, *rule
			m.Was = &was
		}
		m.Implied = data == nil
		if err := decode(data, &m.Account, "account", m.Key); err != nil {
			return err
		}
		m.Account.AccountID = id
		return nil
	}, `SELECT a.key, a.account_id, v.data, c.person_key, c.rule, coalesce(c.reason, '')
FROM accounts a LEFT JOIN account_versions v ON v.source_id = a.source_id AND v.account_key = a.key AND v.last_snapshot IS NULL
LEFT JOIN correlations c ON c.account_key = a.key
WHERE a.source_id = ? AND (v.account_key IS NOT NULL
 OR EXISTS (SELECT 1 FROM grants g WHERE g.source_id = a.source_id AND g.account_key = a.key AND g.last_snapshot IS NULL)) ORDER BY a.key`, sourceID)
}

// InsertCorrelations stores those of accounts that had none.
func (tx *Tx) InsertCorrelations(ctx context.Context, cs []Correlation) error {
	if len(cs) == 0 {
		return nil
	}
	return tx.fill(ctx, "correlations", []string{"account_key", "source_id", "person_key", "rule", "reason"}, func(b *Bulk) error {
		for _, c := range cs {
			var person any
			if c.PersonKey != nil {
				person = *c.PersonKey
			}
			if err := b.Add(c.AccountKey, c.SourceID, person, c.Rule, c.Reason); err != nil {
				return err
			}
		}
		return nil
	})
}

// UpdateCorrelation stores that an account is somebody else's now, or nobody's.
func (tx *Tx) UpdateCorrelation(ctx context.Context, c Correlation) error {
	return tx.execOne(ctx, "UPDATE correlations SET person_key = ?, rule = ?, reason = ? WHERE account_key = ?", c.PersonKey, c.Rule, c.Reason, c.AccountKey)
}

// DeleteCorrelations removes those of the accounts that a source has no more, after its rows were
// sealed: only one that lost a grant or its own row since the previous snapshot can be such.
func (tx *Tx) DeleteCorrelations(ctx context.Context, sourceID, snapshotID, previous int64) error {
	_, err := tx.exec(ctx, `DELETE FROM correlations WHERE account_key IN (
SELECT account_key FROM stage_deltas WHERE snapshot_id = ? UNION SELECT account_key FROM account_versions WHERE source_id = ? AND last_snapshot = ?)
 AND NOT EXISTS (SELECT 1 FROM account_versions v WHERE v.source_id = ? AND v.account_key = correlations.account_key AND v.last_snapshot IS NULL)
 AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.source_id = ? AND g.account_key = correlations.account_key AND g.last_snapshot IS NULL)`,
		snapshotID, sourceID, previous, sourceID, sourceID)
	return err
}

// UnmatchedOf reads the count by reason that a snapshot keeps.
func UnmatchedOf(s model.Snapshot) (map[string]int64, error) {
	counts := map[string]int64{}
	if err := json.Unmarshal([]byte(s.Unmatched), &counts); err != nil {
		return nil, fmt.Errorf("read the unmatched accounts of snapshot %d: %w", s.ID, err)
	}
	return counts, nil
}
