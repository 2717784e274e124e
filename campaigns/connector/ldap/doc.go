// Package ldap reads an LDAP directory or an Active Directory domain whole, looks at one
// membership, and takes away or gives one: a value of a group, or a whole account, which is
// disabled and enabled.
//
// # Configuration
//
// A directory needs an address, the connector's own account with its password, and a base:
//
//	url: ldaps://ldap.example.com        # or ldap:// with StartTLS, which is always asked for
//	username: cn=recert,ou=services,dc=example,dc=com
//	password: ${LDAP_PASSWORD}
//	base: dc=example,dc=com
//
// Certificates are verified, against the system's authorities and those of a file. In clear, it
// speaks to this very machine only, unless that is allowed by name. The flavor is told from the
// root DSE: OpenLDAP and what follows the RFCs like it, or Active Directory (Samba is one).
// Bases, filters and attributes have defaults by flavor and can each be set; see Config. Ids must
// be immutable: entryUUID or objectGUID, unless another attribute is better.
//
// # What the connector's account needs
//
// To read: search and read on accounts and groups below the base, with the attributes that hold
// members, the ids and the operational attributes (entryCSN, createTimestamp, memberOf); and in
// OpenLDAP a limit (size.prtotal) that lets it read the largest list. To remove and to give:
// write on the attributes that hold members. To close accounts: write on userAccountControl, or
// on pwdAccountLockedTime (with the ppolicy overlay) or the attribute that is set instead. In an
// Active Directory domain, an account that may write the members of the groups in question, and
// no more, is enough; any user may read.
//
// # What it reads as what
//
// An account is an entry that the account filter finds, an entitlement a group that the group
// filter finds. A grant is a value of member, uniqueMember, memberUid or roleOccupant. Whoever is
// in an inner group holds the outer one, with the path through the inner groups, outermost
// first, separated by ">"; a ">" or "\" inside an id is written with a "\" before it. Three names
// of attributes stand in a path for what no group lists: "primaryGroupID" (the primary group of
// Active Directory), "gidNumber" (that of POSIX) and "memberOf" (the account says so, and the
// group does not). Such access is seen and cannot be taken away here.
//
// A member that is no listed account is given all the same, with a note: by its own id where it
// has an entry (a computer, or a principal of another domain), as "dn:DN" where it has none any
// more, as "uid:NAME" where no account has the user name. Such values can be removed. A member
// that is a group which is not read would hide everybody in it, and fails the read.
//
// Disabled is userAccountControl bit 2, or pwdAccountLockedTime with the value that only an
// administrator lifts; a lock that ends by itself and an expiry (accountExpires, shadowExpire)
// are shown beside it. The last login is lastLogonTimestamp, which domain controllers keep up to
// two weeks late, authTimestamp or pwdLastSuccess.
//
// # What it relies on, and what it does not believe
//
//   - A list is read by pages until the directory says that there are no more, and is counted a
//     second time by a search of its own. Limits, referrals, an entry that comes twice, a part of
//     the members that is missing: each fails the read. Referrals are never followed.
//   - A change is one value of one entry. It is guarded by the version that was seen: with the
//     assertion control (RFC 4528) on entryCSN where the directory has that, so that nothing is
//     done if anybody changed the entry meanwhile. Active Directory has no such control: there
//     the version (uSNChanged) is compared in the look before the change, the entry is named by
//     its objectGUID, and the flags of an account are changed only from the value that was seen.
//   - An entry that is not found is gone only if the directory shows others of its kind; a group
//     that must have members and shows none hides them.
//   - The value that is removed is the one that the account found by its immutable id has now. An
//     id that has another name than the one reviewed is somebody else.
//   - A success result proves nothing. Only a later Check does.
//
// # What it cannot do
//
// Groups whose members the directory makes up from a search (dynamic groups) are read as it
// gives them, and a removal from them is refused. Members of other domains are not followed
// there. Give each domain its own source, and name one domain controller rather than a name that
// leads to all of them: versions of different controllers do not compare, so a removal that meets
// another one than the look before it is left undone, and tried again.
package ldap
