package baton

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

func drop(model.Record) error { return nil }

func fileClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Now = func() time.Time { return connectortest.Now }
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rows(t *testing.T, c *Client) ([]model.Record, connector.Extraction) {
	t.Helper()
	var out []model.Record
	ext, err := c.Read(t.Context(), func(r model.Record) error { out = append(out, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, ext
}

// written is a file of version 1 of its own.
func written(t *testing.T, s *state, f form) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sync.c1z")
	if err := writeC1Z(t.Context(), path, s, f); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRows: what the objects of a sync become, in every form of a file.
func TestRows(t *testing.T) {
	t.Parallel()
	s := staff()
	s.Off["3"] = true
	s.member("e", "3") // directly as well
	at, _ := model.ParseTime("2023-11-14T22:13:20Z")
	account := func(line int64, id, login, status string) model.Record {
		return model.Record{Kind: model.KindAccounts, File: "sync accounts", Line: line, Account: model.Account{
			AccountID: "user:" + id, Username: login, DisplayName: "The " + login, Email: login + "@example.com", PersonID: login,
			Kind: "human", Status: status, LastLoginAt: at, Attrs: map[string]string{"resource_type": "user", "profile.dept": "R&D"},
		}}
	}
	ent := func(line int64, id, name string) model.Record {
		return model.Record{Kind: model.KindEntitlements, File: "sync entitlements", Line: line, Entitlement: model.Entitlement{
			EntitlementID: entID(id), Name: name, Description: "Member of it", Kind: "group", Attrs: map[string]string{"resource": "group:" + id},
		}}
	}
	grant := func(line int64, who, group, via string) model.Record {
		return model.Record{Kind: model.KindGrants, File: "sync grants", Line: line, Grant: model.Grant{AccountID: who, EntitlementID: entID(group), Via: via, Attrs: map[string]string{}}}
	}
	want := []model.Record{
		account(1, "1", "ann", "enabled"), account(2, "2", "ben", "enabled"), account(3, "3", "carl", "disabled"),
		{Kind: model.KindAccounts, File: "sync accounts", Line: 4, Account: model.Account{
			AccountID: "group:c", Username: "Contractors", DisplayName: "Contractors", Attrs: map[string]string{"resource_type": "group"},
		}},
		ent(1, "c", "Contractors"), ent(2, "e", "Engineers"),
		grant(1, "user:3", "c", ""), grant(2, "user:1", "e", ""), grant(3, "user:2", "e", ""),
		grant(4, "user:3", "e", ""), grant(5, "user:3", "e", "group:c:member"), grant(6, "group:c", "e", ""),
	}
	files, err := writeJSON(t.TempDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"file":                  {File: written(t, s, form{Zone: time.UTC})},
		"of an old connector":   {File: written(t, s, form{Zone: time.UTC, Old: true})},
		"slim":                  {File: written(t, s, form{Zone: time.UTC, Slim: true})},
		"with an older sync":    {File: written(t, s, form{Zone: time.UTC, Before: newState()})},
		"what baton prints":     {JSON: files},
		"of another time zone":  {File: written(t, s, form{Zone: time.FixedZone("", 7200)}), Location: time.FixedZone("", 7200)},
		"of the machine's zone": {File: written(t, s, form{Zone: time.Local}), Location: time.Local},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.PersonAttr = "login"
			got, ext := rows(t, fileClient(t, cfg))
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			began := model.TimeOf(syncTime)
			if ext.StartedAt != began || ext.EndedAt != model.TimeOf(connectortest.Now) || ext.Endpoint == "" || ext.Totals[model.KindEntitlements] != 2 {
				t.Errorf("%+v, want it to have begun at %s", ext, began)
			}
		})
	}
}

// TestOlderFull: where a newer sync is not whole, the last one that is counts, with its time.
func TestOlderFull(t *testing.T) {
	t.Parallel()
	for _, f := range []form{{Type: "partial"}, {Open: true}, {Type: "partial", Old: true}} {
		f.Zone, f.Before = time.UTC, staff()
		now := staff()
		delete(now.Member["e"], "1")
		got, ext := rows(t, fileClient(t, Config{File: written(t, now, f)}))
		if len(got) != 4+2+5 || ext.StartedAt != model.TimeOf(syncTime.Add(-time.Hour)) {
			t.Errorf("%+v: %d rows from %s", f, len(got), ext.StartedAt)
		}
	}
}

// TestFilesRefused: what is no whole sync.
func TestFilesRefused(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(written(t, staff(), form{Zone: time.UTC}))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 0x40
	tests := map[string]struct {
		bytes []byte
		kind  connector.FailureKind
		says  string
	}{
		"version 3":       {[]byte(magic3 + "xxxxxxxx"), connector.Refused, "--storage-engine sqlite"},
		"something else":  {[]byte("PK\x03\x04 zip"), connector.Broken, "no Baton file"},
		"empty":           {nil, connector.Broken, "empty or cut off"},
		"the head alone":  {[]byte(magic1), connector.Broken, ""},
		"cut off":         {good[:len(good)-20], connector.Broken, ""},
		"a bit flipped":   {flipped, connector.Broken, ""},
		"more at the end": {append(slices.Clone(good), "xyz"...), connector.Broken, ""},
		"no database":     {pack([]byte("not a database at all, but long enough for a header of one")), connector.Broken, ""},
		"too large":       {pack(make([]byte, 5<<20)), connector.Broken, "larger than"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "f.c1z")
			if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := fileClient(t, Config{File: path, MaxSize: 4 << 20}).Read(t.Context(), drop)
			if f := connector.FailureOf(err); err == nil || f.Kind != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %s with %q", err, c.kind, c.says)
			}
		})
	}
	_, err = fileClient(t, Config{File: "/nonexistent/f.c1z"}).Read(t.Context(), drop)
	if f := connector.FailureOf(err); f.Kind != connector.Unreachable {
		t.Errorf("%v", err)
	}
	// A time that is read in the wrong zone must not make the sync look newer than it is.
	_, err = fileClient(t, Config{File: written(t, staff(), form{Zone: time.FixedZone("", 7200)})}).Read(t.Context(), drop)
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken || !strings.Contains(err.Error(), "time zone") {
		t.Errorf("%v", err)
	}
	if _, err := fileClient(t, Config{File: written(t, staff(), form{Zone: time.UTC})}).Check(t.Context(), holds("1", "", "e", "")); connector.FailureOf(err).Kind != connector.Refused {
		t.Errorf("a file was checked: %v", err)
	}
}

// TestJSONRefused: outputs that are cut off, of something else, or not of a whole sync.
func TestJSONRefused(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(f *JSONFiles) (path, text string){
		"cut off":                  func(f *JSONFiles) (string, string) { return f.Grants, "-30" },
		"empty":                    func(f *JSONFiles) (string, string) { return f.Grants, "" },
		"no object":                func(f *JSONFiles) (string, string) { return f.Grants, "[]" },
		"two documents":            func(f *JSONFiles) (string, string) { return f.Grants, `{"grants":[]}{}` },
		"of another command":       func(f *JSONFiles) (string, string) { return f.Grants, `{"principals":[]}` },
		"no list":                  func(f *JSONFiles) (string, string) { return f.Grants, `{"grants":{}}` },
		"an entry that is none":    func(f *JSONFiles) (string, string) { return f.Grants, `{"grants":[3]}` },
		"a grant without anything": func(f *JSONFiles) (string, string) { return f.Grants, `{"grants":[{}]}` },
		"not UTF-8":                func(f *JSONFiles) (string, string) { return f.Grants, "{\"grants\":[{\"grant\":{\"id\":\"\xff\"}}]}" },
		"no users":                 func(f *JSONFiles) (string, string) { return f.Resources, `{}` },
		"no full sync": func(f *JSONFiles) (string, string) {
			return f.Syncs, `{"syncs":[{"startedAt":"2026-01-01T00:00:00Z","endedAt":"2026-01-01T00:00:00Z","syncType":"partial"}]}`
		},
		"no end": func(f *JSONFiles) (string, string) {
			return f.Syncs, `{"syncs":[{"startedAt":"2026-01-01T00:00:00Z","syncType":"full"}]}`
		},
		"in the future": func(f *JSONFiles) (string, string) {
			return f.Syncs, `{"syncs":[{"startedAt":"2030-01-01T00:00:00Z","endedAt":"2030-01-01T00:00:00Z","syncType":"full"}]}`
		},
		"entitlements missing": func(f *JSONFiles) (string, string) { return f.Entitlements, `{}` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := writeJSON(t.TempDir(), staff())
			if err != nil {
				t.Fatal(err)
			}
			path, text := edit(files)
			if text == "-30" {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				text = string(b[:len(b)-30])
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = fileClient(t, Config{JSON: files}).Read(t.Context(), drop)
			if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken {
				t.Errorf("%v", err)
			}
		})
	}
	full := errors.New("the disk is full")
	files, err := writeJSON(t.TempDir(), staff())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	_, err = fileClient(t, Config{JSON: files}).Read(t.Context(), func(model.Record) error { n++; return full })
	if !errors.Is(err, full) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

// TestContradiction: the rest of a row says something else than its columns.
func TestContradiction(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*state) msg{
		"another holder": func(s *state) msg { return msg{}.sub(2, s.userBlob("2")).text(3, "group:e:member:user:1") },
		"another entitlement": func(*state) msg {
			return msg{}.sub(1, msg{}.text(2, "group:c:member")).text(3, "group:e:member:user:1")
		},
		"another id": func(*state) msg { return msg{}.text(3, "x") },
		"no message": func(*state) msg { return msg{0xff, 0xff} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := staff()
			path := written(t, s, form{Zone: time.UTC, Patch: change(s)})
			_, err := fileClient(t, Config{File: path}).Read(t.Context(), drop)
			if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestEntitlementName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ of, name, slug, want string }{
		{"Engineers", "engineers Group Member", "member", "engineers Group Member"},
		{"Engineers", "Member", "member", "Engineers: Member"},
		{"Engineers", "", "member", "Engineers: member"},
		{"Engineers", "", "", "Engineers"},
		{"", "Member", "", "Member"},
	} {
		if got := entitlementName(c.of, entitlement{name: c.name, slug: c.slug}); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// FuzzDecode: no bytes make the decoders panic.
func FuzzDecode(f *testing.F) {
	s := staff()
	for _, b := range []msg{s.userBlob("1"), s.groupBlob("e"), s.grantBlob(s.grants()[0], false), {0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f}} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rerr := decodeResource(b)
		again, aerr := decodeResource(b)
		if fmt.Sprint(rerr) != fmt.Sprint(aerr) || !reflect.DeepEqual(r, again) {
			t.Error("the same bytes are read differently")
		}
		for _, err := range []error{second(decodeType(b)), second(decodeEntitlement(b)), second(decodeGrant(b))} {
			if err != nil && !errors.Is(err, errWire) {
				t.Error(err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
