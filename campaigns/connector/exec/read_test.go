package execconn

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/model"
)

const (
	rowA = `{"kind":"accounts","account_id":"u-1","username":"ann"}`
	rowB = `{"kind":"accounts","account_id":"u-2"}`
	rowE = `{"kind":"entitlements","entitlement_id":"g-1","name":"G"}`
	rowG = `{"kind":"grants","account_id":"u-1","entitlement_id":"g-1"}`
	end  = `{"end":true,"totals":{"accounts":2,"entitlements":1,"grants":1}}`
)

// TestListRefused: a list that is not whole is a failure, whatever the exit status is.
func TestListRefused(t *testing.T) {
	t.Parallel()
	whole := []string{rowA, rowB, rowE, rowG, end}
	with := func(i int, lines ...string) []string {
		return append(append(append([]string{}, whole[:i]...), lines...), whole[i+1:]...)
	}
	tests := map[string]struct {
		lines []string
		then  string
		kind  connector.FailureKind
		says  string
	}{
		"whole":               {whole, "", "", ""},
		"no end line":         {whole[:4], "", connector.Broken, "without its end line"},
		"no end line, fails":  {whole[:4], "exit 1", connector.Unreachable, "exit status 1"},
		"nothing":             {nil, "", connector.Broken, ""},
		"whole, then fails":   {whole, "exit 1", connector.Unreachable, "exit status 1"},
		"whole, then killed":  {whole, "kill -9 $$", connector.Unreachable, "killed"},
		"more after the end":  {append(with(4, end), rowA), "", connector.Broken, "more came after the end"},
		"two ends":            {append(with(4, end), end), "", connector.Broken, "more came after the end"},
		"hangs after the end": {whole, "sleep 1000", connector.Unreachable, "ended before it was done"},
		"a row too few":       {append(append([]string{}, whole[:1]...), whole[2:]...), "", connector.Broken, "counts 2 accounts, but 1 came"},
		"a total too high":    {with(4, strings.Replace(end, `"grants":1`, `"grants":2`, 1)), "", connector.Broken, "counts 2 grants, but 1 came"},
		"a total too low":     {with(4, strings.Replace(end, `"accounts":2`, `"accounts":1`, 1)), "", connector.Broken, "counts 1 accounts, but 2 came"},
		"a total missing":     {with(4, `{"end":true,"totals":{"accounts":2,"entitlements":1}}`), "", connector.Broken, "no total of grants"},
		"totals missing":      {with(4, `{"end":true}`), "", connector.Broken, "the end must be"},
		"totals of a strange kind": {
			with(4, strings.Replace(end, `"grants":1`, `"grants":1,"people":0`, 1)), "", connector.Broken, "kinds that were not asked for",
		},
		"end is false":            {with(4, strings.Replace(end, "true", "false", 1)), "", connector.Broken, "the end must be"},
		"end misspelt":            {with(4, strings.Replace(end, "}}", `},"x":1}`, 1)), "", connector.Broken, "the end must be"},
		"totals are text":         {with(4, strings.Replace(end, ":2", `:"2"`, 1)), "", connector.Broken, "no numbers"},
		"kinds out of order":      {[]string{rowA, rowE, rowB, rowG, end}, "", connector.Broken, "line 3 is a row of accounts after rows of entitlements"},
		"a kind not asked for":    {with(0, `{"kind":"people","person_id":"p"}`), "", connector.Broken, "people, which were not asked for"},
		"an unknown kind":         {with(0, `{"kind":"things"}`), "", connector.Broken, "line 1 cannot be read"},
		"no kind":                 {with(0, `{"account_id":"u-1"}`), "", connector.Broken, "has no kind"},
		"no id":                   {with(0, `{"kind":"accounts","username":"ann"}`), "", connector.Broken, "account_id must be there"},
		"an account twice":        {with(1, rowA), "", connector.Broken, `gives "u-1" of accounts again`},
		"an entitlement twice":    {with(3, rowE), "", connector.Broken, `gives "g-1" of entitlements again`},
		"a grant twice":           {with(4, rowG, end), "", connector.Broken, `gives the grant of "g-1" to "u-1" again`},
		"an account not listed":   {with(3, strings.Replace(rowG, "u-1", "u-9", 1)), "", connector.Broken, `names the account "u-9"`},
		"entitlement not listed":  {with(3, strings.Replace(rowG, "g-1", "g-9", 1)), "", connector.Broken, `names the entitlement "g-9"`},
		"a time without a zone":   {with(3, strings.Replace(rowG, "}", `,"granted_at":"2026-01-02"}`, 1)), "", connector.Broken, "granted_at must be a time"},
		"a truth as text":         {with(0, strings.Replace(rowA, "}", `,"privileged":"no"}`, 1)), "", connector.Broken, "privileged must be true, false or null"},
		"a list as text":          {with(0, strings.Replace(rowA, `"ann"`, `["ann"]`, 1)), "", connector.Broken, "username must be a text"},
		"a field twice":           {with(0, strings.Replace(rowA, "}", `,"username":"ben"}`, 1)), "", connector.Broken, `has "username" twice`},
		"two rows on a line":      {with(0, rowA+rowB), "", connector.Broken, "more follows"},
		"a blank line":            {with(0, rowA, ""), "", connector.Broken, "line 2 cannot be read"},
		"half a row":              {with(3, rowG[:30]), "", connector.Broken, "line 4 cannot be read"},
		"half a row, and killed":  {[]string{rowA, rowB[:20]}, "kill -9 $$", connector.Unreachable, "killed"},
		"an error in the middle":  {[]string{rowA, `{"error":{"kind":"denied","message":"Session over."}}`}, "", connector.Denied, "Session over."},
		"an error after the rows": {append(whole[:4:4], `{"error":{"kind":"unreachable","retry_after":4}}`), "", connector.Unreachable, "could not reach"},
		"a line too long":         {with(0, strings.Replace(rowA, "ann", strings.Repeat("n", 5000), 1)), "", connector.Broken, "line 1 is longer than 4096 bytes"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := shell(t, say(c.lines...)+c.then, func(cfg *Config) {
				cfg.MaxLine = 4096
				if strings.HasPrefix(name, "hangs") {
					cfg.Timeout = time.Second
				}
			})
			n := 0
			ext, err := client.Read(t.Context(), func(model.Record) error { n++; return nil })
			if c.kind == "" {
				if err != nil || n != 4 || ext.Totals[model.KindAccounts] != 2 {
					t.Fatalf("%d rows, %+v, %v", n, ext, err)
				}
				return
			}
			if f := connector.FailureOf(err); err == nil || f.Kind != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v; want %s with %q", err, c.kind, c.says)
			}
			if ext.Totals != nil {
				t.Errorf("a failed read has totals: %+v", ext)
			}
		})
	}
}

// TestRows: each column reaches its field, and what is no column becomes an attribute.
func TestRows(t *testing.T) {
	t.Parallel()
	own := map[model.Kind]string{model.KindPeople: "person_kind", model.KindAccounts: "account_kind", model.KindEntitlements: "entitlement_kind"}
	for _, kind := range model.Kinds {
		row := `{"kind":"` + string(kind) + `","shoe":"42","n":1.50,"deep":{"a":[1]},"none":null`
		for _, col := range model.Columns(kind) {
			field := col
			if col == "kind" {
				field = own[kind]
			}
			switch {
			case strings.HasSuffix(col, "_at") || strings.HasSuffix(col, "_date"):
				row += `,"` + field + `":"2026-01-02T03:04:05Z"`
			case col == "privileged":
				row += `,"` + field + `":true`
			default:
				row += `,"` + field + `":"the ` + col + `"`
			}
		}
		l, err := parse([]byte(row + "}"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		v := map[model.Kind]any{
			model.KindPeople: l.rec.Person, model.KindAccounts: l.rec.Account,
			model.KindEntitlements: l.rec.Entitlement, model.KindGrants: l.rec.Grant,
		}[kind]
		at, _ := model.ParseTime("2026-01-02T03:04:05Z")
		for f, got := range reflect.ValueOf(v).Fields() {
			var want any = "the " + f.Tag.Get("json")
			switch got.Interface().(type) {
			case model.Time:
				want = at
			case model.Tri:
				want = model.Yes
			case map[string]string:
				want = map[string]string{"shoe": "42", "n": "1.50", "deep": `{"a":[1]}`}
			}
			if !reflect.DeepEqual(got.Interface(), want) {
				t.Errorf("%s.%s is %v, want %v", kind, f.Name, got, want)
			}
		}
	}
	l, err := parse([]byte(`{"kind":"accounts","account_id":12345678901234567890,"username":null,"created_at":"","privileged":""}`))
	if err != nil || l.rec.Account.AccountID != "12345678901234567890" || l.rec.Account.Username != "" || l.rec.Account.Privileged != model.Unknown {
		t.Errorf("%+v, %v", l.rec.Account, err)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	c := shell(t, `grep -q '"kinds":\["people"\]' || exit 5; `+say(`{"kind":"people","person_id":"p-1","name":"Ann"}`, `{"end":true,"totals":{"people":1}}`),
		func(c *Config) { c.Provides = model.ProvidesPeople })
	var got []model.Record
	ext, err := c.Read(t.Context(), func(r model.Record) error { got = append(got, r); return nil })
	if err != nil || len(got) != 1 || got[0].Person.Name != "Ann" || got[0].Line != 1 || ext.Totals[model.KindPeople] != 1 {
		t.Errorf("%+v, %+v, %v", got, ext, err)
	}
}

// TestFormat: the examples of FORMAT.md are what the code reads and writes.
func TestFormat(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	if len(lines) != 8 {
		t.Fatalf("%d examples: %q", len(lines), lines)
	}
	sent, err := request{
		Version: 1, Command: cmdRevoke, Key: "rev-42", Seen: &wireSeen{Presence: connector.Present, Version: "17"},
		Access: accessOf(connector.Access{AccountID: "u-1", Username: "alice", EntitlementID: "g-1", EntitlementName: "Editors"}),
	}.line()
	if got := strings.TrimSpace(string(sent)); err != nil || got != lines[0] {
		t.Errorf("sent\n%s\nFORMAT.md\n%s", got, lines[0])
	}
	if _, err := shell(t, say(lines[1:5]...), nil).Read(t.Context(), func(model.Record) error { return nil }); err != nil {
		t.Error(err)
	}
	for i, into := range map[int]interface{ failed() *wireError }{5: &checkAnswer{}, 6: &changeAnswer{}, 7: &changeAnswer{}} {
		if err := decode([]byte(lines[i]), into); err != nil {
			t.Errorf("%s: %v", lines[i], err)
		}
	}
}

// TestExampleFailsClosed: a directory that is not there is not a directory without access.
func TestExampleFailsClosed(t *testing.T) {
	t.Parallel()
	h := harness(t)
	w, ok := h.World.(*world)
	if !ok {
		t.Fatal("no world")
	}
	if err := os.RemoveAll(w.dir + "/members"); err != nil {
		t.Fatal(err)
	}
	_, err := w.c.Check(t.Context(), ann)
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Unreachable {
		t.Errorf("check: %v", err)
	}
	_, err = w.c.Read(t.Context(), func(model.Record) error { return nil })
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Unreachable {
		t.Errorf("read: %v", err)
	}
	if got, err := newWorld(t).c.Probe(t.Context()); err != nil || got != "The directory has 0 accounts." {
		t.Errorf("probe: %q, %v", got, err)
	}
}
