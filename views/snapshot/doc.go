// Package snapshot is the page of one reading of one source, with the ledger that shows that
// every row is accounted for.
package snapshot
