// Package baton reads what the connectors of the Baton project write, and lets such a connector
// take one grant away. There are three ways to configure it:
//
//   - Command: a connector that you installed, by its absolute path, with its flags. Each look is
//     a full sync of its own into a temporary file, so it takes as long as a sync takes. This is
//     the only way that can also look at one access, remove it, or give it.
//   - File: a .c1z file of version 1 that something else writes (connectors with an SDK from
//     v0.25 on write version 3 unless they are told --storage-engine sqlite; a Command is told).
//   - JSON: what "baton -f FILE resources|entitlements|grants|syncs -o json" prints, of any file.
//
// Secrets are given to a connector as variables (flag --password is BATON_PASSWORD), never as
// flags, which everybody on the machine can read. Its account needs the right to read all users,
// groups, roles and grants, and to change memberships where removals are to be carried out.
//
// What it reads: a resource of a type with the trait user or agent, and any other resource that
// holds a grant (a group in a group, say), is an account by its id "TYPE:ID"; an entitlement is
// one by its own id; a grant is one for each way in which it is held. A grant that the connector
// expanded names the entitlements that it came from as its path; the whole way is not told.
// Groups inside groups are therefore reviewed twice: as accounts of their own, and through those
// who are in them.
//
// What it does not believe:
//
//   - Only the latest sync that is full and ended counts, with the time at which it began. Where
//     it points to a user, a group, a type or an entitlement that is not in it, has nobody in it,
//     or where the connector's log says that rows were left out, it is refused: connectors call
//     such a sync a full one, and it would look like a mass removal.
//   - Ids and names must both be the reviewed ones in a sync made right before a removal: some
//     connectors find the account by its name. A grant that is immutable, or that came by
//     expansion only, is never sent to the connector.
//   - The exit status proves nothing: connectors end with 0 and leave the access in place. Only
//     a later Check does. A connector that takes too long is ended with all that it started, and
//     may have done what it was asked for.
//
// What it cannot do: deactivate an account, guard a removal against a change in the same moment
// (a sync has no versions), tell when a grant was made, or read files of version 3. Connectors
// connect to their targets themselves; no dialer of ours is in between.
package baton
