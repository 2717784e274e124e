package sqldb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"recert/campaigns/connector/dial"
	"recert/model"
)

// Config is how a database is reached and what is read of it. URL and Now are required.
type Config struct {
	// URL is postgres://USER@HOST[:PORT]/DATABASE or mysql://USER@HOST[:PORT]/DATABASE (also
	// for MariaDB), without a password and without options.
	URL      string
	Password string `json:"-"`

	// TLS with a verified certificate is used to every host but the loopback ones, and to those
	// too where CAFile is given.
	CAFile   string // PEM file of further authorities that are trusted; "" is the system's only
	Insecure bool   // allows to talk to other hosts without TLS; password and data then travel in clear

	// Queries say how to read and change a schema. Without any, the roles and privileges of the
	// PostgreSQL server itself are read and changed.
	Queries Queries

	// ExpandPublic gives, with PostgreSQL's own roles, what everybody holds through PUBLIC once
	// for each account, beside the rows of the account PUBLIC. That can be many rows.
	ExpandPublic bool

	// Concurrency is how many looks and changes are asked for at once: so many connections are opened, as what waits
	// for one goes out after removals were stopped. 0 is 8.
	Concurrency int

	Zone    *time.Location // of bare dates; nil is UTC
	Timeout time.Duration  // of one check or change, and of each wait for a row of a read; 0 is 30 s

	Now  func() time.Time
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil is a dial.Dialer that may go anywhere
}

// Queries are statements in the database's own language, one each, with the parameters
// :account_id, :username, :entitlement_id, :entitlement_name, :via and :granted_at, which are
// bound, never put into the text. The columns that they give are those of CONTRACT.md; columns
// that it does not have are kept as attributes. See the package comment.
type Queries struct {
	Accounts     string // every account; optional
	Entitlements string // every entitlement; optional
	Grants       string // every grant; needed to read the lists

	Check            string // the rows of one access, or none; needed to look and to change
	CheckAccount     string // the row of :account_id, or none; needed to deactivate and to grant
	CheckEntitlement string // the row of :entitlement_id, or none; needed to grant

	Revoke     string // takes one direct access away
	Grant      string // gives one access directly
	Deactivate string // closes an account
}

// String names the database without credentials.
func (c Config) String() string { return "database " + c.URL }

// GoString is String: no verb of fmt shows a credential.
func (c Config) GoString() string { return c.String() }

// LogValue keeps credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// address is a checked URL.
type address struct {
	mysql    bool
	user     string
	host     string
	port     string
	database string
	endpoint string // without the user
	tls      *tls.Config
}

// loopback tells whether the host is this one, so that nobody on the way can listen.
func (a *address) loopback() bool {
	ip := net.ParseIP(a.host)
	return a.host == "localhost" || ip != nil && ip.IsLoopback()
}

// zone is where bare dates begin and end.
func (c *Client) zone() *time.Location {
	if c.cfg.Zone == nil {
		return time.UTC
	}
	return c.cfg.Zone
}

func checkConfig(cfg *Config) (*address, *compiled, error) {
	if cfg.Now == nil {
		return nil, nil, errors.New("sqldb.New: Config.Now is required")
	}
	addr, err := checkURL(cfg)
	if err != nil {
		return nil, nil, err
	}
	if cfg.Timeout < 0 {
		return nil, nil, model.Errorf(model.Invalid, "database: timeout must not be negative")
	}
	if cfg.Concurrency < 0 {
		return nil, nil, model.Errorf(model.Invalid, "database: concurrency must not be negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Dial == nil {
		cfg.Dial = (&dial.Dialer{Allow: dial.Anywhere}).DialContext
	}
	if cfg.Queries == (Queries{}) {
		if addr.mysql {
			return nil, nil, model.Errorf(model.Invalid, "database: a MySQL or MariaDB source needs queries: give at least grants")
		}
		return addr, nil, nil
	}
	if cfg.ExpandPublic {
		return nil, nil, model.Errorf(model.Invalid, "database: expand_public is about PostgreSQL's own roles and does nothing beside queries")
	}
	q, err := compile(cfg.Queries, addr.mysql)
	return addr, q, err
}

func checkURL(cfg *Config) (*address, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" {
		// The parse error would repeat the address, which may hold a password.
		return nil, model.Errorf(model.Invalid, "database: url must be postgres://USER@HOST:PORT/DATABASE or mysql://USER@HOST:PORT/DATABASE")
	}
	a := &address{host: u.Hostname(), port: u.Port(), user: u.User.Username()}
	switch u.Scheme {
	case "postgres", "postgresql":
	case "mysql", "mariadb":
		a.mysql = true
	default:
		return nil, model.Errorf(model.Invalid, "database: url must begin with postgres:// or mysql://")
	}
	if _, has := u.User.Password(); has {
		return nil, model.Errorf(model.Invalid, "database: url must hold no password; give it by its own setting")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, model.Errorf(model.Invalid, "database: url must hold no options; TLS is set by ca_file and insecure")
	}
	if a.user == "" {
		return nil, model.Errorf(model.Invalid, "database: url must name the user to sign in as: %s://USER@%s/DATABASE", u.Scheme, u.Host)
	}
	if a.database = strings.TrimPrefix(u.Path, "/"); a.database == "" || strings.Contains(a.database, "/") {
		return nil, model.Errorf(model.Invalid, "database: url must name one database: %s://%s@%s/DATABASE", u.Scheme, a.user, u.Host)
	}
	if a.port == "" {
		a.port = map[bool]string{true: "3306", false: "5432"}[a.mysql]
	}
	a.endpoint = (&url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(a.host, a.port), Path: u.Path}).String()
	a.tls, err = checkTLS(cfg, a)
	return a, err
}

// checkTLS is nil where the connection may go without.
func checkTLS(cfg *Config, a *address) (*tls.Config, error) {
	if cfg.Insecure && cfg.CAFile != "" {
		return nil, model.Errorf(model.Invalid, "database: ca_file does nothing beside insecure; give one of them")
	}
	if cfg.CAFile == "" && (cfg.Insecure || a.loopback()) {
		return nil, nil //nolint:nilnil // nil is what the drivers take for none
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.host}
	if cfg.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, &model.Error{Kind: model.Invalid, Msg: "database: ca_file, the file of trusted authorities, cannot be read", Err: err}
	}
	if t.RootCAs, err = x509.SystemCertPool(); err != nil {
		t.RootCAs = x509.NewCertPool()
	}
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, model.Errorf(model.Invalid, "database: ca_file %s holds no certificate in PEM form", cfg.CAFile)
	}
	return t, nil
}
