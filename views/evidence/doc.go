// Package evidence is the page on which an auditor sees the state of the log and takes packages.
package evidence
