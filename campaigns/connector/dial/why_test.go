package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestWhy: each way in which a connection fails is told apart, by the errors of real ones.
func TestWhy(t *testing.T) {
	t.Parallel()
	plain, encrypted := httptest.NewServer(http.NotFoundHandler()), httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	t.Cleanup(encrypted.Close)
	trusting := encrypted.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:errcheck,forcetypeassert // httptest makes it so
	hang, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hang.Close() })
	shut, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + shut.Addr().String()
	shut.Close()
	get := func(d *Dialer, cfg *tls.Config, url string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if strings.Contains(url, hang.Addr().String()) {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		}
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DialContext: d.DialContext, TLSClientConfig: cfg}
		defer tr.CloseIdleConnections()
		resp, err := tr.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
			t.Fatalf("%s answers", url)
		}
		return fmt.Errorf("wrapped: %w", err)
	}
	anywhere := &Dialer{Allow: Anywhere}
	past := &tls.Config{RootCAs: trusting, ServerName: "example.com", Time: func() time.Time { return time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC) }}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refused address":   {get(&Dialer{}, nil, "http://192.168.255.1"), "list its network"},
		"reserved address":  {get(anywhere, nil, "http://169.254.169.254/"), "is not an address that"},
		"no such name":      {&net.OpError{Op: "dial", Err: &net.DNSError{Name: "nobody.example.com", IsNotFound: true}}, "no machine has the name nobody.example.com"},
		"no name server":    {&net.DNSError{Name: "nobody.example.com", IsTimeout: true}, "the name server does not answer"},
		"nothing there":     {get(anywhere, nil, nobody), "nothing listens at 127.0.0.1:"},
		"unknown authority": {get(anywhere, nil, encrypted.URL), "ca_file"},
		"another name":      {get(anywhere, &tls.Config{RootCAs: trusting, ServerName: "recert.invalid"}, encrypted.URL), "for another name"},
		"not valid yet":     {get(anywhere, past, encrypted.URL), "expired, or is not valid yet"},
		"no TLS":            {get(anywhere, nil, strings.Replace(plain.URL, "http", "https", 1)), "does not speak TLS"},
		"hangs":             {get(anywhere, nil, "http://"+hang.Addr().String()), "in time"},
		"something else":    {errors.New("with a secret"), ""},
		"nothing":           {nil, ""},
	} {
		if got := Why(c.err); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, c.err)
		}
	}
}
