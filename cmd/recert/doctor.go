package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"recert/campaigns/evidence"
	"recert/model/store"
)

type doctorCmd struct {
	Strict bool `help:"Also fail while anything waits for its place in the evidence log, or for a checkpoint." env:"-"`
}

// Run checks every invariant, one line a check. It changes nothing, so it does not migrate either.
func (c *doctorCmd) Run(ctx context.Context, e *env) (err error) {
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
		fmt.Fprintf(tw, "%s\t%s\t%s\n", word, ch.Check, ch.Detail)
	}
	last := "OK"
	if failed > 0 {
		last = fmt.Sprintf("FAILED: %d of %d checks", failed, len(checks))
	}
	fmt.Fprintln(tw, last)
	return tw.Flush()
}
