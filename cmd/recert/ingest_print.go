package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"recert/campaigns/ingest"
	"recert/model"
)

// maxPrinted bounds the rejects that a terminal gets; the snapshot's page and --json have more.
const maxPrinted = 20

// printIngest prints the ledger of a snapshot, and what is wrong with it.
func printIngest(w io.Writer, r ingest.Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "Snapshot %d of %s as of %s: %s\n", r.Snapshot, r.Source, r.AsOf, r.State)
	if r.Existing {
		fmt.Fprintln(w, "It was there already; nothing was changed.")
	}
	for _, reason := range r.Reasons {
		fmt.Fprintln(w, "Held:", reason)
	}
	fmt.Fprintln(tw, "\tread\taccepted\trejected\tnew\tchanged\tunchanged\tgone\tprevious\t")
	for _, kind := range model.Kinds {
		c, ok := r.Kinds[kind]
		if !ok {
			continue
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", kind, c.Read, c.Accepted, c.Rejected, c.New, c.Changed, c.Unchanged, c.Gone, c.Previous)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Unmatched)) {
		fmt.Fprintf(w, "%d accounts belong to nobody: %s\n", r.Unmatched[reason], reason)
	}
	for i, rej := range r.Rejects {
		if i == maxPrinted {
			fmt.Fprintf(w, "… and %d more; the snapshot's page lists them all\n", int64(len(r.Rejects)-i)+r.RejectsOmitted)
			break
		}
		col := ""
		if rej.Column != "" {
			col = ", column " + rej.Column
		}
		fmt.Fprintf(w, "%s:%d%s: %s\n", rej.File, rej.Line, col, rej.Reason)
	}
	return nil
}
