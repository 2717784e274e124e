package sqldb

import (
	"fmt"
	"strconv"
	"strings"

	"recert/campaigns/connector"
)

// Classes of entitlements, which begin their ids.
const (
	classRole      = "role"
	classAttribute = "attribute"
	classPublic    = "public"
	classDatabase  = "database"
	classSchema    = "schema"
	classRelation  = "relation"
	classColumn    = "column"
	classFunction  = "function"

	privAdmin = "admin" // the admin option of a role
	privOwner = "owner" // of an object
)

// publicAccount is the id of the account that stands for everybody.
const publicAccount = "public"

// thing is an entitlement id, read:
//
//	role:OID             membership in a role
//	role:OID:admin       the admin option of that membership
//	attribute:superuser  an attribute of the account itself
//	database:OID:CONNECT a privilege on a database, and
//	schema:DB.OID:USAGE  relation:DB.OID:SELECT  function:DB.OID:EXECUTE  column:DB.OID.N:UPDATE
//	…:owner              the ownership of one
type thing struct {
	class string
	db    uint32 // of the database that the object is in; 0 with roles, attributes and databases
	oid   uint32
	sub   int16 // number of the column
	priv  string
}

func (e thing) String() string {
	switch e.class {
	case classPublic:
		return classPublic
	case classAttribute:
		return e.class + ":" + e.priv
	case classRole:
		if e.priv == "" {
			return fmt.Sprintf("%s:%d", e.class, e.oid)
		}
		return fmt.Sprintf("%s:%d:%s", e.class, e.oid, e.priv)
	case classDatabase:
		return fmt.Sprintf("%s:%d:%s", e.class, e.oid, e.priv)
	case classColumn:
		return fmt.Sprintf("%s:%d.%d.%d:%s", e.class, e.db, e.oid, e.sub, e.priv)
	}
	return fmt.Sprintf("%s:%d.%d:%s", e.class, e.db, e.oid, e.priv)
}

// attributes of a role that are entitlements: the column of pg_roles, the word of ALTER ROLE.
var attributes = []struct{ name, column, word, display string }{
	{"superuser", "rolsuper", "SUPERUSER", "superuser"},
	{"createrole", "rolcreaterole", "CREATEROLE", "may create roles"},
	{"createdb", "rolcreatedb", "CREATEDB", "may create databases"},
	{"replication", "rolreplication", "REPLICATION", "may replicate"},
	{"bypassrls", "rolbypassrls", "BYPASSRLS", "sees past row security"},
}

// attributeColumns are the columns of pg_roles that hold the attributes, in their order.
func attributeColumns() string {
	columns := make([]string, len(attributes))
	for i, a := range attributes {
		columns[i] = a.column
	}
	return strings.Join(columns, ", ")
}

// privileges by class: only these words ever stand in a statement.
var privileges = map[string][]string{
	classDatabase: {"CREATE", "TEMPORARY", "CONNECT"},
	classSchema:   {"CREATE", "USAGE"},
	classRelation: {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN", "USAGE"},
	classColumn:   {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
	classFunction: {"EXECUTE"},
}

// parseThing reads what String writes; anything else is an error.
func parseThing(id string) (thing, error) {
	class, rest, _ := strings.Cut(id, ":")
	ref, priv, _ := strings.Cut(rest, ":")
	e := thing{class: class, priv: priv}
	ok := true
	switch class {
	case classAttribute:
		e.priv = ref
		ok = attributeOf(ref) >= 0
	case classPublic:
	case classRole:
		ok = priv == "" || priv == privAdmin
		e.oid, ok = number(ref, ok)
	default:
		ok = priv == privOwner && class != classColumn
		for _, p := range privileges[class] {
			ok = ok || p == priv
		}
		ok = ok && privileges[class] != nil
		parts := strings.Split(ref, ".")
		want := map[string]int{classDatabase: 1, classColumn: 3}[class]
		if want == 0 {
			want = 2
		}
		if len(parts) != want {
			ok = false
			break
		}
		if class != classDatabase {
			e.db, ok = number(parts[0], ok)
			parts = parts[1:]
		}
		e.oid, ok = number(parts[0], ok)
		if class == classColumn {
			n, err := strconv.ParseInt(parts[1], 10, 16)
			ok = ok && err == nil
			e.sub = int16(n)
		}
	}
	if !ok || e.String() != id {
		return thing{}, &connector.Failure{Kind: connector.Refused, Msg: fmt.Sprintf("%.100q is no entitlement id of a PostgreSQL server", id)}
	}
	return e, nil
}

// number reads an object id, and hands a doubt on.
func number(s string, ok bool) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), ok && err == nil && n > 0
}

func attributeOf(name string) int {
	for i, a := range attributes {
		if a.name == name {
			return i
		}
	}
	return -1
}

// parseAccount reads an account id: the oid of a role, or "public", which is 0.
func parseAccount(id string) (uint32, error) {
	if id == publicAccount {
		return 0, nil
	}
	n, ok := number(id, true)
	if !ok || strconv.FormatUint(uint64(n), 10) != id {
		return 0, &connector.Failure{Kind: connector.Refused, Msg: fmt.Sprintf("%.100q is no account id of a PostgreSQL server", id)}
	}
	return n, nil
}

// accountID is what parseAccount reads.
func accountID(oid uint32) string {
	if oid == 0 {
		return publicAccount
	}
	return strconv.FormatUint(uint64(oid), 10)
}
