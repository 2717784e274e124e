package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Version is the version of the leaf format.
const Version = 1

// SaltSize is the length in bytes of the random salt of a commitment.
const SaltSize = 16

// Erased stands where a personal value has been erased. Its commitment stays.
const Erased = "[erased]"

// Event is one thing that happened and that must be provable later. It is sealed in the
// transaction that changes the state it speaks of.
type Event struct {
	Type   string // one of the constants in types.go
	Run    string // NAME@DATE of the run it belongs to, "" for the tool's own administration
	Object string // what it is about, such as "item:ID"; events of one object and run are chained by Prev
	At     time.Time
	Data   any // the body that belongs to Type, as a value or a pointer; nothing personal
	// Personal values by field name (names, mails, ids of people and accounts, comments). The leaf
	// holds only a salted commitment to each; the value lives in a deletable Disclosure.
	Personal map[string]string
}

// Disclosure opens one commitment of one leaf. Deleting it erases the value; the leaf and every
// proof go on verifying.
type Disclosure struct {
	Field string
	Salt  []byte // SaltSize bytes
	Value string
}

// Leaf is a sealed event as it is read back.
type Leaf struct {
	Version     int               `json:"v"`
	Type        string            `json:"type"`
	At          Time              `json:"at"`
	Run         string            `json:"run"`
	Object      string            `json:"object"`
	Data        raw               `json:"data"`
	Commitments map[string]string `json:"c"`    // field -> hex HMAC-SHA-256
	Prev        string            `json:"prev"` // hex hash of the previous leaf of the same object and run, "" for the first
}

// Commit is HMAC-SHA-256(salt, field‖0‖value): it binds the value and tells nothing about it
// without the salt.
func Commit(salt []byte, field, value string) [sha256.Size]byte {
	m := hmac.New(sha256.New, salt)
	io.WriteString(m, field) //nolint:errcheck // a hash never fails
	m.Write([]byte{0})
	io.WriteString(m, value) //nolint:errcheck // a hash never fails
	return [sha256.Size]byte(m.Sum(nil))
}

// Seal makes the canonical leaf of ev, its hash in the log, and the disclosures of its personal
// values. prev is the hex hash of the previous leaf of the same run and object, "" for its first.
// Salts come from rand (crypto/rand.Reader in production). It refuses an event whose body or
// personal fields do not belong to its type.
func Seal(ev Event, prev string, rand io.Reader) (leaf []byte, hash tlog.Hash, open []Disclosure, err error) {
	if err := checkEvent(&ev, prev); err != nil {
		return nil, hash, nil, fmt.Errorf("event %s of %q: %w", ev.Type, ev.Object, err)
	}
	commitments := make(map[string]string, len(ev.Personal))
	for _, field := range slices.Sorted(maps.Keys(ev.Personal)) {
		salt := make([]byte, SaltSize)
		if _, err := io.ReadFull(rand, salt); err != nil {
			return nil, hash, nil, fmt.Errorf("read random salt: %w", err)
		}
		c := Commit(salt, field, ev.Personal[field])
		commitments[field] = hex.EncodeToString(c[:])
		open = append(open, Disclosure{Field: field, Salt: salt, Value: ev.Personal[field]})
	}
	data, err := Canonical(ev.Data)
	if err != nil {
		return nil, hash, nil, fmt.Errorf("event %s of %q: data: %w", ev.Type, ev.Object, err)
	}
	leaf, err = Canonical(Leaf{
		Version: Version, Type: ev.Type, At: Instant(ev.At), Run: ev.Run, Object: ev.Object,
		Data: data, Commitments: commitments, Prev: prev,
	})
	if err != nil {
		return nil, hash, nil, fmt.Errorf("event %s of %q: %w", ev.Type, ev.Object, err)
	}
	return leaf, tlog.RecordHash(leaf), open, nil
}

func checkEvent(ev *Event, prev string) error {
	kind, ok := eventKinds[ev.Type]
	if !ok {
		return errors.New("the type is not known")
	}
	t := reflect.TypeOf(ev.Data)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != kind.body {
		return fmt.Errorf("its data must be a %s, not a %v", kind.body.Name(), t)
	}
	if err := checkPlace(kind, ev.Run, ev.Object, ev.Data); err != nil {
		return err
	}
	if y := ev.At.UTC().Year(); ev.At.IsZero() || y < 1 || y > 9999 || Instant(ev.At) == 0 {
		return fmt.Errorf("its time %v is not usable", ev.At)
	}
	if prev != "" && !isHex(prev, tlog.HashSize) {
		return fmt.Errorf("the previous hash %q is not hexadecimal of %d bytes", prev, tlog.HashSize)
	}
	for field, value := range ev.Personal {
		if !slices.Contains(kind.personal, field) {
			return fmt.Errorf("%q is not a personal field of it", field)
		}
		if !utf8.ValidString(value) {
			return fmt.Errorf("personal field %s is not valid UTF-8", field)
		}
	}
	return nil
}

// checkPlace tells whether run and object fit the event.
func checkPlace(kind eventKind, run, object string, data any) error {
	if object == "" {
		return errors.New("it names no object")
	}
	if want := ObjectOf(run, data); want != "" && object != want {
		return fmt.Errorf("its object must be %q", want)
	}
	if kind.inRun && run == "" {
		return errors.New("it names no run")
	}
	if !kind.inRun && run != "" {
		return fmt.Errorf("it belongs to no run, yet names %q", run)
	}
	return nil
}

// ParseLeaf reads a leaf and the body that belongs to its type, and refuses anything that Seal
// would not have written. The body is a pointer to the struct of the type.
func ParseLeaf(b []byte) (*Leaf, any, error) {
	var l Leaf
	if err := l.parse(b); err != nil {
		return nil, nil, err
	}
	kind, ok := eventKinds[l.Type]
	switch {
	case l.Version != Version:
		return nil, nil, fmt.Errorf("version %d of an event is not known here", l.Version)
	case !ok:
		return nil, nil, fmt.Errorf("event type %q is not known here", l.Type)
	case l.At == 0:
		return nil, nil, errors.New("an event without a time")
	case l.Prev != "" && !isHex(l.Prev, tlog.HashSize):
		return nil, nil, errors.New("the previous hash is not hexadecimal")
	}
	for field, c := range l.Commitments {
		if !slices.Contains(kind.personal, field) || !isHex(c, sha256.Size) {
			return nil, nil, fmt.Errorf("commitment %q does not belong to %s", field, l.Type)
		}
	}
	body := reflect.New(kind.body).Interface()
	if err := Decode(l.Data, body); err != nil {
		return nil, nil, fmt.Errorf("data of %s: %w", l.Type, err)
	}
	if err := checkPlace(kind, l.Run, l.Object, body); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.Type, err)
	}
	return &l, body, nil
}

// isHex tells whether s is n bytes in lower-case hexadecimal.
func isHex(s string, n int) bool {
	if len(s) != 2*n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
