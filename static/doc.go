// Package static holds the style sheet, the scripts and the icons, embedded in the binary, and
// serves them under addresses that carry a hash of the content, so that a browser may keep them
// for ever and still sees a new version at once.
//
// Everything is our own: no file of another project, nothing loaded from another host.
package static
