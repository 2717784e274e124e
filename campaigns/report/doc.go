// Package report computes what auditors and boards are shown of reviews and removals.
package report
