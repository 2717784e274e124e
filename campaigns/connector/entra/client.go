package entra

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
	"recert/model"
)

var (
	_ connector.Source  = (*Client)(nil)
	_ connector.Granter = (*Client)(nil)
	_ connector.Prober  = (*Client)(nil)
)

// Where Microsoft's public cloud is; national clouds have their own hosts.
const (
	DefaultGraphURL = "https://graph.microsoft.com/v1.0"
	DefaultLoginURL = "https://login.microsoftonline.com"
)

// Config is how a tenant is reached. Tenant, ClientID, ClientSecret and Now are required.
type Config struct {
	Tenant       string // the tenant's id, or one of its domains
	ClientID     string // of the app registration that the connector signs in as
	ClientSecret string `json:"-"`
	GraphURL     string // "" is DefaultGraphURL
	LoginURL     string // "" is DefaultLoginURL

	// SignInActivity reads when each user signed in last. It needs the permission AuditLog.Read.All
	// and a tenant with Entra ID P1. Off, the last sign-in is unknown, which is not "never".
	SignInActivity bool

	CAFile  string        // PEM file of further authorities that are trusted, of an inspecting proxy say; "" is the system's only
	Timeout time.Duration // of one request, its answer included; 0 is 30 s
	MaxBody int64         // bytes of one answer that are read; 0 is 64 MiB

	// Dial opens every network connection; nil refuses link-local addresses only.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error // between tries of a read; nil is real time
}

// String names the tenant without credentials.
func (c Config) String() string { return "Entra ID tenant " + c.Tenant }

// GoString is String: no verb of fmt shows a credential.
func (c Config) GoString() string { return c.String() }

// LogValue keeps credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client is a connector.Source and a connector.Granter. It is safe for concurrent use.
type Client struct {
	cfg     Config
	base    *url.URL // of Graph, without a slash at its end
	http    *http.Client
	tokens  *tokens
	patient bool // waits where Graph asks for it
}

// String names the tenant without credentials.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a credential.
func (c *Client) GoString() string { return c.cfg.String() }

var (
	tenantRE = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$`)
	clientRE = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

// New checks cfg and makes a Client; it sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.GraphURL == "" {
		cfg.GraphURL = DefaultGraphURL
	}
	if cfg.LoginURL == "" {
		cfg.LoginURL = DefaultLoginURL
	}
	if err := checkCredentials(cfg); err != nil {
		return nil, err
	}
	base, err := checkURL("graph_url", cfg.GraphURL)
	if err != nil {
		return nil, err
	}
	login, err := checkURL("login_url", cfg.LoginURL)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Now == nil:
		return nil, errors.New("entra.New: Config.Now is required")
	case cfg.Timeout < 0 || cfg.MaxBody < 0:
		return nil, model.Errorf(model.Invalid, "Entra ID: timeout and answer limit must not be negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 64 << 20
	}
	if cfg.Wait == nil {
		cfg.Wait = rest.Sleep
	}
	client, err := rest.NewHTTP(rest.Transport{Name: "Entra ID", CAFile: cfg.CAFile, Dial: cfg.Dial})
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, base: base, http: client}
	c.tokens = newTokens(clientcredentials.Config{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: login.String() + "/" + url.PathEscape(cfg.Tenant) + "/oauth2/v2.0/token",
		Scopes:   []string{base.Scheme + "://" + base.Host + "/.default"},
	})
	return c, nil
}

// Close ends idle connections; the Client stays usable.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func checkCredentials(cfg Config) error {
	switch {
	case !tenantRE.MatchString(cfg.Tenant):
		return model.Errorf(model.Invalid, "Entra ID: tenant must be the directory's id, as 11111111-2222-3333-4444-555555555555, or a domain of it, as contoso.onmicrosoft.com")
	case strings.EqualFold(cfg.Tenant, "common") || strings.EqualFold(cfg.Tenant, "organizations") || strings.EqualFold(cfg.Tenant, "consumers"):
		return model.Errorf(model.Invalid, "Entra ID: tenant %q names no directory; give its id", cfg.Tenant)
	case !clientRE.MatchString(cfg.ClientID):
		return model.Errorf(model.Invalid, "Entra ID: client_id must be the application (client) id of the app registration, as 11111111-2222-3333-4444-555555555555")
	case cfg.ClientSecret == "":
		return model.Errorf(model.Invalid, "Entra ID: give the client secret of the app registration")
	case strings.ContainsFunc(cfg.ClientSecret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return model.Errorf(model.Invalid, "Entra ID: the client secret holds a space, a line end or another character that none has; is the file's last line end included?")
	case clientRE.MatchString(cfg.ClientSecret):
		return model.Errorf(model.Invalid, "Entra ID: the client secret looks like the secret's id; give its value, which the portal shows once, when the secret is made")
	}
	return nil
}

// checkURL is an address without a slash at its end.
func checkURL(name, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		// The parse error would repeat the address, which may hold a password.
		return nil, model.Errorf(model.Invalid, "Entra ID: %s must be an https:// address", name)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, model.Errorf(model.Invalid, "Entra ID: %s must hold no user, password, query or fragment", name)
	}
	ip := net.ParseIP(u.Hostname())
	if local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); u.Scheme == "http" && !local {
		return nil, model.Errorf(model.Invalid, "Entra ID: %s must begin with https://, or credentials would travel in clear", name)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}
