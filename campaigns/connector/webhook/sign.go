package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// Headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how old, or how far ahead of our clock, a message may be.
const Tolerance = 5 * time.Minute

// Bounds of a key, in bytes, by the specification.
const (
	leastKey = 24
	mostKey  = 512
)

const maxID = 200

// Keys are the signing keys of one address: the first one is the current one. While a key is
// changed, messages are signed with all of them.
type Keys struct{ keys [][]byte }

// ParseKeys reads keys of the form whsec_BASE64, separated by spaces. Its error repeats none.
func ParseKeys(text string) (Keys, error) {
	var k Keys
	for _, part := range strings.Fields(text) {
		encoded, ok := strings.CutPrefix(part, "whsec_")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		switch {
		case !ok || err != nil:
			return Keys{}, model.Errorf(model.Invalid, "webhook: secret must be whsec_ and base64, as in: echo whsec_$(openssl rand -base64 32)")
		case len(raw) < leastKey || len(raw) > mostKey:
			return Keys{}, model.Errorf(model.Invalid, "webhook: secret must be of %d to %d bytes", leastKey, mostKey)
		}
		k.keys = append(k.keys, raw)
	}
	if len(k.keys) == 0 {
		return Keys{}, model.Errorf(model.Invalid, "webhook: secret is empty")
	}
	return k, nil
}

// String shows no key.
func (Keys) String() string { return "signing keys" }

// GoString shows no key.
func (Keys) GoString() string { return "signing keys" }

// Sign sets the headers of a message.
func (k Keys) Sign(h http.Header, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	sigs := make([]string, len(k.keys))
	for i, key := range k.keys {
		sigs[i] = "v1," + base64.StdEncoding.EncodeToString(sum(key, id, stamp, body))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, strings.Join(sigs, " "))
}

func sum(key []byte, id, stamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + stamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

// Verify gives the id of a message that is signed with one of the keys and is neither old nor from
// the future. Whether the id was there before is for the caller to ask.
func (k Keys) Verify(h http.Header, now time.Time, body []byte) (id string, err error) {
	id, stamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '.' }) {
		return "", model.Errorf(model.Invalid, "webhook-id must be of 1 to %d characters, without spaces and full stops", maxID)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return "", model.Errorf(model.Invalid, "webhook-timestamp must be a number of seconds")
	}
	if !k.signed(h.Get(HeaderSignature), id, stamp, body) {
		return "", model.Errorf(model.Forbidden, "webhook-signature is not by a key that is known here")
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return "", model.Errorf(model.Invalid, "webhook-timestamp is more than five minutes away from our clock")
	}
	return id, nil
}

// signed compares all signatures with all keys, whichever one is right.
func (k Keys) signed(header, id, stamp string, body []byte) bool {
	ok := false
	for i, part := range strings.Fields(header) {
		if i >= 10 {
			break
		}
		encoded, v1 := strings.CutPrefix(part, "v1,")
		got, err := base64.StdEncoding.DecodeString(encoded)
		if !v1 || err != nil {
			continue
		}
		for _, key := range k.keys {
			ok = hmac.Equal(got, sum(key, id, stamp, body)) || ok
		}
	}
	return ok
}

// Token is the part of the address to report to that nobody can guess who has no key.
func (k Keys) Token(key string) string {
	m := hmac.New(sha256.New, k.keys[0])
	m.Write([]byte("recert acknowledge address\n" + key))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
