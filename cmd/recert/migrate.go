package main

import (
	"context"
	"errors"
	"fmt"

	"recert/model/store"
)

type migrateCmd struct{}

// Run migrates and says what it did.
func (c *migrateCmd) Run(ctx context.Context, e *env) (err error) {
	s, err := store.Open(ctx, e.cli.Database, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	n, err := s.Migrate(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		_, err = fmt.Fprintln(e.out, "The schema is up to date.")
		return err
	}
	_, err = fmt.Fprintf(e.out, "Applied %d migrations.\n", n)
	return err
}
