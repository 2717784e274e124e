package ingest_test

import (
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
)

func TestJSONLines(t *testing.T) {
	t.Parallel()
	const ids = `"account_id":"a","entitlement_id":"b"`
	for _, c := range []struct{ name, content, want string }{
		{"plain", `{` + ids + `}`, `1 "a|b"`},
		{"blanks and CRLF", " { \"account_id\" : \"a\" ,\t\"entitlement_id\":\"b\" } \r\n\n", `1 "a|b"`},
		{"any case", `{"Account_ID":"a","ENTITLEMENT_ID":"b"}`, `1 "a|b"`},
		{"numbers keep their digits", `{"account_id":12345678901234567890,"entitlement_id":1.50,"n":-0.5e+3}`, `1 "12345678901234567890|1.50" {"n":"-0.5e+3"}`},
		{"truth and null", `{` + ids + `,"t":true,"f":false,"n":null}`, `1 "a|b" {"f":"false","t":"true"}`},
		{"escapes", `{"account_id":"\u00e9\ud83d\ude00\/\"","entitlement_id":"b","x":"\b\f\n\r\t\\"}`, `1 "é😀/\"|b" {"x":"\b\f\n\r\t\\"}`},
		{"path", `{` + ids + `,"via":["x","y z"]}`, `1 "a|b|via x>y z"`},
		{"empty path", `{` + ids + `,"via":[]}`, `1 "a|b"`},
		{"empty object", `{}`, `1 ! account_id: account_id is required and is empty`},
		{"null id", `{"account_id":null,"entitlement_id":"b"}`, `1 ! account_id: account_id is required and is empty`},
		{"part with a separator", `{` + ids + `,"via":["x>y"]}`, `1 ! via: a part of the path is empty or has a >`},
		{"number in a path", `{` + ids + `,"via":[1]}`, `1 ! via: the line is not JSON: at byte 47 it must have a string of the path`},
		{"object", `{` + ids + `,"x":{"y":1}}`, `1 ! x: the value is an object or a list: values must be text, numbers, true, false or null`},
		{"list", `{` + ids + `,"x":[1]}`, `1 ! x: the value is an object or a list: values must be text, numbers, true, false or null`},
		{"name twice", `{` + ids + `,"account_id":"c"}`, `1 ! account_id: the object has this name twice`},
		{"name twice in another case", `{` + ids + `,"Account_Id":"c"}`, `1 ! account_id: the object has this name twice`},
		{"attribute twice", `{` + ids + `,"x":"","x":"c"}`, `1 ! x: the object has this name twice`},
		{"empty name", `{` + ids + `,"":"c"}`, `1 ! a name is empty`},
		{"half a surrogate", `{` + ids + `,"x":"\ud83d"}`, `1 ! x: the line is not JSON: at byte 51 it must have an escape that JSON knows`},
		{"wrong half", `{` + ids + `,"x":"\ud83d\u0041"}`, `1 ! x: the line is not JSON: at byte 57 it must have an escape that JSON knows`},
		{"NUL", `{` + ids + `,"x":"\u0000"}`, `1 ! x: the value has a NUL character`},
		{"control character", "{" + ids + ",\"x\":\"\t\"}", `1 ! x: the line is not JSON: at byte 45 it must have no control character inside a string`},
		{"leading zero", `{` + ids + `,"x":01}`, `1 ! x: the line is not JSON: at byte 44 it must have a value`},
		{"no value", `{` + ids + `,"x":}`, `1 ! x: the line is not JSON: at byte 44 it must have a value`},
		{"trailing comma", `{` + ids + `,}`, `1 ! the line is not JSON: at byte 40 it must have a name in double quotes and a colon`},
		{"no comma", `{"account_id":"a" "entitlement_id":"b"}`, `1 ! the line is not JSON: at byte 19 it must have a comma or the closing brace`},
		{"cut off", `{"account_id":"a`, `1 ! account_id: the line is not JSON: at byte 17 it must have the closing quote of a string`},
		{"two objects", `{` + ids + `}{}`, `1 ! something follows the object: each line must be one object`},
		{"no object", `"a"`, `1 ! the line is not a JSON object: each line must be one, in braces`},
		{"not UTF-8", "{" + ids + ",\"x\":\"\xff\"}", `1 ! the line is not valid UTF-8`},
		{"long line", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, `1 ! the line is longer than 1 MiB`},
		{"long value", `{` + ids + `,"x":"` + strings.Repeat("x", 64<<10+1) + `"}`, `1 ! x: the value is longer than 64 KiB`},
		{"many names", `{` + ids + manyNames(1001) + `}`, `1 ! n1000: the object has more than 1000 names that are no columns`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// A good line behind each shows that reading goes on.
			g, err := readFile(t, "g.jsonl", c.content+"\n{"+ids+"}\n", model.KindGrants, ingest.Layout{})
			n := strings.Count(c.content, "\n")
			expectFile(t, g, err, c.want, []string{`2 "a|b"`, `3 "a|b"`, `4 "a|b"`}[n])
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"n` + itoa(i) + `":1`)
	}
	return b.String()
}

func TestJSONLinesMapped(t *testing.T) {
	t.Parallel()
	l := ingest.Layout{Columns: map[string]ingest.Column{"account_id": {Names: []string{"user"}}, "entitlement_id": {Names: []string{"app", "role"}}}}
	g, err := readFile(t, "g.jsonl", `{"role":"r/1","user":"u","app":"a","account_id":"other"}`+"\n"+`{"role":"r","user":"u"}`, model.KindGrants, l)
	expectFile(t, g, err, `1 "u|a/r\\/1" {"account_id":"other"}`, `2 "u|/r"`)
}
