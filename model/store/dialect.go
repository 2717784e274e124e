package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"recert/model"
)

// Dialect is the database's kind.
type Dialect string

// The two databases; their names are also the folders of migrations.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Dialect tells which database this is.
func (q queries) Dialect() Dialect { return q.dialect }

// skipLocked lets several workers claim at once on PostgreSQL; SQLite has one writer.
func (q queries) skipLocked() string {
	switch q.dialect {
	case Postgres:
		return " FOR UPDATE SKIP LOCKED"
	case SQLite:
		return ""
	}
	panic("unknown dialect " + string(q.dialect))
}

// forUpdate locks the rows read until the transaction ends; SQLite's writer holds the lock already.
func (q queries) forUpdate() string {
	switch q.dialect {
	case Postgres:
		return " FOR UPDATE"
	case SQLite:
		return ""
	}
	panic("unknown dialect " + string(q.dialect))
}

// forNoKeyUpdate is forUpdate that lets others insert rows which refer to the locked ones.
func (q queries) forNoKeyUpdate() string {
	switch q.dialect {
	case Postgres:
		return " FOR NO KEY UPDATE"
	case SQLite:
		return ""
	}
	panic("unknown dialect " + string(q.dialect))
}

// like makes a pattern that finds what a person typed, with \ as the escape character: use it as
// "col LIKE ? ESCAPE '\'" on a folded column.
func like(typed string) string {
	r := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return "%" + r.Replace(Fold(typed)) + "%"
}

// wrap turns what the drivers say of a broken unique key into a Conflict; the rest passes.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	if IsUnique(err) {
		return &model.Error{Kind: model.Conflict, Msg: "This exists already.", Err: err}
	}
	return err
}

// IsUnique tells whether err is a broken unique or primary key.
func IsUnique(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// placeholders is "(?,?,?)" n times, comma-separated.
func placeholders(cols, n int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", cols), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
}

func quoteIdents(cols []string) string {
	q := make([]string, len(cols))
	for i, c := range cols {
		q[i] = fmt.Sprintf("%q", c)
	}
	return strings.Join(q, ", ")
}
