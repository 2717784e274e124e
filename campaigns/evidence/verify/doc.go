// Package verify holds everything that the writer and the verifier of Recert's evidence must
// agree on: the canonical JSON of an event, its commitments to personal values, the records
// that a run's population is made of, the Merkle proofs, the tables that are rendered from
// them, and the archive around all of it. FORMAT.md in the parent folder describes the format.
//
// It imports the standard library and golang.org/x/mod only, so that the verifier stays small
// enough for a stranger to read, and it never trusts what it is given: each byte of a package
// is either derived again or bound by a signature.
package verify
