// Package evidence writes the log that an auditor can check without us: canonical events in the
// transaction that changes the state, a sequencer that gives them their place in a Merkle tree,
// signed checkpoints, and the package of a run. What writer and verifier must agree on stands in
// the verify package.
package evidence
