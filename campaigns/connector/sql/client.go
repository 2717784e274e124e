package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"recert/campaigns/connector"
	"recert/model"
)

var (
	_ connector.Source  = (*Client)(nil)
	_ connector.Granter = (*Client)(nil)
	_ connector.Prober  = (*Client)(nil)
)

// mode is one of the two ways to read and change a database.
type mode interface {
	read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error)
	check(ctx context.Context, a connector.Access) (connector.Observation, error)
	revoke(ctx context.Context, a connector.Access, seen connector.Observation) (connector.Outcome, error)
	grant(ctx context.Context, a connector.Access) (connector.Outcome, error)
	probe(ctx context.Context) (string, error)
}

// Client is a connector.Source, Granter and Prober. It is safe for concurrent use, and keeps
// connections until Close.
type Client struct {
	cfg  Config
	addr *address
	db   *sql.DB
	// outside is for looks at what others see while a change is under way. They have connections
	// of their own, because changes that hold all of db's would wait for each other.
	outside *sql.DB
	mode    mode
}

// How many connections each of the two pools opens at most: usualConns, or as many as are asked for at once and
// readConns more, for a read of everything and a test beside them.
const (
	usualConns = 8
	readConns  = 2
)

// New checks cfg and makes a Client; it dials nothing. The Client must be closed.
func New(cfg Config) (*Client, error) {
	addr, queries, err := checkConfig(&cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, addr: addr}
	open := c.openPostgres
	if addr.mysql {
		open = c.openMySQL
	}
	if c.db, err = open(); err != nil {
		return nil, err
	}
	if queries != nil {
		c.mode = &schema{c, queries}
		return c, nil
	}
	if c.outside, err = open(); err != nil {
		return nil, errors.Join(err, c.db.Close())
	}
	c.mode = &roles{c}
	return c, nil
}

// Close ends the connections.
func (c *Client) Close() error {
	err := c.db.Close()
	if c.outside != nil {
		err = errors.Join(err, c.outside.Close())
	}
	return err
}

// String names the database without credentials.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a credential.
func (c *Client) GoString() string { return c.cfg.String() }

func (c *Client) limit(db *sql.DB) *sql.DB {
	most := max(usualConns, c.cfg.Concurrency+readConns)
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	db.SetConnMaxIdleTime(time.Minute)
	return db
}

func (c *Client) openPostgres() (*sql.DB, error) {
	// Everything that the environment or a password file could put in is set below.
	cfg, err := pgx.ParseConfig("postgres://127.0.0.1/postgres?sslmode=disable")
	if err != nil {
		return nil, &model.Error{Kind: model.Invalid, Msg: "database: a PG… environment variable is wrong; unset it", Err: err}
	}
	port, err := strconv.ParseUint(c.addr.port, 10, 16)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "database: url has no valid port")
	}
	cfg.Host, cfg.Port, cfg.Database = c.addr.host, uint16(port), c.addr.database
	cfg.User, cfg.Password = c.addr.user, c.cfg.Password
	cfg.TLSConfig, cfg.Fallbacks = c.addr.tls, nil
	cfg.ConnectTimeout, cfg.DialFunc = c.cfg.Timeout, c.cfg.Dial
	cfg.RuntimeParams = map[string]string{"application_name": "recert", "client_encoding": "UTF8", "timezone": "UTC"}
	cfg.ValidateConnect, cfg.KerberosSrvName, cfg.KerberosSpn = nil, "", ""
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // Dial resolves
	// The server tells the types of parameters and columns; nothing is put into the text, and
	// nothing is kept that a change of the schema would make wrong.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	plain := func(_ context.Context, conn *pgx.Conn) error {
		if conn.PgConn().ParameterStatus("standard_conforming_strings") != "on" {
			return errors.New("the server has standard_conforming_strings off, so that quotes in queries mean something else; turn it on for this user")
		}
		return nil
	}
	return c.limit(stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(plain))), nil
}

func (c *Client) openMySQL() (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", net.JoinHostPort(c.addr.host, c.addr.port), c.addr.database
	cfg.User, cfg.Passwd = c.addr.user, c.cfg.Password
	cfg.TLS = c.addr.tls
	if cfg.TLS == nil {
		cfg.TLSConfig = "false"
	} else {
		cfg.TLS = cfg.TLS.Clone()
	}
	cfg.DialFunc = c.cfg.Dial
	cfg.Timeout = c.cfg.Timeout
	// COMMIT and ROLLBACK wait for the answer without a context.
	cfg.ReadTimeout, cfg.WriteTimeout = c.cfg.Timeout, c.cfg.Timeout
	cfg.Logger = &mysql.NopLogger{}
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.Collation = "utf8mb4_bin"
	seconds := max(int(c.cfg.Timeout/2/time.Second), 1)
	idle := max(int(2*c.cfg.Timeout/time.Second), 90)
	cfg.Params = map[string]string{
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", // what the reading of quotes in queries relies on
		"innodb_lock_wait_timeout": strconv.Itoa(seconds),
		"lock_wait_timeout":        strconv.Itoa(seconds),
		"wait_timeout":             strconv.Itoa(idle), // else a connection that hangs keeps its locks for hours; longer than one is kept idle
	}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, &model.Error{Kind: model.Invalid, Msg: "database: url cannot be used", Err: errors.New(c.redact(err.Error()))}
	}
	return c.limit(sql.OpenDB(conn)), nil
}

// Read implements connector.Source.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	return c.mode.read(ctx, yield)
}

// Check implements connector.Target.
func (c *Client) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.mode.check(ctx, a)
}

// Revoke implements connector.Target. It looks by itself, then changes and looks again in one
// transaction, which is taken back where the change is not exactly what was asked for. An
// access with a path (Via) is never taken away: it hangs on something else.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, _ string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.mode.revoke(ctx, a, seen)
}

// Grant implements connector.Granter.
func (c *Client) Grant(ctx context.Context, a connector.Access, _ string) (connector.Outcome, error) {
	if a.EntitlementID == "" {
		return "", c.fail(connector.Refused, "A closed account is opened by a person, not here", nil)
	}
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.mode.grant(ctx, a)
}

// Probe implements connector.Prober.
func (c *Client) Probe(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.mode.probe(ctx)
}

// outcomeOf is what a revocation reports where a look shows nothing to take away, or "".
func outcomeOf(p connector.Presence) connector.Outcome {
	switch p {
	case connector.Absent:
		return connector.AlreadyAbsent
	case connector.NotDirect:
		return connector.RefusedDirect
	case connector.WrongTarget:
		return connector.RefusedTarget
	case connector.Present:
	}
	return ""
}

func saw(p connector.Presence, format string, args ...any) connector.Observation {
	return connector.Observation{Presence: p, Detail: fmt.Sprintf(format, args...)}
}
