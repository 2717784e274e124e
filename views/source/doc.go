// Package source is the pages of the systems that are read: the list, one source, and the upload
// of files with its preview and mapping of columns.
package source
