// Package revocation is the pages of removals: what is on its way, and for each one what was
// done and what the target showed afterwards.
package revocation
