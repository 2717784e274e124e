// Package manual is the target of systems without an API: a revocation opens a task for a
// person, worded here in plain sentences, and only the next snapshot can tell whether it was
// done. Nobody can tick it off.
package manual
