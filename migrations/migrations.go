// Package migrations holds the schema of both databases as plain SQL, embedded. Every file runs
// in a transaction and can run again (IF NOT EXISTS): its bookkeeping row is written after it.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun/migrate"
)

//go:embed sqlite/*.tx.up.sql postgres/*.tx.up.sql
var files embed.FS

// For gives the migrations of a dialect: "sqlite" or "postgres".
func For(dialect string) (*migrate.Migrations, error) {
	sub, err := fs.Sub(files, dialect)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", dialect, err)
	}
	m := migrate.NewMigrations()
	if err := m.Discover(sub); err != nil {
		return nil, fmt.Errorf("discover migrations of %s: %w", dialect, err)
	}
	return m, nil
}

// Digest is a SHA-256 of all migrations of a dialect: others have another.
func Digest(dialect string) (string, error) {
	names, err := fs.Glob(files, dialect+"/*.sql")
	if err != nil {
		return "", fmt.Errorf("migrations of %s: %w", dialect, err)
	}
	var all []byte
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return "", fmt.Errorf("migrations of %s: %w", dialect, err)
		}
		sum := sha256.Sum256(b)
		all = append(append(all, name...), sum[:]...)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:]), nil
}
