// Package rest sends single requests to the HTTP interfaces of outside systems and sorts their
// answers into the failures of the connectors' contract. It never follows a redirect, never sends
// a request twice, and lets no credential into an error.
package rest
