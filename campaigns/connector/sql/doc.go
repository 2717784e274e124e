// Package sqldb reads who has what in a database, looks at one access, takes one access away and
// gives one back: in any schema of PostgreSQL, MySQL or MariaDB by queries of the configuration,
// and of a PostgreSQL server's own roles and privileges without any.
//
// # The connection
//
// URL names user, host and database; the password is a setting of its own. To other hosts than
// the loopback ones TLS with a verified certificate is required; CAFile adds an authority.
// Insecure does without. A Client keeps connections until it is closed.
//
// # PostgreSQL's own roles
//
// Used where the URL is postgres:// and no queries are given. Any user that may connect can read.
// To take away, the user needs what PostgreSQL asks for: the admin option of a role (or CREATEROLE
// before version 16), to own an object or act for its owner, and to be a superuser for the
// attribute superuser. Objects are those of the one database in URL; roles, memberships,
// attributes and databases are the whole server's.
//
//   - Accounts are the roles that can log in, by oid; PUBLIC, which is everybody, with the id
//     "public"; and, as disabled, roles that cannot log in, that nobody is in, and that are in
//     others themselves.
//   - Entitlements have ids made of oids, which a new name does not change: role:OID and
//     role:OID:admin (the admin option), attribute:superuser (and createrole, createdb,
//     replication, bypassrls), database:OID:CONNECT, schema:DB.OID:USAGE,
//     relation:DB.OID:SELECT (tables, views, sequences), column:DB.OID.NUMBER:UPDATE,
//     function:DB.OID:EXECUTE, and …:owner for the ownership of an object. DB is the oid of the
//     database.
//   - Grants are direct, or have the path of roles that they come through, outermost first. A
//     member that does not inherit can still become the role by SET ROLE, so it counts. What an
//     owner has by being the owner is the ownership; what a superuser can do is the attribute.
//     What PUBLIC has is given once, as the account PUBLIC's, unless ExpandPublic gives it to each
//     account too. Of the server's own schemas only what was granted to roles of users is read.
//     Types, languages, tablespaces, foreign servers, large objects, configuration parameters and
//     default privileges are not read.
//
// A look goes by oid and compares the names with the reviewed ones. A change is a REVOKE or ALTER
// ROLE by the names that the oids have then, in a transaction that looks before and after, and
// that once more looks from a second connection before it commits: what others still see then is
// exactly what goes, so a grant made anew since the look is never taken. A REVOKE that PostgreSQL
// only warns about is undone and is an error. CASCADE is never used: what was passed on to others
// is refused in words. Privileges are revoked in the name of the role that granted them. The
// version of a membership is that of its own row; of a privilege it is that of the whole object,
// so any other change of the object's privileges makes an earlier look stale. Ownership and
// inherited privileges are not taken away. A closed account (NOLOGIN) keeps the sessions that it
// has open.
//
// # Queries
//
// Each query is one statement. Parameters are written :account_id, :username, :entitlement_id,
// :entitlement_name, :via and :granted_at; they are bound, as text that the database reads as the
// type it wants there (in PostgreSQL, cast a parameter that stands alone: :account_id::text).
// What is unknown is NULL; a direct access has an empty :via.
//
//	accounts      SELECT id AS account_id, login AS username, … FROM users
//	entitlements  SELECT id AS entitlement_id, name FROM groups
//	grants        SELECT user_id AS account_id, group_id AS entitlement_id, since AS granted_at FROM members
//	check         SELECT m.user_id AS account_id, m.group_id AS entitlement_id, u.login AS username,
//	                g.name AS entitlement_name, m.id AS version
//	              FROM members m JOIN users u ON … JOIN groups g ON …
//	              WHERE m.user_id = :account_id AND m.group_id = :entitlement_id
//	revoke        DELETE FROM members WHERE user_id = :account_id AND group_id = :entitlement_id
//
// Columns are those of CONTRACT.md; others become attributes. Lists are read in one read-only
// transaction that sees one instant. Dates without a zone are in UTC.
//
//   - check gives the rows of one access: none, or one without via where it is held directly, and
//     one with via for each other path. It answers with the ids that it was asked for, compared
//     exactly (MySQL's usual collations do not), and with the columns username and
//     entitlement_name, unless check_account and check_entitlement give them. version, or else
//     granted_at, tells a grant from one made anew; without both, a grant made anew between the
//     review and the removal cannot be told apart. last and self may say that nobody else holds
//     it, and that it is the account that Recert signs in with.
//   - check_account gives the row of one account, with status where there is a query deactivate;
//     check_entitlement that of one entitlement. Grant needs both.
//   - revoke, grant and deactivate run in a transaction: check, compare the version, change exactly
//     one row, check again, commit. More rows or none, or an access that is still there
//     afterwards, undo it. In PostgreSQL the transaction is REPEATABLE READ, in MySQL and MariaDB
//     SERIALIZABLE, so the row that was looked at is the one that is changed. Tables of MySQL must
//     have an engine with transactions (InnoDB), and an index on what check asks for, or changes at
//     the same time lock each other out; there, only DELETE, UPDATE and INSERT are taken.
//
// The user needs SELECT on what is read, and INSERT, UPDATE or DELETE on what is changed, and
// nothing else.
package sqldb
