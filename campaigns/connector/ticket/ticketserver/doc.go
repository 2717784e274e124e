// Package ticketserver is a Jira or a ServiceNow for tests: it answers the few requests that package
// ticket makes as their makers document it, and fails in the ways that real ones do.
package ticketserver
