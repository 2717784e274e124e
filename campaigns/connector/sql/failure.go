package sqldb

import (
	"context"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"recert/campaigns/connector"
)

// cause is the reason of a failure as text, without credentials, and what the network or the context
// had to say where that was it. Errors of drivers hold their whole configuration.
type cause struct {
	text     string
	under    []error
	conflict bool // the database took the transaction back because somebody else came first
}

func (e *cause) Error() string   { return e.text }
func (e *cause) Unwrap() []error { return e.under }

func (c *Client) redact(s string) string {
	for _, secret := range []string{c.cfg.Password, url.QueryEscape(c.cfg.Password), url.PathEscape(c.cfg.Password)} {
		if secret != "" && strings.Contains(s, secret) {
			return "the cause is withheld, because it repeats a credential"
		}
	}
	return s
}

// fail is a Failure whose cause cannot hold a secret.
func (c *Client) fail(kind connector.FailureKind, msg string, err error) error {
	f := &connector.Failure{Kind: kind, Msg: msg}
	if err != nil {
		why := &cause{text: c.redact(err.Error()), conflict: conflict(err)}
		for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, end) {
				why.under = append(why.under, end)
			}
		}
		if op, ok := errors.AsType[*net.OpError](err); ok { // addresses, and no credentials
			why.under = append(why.under, op)
		}
		if dns, ok := errors.AsType[*net.DNSError](err); ok {
			why.under = append(why.under, dns)
		}
		f.Err = why
	}
	return f
}

// explain makes a Failure of what a driver said while doing something; a Failure stays.
func (c *Client) explain(ctx context.Context, doing string, err error) error {
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		return f
	}
	if end := context.Cause(ctx); end != nil {
		return c.fail(connector.Unreachable, doing+": the database did not answer in time, or we were stopped", fmt.Errorf("%w: %w", end, err))
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		kind, says := postgresSays(pg)
		return c.fail(kind, fmt.Sprintf("%s: %s (code %s)", doing, c.redact(says), pg.Code), err)
	}
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		kind, says := mysqlSays(my)
		return c.fail(kind, fmt.Sprintf("%s: %s (error %d)", doing, c.redact(says), my.Number), err)
	}
	switch {
	case errors.Is(err, mysql.ErrNoTLS), strings.Contains(err.Error(), "server refused TLS"):
		return c.fail(connector.Refused, doing+": the server offers no TLS; turn it on there, or allow the connection without by insecure", err)
	case untrusted(err):
		return c.fail(connector.Refused, doing+": the server's certificate is not trusted or is not for this host name; give its authority by ca_file", err)
	case lost(err):
		return c.fail(connector.Unreachable, doing+": the database cannot be reached, or the connection was lost", err)
	}
	return c.fail(connector.Broken, doing+": the answer is not what the database's protocol has", err)
}

func untrusted(err error) bool {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok
}

// lost tells whether the connection failed, in whichever of the many ways drivers have to say so.
func lost(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, os.ErrDeadlineExceeded,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED,
		driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, mysql.ErrInvalidConn,
		context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return strings.Contains(err.Error(), "conn closed")
}

// postgresSays sorts PostgreSQL's errors. Messages about the statement itself are repeated: they
// name tables and columns, not what is in them.
func postgresSays(e *pgconn.PgError) (connector.FailureKind, string) {
	class := e.Code
	if len(class) > 2 {
		class = class[:2]
	}
	switch {
	case e.Code == "28P01" || e.Code == "28000":
		return connector.Denied, "the database refuses the user or the password; set the right ones"
	case class == "28":
		return connector.Denied, "the database refuses to sign us in"
	case e.Code == "42501":
		return connector.Denied, "the user that we sign in as may not do that: " + e.Message
	case e.Code == "2BP01":
		return connector.Refused, "it was passed on to others, who would lose it too; take it from them first"
	case e.Code == "57014":
		return connector.Unreachable, "it took longer than the timeout and was stopped"
	case e.Code == "55P03":
		return connector.Unreachable, "somebody else holds a lock on it"
	case class == "40":
		return connector.Unreachable, "somebody else changed it at the same moment"
	case class == "08" || class == "53" || class == "57" || class == "58":
		return connector.Unreachable, "the database cannot do it now: " + e.Message
	case e.Code == "25006":
		return connector.Refused, "it would change something, but the transaction or the server is for reading only"
	case class == "23":
		return connector.Refused, "a constraint of the schema forbids it"
	case class == "42" || class == "3D" || class == "3F" || class == "0A" || class == "0L":
		return connector.Refused, e.Message
	}
	return connector.Refused, "the database refuses it"
}

// mysqlSays sorts the errors of MySQL and MariaDB.
func mysqlSays(e *mysql.MySQLError) (connector.FailureKind, string) {
	switch e.Number {
	case 1045, 1698, 1862, 3118, 4151:
		return connector.Denied, "the database refuses the user or the password; set the right ones"
	case 1044, 1142, 1143, 1227, 1370:
		return connector.Denied, "the user that we sign in as may not do that: " + e.Message
	case 1205:
		return connector.Unreachable, "somebody else holds a lock on it"
	case 1020, 1213:
		return connector.Unreachable, "somebody else changed it at the same moment"
	case 1317, 1969, 3024:
		return connector.Unreachable, "it took longer than the timeout and was stopped"
	case 1040, 1053, 1129, 1135, 1203, 1226, 1927:
		return connector.Unreachable, "the database cannot do it now: " + e.Message
	case 1290, 1792, 1836:
		return connector.Refused, "it would change something, but the transaction or the server is for reading only"
	case 1048, 1062, 1451, 1452, 4025:
		return connector.Refused, "a constraint of the schema forbids it"
	case 1046, 1049, 1052, 1054, 1064, 1109, 1146, 1149, 1305:
		return connector.Refused, e.Message
	}
	return connector.Refused, "the database refuses it"
}

// conflict tells whether the database undid the transaction because somebody else had changed
// the same rows first.
func conflict(err error) bool {
	if why, ok := errors.AsType[*cause](err); ok {
		return why.conflict
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "XX000" && strings.HasPrefix(pg.Message, "tuple concurrently ")
	}
	my, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && my.Number == 1020
}
