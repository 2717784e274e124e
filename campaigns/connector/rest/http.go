package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"recert/campaigns/connector/dial"
	"recert/model"
)

// MaxRetry is the longest wait that a system may ask for.
const MaxRetry = 24 * time.Hour

// Transport is how requests to one system travel.
type Transport struct {
	Name   string                                                               // of the system, for messages
	CAFile string                                                               // PEM file of further authorities that are trusted; "" is the system's only
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil is a dial.Dialer that may go anywhere
}

// NewHTTP makes a client that sends credentials to the system and nowhere else: through no proxy, and
// after no redirect. What is wrong with CAFile is Invalid.
func NewHTTP(t Transport) (*http.Client, error) {
	roots, err := authorities(t)
	if err != nil {
		return nil, err
	}
	if t.Dial == nil {
		t.Dial = (&dial.Dialer{Allow: dial.Anywhere}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            t.Dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			// How much is asked at a time is for those who ask to say: a wait for a connection would be taken
			// for one for the system, and what has begun so would go out after removals were stopped.
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     60 * time.Second,
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: NoRedirect,
	}, nil
}

// NoRedirect has an http.Client give a redirect as the answer that it is.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// authorities are the system's and those of the file; nil is the system's.
func authorities(t Transport) (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil //nolint:nilnil // nil is what crypto/tls takes for the system's
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, &model.Error{Kind: model.Invalid, Msg: t.Name + ": the file of trusted authorities cannot be read", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, model.Errorf(model.Invalid, "%s: %s holds no certificate in PEM form", t.Name, t.CAFile)
	}
	return pool, nil
}

// RetryAfter reads the header: seconds, or a date. 0 is none; a wait that nobody can read is a second.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' }) < 0 {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > int64(MaxRetry/time.Second) {
			return MaxRetry
		}
		return max(time.Duration(n)*time.Second, time.Second)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return time.Second
	}
	return min(max(at.Sub(now), time.Second), MaxRetry)
}

// Sleep waits, or until ctx ends, and gives its cause then.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
