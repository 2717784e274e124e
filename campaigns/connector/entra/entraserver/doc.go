// Package entraserver is a directory in memory that answers as Microsoft Graph v1.0 and its token
// endpoint document it: client credentials with tokens that expire, delta queries with opaque
// tokens and members spread over pages, app role assignments, directory roles, and Graph's error
// envelope. It is for tests and demonstrations.
//
// It holds honest state, and its administrator changes that by methods. It can be told to
// misbehave by Rules, and to lag: reads after a change then show what was before it.
package entraserver
