// Package diff compares two snapshots of the grants of one source, given as two ordered
// sequences. It is pure: the database compares by set operations where there are millions of
// rows, and this says in plain code what they must find.
package diff
