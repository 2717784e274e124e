// Package entra reads a Microsoft Entra ID tenant whole through Microsoft Graph v1.0, looks at one
// access, and takes away or gives one: a membership of a group, an app role, a directory role, or a
// whole account, which is disabled and enabled.
//
// # Configuration
//
// Register an application in the tenant, make a client secret, and give it the application
// permissions below with an admin's consent:
//
//	apiVersion: recert/v1
//	kind: Source
//	name: entra
//	spec:
//	  provides: access
//	  type: entra
//	  password: ${ENTRA_CLIENT_SECRET}       # the secret's value, not its id
//	  entra:
//	    tenant: 11111111-2222-3333-4444-555555555555
//	    client_id: 66666666-7777-8888-9999-000000000000
//	    sign_in_activity: true               # last sign-ins; needs Entra ID P1
//	  revoke: {mode: connector}
//
// National clouds have other addresses: graph_url and login_url, for example
// https://graph.microsoft.us/v1.0 and https://login.microsoftonline.us. Both must be https, except
// on this very machine. Tokens come by the OAuth 2.0 client credentials grant and go to Graph's own
// host only: a link to a next page that leads elsewhere fails the read.
//
// # What the application needs
//
// To read: User.Read.All, GroupMember.Read.All, Application.Read.All and
// RoleManagement.Read.Directory (or Directory.Read.All instead of all four); AuditLog.Read.All for
// sign-in activity; Member.Read.Hidden where groups hide their members. To remove and to give:
// GroupMember.ReadWrite.All for groups, and RoleManagement.ReadWrite.Directory for those that may
// hold roles and for directory roles; AppRoleAssignment.ReadWrite.All for app roles;
// User.EnableDisableAccount.All for users and Application.ReadWrite.All for service principals.
// Give it none that it does not need: the last ones are enough to take a tenant over. Where Graph
// refuses, the message names the permission that is missing.
//
// # What it reads as what
//
// Accounts are users (with the userPrincipalName as user name, the employeeId as person, and
// the attribute user_type: member or guest) and service principals (kind service; the application's
// id as user name). Entitlements are groups by their own id, app roles that somebody holds as
// "app:RESOURCE:ROLE" (the role 00000000-0000-0000-0000-000000000000 is "default access"), and
// directory roles that somebody holds as "role:DEFINITION:SCOPE", the scope being "/" for the whole
// tenant. Directory roles, and groups that may hold them, are privileged.
//
// Whoever is in an inner group holds the outer one, with the path through the inner groups,
// outermost first, separated by ">"; a ">" or "\" inside an id is written with a "\" before it.
// App roles and directory roles that are assigned to a group go to its direct members only, as
// Entra ID has it, with that group as the path. The last step "membershipRule" stands for the rule
// of a dynamic group. Devices and contacts in a group are counted in its attribute other_members.
//
// A grant has the time when it was made for app roles; Graph has none for groups and directory
// roles. The last login is the last successful sign-in; where the tenant has none on record (it
// began to keep them in December 2023) the last attempt, so the account was used no later. Unknown
// is not never.
//
// # One state
//
// Users, service principals and groups are read by delta queries. When their first lists, and the
// assignments of roles, were read, the changes since then are followed, over and over, until one
// pass over all three brings none, and only then anything is handed on; until then objects wait in
// temporary files. So these three are as they were at one moment, at the end of the read; who is assigned
// to a role is as it was when that was asked, in the same read. A directory that changes in 30 passes
// in a row fails the read. If Graph loses its place (410), the query begins again, once.
// Graph's own counts of users and service principals are the control total of accounts; of
// entitlements only in a tenant without role assignments, because Graph does not count those.
//
// # What it relies on, and what it does not believe
//
//   - An access is absent only where two answers of Graph agree: for groups, what the account is a
//     member of and the transitive checkMemberGroups; for roles, what is assigned to the account and
//     who is assigned to the role. Graph is eventually consistent: while the two differ, the access
//     counts as there, and the observation says so.
//   - A 404 counts only with Graph's own error in it. A deleted account, in the bin or gone
//     for good, is absent.
//   - Ids are immutable and never used again, but names are compared as well: a user whose
//     userPrincipalName is not the reviewed one is a wrong target, even though the id is the same. It may have
//     been renamed, at a marriage say, but whoever decided did so by the old name, and a person
//     looks again. The same goes for renamed groups and roles.
//   - The guard of a change is the id of the assignment where Graph has one: an app role that was assigned
//     anew has another. Directory roles have the same id again, and memberships have none; there only the
//     look right before the change guards it.
//   - A change is sent once, and a success status proves nothing. Only a later Check does.
//
// # What it cannot do
//
// Members of dynamic groups cannot be removed by hand: that is told with the rule. Groups and users
// that come from an on-premises directory, distribution lists and mail-enabled security groups are
// read only in Graph: a removal there is refused, with the place where to do it. Owners of groups
// and applications, delegated permissions (OAuth2 permission grants), licences, and eligible
// assignments of Privileged Identity Management are not read; active ones are.
//
// The folder entraserver is a directory in memory that answers like Graph, for tests.
package entra
