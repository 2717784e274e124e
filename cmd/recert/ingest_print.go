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
	printProblems(&t, r.Problems)
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

// problemWords say what a source's data is taken with, as it is; in the order in which it is printed.
var problemWords = []struct{ name, one, many string }{
	{"manager_cycles", "ring of people who manage each other", "rings of people who manage each other"},
	{"self_managers", "person is the own manager", "people are their own managers"},
	{"unknown_managers", "manager whom no row names", "managers whom no row names"},
	{"shared_emails", "address that several people have", "addresses that several people have"},
	{"shared_person_ids", "person_id that several people have", "person_ids that several people have"},
	{"unknown_owners", "owner whom no row names", "owners whom no row names"},
	{"unknown_lower_ids", "lower_id that nothing has", "lower_ids that nothing has"},
}

// printProblems prints what somebody should look at, with the first examples of each.
func printProblems(t *strings.Builder, found map[string]ingest.Problem) {
	known := map[string]bool{}
	for _, w := range problemWords {
		known[w.name] = true
		if p, ok := found[w.name]; ok {
			words := w.many
			if p.Count == 1 {
				words = w.one
			}
			printProblem(t, words, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !known[name] {
			printProblem(t, strings.ReplaceAll(name, "_", " "), found[name])
		}
	}
}

func printProblem(t *strings.Builder, words string, p ingest.Problem) {
	few := p.Examples[:min(len(p.Examples), maxPrinted)]
	fmt.Fprintf(t, "%d %s: %s", p.Count, words, strings.Join(few, "; "))
	if n := p.Count - int64(len(few)); n > 0 {
		fmt.Fprintf(t, "; and %d more", n)
	}
	fmt.Fprintln(t)
}
