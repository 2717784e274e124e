package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxDepth bounds nesting: no event needs more, and a parser must not be led into the ground.
const maxDepth = 32

// Time is an instant in microseconds since the Unix epoch. Zero is unknown and is null in
// JSON; any other value is RFC 3339 in UTC with exactly six fraction digits.
type Time int64

// timeLayout has a fixed number of digits, so that one instant has one spelling.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Instant cuts t to microseconds; the zero time.Time is unknown.
func Instant(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMicro())
}

// Std is the instant in UTC; unknown is the zero time.Time.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// String is the canonical spelling; unknown is "".
func (t Time) String() string {
	if t == 0 {
		return ""
	}
	return t.Std().Format(timeLayout)
}

// MarshalJSON writes the canonical spelling, or null where unknown.
func (t Time) MarshalJSON() ([]byte, error) {
	if t == 0 {
		return []byte("null"), nil
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = 0
	if string(b) == "null" {
		return nil
	}
	s := strings.Trim(string(b), `"`)
	v, err := ParseTime(s)
	if err != nil {
		return err
	}
	if v == 0 {
		return fmt.Errorf("time %q stands for unknown and is written null", s)
	}
	*t = v
	return nil
}

// ParseTime reads the canonical spelling; "" is unknown.
func ParseTime(s string) (Time, error) {
	if s == "" {
		return 0, nil
	}
	v, err := time.Parse(timeLayout, s)
	if err != nil || v.Format(timeLayout) != s {
		return 0, fmt.Errorf("%q is not a time in the form %s", s, timeLayout)
	}
	return Time(v.UnixMicro()), nil
}

// Canonical encodes v in the one form that is ever hashed: object keys sorted bytewise, no
// white space, minimal escapes, valid UTF-8, integers only. It takes structs with json tags,
// maps with string keys, slices, pointers, strings, booleans, integers, Time and
// json.RawMessage; nil slices are [], nil maps are {}, nil pointers are null. Anything that
// has no canonical form (a float, invalid UTF-8) is an error, never repaired.
func Canonical(v any) ([]byte, error) {
	return appendCanonical(nil, v)
}

func appendCanonical(b []byte, v any) ([]byte, error) {
	return appendValue(b, reflect.ValueOf(v), 0)
}

var (
	copyType = reflect.TypeFor[raw]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	timeType = reflect.TypeFor[Time]()
)

func appendValue(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errors.New("JSON is nested too deeply")
	}
	if !v.IsValid() {
		return append(b, "null"...), nil
	}
	switch v.Type() {
	case timeType:
		if v.Int() == 0 {
			return append(b, "null"...), nil
		}
		b = append(b, '"')
		b = Time(v.Int()).Std().AppendFormat(b, timeLayout)
		return append(b, '"'), nil
	case copyType:
		return append(b, v.Bytes()...), nil
	case rawType:
		return appendRaw(b, v.Bytes(), depth)
	}
	switch v.Kind() { //nolint:exhaustive // the rest has no canonical form
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d is too large an integer", v.Uint())
		}
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendValue(b, v.Elem(), depth)
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Struct:
		return appendStruct(b, v, depth)
	}
	return nil, fmt.Errorf("a %s has no canonical JSON", v.Type())
}

// appendRaw takes JSON in any spelling and writes its canonical form.
func appendRaw(b, text []byte, depth int) ([]byte, error) {
	if len(text) == 0 {
		return append(b, "null"...), nil
	}
	tree, err := parseJSON(text, false)
	if err != nil {
		return nil, err
	}
	return appendValue(b, reflect.ValueOf(tree), depth)
}

func appendList(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("a %s has no canonical JSON", v.Type())
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	b = append(b, '{')
	var err error
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(b, k.String()); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, v.MapIndex(k), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// structField is one field of a struct in canonical order.
type structField struct {
	key       string
	index     []int
	omitEmpty bool
}

var structFields sync.Map // reflect.Type -> []structField

func fieldsOf(t reflect.Type) []structField {
	if f, ok := structFields.Load(t); ok {
		return f.([]structField) //nolint:errcheck,forcetypeassert // only this function stores
	}
	var fields []structField
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, structField{key: name, index: f.Index, omitEmpty: opts == "omitempty"})
	}
	slices.SortFunc(fields, func(x, y structField) int { return strings.Compare(x.key, y.key) })
	structFields.Store(t, fields)
	return fields
}

func appendStruct(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, f := range fieldsOf(v.Type()) {
		fv := v.FieldByIndex(f.index)
		if f.omitEmpty && fv.IsZero() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		b = append(b, f.key...)
		b = append(b, '"', ':')
		var err error
		if b, err = appendValue(b, fv, depth+1); err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
	}
	return append(b, '}'), nil
}

const hexDigits = "0123456789abcdef"

// appendString escapes what JSON demands and nothing else.
func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%q is not valid UTF-8", s)
	}
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"'), nil
}

// Decode reads canonical JSON into v, a pointer to a struct. It refuses every other spelling
// of the same value, and any key that v does not know or that is missing, by encoding v again
// and comparing the bytes.
func Decode(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("not the JSON that belongs here: %w", err)
	}
	again, err := Canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errors.New("not in canonical form, or with keys that do not belong here")
	}
	return nil
}
