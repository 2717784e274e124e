package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"recert/model"
)

// Backup writes a consistent copy of a SQLite database to a file that must not exist yet.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.dialect != SQLite {
		return model.Errorf(model.Invalid, "backup works with SQLite; with PostgreSQL use pg_dump")
	}
	if _, err := os.Stat(file); err == nil {
		return model.Errorf(model.Conflict, "%s exists already", file)
	}
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an unfinished backup: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return errors.Join(fmt.Errorf("write the backup: %w", err), os.Remove(part))
	}
	if err := os.Chmod(part, 0o600); err != nil {
		return fmt.Errorf("protect the backup: %w", err)
	}
	return os.Rename(part, file)
}

// SQLitePath is the file of a "sqlite:FILE" address.
func SQLitePath(dsn string) (string, bool) { return strings.CutPrefix(dsn, "sqlite:") }

// ReplaceFile puts a copy of a backup in the place of a database that nobody has open: the copy
// is complete on disk before the old file and its log go.
func ReplaceFile(backup, path string) (err error) {
	in, err := os.Open(backup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	tmp, err := os.CreateTemp(filepath.Dir(path), ".restore-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(tmp, in)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(tmp.Name(), path)
}
