// Package views is the parent of all pages. Every folder below holds one family of screens:
// plain structs to fill in view.go, the markup in *.templ, and what templ makes of it in
// *_templ.go. A page takes one struct whose strings are ready to show; it asks nothing of the
// database, formats nothing and cannot fail.
//
// What holds for every page: no script and no style inside the markup, every action a form that
// works without JavaScript, one h1, a label for every control, a caption and scopes for every
// table, and an empty state for every list. The tests of this folder fill every page with canned
// data and check it.
package views
