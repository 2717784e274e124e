package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"recert/model"
	"recert/model/store"
)

type backupCmd struct {
	File string `arg:"" help:"Where the copy goes; it must not exist."`
}

// Run writes a consistent copy while the server goes on.
func (c *backupCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		if err := s.Backup(ctx, c.File); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "Wrote %s. It holds everything, the signing key of the log too where no key file is set: keep it safe.\n", c.File)
		return err
	})
}

type restoreCmd struct {
	File  string `arg:"" help:"The backup."`
	Force bool   `help:"Replace a database that exists. Stop the server first."`
}

// Run puts a backup in the place of the database, after checking that it opens.
func (c *restoreCmd) Run(ctx context.Context, e *env) (err error) {
	backup, err := store.Open(ctx, "sqlite:"+c.File, store.Options{})
	if err != nil {
		return err
	}
	err = errors.Join(backup.CheckSchema(ctx), backup.Close())
	if err != nil {
		return model.Errorf(model.Invalid, "%s is not a backup that this program can use: %s", c.File, oneLine(err))
	}
	path, ok := store.SQLitePath(e.cli.Database)
	if !ok {
		return model.Errorf(model.Invalid, "restore works with SQLite; with PostgreSQL use pg_restore")
	}
	if _, err := os.Stat(path); err == nil && !c.Force {
		return model.Errorf(model.Conflict, "%s exists: stop the server and say --force to replace it", path)
	}
	if err := store.ReplaceFile(c.File, path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "Restored %s. Run recert doctor now.\n", path)
	return err
}
