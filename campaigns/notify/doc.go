// Package notify tells people, by mail, of what happens to access: rows of the outbox in the
// database, which are added in the transaction of what they tell of, are claimed, rendered, sent and
// marked. A message is sent at least once; it is sent twice only where a worker died, or lost the
// connection, between handing it over and marking it, and then under the same Message-ID.
//
// A file of text/ holds all the words of one kind of message: its subject, its text and its HTML.
package notify
