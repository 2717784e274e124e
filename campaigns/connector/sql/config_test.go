package sqldb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/model"
)

// TestConfig: each mistake has its one message.
func TestConfig(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := Queries{Grants: "SELECT 1", Check: "SELECT :account_id, :entitlement_id"}
	with := func(edit func(q *Queries)) Queries { q := ok; edit(&q); return q }
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{URL: "postgres://u@h/d"}, ""},
		{Config{URL: "postgresql://u@[::1]:5433/d"}, ""},
		{Config{URL: "mysql://u@h/d", Queries: ok}, ""},
		{Config{URL: "mariadb://u@h/d", Queries: with(func(q *Queries) { q.Grants = "" })}, ""},
		{Config{}, "url must be"},
		{Config{URL: "u@h/d"}, "url must be"},
		{Config{URL: "oracle://u@h/d"}, "begin with postgres:// or mysql://"},
		{Config{URL: "postgres://u:" + canary + "@h/d"}, "url must"},
		{Config{URL: "postgres://u:secret@h/d"}, "no password"},
		{Config{URL: "postgres://u@h/d?sslmode=disable"}, "no options"},
		{Config{URL: "postgres://h/d"}, "name the user"},
		{Config{URL: "postgres://u@h"}, "one database"},
		{Config{URL: "postgres://u@h/a/b"}, "one database"},
		{Config{URL: "postgres://u@h:99999/a"}, "port"},
		{Config{URL: "mysql://u@h/d"}, "needs queries"},
		{Config{URL: "postgres://u@h/d", Timeout: -1}, "timeout"},
		{Config{URL: "postgres://u@h/d", CAFile: "/nonexistent"}, "cannot be read"},
		{Config{URL: "postgres://u@h/d", CAFile: empty}, "no certificate"},
		{Config{URL: "postgres://u@h/d", CAFile: empty, Insecure: true}, "beside insecure"},
		{Config{URL: "postgres://u@h/d", ExpandPublic: true, Queries: ok}, "expand_public"},
		{Config{URL: "postgres://u@h/d", Queries: Queries{Accounts: "SELECT 1"}}, "grants beside it"},
		{Config{URL: "postgres://u@h/d", Queries: Queries{CheckAccount: "SELECT :account_id"}}, "give the query grants"},
		{Config{URL: "postgres://u@h/d", Queries: with(func(q *Queries) { q.Grants = "SELECT :via" })}, "takes no parameters"},
		{Config{URL: "postgres://u@h/d", Queries: with(func(q *Queries) { q.Revoke = "DELETE FROM g WHERE a = :account_id" })}, "must use :entitlement_id"},
		{Config{URL: "postgres://u@h/d", Queries: with(func(q *Queries) { q.Grant = "INSERT INTO g VALUES (:account_id, :entitlement_id)" })}, "needs check_account"},
		{Config{URL: "postgres://u@h/d", Queries: with(func(q *Queries) { q.Deactivate = "UPDATE a SET x = 1 WHERE id = :account_id" })}, "needs check_account"},
		{Config{URL: "mysql://u@h/d", Queries: with(func(q *Queries) { q.Revoke = "REVOKE x FROM y -- :account_id\n :account_id, :entitlement_id" })}, "must be a DELETE"},
		{Config{URL: "mysql://u@h/d", Queries: with(func(q *Queries) { q.Revoke = "\n/* x */ delete\nFROM x WHERE a = :account_id AND e = :entitlement_id" })}, ""},
		{Config{URL: "postgres://u@h/d", Queries: Queries{Grants: "SELECT 1", Revoke: "DELETE FROM g WHERE a = :account_id AND e = :entitlement_id"}}, "needs check beside"},
	} {
		c.cfg.Password = canary
		c.cfg.Now = time.Now
		client, err := New(c.cfg)
		if err == nil {
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.cfg.URL, err)
		case c.want != "" && (err == nil || model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want … %s …", c.cfg.URL, err, c.want)
		case err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%v repeats the password", err)
		}
	}
	cfg := Config{URL: "postgres://u@h/d", Password: canary, Now: time.Now}
	if s := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg.LogValue()); strings.Contains(s, canary) {
		t.Error("a Config shows its password")
	}
	far := &address{host: "db.example.com"}
	if tls, err := checkTLS(&Config{}, far); err != nil || tls == nil || tls.InsecureSkipVerify || tls.ServerName != far.host {
		t.Errorf("TLS to another host: %+v, %v", tls, err)
	}
	if tls, err := checkTLS(&Config{Insecure: true}, far); err != nil || tls != nil {
		t.Errorf("no TLS where it is allowed: %+v, %v", tls, err)
	}
}

// TestRewrite: parameters are found where they are ones, and nowhere else.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, pg, my string
		names      []string // of PostgreSQL
		bad        string
	}{
		{in: "SELECT :account_id", pg: "SELECT $1", my: "SELECT ?", names: []string{"account_id"}},
		{in: "SELECT :via, :account_id, :via ;", pg: "SELECT $1, $2, $1", my: "SELECT ?, ?, ?", names: []string{"via", "account_id"}},
		{in: "SELECT ':via', \":via\", 'it''s :via', :via", pg: "SELECT ':via', \":via\", 'it''s :via', $1", my: "SELECT ':via', \":via\", 'it''s :via', ?", names: []string{"via"}},
		{in: "SELECT a -- :via\n, b /* :via ; */", pg: "SELECT a  \n, b", my: "SELECT a  \n, b"},
		{in: "SELECT :via::text, a[1:2], x::via", pg: "SELECT $1::text, a[1:2], x::via", names: []string{"via"}, my: "SELECT ?::text, a[1:2], x::via"},
		{in: "SELECT $$ :via ; $$, $a$ $$ :via $a$", pg: "SELECT $$ :via ; $$, $a$ $$ :via $a$"},
		{in: `SELECT E'\' :via'`, pg: `SELECT E'\' :via'`},
		{in: `SELECT '\' :via'`, my: `SELECT '\' :via'`, bad: "not closed"},
		{in: "SELECT `:via`", my: "SELECT `:via`"},
		{in: "SELECT 1 # :via\n", my: "SELECT 1"},
		{in: "SELECT 5--1", my: "SELECT 5--1"},
		{in: "SELECT 1; DELETE FROM x", bad: "one statement"},
		{in: "SELECT 1; -- the end", pg: "SELECT 1", my: "SELECT 1"},
		{in: "SELECT /* /* */ 1", my: "SELECT   1"},
		{in: "SELECT :nope", bad: "no parameter"},
		{in: "SELECT 'x", bad: "not closed"},
		{in: "-- nothing", bad: "no statement"},
		{in: ";", bad: "no statement"},
		{in: "SELECT \x00", bad: "zero byte"},
	} {
		for _, mysql := range []bool{false, true} {
			want := map[bool]string{false: c.pg, true: c.my}[mysql]
			if want == "" && c.bad == "" {
				continue
			}
			s, err := rewrite("check", c.in, mysql)
			if want == "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Errorf("%q: %v, want … %s …", c.in, err, c.bad)
				}
				continue
			}
			if err != nil || s.text != want {
				t.Errorf("%q (mysql %v): %q, %v; want %q", c.in, mysql, s.text, err, want)
				continue
			}
			if !mysql && !slices.Equal(s.names, c.names) {
				t.Errorf("%q: parameters %v, want %v", c.in, s.names, c.names)
			}
		}
	}
	for in, mysql := range map[string]bool{"SELECT ?": true, "SELECT $1": false, "SELECT $": false, "SELECT $a$ x": false, "SELECT E'x": false} {
		if _, err := rewrite("check", in, mysql); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

// FuzzRewrite: nothing panics, and what has no parameter is given on as it is but for comments.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"SELECT :via", "SELECT ':via' -- x", "$a$", "/* /*", "E'\\", "`", "a::b:c"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, mysql bool) {
		s, err := rewrite("check", in, mysql)
		if err != nil {
			return
		}
		if n := strings.Count(in, ":"); len(s.names) > n {
			t.Errorf("%q: %d parameters of %d colons", in, len(s.names), n)
		}
	})
}
