package proc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	longestText = 500     // bytes of a program's text that are shown
	tailBytes   = 4 << 10 // of its error output that are kept
)

// Secrets are secrets in every form in which a program may repeat them, longest first.
type Secrets []string

// SecretsOf are the values as they are and as programs write them into addresses, JSON and
// headers.
func SecretsOf(values map[string]string) Secrets {
	var list Secrets
	for _, s := range values {
		if s == "" {
			continue
		}
		list = append(list, s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
		if quoted, err := json.Marshal(s); err == nil {
			inside := string(quoted[1 : len(quoted)-1])
			list = append(list, inside, notHTML.Replace(inside))
		}
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(list)
}

// notHTML undoes what encoding/json does for the sake of HTML, and other encoders do not.
var notHTML = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

// Hide puts *** in the place of every secret.
func (m Secrets) Hide(s string) string {
	for _, secret := range m {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

// Show makes a program's text fit to be shown: one line, cut, without secrets.
func (m Secrets) Show(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, m.Hide(s))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > longestText {
		s = strings.ToValidUTF8(s[:longestText], "") + "…"
	}
	return s
}

// Error is err where it repeats no secret and is of a length that can be read, otherwise its
// text without them.
func (m Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); m.Hide(text) != text || len(text) > 3*longestText {
		return errors.New(m.Show(text))
	}
	return err
}

// Tail keeps the end of what is written to it. It is safe for concurrent use.
type Tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

// Write keeps the last bytes; it never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - tailBytes; n > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[n:]...), true
	}
	return len(b), nil
}

// Last is the last line, or "" where its beginning was not kept: it might begin in the middle
// of a secret.
func (t *Tail) Last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimRight(string(t.buf), "\r\n \t")
	i := strings.LastIndexAny(text, "\r\n")
	if i < 0 && t.cut {
		return ""
	}
	return text[i+1:]
}
