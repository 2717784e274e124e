package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

type doctorCmd struct {
	Strict bool `help:"Also fail while anything waits for its place in the evidence log, or for a checkpoint."`
}

// Run checks every invariant, one line a check. It changes nothing, so it does not migrate either.
func (c *doctorCmd) Run(ctx context.Context, e *env) (err error) {
	if path, ok := store.SQLitePath(e.cli.Database); ok {
		if _, err := os.Stat(path); err != nil { // opening it would make an empty one
			return model.Errorf(model.NotFound, "there is no database %s: name it with --database", path)
		}
	}
	s, err := store.Open(ctx, e.cli.Database, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.CheckSchema(ctx); err != nil {
		return err
	}
	checks, err := evidence.Doctor(ctx, s, c.Strict)
	if err != nil {
		return err
	}
	if err := c.print(e, checks); err != nil {
		return err
	}
	for _, ch := range checks {
		if !ch.OK {
			return errCheck
		}
	}
	return nil
}

func (c *doctorCmd) print(e *env, checks []evidence.Check) error {
	if e.cli.JSON {
		return printJSON(e.out, checks)
	}
	tw := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	failed := 0
	for _, ch := range checks {
		word := "ok"
		if !ch.OK {
			word = "FAILED"
			failed++
		}
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\n", word, ch.Check, strings.Join(strings.Fields(ch.Detail), " ")); err != nil {
			return err
		}
	}
	last := "OK"
	if failed > 0 {
		last = fmt.Sprintf("FAILED: %d of %d checks", failed, len(checks))
	}
	if _, err := fmt.Fprintln(tw, last); err != nil {
		return err
	}
	return tw.Flush()
}
