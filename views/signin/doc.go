// Package signin is the page for who is not signed in.
package signin
