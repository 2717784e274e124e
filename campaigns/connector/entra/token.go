package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

// early is how long before its end a token is no longer used.
const early = 2 * time.Minute

// tokens keeps the one access token that a client needs at a time.
type tokens struct {
	cfg  clientcredentials.Config
	turn chan struct{} // holds one value while nobody uses what follows; a lock that a context can end
	got  string
	end  time.Time
}

func newTokens(cfg clientcredentials.Config) *tokens {
	t := &tokens{cfg: cfg, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// token is an access token that is still good; one that equals stale is not used again.
func (c *Client) token(ctx context.Context, stale string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	t := c.tokens
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", c.fail(connector.Unreachable, "Waiting for an access token was given up", ctx.Err())
	}
	defer func() { t.turn <- struct{}{} }()
	if t.got != "" && t.got != stale && c.cfg.Now().Before(t.end) {
		return t.got, nil
	}
	t.got = ""
	began := c.cfg.Now()
	tok, err := t.cfg.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		return "", c.tokenFailure(ctx, err)
	}
	life := time.Duration(seconds(tok)) * time.Second
	if life <= 0 {
		return "", c.fail(connector.Broken, "The token endpoint gave an access token that does not say how long it is good", nil)
	}
	// A token that lives shorter than the margin is used once, for the request that waits for it.
	t.got, t.end = tok.AccessToken, began.Add(life-min(early, life/2))
	return t.got, nil
}

// seconds is how long a token is good, by the endpoint's word rather than this machine's clock.
func seconds(tok *oauth2.Token) int64 {
	if tok.ExpiresIn > 0 {
		return tok.ExpiresIn
	}
	switch n := tok.Extra("expires_in").(type) {
	case float64:
		return int64(n)
	case string:
		var v int64
		if _, err := fmt.Sscan(n, &v); err == nil {
			return v
		}
	}
	return 0
}

var aadstsRE = regexp.MustCompile(`\bAADSTS[0-9]{4,8}\b`)

// advice is what Microsoft's sign-in errors mean, and what to do.
var advice = map[string]string{
	"AADSTS7000215":  "the client secret is wrong; give the secret's value, not its id",
	"AADSTS7000222":  "the client secret has expired; make a new one in the app registration",
	"AADSTS700016":   "the tenant has no such application; check the client id and the tenant id",
	"AADSTS90002":    "there is no such tenant; check the tenant id",
	"AADSTS900023":   "the tenant id is neither an id nor a domain",
	"AADSTS7000112":  "the application is disabled in the tenant",
	"AADSTS500011":   "the tenant does not know Microsoft Graph at this address; check graph_url",
	"AADSTS1002012":  "the address of Graph is not one that the tenant's cloud has; check graph_url and login_url",
	"AADSTS53003":    "a Conditional Access policy for workload identities blocks the sign-in",
	"AADSTS70001":    "the application is not set up in the tenant",
	"AADSTS50034":    "the account is not in the tenant",
	"AADSTS90033":    "the sign-in service is busy for a moment",
	"AADSTS70000121": "the grant is not valid",
}

// tokenFailure is why no token came. What the endpoint wrote is not repeated: it may hold the secret.
func (c *Client) tokenFailure(ctx context.Context, err error) error {
	re, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || re.Response == nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return c.fail(connector.Unreachable, "The sign-in to Microsoft Entra ID got no answer", err)
	}
	status := re.Response.StatusCode
	says := fmt.Sprintf("The sign-in to Microsoft Entra ID was answered %d %s", status, http.StatusText(status))
	code := aadstsRE.FindString(re.ErrorDescription)
	switch {
	case status == http.StatusTooManyRequests || status >= 500 || code == "AADSTS90033":
		f := &connector.Failure{Kind: connector.Unreachable, Msg: says, RetryAfter: rest.RetryAfter(re.Response.Header, c.cfg.Now())}
		if status == http.StatusTooManyRequests && f.RetryAfter == 0 {
			f.RetryAfter = time.Second
		}
		return f
	case code != "" && advice[code] != "":
		return c.fail(connector.Denied, "Microsoft Entra ID refuses the sign-in: "+advice[code]+" ("+code+")", nil)
	case code != "":
		return c.fail(connector.Denied, "Microsoft Entra ID refuses the sign-in ("+code+"); look the code up at https://login.microsoftonline.com/error", nil)
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest && re.ErrorCode != "":
		return c.fail(connector.Denied, says+": it does not accept the client id and secret", nil)
	}
	return c.fail(connector.Broken, says+", which no token endpoint answers; check login_url", nil)
}
