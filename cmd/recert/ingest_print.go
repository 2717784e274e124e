package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"recert/campaigns/ingest"
	"recert/model"
)

// maxPrinted bounds the rejects that a terminal gets; the snapshot's page and --json have more.
const maxPrinted = 20

// printIngest prints the ledger of a snapshot, and what is wrong with it.
func printIngest(w io.Writer, r ingest.Result) error {
	var t strings.Builder
	fmt.Fprintf(&t, "Snapshot %d of %s as of %s: %s\n", r.Snapshot, r.Source, r.AsOf, r.State)
	if r.Existing {
		fmt.Fprintln(&t, "It was there already; nothing was changed.")
	}
	for _, reason := range r.Reasons {
		fmt.Fprintln(&t, "Held:", reason)
	}
	fmt.Fprintln(&t, "\nrows of\tread\taccepted\trejected\tnew\tchanged\tunchanged\tgone\tprevious")
	for _, kind := range model.Kinds {
		c, ok := r.Kinds[kind]
		if !ok {
			continue
		}
		fmt.Fprintf(&t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", kind, c.Read, c.Accepted, c.Rejected, c.New, c.Changed, c.Unchanged, c.Gone, c.Previous)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Unmatched)) {
		fmt.Fprintf(&t, "%d accounts belong to nobody: %s\n", r.Unmatched[reason], reason)
	}
	for i, rej := range r.Rejects {
		if i == maxPrinted {
			fmt.Fprintf(&t, "… and %d more; the snapshot's page lists them all\n", int64(len(r.Rejects)-i)+r.RejectsOmitted)
			break
		}
		col := ""
		if rej.Column != "" {
			col = ", column " + rej.Column
		}
		fmt.Fprintf(&t, "%s:%d%s: %s\n", rej.File, rej.Line, col, rej.Reason)
	}
	return printTable(w, t.String())
}
