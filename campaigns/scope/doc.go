// Package scope says which access a campaign asks about and who is asked. It is pure: it is
// handed rows and gives answers, so that the preview and the launch cannot differ.
//
// A filter that cannot tell, because a value is unknown, takes the row in. A rule that gives
// nobody who may review passes to the next one, and nobody ever reviews the own access.
package scope
