// Package access is the page that answers who could do what on a given day.
package access
