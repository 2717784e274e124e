// Package scimserver is a small SCIM 2.0 service provider (RFC 7643, RFC 7644) that keeps users
// and groups in memory: the live target of the demo, and the counterpart of every test that
// takes access away for real.
//
// It answers /ServiceProviderConfig, /ResourceTypes, /Users and /Groups: paged and filtered
// lists, create, read, replace, patch, delete, nested groups, and a version per resource with
// If-Match and If-None-Match. Its state is honest: what a read shows is what was done.
//
// For tests it can be told to misbehave (Inject, SetTraits), calls back before and after each
// request (Hook), and remembers every call (Calls). Every fault comes in two kinds: the request
// failed, or it failed after it took effect.
//
// Bulk, sorting, /Me, /Schemas and attribute selection other than excludedAttributes=members
// are left out, and /ServiceProviderConfig says so. It imports nothing of ours.
package scimserver
