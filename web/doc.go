// Package web answers the browser. A handler parses, asks whether it may, makes one call into
// campaigns or one read of the store, and renders a view or redirects. It holds no rule of the
// business and no SQL; what a person may not see answers as if it did not exist.
package web
