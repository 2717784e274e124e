package main

import (
	"context"
	"fmt"

	"recert/campaigns/evidence"
	"recert/model/store"
)

type exportCmd struct {
	Campaign   string `arg:"" help:"A campaign (its latest run) or a run NAME@DATE."`
	Out        string `required:"" help:"The package." placeholder:"FILE.zip"`
	Checkpoint int64  `help:"The size of the signed checkpoint to use; without it, the first one that holds all that has happened in the run."`
	Previous   string `help:"An earlier package: the new one proves that the log goes on from it." placeholder:"FILE.zip"`
	LogKeyFile string `help:"File with the evidence log's private key." placeholder:"FILE"`
}

// Run writes the package, and logs that it did.
func (c *exportCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		log := &evidence.Log{Store: s, KeyFile: c.LogKeyFile, Log: e.logger()}
		done, err := log.ExportFile(ctx, commandActor(), c.Campaign, evidence.ExportOptions{Checkpoint: c.Checkpoint, Previous: c.Previous}, c.Out)
		if err != nil {
			return err
		}
		_, vkey, err := log.Key(ctx)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, map[string]any{"file": c.Out, "sha256": done.SHA256, "bytes": done.Bytes, "key": vkey})
		}
		_, err = fmt.Fprintf(e.out, "Wrote %s, %d bytes, SHA-256 %s.\nThe log's key, to be given to the auditor by another way: %s\n", c.Out, done.Bytes, done.SHA256, vkey)
		return err
	})
}
