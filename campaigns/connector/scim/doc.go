// Package scim reads a SCIM 2.0 target (RFC 7643, RFC 7644) whole, looks at one access, and
// takes one access away: a membership in a group, a role or an entitlement of a user, or a
// whole account, which is deactivated.
//
// What it relies on, and what it does not believe:
//
//   - A change is guarded by the version that was seen (ETag or meta.version). Where the target
//     has none, or does not look at If-Match, the removal of one member still touches that
//     member only; replacing a whole resource would undo what others did, and is refused.
//   - A 404 counts as absence only when the target proves that it is the SCIM service it is
//     taken for: a proxy that has lost its route answers 404 to everything.
//   - A list must give exactly as many resources as it claims, none twice, and the claim must
//     not change while it is read.
//   - What an account says of its groups and what the groups say of their members should
//     agree. Where they do not, the access counts as there.
//   - A success status proves nothing. Only a later Check does.
//
// Ids: a group is an entitlement by its own id; a role or entitlement value of the user
// resource is "role:VALUE" or "entitlement:VALUE". Nested groups: whoever is in an inner group
// holds the outer one, with the path through the inner groups, outermost first, separated by
// ">"; a ">" or "\" inside an id is written with a "\" before it.
//
// The folder scimserver is a service provider in memory, for the demo and for tests.
package scim
