// Package ingest turns what a source says into a sealed, immutable snapshot with its rejected
// rows and its population ledger.
//
// Service.Run reads files or a live system, stages what it reads in small transactions, and in
// one last transaction compares it with the latest sealed snapshot and seals or holds it. Until
// then nothing that anybody sees has changed; whatever goes wrong, the old snapshot stays the
// current one. A row that cannot be taken is stored with the reason; no row is ever skipped.
//
// FORMAT.md describes the files.
package ingest
