// Package webhook asks an address of the user's to remove access, as a message that is signed as
// the Standard Webhooks specification says (https://www.standardwebhooks.com). FORMAT.md describes
// the message, and the report that may come back.
//
// In a source's settings:
//
//	revoke:
//	  mode: webhook
//	  webhook:
//	    url: https://hooks.example.com/recert
//	    secret: ${HOOK_SECRET}     # whsec_…; while it is changed several, with spaces between them
//
// A message that was not taken (408, 429, 5xx, no answer) is sent again, always with the same
// webhook-id; one that is answered 410 pauses removals in the source; any other answer outside 2xx
// needs a person. Nothing that the receiver says proves that the access is gone: the source is
// read again for that.
package webhook
