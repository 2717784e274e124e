package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
	"recert/campaigns/connector/dial"
	"recert/model"
)

var (
	_ connector.Source  = (*Client)(nil)
	_ connector.Granter = (*Client)(nil)
	_ connector.Prober  = (*Client)(nil)
)

// Flavors of directory servers.
const (
	Auto     = "auto"     // told from the server's root DSE
	OpenLDAP = "openldap" // OpenLDAP, and what follows the RFCs like it
	AD       = "ad"       // Active Directory, Samba
)

// Config is how a directory is reached and what of it is read. URL, BindDN, Password, BaseDN
// and Now are required.
type Config struct {
	URL      string // "ldaps://ldap.example.com" or "ldap://…"; no credentials, no path
	BindDN   string // the connector's own account: a DN; for Active Directory also NAME@DOMAIN or DOMAIN\NAME
	Password string `json:"-"`

	CAFile     string // PEM file of further authorities that are trusted; "" is the system's only
	ServerName string // the name in the server's certificate; "" is the host in URL
	StartTLS   bool   // asks for StartTLS on ldap:// to this very machine too; to others it is always asked for
	Insecure   bool   // allows ldap:// without StartTLS to other hosts; credentials then travel in clear

	Flavor          string   // Auto, OpenLDAP or AD; "" is Auto
	BaseDN          string   // the tree in which accounts and groups are looked up by their ids
	AccountBase     string   // where accounts are listed; "" is BaseDN
	GroupBase       string   // where groups are listed; "" is BaseDN
	AccountFilter   string   // which entries are accounts; "" is by flavor
	GroupFilter     string   // which entries are groups; "" is by flavor
	AccountIDAttr   string   // immutable id of accounts; "" is entryUUID or objectGUID
	GroupIDAttr     string   // immutable id of groups; "" is entryUUID or objectGUID
	UsernameAttr    string   // "" is uid or sAMAccountName
	GroupNameAttr   string   // "" is cn or sAMAccountName
	PersonAttr      string   // holds the person's number, as "employeeNumber"; "" is none
	DisableAttr     string   // marks an account as disabled (not Active Directory); "" is pwdAccountLockedTime, "-" is none
	DisableValue    string   // value of DisableAttr that disables; "" is 000001010000Z, which only an administrator lifts
	Placeholders    []string // DNs that groups hold only because they must hold one; they are no accounts
	IgnoreReferrals bool     // leaves out parts of the tree that other servers hold; otherwise they fail a read

	Timeout   time.Duration // of one operation, its answer included; 0 is 30 s
	PageSize  int           // entries asked for at a time; 0 is 500; groups come at most 100 at a time
	MaxAnswer int64         // bytes of one answer that are read; 0 is 256 MiB

	// Dial opens every network connection; nil is a dial.Dialer that may go anywhere.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
}

// String names the directory without credentials.
func (c Config) String() string { return "directory " + c.URL }

// GoString is String: no verb of fmt shows a credential.
func (c Config) GoString() string { return c.String() }

// LogValue keeps credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client is a connector.Source, a connector.Granter and a connector.Prober. It is safe for
// concurrent use.
type Client struct {
	cfg     Config
	address string      // host:port
	tls     *tls.Config // nil where the connection is in clear
	ldaps   bool
	own     string          // BindDN, normalised
	holders map[string]bool // Placeholders, normalised

	mu   sync.Mutex
	idle []*session // signed in, not in use
}

// String names the directory without credentials.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a credential.
func (c *Client) GoString() string { return c.cfg.String() }

// invalid is an error of the configuration.
func invalid(format string, args ...any) error {
	return model.Errorf(model.Invalid, "LDAP directory: "+format, args...)
}

// New checks cfg and makes a Client; it dials nothing.
func New(cfg Config) (*Client, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, own: normDN(cfg.BindDN), holders: map[string]bool{}}
	for _, dn := range cfg.Placeholders {
		c.holders[normDN(dn)] = true
	}
	if err := c.parseURL(); err != nil {
		return nil, err
	}
	return c, nil
}

// fill checks the settings and puts in what is not given.
func (c *Config) fill() error {
	switch {
	case c.BindDN == "" || c.Password == "":
		return invalid("username (the DN of the connector's account) and password are required")
	case c.BaseDN == "":
		return invalid(`base is required: the DN of the tree to read, as "dc=example,dc=com"`)
	case c.Now == nil:
		return fmt.Errorf("ldap.New: Config.Now is required")
	case c.PageSize < 0 || c.Timeout < 0 || c.MaxAnswer < 0:
		return invalid("page size, timeout and answer limit must not be negative")
	case c.DisableValue != "" && (c.DisableAttr == "" || c.DisableAttr == "-"):
		return invalid("the value that disables an account needs the attribute that it goes into")
	case c.DisableValue == "" && c.DisableAttr != "" && c.DisableAttr != "-":
		return invalid("the attribute %s, which disables an account, needs the value that does so", c.DisableAttr)
	}
	switch c.Flavor {
	case "":
		c.Flavor = Auto
	case Auto, OpenLDAP, AD:
	default:
		return invalid("flavor must be auto, openldap or ad, not %q", c.Flavor)
	}
	for name, dn := range map[string]string{"base": c.BaseDN, "account base": c.AccountBase, "group base": c.GroupBase} {
		if _, err := goldap.ParseDN(dn); err != nil {
			return invalid("%s %q is not a DN", name, dn)
		}
	}
	for name, f := range map[string]string{"account filter": c.AccountFilter, "group filter": c.GroupFilter} {
		if _, err := goldap.CompileFilter(f); f != "" && err != nil {
			return invalid("%s %q is not a filter of LDAP, as (objectClass=person) is", name, f)
		}
	}
	for _, attr := range []string{c.AccountIDAttr, c.GroupIDAttr, c.UsernameAttr, c.GroupNameAttr, c.PersonAttr, strings.TrimPrefix(c.DisableAttr, "-")} {
		if strings.ContainsFunc(attr, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
		}) {
			return invalid("%q is not the name of an attribute", attr)
		}
	}
	c.AccountBase = or(c.AccountBase, c.BaseDN)
	c.GroupBase = or(c.GroupBase, c.BaseDN)
	for name, dn := range map[string]string{"account base": c.AccountBase, "group base": c.GroupBase} {
		if !below(normDN(dn), normDN(c.BaseDN)) {
			return invalid("%s %q is not below base %q, where accounts and groups are looked up", name, dn, c.BaseDN)
		}
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.PageSize == 0 {
		c.PageSize = 500
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = 256 << 20
	}
	if c.Dial == nil {
		c.Dial = (&dial.Dialer{Allow: dial.Anywhere, Timeout: c.Timeout}).DialContext
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// parseURL finds the address and whether the connection is encrypted.
func (c *Client) parseURL() error {
	u, err := url.Parse(c.cfg.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "ldaps" && u.Scheme != "ldap" {
		// The parse error would repeat the address, which may hold a password.
		return invalid("url must be an ldaps:// or ldap:// address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return invalid("url must hold no user, password, path or query; give them by their own settings")
	}
	c.ldaps = u.Scheme == "ldaps"
	port := or(u.Port(), map[bool]string{true: "636", false: "389"}[c.ldaps])
	c.address = net.JoinHostPort(u.Hostname(), port)
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if !c.ldaps && !c.cfg.StartTLS && (local || c.cfg.Insecure) {
		if c.cfg.CAFile != "" || c.cfg.ServerName != "" {
			return invalid("the connection is not encrypted, so trusted authorities and a server name do nothing; use ldaps:// or turn StartTLS on")
		}
		return nil
	}
	roots, err := authorities(c.cfg.CAFile)
	if err != nil {
		return err
	}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: or(c.cfg.ServerName, u.Hostname())}
	return nil
}

// authorities are the system's and those of file; nil is the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nil is what crypto/tls takes for the system's
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, &model.Error{Kind: model.Invalid, Msg: "LDAP directory: the file of trusted authorities cannot be read", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, invalid("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}
