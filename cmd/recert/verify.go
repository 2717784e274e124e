package main

import (
	"context"
	"fmt"

	"recert/campaigns/evidence/verify"
)

type verifyCmd struct {
	File     string `arg:"" help:"The evidence package, a .zip file."`
	Key      string `help:"The log's public key, from a source you trust: the package must be signed with it." placeholder:"VKEY"`
	Previous string `help:"The package before this one: its log must be the beginning of this one's." placeholder:"FILE.zip"`
}

// Run checks a package, one line a check.
func (c *verifyCmd) Run(ctx context.Context, e *env) error {
	report, err := verify.File(ctx, c.File, verify.Options{Key: c.Key, Previous: c.Previous})
	if verify.ExitCode(report, err) == exitUsage {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if err != nil {
		return err
	}
	if e.cli.JSON {
		err = printJSON(e.out, report)
	} else {
		err = verify.Print(e.out, report)
	}
	if err == nil && !report.OK() {
		return errCheck
	}
	return err
}
