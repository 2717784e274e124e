// Package campaign is the pages of who runs campaigns: the list, one run, its preview, its
// closing, and a new definition.
package campaign
