// Package execconn is the connector for a program of the user's: it reads a target whole, looks
// at one access, takes it away or gives it, by a command that speaks JSON lines on its standard
// input and output. FORMAT.md is the contract that the program keeps; testdata/example.sh is a
// complete one in POSIX shell.
//
// To configure it, name the program by its absolute path with its arguments (no shell reads
// them), and the variables of its environment; what is secret goes there and nowhere else. The
// program runs as the user that Recert runs as, in an empty temporary directory, with no other
// variables than PATH, LANG, HOME, TMPDIR, those of the configuration and those of the request.
// What rights its account in the target needs is the program's matter: to read all accounts,
// entitlements and grants, and to change memberships where removals are to be carried out.
//
// What it does not believe:
//
//   - A list counts as whole only where it ends with a line of totals that match what came,
//     nothing follows, and the program ends with status 0. No row may come twice, and a grant
//     must name an account and an entitlement that were listed.
//   - An answer must repeat the ids that were asked about, and give the names as they are now:
//     whether they are still the reviewed ones is decided here, not by the program.
//   - An exit status, or an answer of success, proves nothing. Only a later check does.
//   - A program that ends badly, or that is ended because it takes too long (with everything it
//     started), may have done what it was asked for.
//
// Each call is a process of its own. The connector opens no network connection itself.
package execconn
