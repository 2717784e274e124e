// Package layout is the frame of every page: head, top bar, messages, footer; and the pages that
// belong to no family: an error, and the question before something that cannot be taken back.
package layout
