package store

import (
	"context"

	"recert/model"
)

// Secret is a credential that was typed into a form, encrypted.
type Secret struct {
	Name    string `bun:"name"`
	KeyID   string `bun:"key_id"`  // of the master key that the data key is under
	Wrapped []byte `bun:"wrapped"` // the data key
	Sealed  []byte `bun:"sealed"`  // the value, under the data key
	Version int64  `bun:"version"` // rises with each new value

	UpdatedAt model.Time `bun:"updated_at"` // when the value was set; PutSecret takes the transaction's time
}

// Secret is the secret of a name; none is NotFound.
func (q queries) Secret(ctx context.Context, name string) (Secret, error) {
	var s Secret
	err := q.one(ctx, &s, "There is no such secret.", "SELECT name, key_id, wrapped, sealed, version, updated_at FROM secrets WHERE name = ?", name)
	return s, err
}

// Secrets are all secrets by name.
func (q queries) Secrets(ctx context.Context) ([]Secret, error) {
	var ss []Secret
	err := q.all(ctx, &ss, "SELECT name, key_id, wrapped, sealed, version, updated_at FROM secrets ORDER BY name")
	return ss, err
}

// PutSecret stores a value in place of an earlier one.
func (tx *Tx) PutSecret(ctx context.Context, s Secret) error {
	_, err := tx.exec(ctx, `INSERT INTO secrets (name, key_id, wrapped, sealed, version, updated_at) VALUES (?, ?, ?, ?, 1, ?)
		ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, wrapped = excluded.wrapped, sealed = excluded.sealed, version = secrets.version + 1, updated_at = excluded.updated_at`,
		s.Name, s.KeyID, s.Wrapped, s.Sealed, tx.Now)
	return err
}

// DeleteSecret forgets a secret; one that is not there is forgotten already.
func (tx *Tx) DeleteSecret(ctx context.Context, name string) error {
	_, err := tx.exec(ctx, "DELETE FROM secrets WHERE name = ?", name)
	return err
}

// RewrapSecret puts the data key of a secret under another master key; the value stays.
func (tx *Tx) RewrapSecret(ctx context.Context, name, keyID string, wrapped []byte) error {
	return tx.execOne(ctx, "UPDATE secrets SET key_id = ?, wrapped = ? WHERE name = ?", keyID, wrapped, name)
}
