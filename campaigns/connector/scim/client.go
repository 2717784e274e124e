package scim

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
	"recert/model"
)

var (
	_ connector.Source = (*Client)(nil)
	_ connector.Target = (*Client)(nil)
)

// Config is how a target is reached. URL and Now are required.
type Config struct {
	URL      string // of the service, as "https://wiki.example.com/scim/v2"; no credentials, no query
	Token    string `json:"-"` // bearer token; or
	Username string // basic authentication
	Password string `json:"-"`

	CAFile    string        // PEM file of further authorities that are trusted; "" is the system's only
	PlainHTTP bool          // allows http:// to other hosts than this one; credentials then travel in clear
	HTTP      *http.Client  // nil is an own one: no redirects, no proxy, TLS 1.2 or better
	Timeout   time.Duration // of one request, its answer included; 0 is 30 s
	PageSize  int           // resources asked for at a time; 0 is 100
	MaxBody   int64         // bytes of one answer that are read; 0 is 64 MiB

	// PersonAttr names the attribute of a user that holds the person's number: "externalId",
	// "employeeNumber" (of the enterprise extension), "userName", "id", or "" for none.
	PersonAttr string
	// RemoveByValue allows "remove" with path "members" and a list of values where the target
	// does not take a filter. Some targets need it; but one that follows the standard to the
	// letter ignores the values and empties the group, so it is off by default.
	RemoveByValue bool

	// Dial opens every network connection; nil refuses link-local addresses only.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error // between tries of a read; nil is real time
}

// String names the target without credentials.
func (c Config) String() string { return "SCIM target " + c.URL }

// GoString is String: no verb of fmt shows a credential.
func (c Config) GoString() string { return c.String() }

// LogValue keeps credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client is a connector.Source and a connector.Target. It is safe for concurrent use.
type Client struct {
	cfg     Config
	base    string
	http    *http.Client
	patient bool // waits where the target asks for it
}

// String names the target without credentials.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a credential.
func (c *Client) GoString() string { return c.cfg.String() }

// New checks cfg and makes a Client; it sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := checkURL(cfg)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Token != "" && cfg.Username != "":
		return nil, model.Errorf(model.Invalid, "SCIM target: give a token, or a user name and password, not both")
	case cfg.Token == "" && cfg.Username == "":
		return nil, model.Errorf(model.Invalid, "SCIM target: give a token, or a user name and password")
	case strings.ContainsFunc(cfg.Token, unprintable):
		return nil, model.Errorf(model.Invalid, "SCIM target: the token holds a space, a line end or another character that a header cannot carry; is the file's last line end included?")
	case cfg.Now == nil:
		return nil, errors.New("scim.New: Config.Now is required")
	case cfg.HTTP != nil && cfg.CAFile != "":
		return nil, errors.New("scim.New: CAFile does nothing beside an own HTTP client")
	case cfg.PageSize < 0 || cfg.Timeout < 0 || cfg.MaxBody < 0:
		return nil, model.Errorf(model.Invalid, "SCIM target: page size, timeout and answer limit must not be negative")
	}
	switch cfg.PersonAttr {
	case "", "externalId", "employeeNumber", "userName", "id":
	default:
		return nil, model.Errorf(model.Invalid, "SCIM target: the person's number can be in externalId, employeeNumber, userName or id, not in %q", cfg.PersonAttr)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.PageSize == 0 {
		cfg.PageSize = 100
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 64 << 20
	}
	if cfg.Wait == nil {
		cfg.Wait = rest.Sleep
	}
	client, err := newHTTP(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, base: base, http: client}, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// checkURL is the service's address without a slash at its end.
func checkURL(cfg Config) (string, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		// The parse error would repeat the address, which may hold a password.
		return "", model.Errorf(model.Invalid, "SCIM target: url must be an https:// address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", model.Errorf(model.Invalid, "SCIM target: url must hold no user, password, query or fragment; give credentials by their own settings")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme == "http" && !local && !cfg.PlainHTTP {
		return "", model.Errorf(model.Invalid, "SCIM target: url must begin with https://, or credentials would travel in clear")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// newHTTP is the client that requests go through: a copy, so that the given one keeps its own
// way with redirects.
func newHTTP(cfg Config) (*http.Client, error) {
	var client http.Client
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	} else {
		made, err := rest.NewHTTP(rest.Transport{Name: "SCIM target", CAFile: cfg.CAFile, Dial: cfg.Dial})
		if err != nil {
			return nil, err
		}
		client = *made
	}
	client.CheckRedirect = rest.NoRedirect
	client.Jar = nil
	return &client, nil
}
