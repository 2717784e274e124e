package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/dial"
	"recert/campaigns/connector/webhook"
	"recert/model"
)

// The test vector of the specification's own libraries.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

const (
	newSecret = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw=="
)

func keys(t *testing.T, text string) webhook.Keys {
	t.Helper()
	k, err := webhook.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVector(t *testing.T) {
	t.Parallel()
	h, at := http.Header{}, time.Unix(vectorTime, 0)
	keys(t, vectorSecret).Sign(h, vectorID, at, []byte(vectorBody))
	if got := h.Get("webhook-signature"); got != vectorSignature || h.Get("webhook-timestamp") != "1614265330" || h.Get("webhook-id") != vectorID {
		t.Errorf("signed %v", h)
	}
	if id, err := keys(t, vectorSecret).Verify(h, at, []byte(vectorBody)); err != nil || id != vectorID {
		t.Errorf("verified %q, %v", id, err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	at := time.Unix(vectorTime, 0)
	cases := map[string]struct {
		change func(h http.Header)
		keys   string
		now    time.Time
		body   string
		want   model.ErrorKind
		ok     bool
	}{
		"good":               {ok: true},
		"one of several":     {change: func(h http.Header) { h.Set("webhook-signature", "v1,AAAA v1a,xxx "+vectorSignature) }, ok: true},
		"while it changes":   {keys: newSecret + " " + vectorSecret, ok: true},
		"a little late":      {now: at.Add(4 * time.Minute), ok: true},
		"late":               {now: at.Add(6 * time.Minute), want: model.Invalid},
		"early":              {now: at.Add(-6 * time.Minute), want: model.Invalid},
		"another key":        {keys: newSecret, want: model.Forbidden},
		"another body":       {body: `{"test": 2432232315}`, want: model.Forbidden},
		"another id":         {change: func(h http.Header) { h.Set("webhook-id", "msg_x") }, want: model.Forbidden},
		"another time":       {change: func(h http.Header) { h.Set("webhook-timestamp", "1614265331") }, want: model.Forbidden},
		"no signature":       {change: func(h http.Header) { h.Del("webhook-signature") }, want: model.Forbidden},
		"an empty signature": {change: func(h http.Header) { h.Set("webhook-signature", "v1,") }, want: model.Forbidden},
		"another version":    {change: func(h http.Header) { h.Set("webhook-signature", "v2"+vectorSignature[2:]) }, want: model.Forbidden},
		"no id":              {change: func(h http.Header) { h.Del("webhook-id") }, want: model.Invalid},
		"a stop in the id":   {change: func(h http.Header) { h.Set("webhook-id", "a.b") }, want: model.Invalid},
		"no time":            {change: func(h http.Header) { h.Set("webhook-timestamp", "now") }, want: model.Invalid},
	}
	for name, c := range cases {
		h := http.Header{}
		keys(t, vectorSecret).Sign(h, vectorID, at, []byte(vectorBody))
		if c.change != nil {
			c.change(h)
		}
		if c.keys == "" {
			c.keys = vectorSecret
		}
		if c.now.IsZero() {
			c.now = at
		}
		if c.body == "" {
			c.body = vectorBody
		}
		_, err := keys(t, c.keys).Verify(h, c.now, []byte(c.body))
		if c.ok != (err == nil) || err != nil && model.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", " ", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!", vectorSecret + " canary", "whsec_" + strings.Repeat("AAAA", 200)} {
		_, err := webhook.ParseKeys(bad)
		if model.KindOf(err) != model.Invalid || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// receiver checks signatures in its own words.
type receiver struct {
	t      *testing.T
	answer func(n int, w http.ResponseWriter)

	mu     sync.Mutex // an answer may be cut off before its handler ends
	bodies [][]byte
	ids    []string
}

// got is what has come so far.
func (r *receiver) got() (bodies [][]byte, ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies), slices.Clone(r.ids)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		r.t.Error(err)
	}
	id, stamp := q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(newSecret, "whsec_"))
	if err != nil {
		r.t.Error(err)
	}
	m := hmac.New(sha256.New, raw)
	m.Write([]byte(id + "." + stamp + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
	found := false
	for _, s := range strings.Split(q.Header.Get("webhook-signature"), " ") {
		found = found || s == want
	}
	if !found || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/json" || stamp != "1795428000" {
		r.t.Errorf("%s %v is not signed as it should be", q.Method, q.Header)
	}
	r.mu.Lock()
	r.bodies, r.ids = append(r.bodies, body), append(r.ids, id)
	n := len(r.bodies)
	r.mu.Unlock()
	r.answer(n, w)
}

func send(t *testing.T, timeout time.Duration, answer func(n int, w http.ResponseWriter)) (*receiver, *webhook.Client) {
	t.Helper()
	r := &receiver{t: t, answer: answer}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	c, err := webhook.New(webhook.Config{
		URL: srv.URL + "/recert", Secret: vectorSecret + " " + newSecret, Timeout: timeout,
		Now: func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func order() connector.Order {
	return connector.Order{
		Removal: 17, System: "wiki", PersonID: "u7", PersonName: "Zoë Král", AccountName: "Zoë", DecidedBy: "Ana", Comment: "left", Campaign: "q@2026-11-01", DueAt: "2026-11-30T17:00:00+01:00",
		Link: "https://recert.example.com/revocations/17", Acknowledge: "https://recert.example.com/hooks/removals/x",
		Access: connector.Access{AccountID: "a-91", Username: "zkral", EntitlementID: "g-4", EntitlementName: "Editors", GrantedAt: model.TimeOf(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))},
	}
}

// TestMessage: the message is what FORMAT.md shows.
func TestMessage(t *testing.T) {
	t.Parallel()
	r, c := send(t, time.Minute, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) })
	ref, err := c.Open(t.Context(), order(), "recert-abc")
	if err != nil || ref.ID != "recert-abc" || ref.Closed {
		t.Fatalf("%+v, %v", ref, err)
	}
	const want = `{"type":"revocation.requested","timestamp":"2026-11-23T10:00:00Z","data":{"removal":17,"system":"wiki","campaign":"q@2026-11-01","action":"remove",` +
		`"account":{"id":"a-91","username":"zkral","name":"Zoë","person_id":"u7","person":"Zoë Král"},"entitlement":{"id":"g-4","name":"Editors"},"via":"",` +
		`"granted_at":"2026-02-01T00:00:00Z","reason":"left","decided_by":"Ana","due":"2026-11-30T17:00:00+01:00","url":"https://recert.example.com/revocations/17",` +
		`"acknowledge_url":"https://recert.example.com/hooks/removals/x"}}`
	bodies, _ := r.got()
	if got := string(bodies[0]); got != want {
		t.Errorf("the message is\n%s\nwant\n%s", got, want)
	}
	o := order()
	o.Access = connector.Access{AccountID: "a-91"}
	if _, err := c.Open(t.Context(), o, "recert-abd"); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Data struct {
			Action      string
			Entitlement any
			GrantedAt   any `json:"granted_at"`
		}
	}
	bodies, _ = r.got()
	if err := json.Unmarshal(bodies[1], &m); err != nil || m.Data.Action != "deactivate" || m.Data.Entitlement != nil || m.Data.GrantedAt != nil {
		t.Errorf("of an account it is %s (%v)", bodies[1], err)
	}
	if a, b := c.Token("recert-abc"), c.Token("recert-abd"); a == b || a != c.Token("recert-abc") || len(a) < 40 {
		t.Errorf("the tokens are %q and %q", a, b)
	}
}

// TestAnswers: each answer of a receiver is sorted into what follows from it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		header string // Retry-After
		want   connector.FailureKind
		later  time.Duration
	}{
		"200":         {200, "", "", 0},
		"204":         {204, "", "", 0},
		"302":         {302, "", connector.Broken, 0},
		"400":         {400, "", connector.Refused, 0},
		"401":         {401, "", connector.Denied, 0},
		"404":         {404, "", connector.Refused, 0},
		"408":         {408, "", connector.Unreachable, 0},
		"410":         {410, "", connector.Denied, 0},
		"422":         {422, "", connector.Refused, 0},
		"429":         {429, "", connector.Unreachable, time.Second},
		"429, later":  {429, "90", connector.Unreachable, 90 * time.Second},
		"500":         {500, "", connector.Unreachable, 0},
		"503, later":  {503, "30", connector.Unreachable, 30 * time.Second},
		"gateway":     {504, "", connector.Unreachable, 0},
		"hangs":       {0, "", connector.Unreachable, 0},
		"cuts it off": {-1, "", connector.Unreachable, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop, end := context.WithCancel(context.Background())
			timeout := time.Minute
			if c.status == 0 {
				timeout = 500 * time.Millisecond
			}
			r, client := send(t, timeout, func(_ int, w http.ResponseWriter) {
				switch c.status {
				case 0:
					<-stop.Done()
				case -1:
					panic(http.ErrAbortHandler)
				default:
					if c.header != "" {
						w.Header().Set("Retry-After", c.header)
					}
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(c.status)
				}
			})
			t.Cleanup(end)
			_, err := client.Open(t.Context(), order(), "recert-abc")
			switch {
			case c.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || connector.FailureOf(err).Kind != c.want || connector.FailureOf(err).RetryAfter != c.later:
				t.Errorf("%v after %v", err, connector.FailureOf(err).RetryAfter)
			}
			if _, ids := r.got(); len(ids) != 1 || ids[0] != "recert-abc" {
				t.Errorf("it was sent as %v", ids)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, client, client); strings.Contains(text, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") {
				t.Errorf("it shows the secret: %s", text)
			}
		})
	}
}

// TestProbe: a test connects, and sends nothing that a receiver could take for an order.
func TestProbe(t *testing.T) {
	t.Parallel()
	asked := func(w http.ResponseWriter, r *http.Request) { t.Errorf("it was sent %s %s", r.Method, r.URL) }
	plain, encrypted := httptest.NewServer(http.HandlerFunc(asked)), httptest.NewUnstartedServer(http.HandlerFunc(asked))
	encrypted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	encrypted.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(encrypted.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, ca, works, fails string }{
		"in clear":          {url: plain.URL, works: "can be reached. Nothing was sent"},
		"with TLS":          {url: encrypted.URL, ca: ca, works: "its certificate is good. Nothing was sent"},
		"unknown authority": {url: encrypted.URL, fails: "ca_file"},
		"nobody there":      {url: "http://127.0.0.1:1/in", fails: "nothing listens at 127.0.0.1:1"},
		"no TLS":            {url: strings.Replace(plain.URL, "http:", "https:", 1), fails: "TLS"},
	} {
		client, err := webhook.New(webhook.Config{URL: c.url, Secret: vectorSecret, CAFile: c.ca, Timeout: 5 * time.Second, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		said, err := client.Probe(t.Context())
		if (err == nil) != (c.fails == "") || !strings.Contains(said, c.works) || !strings.Contains(dial.Why(err), c.fails) {
			t.Errorf("%s: %q, %v (%s)", name, said, err, dial.Why(err))
		}
	}
}
