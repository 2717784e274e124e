package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"recert/model"
)

// Account is an account as one version of its source says. One that only grants name is Implied:
// nothing but its id is known.
type Account struct {
	model.Account

	Key           int64
	SourceID      int64
	Implied       bool
	FirstSnapshot int64  // 0 where implied
	LastSnapshot  *int64 // nil while it is the current version
}

const accountColumns = `SELECT a.key, a.source_id, a.account_id, v.first_snapshot, v.last_snapshot, v.data, u.last_login_at
FROM accounts a LEFT JOIN account_versions v ON v.account_key = a.key AND %s LEFT JOIN account_usage u ON u.account_key = a.key WHERE `

func readAccount(rows *sql.Rows, a *Account) error {
	var data []byte
	var id string
	var firstSnapshot *int64
	var login model.Time
	if err := rows.Scan(&a.Key, &a.SourceID, &id, &firstSnapshot, &a.LastSnapshot, &data, &login); err != nil {
		return err
	}
	if err := decode(data, &a.Account, "account", a.Key); err != nil {
		return err
	}
	a.AccountID, a.LastLoginAt, a.Implied = id, login, firstSnapshot == nil
	if firstSnapshot != nil {
		a.FirstSnapshot = *firstSnapshot
	}
	return nil
}

// AccountsAsOf are the accounts of a source as a snapshot shows them (or Live), by key, those that
// only its grants name included.
func (q queries) AccountsAsOf(ctx context.Context, sourceID, snapshot int64) iter.Seq2[Account, error] {
	vcond, vargs := asOf("v", snapshot)
	gcond, gargs := asOf("g", snapshot)
	args := append(append(vargs, sourceID, sourceID), gargs...)
	return each(ctx, q, readAccount, fmt.Sprintf(accountColumns, "v.source_id = a.source_id AND "+vcond)+`a.source_id = ? AND (v.account_key IS NOT NULL
 OR a.key IN (SELECT g.account_key FROM grants g WHERE g.source_id = ? AND `+gcond+`)) ORDER BY a.key`, args...)
}

// AccountByKey is the current version of an account, else the last one that there was.
func (q queries) AccountByKey(ctx context.Context, key int64) (Account, error) {
	latest := "v.first_snapshot = (SELECT max(w.first_snapshot) FROM account_versions w WHERE w.account_key = a.key)"
	return first(each(ctx, q, readAccount, fmt.Sprintf(accountColumns, latest)+"a.key = ?", key), "There is no such account.")
}

// AccountKey is the integer of a natural key; none is NotFound.
func (q queries) AccountKey(ctx context.Context, sourceID int64, accountID string) (int64, error) {
	var key int64
	err := q.one(ctx, &key, fmt.Sprintf("The source has no account %q.", accountID), "SELECT key FROM accounts WHERE source_id = ? AND account_id = ?", sourceID, accountID)
	return key, err
}

// AccountsOfPerson are the current accounts that belong to a person, in all sources, by key.
func (q queries) AccountsOfPerson(ctx context.Context, personKey int64) ([]Account, error) {
	return collect(each(ctx, q, readAccount, fmt.Sprintf(accountColumns, "v.last_snapshot IS NULL")+
		"a.key IN (SELECT c.account_key FROM correlations c WHERE c.person_key = ?) ORDER BY a.key", personKey))
}
