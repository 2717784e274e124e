package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
	"recert/model"
)

var (
	_ connector.Acknowledger = (*Client)(nil)
	_ connector.Prober       = (*Client)(nil)
)

// Type is the type of the message that asks for a removal.
const Type = "revocation.requested"

// Config is where messages go. All but CAFile, Timeout and Dial are required.
type Config struct {
	URL     string
	Secret  string        `json:"-"` // as ParseKeys reads it
	CAFile  string        // PEM file of further authorities that are trusted; "" is the system's only
	Timeout time.Duration // of one message, its answer included; 0 is 30 s
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Now     func() time.Time
}

// String names the receiver without the secret.
func (c Config) String() string { return "webhook" }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue keeps the secret out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client sends messages to one address. It is safe for concurrent use.
type Client struct {
	rest *rest.Client
	keys Keys
}

// New checks cfg and makes a Client; it sends nothing.
func New(cfg Config) (*Client, error) {
	keys, err := ParseKeys(cfg.Secret)
	if err != nil {
		return nil, err
	}
	r, err := rest.New(rest.Config{Name: "webhook", URL: cfg.URL, CAFile: cfg.CAFile, Timeout: cfg.Timeout, Dial: cfg.Dial, Now: cfg.Now, Secrets: []string{cfg.Secret}})
	if err != nil {
		return nil, err
	}
	return &Client{rest: r, keys: keys}, nil
}

// Name is "webhook".
func (*Client) Name() string { return "webhook" }

// String names the receiver without the secret.
func (*Client) String() string { return "webhook" }

// GoString is String.
func (*Client) GoString() string { return "webhook" }

// Token is the part of the address to report to that nobody can guess.
func (c *Client) Token(key string) string { return c.keys.Token(key) }

// message is the body, as FORMAT.md describes it.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      data   `json:"data"`
}

type data struct {
	Removal     int64       `json:"removal"`
	System      string      `json:"system"`
	Campaign    string      `json:"campaign"`
	Action      string      `json:"action"`
	Account     account     `json:"account"`
	Entitlement *named      `json:"entitlement"`
	Via         string      `json:"via"`
	GrantedAt   *model.Time `json:"granted_at"`
	Reason      string      `json:"reason"`
	DecidedBy   string      `json:"decided_by"`
	Due         string      `json:"due"`
	URL         string      `json:"url"`
	Acknowledge string      `json:"acknowledge_url"`
}

type account struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	PersonID string `json:"person_id"`
	Person   string `json:"person"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// body is the message. Its timestamp is of this sending: the id tells that it is the same message.
func body(o connector.Order, now time.Time) ([]byte, error) {
	a := o.Access
	m := message{Type: Type, Timestamp: now.UTC().Format(time.RFC3339), Data: data{
		Removal: o.Removal, System: o.System, Campaign: o.Campaign, Action: "remove", Via: a.Via, Reason: o.Comment, DecidedBy: o.DecidedBy, Due: o.DueAt, URL: o.Link,
		Acknowledge: o.Acknowledge,
		Account:     account{ID: a.AccountID, Username: a.Username, Name: o.AccountName, PersonID: o.PersonID, Person: o.PersonName},
	}}
	if a.GrantedAt.Known() {
		m.Data.GrantedAt = &a.GrantedAt
	}
	if a.EntitlementID == "" {
		m.Data.Action = "deactivate"
	} else {
		m.Data.Entitlement = &named{a.EntitlementID, a.EntitlementName}
	}
	return json.Marshal(m)
}

// Open sends the message once. key is its webhook-id: a receiver that has taken it before takes it
// again without doing anything.
func (c *Client) Open(ctx context.Context, o connector.Order, key string) (connector.Reference, error) {
	now := c.rest.Now()
	b, err := body(o, now)
	if err != nil {
		return connector.Reference{}, c.rest.Fail(connector.Broken, "The message cannot be written", err)
	}
	h := http.Header{}
	c.keys.Sign(h, key, now, b)
	answer, err := c.rest.Do(ctx, rest.Request{Method: http.MethodPost, Header: h, Body: b})
	if err != nil {
		return connector.Reference{}, err
	}
	switch s := answer.Status; {
	case s >= 200 && s < 300:
		return connector.Reference{ID: key, Handle: key, Status: fmt.Sprintf("taken (%d)", s)}, nil
	case s == http.StatusGone:
		return connector.Reference{}, c.rest.Fail(connector.Denied, "The webhook's receiver answered 410 Gone: it takes no messages any more. Set another url, or another revoke mode", nil)
	default:
		return connector.Reference{}, c.failed(answer)
	}
}

// Probe connects and ends the connection: a message of any kind could be taken for an order.
func (c *Client) Probe(ctx context.Context) (string, error) {
	if err := c.rest.Connect(ctx); err != nil {
		f := *connector.FailureOf(err)
		f.Msg = "The webhook's receiver cannot be reached"
		return "", &f
	}
	said := "The webhook's receiver can be reached."
	if strings.HasPrefix(c.rest.Base(), "https:") {
		said = "The webhook's receiver can be reached, and its certificate is good."
	}
	return said + " Nothing was sent: whether it takes messages, and has the same secret, shows with the first removal.", nil
}

// failed is why a message was not taken. To a receiver, 401 and 403 are words about one message, not
// about credentials of ours; they pause the source all the same, because the next ones will fare alike.
func (c *Client) failed(a *rest.Answer) error {
	f := c.rest.Status("Sending the message", a)
	if f.Kind == connector.Denied {
		f.Msg = fmt.Sprintf("The webhook's receiver answered %d %s: does it have the same secret?", a.Status, http.StatusText(a.Status))
	}
	if wait := c.rest.RetryAfter(a.Header); wait > 0 && f.Kind == connector.Unreachable {
		f.RetryAfter = wait
	}
	return f
}
