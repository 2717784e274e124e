package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	seven := int64(7)
	for _, c := range []struct {
		in   any
		want string // "" where it must be refused
	}{
		{map[string]any{"b": 1, "a": "x", "ä": nil, "Z": []string(nil)}, `{"Z":[],"a":"x","b":1,"ä":null}`},
		{map[string]int64(nil), `{}`},
		{&seven, `7`},
		{(*int64)(nil), `null`},
		{"<&>/\u2028é\x7f", "\"<&>/\u2028é\x7f\""},
		{"\"\\\b\f\n\r\t\x00\x1f", `"\"\\\b\f\n\r\t\u0000\u001f"`},
		{Time(1772442000000001), `"2026-03-02T09:00:00.000001Z"`},
		{Time(0), `null`},
		{json.RawMessage(` { "b" : [ 1 , -2 ] , "a" : "\u0041\/" } `), `{"a":"A/","b":[1,-2]}`},
		{json.RawMessage(`"\ud83d\ude00"`), `"😀"`},
		{SourceFile{Kind: "grants", Bytes: 3}, `{"bytes":3,"kind":"grants","name":"","sha256":""}`},
		{SnapshotHeld{SnapshotSealed: SnapshotSealed{Source: "s"}}, ``}, // checked below
		{"\xff", ``},
		{map[string]string{"a\xff": ""}, ``},
		{1.5, ``},
		{json.RawMessage(`1.5`), ``},
		{json.RawMessage(`1e3`), ``},
		{json.RawMessage(`{"a":1,"a":2}`), ``},
		{json.RawMessage(`"\ud83d"`), ``},
		{json.RawMessage(`{}x`), ``},
		{json.RawMessage(strings.Repeat("[", 100) + strings.Repeat("]", 100)), ``},
		{uint64(1 << 63), ``},
		{map[int]string{1: "a"}, ``},
		{func() {}, ``},
	} {
		got, err := Canonical(c.in)
		if _, held := c.in.(SnapshotHeld); held {
			if err != nil || !bytes.Contains(got, []byte(`"reasons":[]`)) || !bytes.Contains(got, []byte(`"source":"s"`)) {
				t.Errorf("embedded fields are not promoted: %s, %v", got, err)
			}
			continue
		}
		if c.want == "" && err == nil || c.want != "" && (err != nil || string(got) != c.want) {
			t.Errorf("%#v: got %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestParseCanonical(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		`{}`, `[]`, `null`, `true`, `false`, `0`, `-1`, `9223372036854775807`, `""`, `"\u0001\n"`, `{"a":[{"b":null}],"b":"é"}`,
	} {
		v, err := ParseCanonical([]byte(s))
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if again, err := Canonical(v); err != nil || string(again) != s {
			t.Errorf("%s comes back as %s, %v", s, again, err)
		}
	}
	for _, s := range []string{
		``, ` {}`, `{} `, `{"b":1,"a":2}`, `{"a":1,"a":1}`, `{"a": 1}`, `[1,]`, `[1 ,2]`, `01`, `-0`, `+1`, `1.0`, `1e1`, `9223372036854775808`,
		`"\/"`, `"\u0041"`, `"\u000a"`, `"\u001F"`, "\"\n\"", "\"\xff\"", `"a`, `{"a"`, `{`, `[`, `nul`, `tru`, `NaN`, `"\x"`, `{1:2}`, `--1`,
	} {
		if v, err := ParseCanonical([]byte(s)); err == nil {
			t.Errorf("%q is taken for %#v", s, v)
		}
	}
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	good := `{"bytes":3,"kind":"grants","name":"n","sha256":""}`
	var f SourceFile
	if err := Decode([]byte(good), &f); err != nil || f.Bytes != 3 {
		t.Error(err, f)
	}
	for _, s := range []string{
		`{"Bytes":3,"kind":"grants","name":"n","sha256":""}`, `{"bytes":3,"kind":"grants","name":"n"}`, `{"bytes":3,"extra":1,"kind":"grants","name":"n","sha256":""}`,
		`{"bytes":3,"kind":"grants","name":"\u006e","sha256":""}`, `{"kind":"grants","bytes":3,"name":"n","sha256":""}`, good + "\n", `null`,
	} {
		if err := Decode([]byte(s), &f); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

// bodyOf is a body of the type with something in every field, and an event around it.
func bodyOf(typ string) Event {
	kind := eventKinds[typ]
	v := reflect.New(kind.body)
	fill(v.Elem())
	ev := Event{Type: typ, Object: "thing:1", At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Data: v.Interface(), Personal: map[string]string{}}
	if kind.inRun {
		ev.Run = testRun
	}
	if o := ObjectOf(ev.Run, ev.Data); o != "" {
		ev.Object = o
	}
	for _, field := range kind.personal {
		ev.Personal[field] = "value of " + field
	}
	return ev
}

func fill(v reflect.Value) {
	switch {
	case v.Type() == rawType:
		v.SetBytes([]byte(`{"a":1}`))
	case v.Type() == timeType:
		v.SetInt(1772442000000001)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.CanInt():
		v.SetInt(4)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e)
		v.SetMapIndex(reflect.ValueOf("k"), e)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	default:
		panic("no value for " + v.Type().String())
	}
}

func TestSealEveryType(t *testing.T) {
	t.Parallel()
	for typ := range eventKinds {
		ev := bodyOf(typ)
		leaf, hash, open, err := Seal(ev, "", rand.NewChaCha8([32]byte{}))
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if _, err := ParseCanonical(leaf); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		l, body, err := ParseLeaf(leaf)
		if err != nil || l.Type != typ || l.Run != ev.Run || l.Object != ev.Object || l.At != Instant(ev.At) || !reflect.DeepEqual(body, ev.Data) {
			t.Errorf("%s comes back as %+v, %+v, %v", typ, l, body, err)
		}
		if len(open) != len(ev.Personal) || bytes.Contains(leaf, []byte("value of")) {
			t.Errorf("%s: %d disclosures, leaf %s", typ, len(open), leaf)
		}
		line, err := (&LogLine{Index: 3, Leaf: leaf, Disclosures: open}).append(nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := parseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil || e.hash != hash || !reflect.DeepEqual(e.personal, ev.Personal) {
			t.Errorf("%s: line comes back as %+v, %v", typ, e, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		change     func(*Event, *string)
	}{
		{"unknown type", "not known", func(e *Event, _ *string) { e.Type = "item.eaten" }},
		{"other body", "its data must be", func(e *Event, _ *string) { e.Data = ItemGone{} }},
		{"no body", "its data must be", func(e *Event, _ *string) { e.Data = nil }},
		{"other object", "its object must be", func(e *Event, _ *string) { e.Object = "item:other" }},
		{"no object", "names no object", func(e *Event, _ *string) { e.Object = "" }},
		{"no run", "names no run", func(e *Event, _ *string) { e.Run = "" }},
		{"no time", "not usable", func(e *Event, _ *string) { e.At = time.Time{} }},
		{"other personal field", "not a personal field", func(e *Event, _ *string) { e.Personal["mail"] = "x" }},
		{"invalid UTF-8", "not valid UTF-8", func(e *Event, _ *string) { e.Personal["comment"] = "\xff" }},
		{"bad previous", "previous hash", func(_ *Event, prev *string) { *prev = "ABC" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ev, prev := bodyOf(TypeItemDecided), ""
			c.change(&ev, &prev)
			if _, _, _, err := Seal(ev, prev, rand.NewChaCha8([32]byte{})); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, _, _, err := Seal(bodyOf(TypeItemDecided), "", bytes.NewReader(nil)); err == nil {
		t.Error("a leaf without salt")
	}
}

// TestCommitVector is computed by hand with openssl: HMAC-SHA-256, key 00…0f, "comment\0hello".
func TestCommitVector(t *testing.T) {
	t.Parallel()
	salt, err := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	got := Commit(salt, "comment", "hello")
	if hex.EncodeToString(got[:]) != commitVector {
		t.Errorf("got %x", got)
	}
}

func FuzzParseCanonical(f *testing.F) {
	for _, s := range []string{`{"a":[1,"\n",null]}`, `"\u0001"`, `-5`, `[[[]]]`, `{"a":{"b":true}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseCanonical(b)
		if err != nil {
			return
		}
		if again, err := Canonical(v); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q is accepted, yet its canonical form is %q (%v)", b, again, err)
		}
		var std any
		if err := json.Unmarshal(b, &std); err != nil {
			t.Errorf("%q is accepted, yet encoding/json says %v", b, err)
		}
	})
}

func FuzzParseLine(f *testing.F) {
	for typ := range eventKinds {
		leaf, _, open, err := Seal(bodyOf(typ), "", rand.NewChaCha8([32]byte{}))
		if err != nil {
			f.Fatal(err)
		}
		line, err := (&LogLine{Index: 3, Leaf: leaf, Disclosures: open}).append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line[:len(line)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseLine(b)
		if err != nil {
			return
		}
		if again, err := Canonical(e.Leaf); err != nil || !bytes.Contains(b, mustString(t, string(again))) {
			t.Errorf("%q is accepted, yet its leaf is %q (%v)", b, again, err)
		}
	})
}

func mustString(t *testing.T, s string) []byte {
	t.Helper()
	b, err := appendString(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const commitVector = "3284563b072c5426cde95205658e422c63858837b746e796057dc20b74a172d2"
