// Package person is the page of one person, service or agent: what is known, the accounts, and
// what they can do.
package person
