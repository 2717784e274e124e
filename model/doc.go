// Package model holds the nouns of an access review as plain types: what a source says
// (people, accounts, entitlements, grants), what a campaign asks (items, answers), what is
// done about it (remediations), and the errors and state machines that bind them.
//
// It imports nothing of ours and does no I/O, so every other package may depend on it.
package model
