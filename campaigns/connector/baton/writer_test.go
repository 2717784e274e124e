package baton

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// state is a target system: users, and groups that may hold other groups.
type state struct {
	Users  map[string]string          // id -> name
	Off    map[string]bool            // users that are disabled
	Groups map[string]string          // id -> name
	Member map[string]map[string]bool // group -> users
	Inner  map[string]map[string]bool // group -> groups inside it
	Fixed  map[string]bool            // groups whose grants say that they are immutable
}

func newState() *state {
	return &state{
		Users: map[string]string{}, Off: map[string]bool{}, Groups: map[string]string{}, Member: map[string]map[string]bool{},
		Inner: map[string]map[string]bool{}, Fixed: map[string]bool{},
	}
}

func (s *state) member(group, user string) { put(s.Member, group, user) }
func (s *state) inside(outer, inner string) {
	put(s.Inner, outer, inner)
}

func put(m map[string]map[string]bool, a, b string) {
	if m[a] == nil {
		m[a] = map[string]bool{}
	}
	m[a][b] = true
}

func entID(group string) string { return "group:" + group + ":member" }

// given is one grant as a connector's sync has it after expansion.
type given struct {
	group, typ, id string
	sources        []string
	immutable      bool
}

func (g given) key() string { return entID(g.group) + ":" + g.typ + ":" + g.id }

// grants are all grants, in a fixed order.
func (s *state) grants() []given {
	var out []given
	for _, group := range slices.Sorted(maps.Keys(s.Groups)) {
		sources := map[string][]string{}
		seen, queue := map[string]bool{group: true}, []string{group}
		for ; len(queue) > 0; queue = queue[1:] {
			for _, in := range slices.Sorted(maps.Keys(s.Inner[queue[0]])) {
				if seen[in] {
					continue
				}
				seen[in] = true
				queue = append(queue, in)
				for u := range s.Member[in] {
					sources[u] = append(sources[u], entID(in))
				}
			}
		}
		for _, u := range slices.Sorted(maps.Keys(s.Users)) {
			g := given{group: group, typ: "user", id: u, sources: sources[u]}
			direct := s.Member[group][u]
			switch {
			case direct && len(g.sources) > 0:
				g.sources = append(g.sources, entID(group))
			case len(g.sources) > 0:
				g.immutable = true
			case !direct:
				continue
			}
			g.immutable = g.immutable || s.Fixed[group]
			out = append(out, g)
		}
		for _, in := range slices.Sorted(maps.Keys(s.Inner[group])) {
			out = append(out, given{group: group, typ: "group", id: in})
		}
	}
	return out
}

// msg builds a protocol buffer.
type msg []byte

func (m msg) text(n protowire.Number, s string) msg {
	return protowire.AppendString(protowire.AppendTag(m, n, protowire.BytesType), s)
}

func (m msg) sub(n protowire.Number, b msg) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), b)
}

func (m msg) num(n protowire.Number, v uint64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), v)
}

func (m msg) any(n protowire.Number, kind string, b msg) msg {
	return m.sub(n, msg{}.text(1, "type.googleapis.com/c1.connector.v2."+kind).sub(2, b))
}

func resID(typ, id string) msg { return msg{}.text(1, typ).text(2, id) }

func (s *state) userBlob(id string) msg {
	status := uint64(1)
	if s.Off[id] {
		status = 2
	}
	name := s.Users[id]
	profile := msg{}.sub(1, msg{}.text(1, "dept").sub(2, msg{}.text(3, "R&D")))
	trait := msg{}.sub(1, msg{}.text(1, "second@example.com")).sub(1, msg{}.text(1, name+"@example.com").num(2, 1)).
		sub(2, msg{}.num(1, status)).sub(3, profile).num(5, 1).text(6, name).sub(9, msg{}.num(1, 1_700_000_000))
	return msg{}.sub(1, resID("user", id)).text(3, "The "+name).any(4, "ExternalLink", msg{}.text(1, "https://example.com")).any(4, "UserTrait", trait)
}

func (s *state) groupBlob(id string) msg {
	return msg{}.sub(1, resID("group", id)).text(3, s.Groups[id]).any(4, "GroupTrait", msg{})
}

// form is how a file is written, and what is wrong with it.
type form struct {
	Old     bool   // without the columns of newer versions
	Slim    bool   // grants without their holder and entitlement
	Type    string // of the sync; "" is full
	Open    bool   // it did not end
	NoUsers bool   // users are left out, their grants are not
	Twice   bool   // a resource comes twice
	Lost    bool   // a group is left out, its entitlement is not
	Zone    *time.Location
	Before  *state // an older full sync in the same file
	Patch   msg    // the rest of ann's grant of Engineers instead
}

var syncTime = time.Date(2026, 3, 2, 8, 0, 0, 123456789, time.UTC)

// writeC1Z writes a file of version 1.
func writeC1Z(ctx context.Context, path string, s *state, f form) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), "c1z")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "db")
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=journal_mode(off)&_pragma=synchronous(off)")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	w := &writer{tx: tx, ctx: ctx, f: f}
	w.schema()
	if f.Before != nil {
		w.run("sync-0", form{Old: f.Old}, syncTime.Add(-time.Hour))
		w.rows("sync-0", f.Before, form{})
	}
	w.run("sync-1", f, syncTime)
	w.rows("sync-1", s, f)
	if w.err == nil {
		w.err = tx.Commit()
	}
	if w.err != nil {
		return w.err
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pack(raw), 0o600)
}

func pack(raw []byte) []byte {
	out := bytes.NewBufferString(magic1)
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err == nil {
		_, err = z.Write(raw)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

type writer struct {
	tx  *sql.Tx
	ctx context.Context
	f   form
	err error
}

func (w *writer) exec(q string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.ExecContext(w.ctx, q, args...)
	}
}

func (w *writer) schema() {
	const tail = "data blob not null, sync_id text not null, discovered_at datetime not null"
	runs := "id integer primary key, sync_id text not null, started_at datetime not null, ended_at datetime, sync_token text not null"
	if w.f.Old {
		runs += ", is_partial boolean not null default false"
	} else {
		runs += ", sync_type text not null default 'full', parent_sync_id text not null default ''"
	}
	grants := "id integer primary key, resource_type_id text not null, resource_id text not null, entitlement_id text not null, principal_resource_type_id text not null, principal_resource_id text not null, external_id text not null, "
	if !w.f.Old {
		grants += "expansion blob, needs_expansion integer not null default 0, "
	}
	for table, columns := range map[string]string{
		"sync_runs": runs, "grants": grants + tail,
		"resource_types": "id integer primary key, external_id text not null, " + tail,
		"resources":      "id integer primary key, resource_type_id text not null, external_id text not null, parent_resource_type_id text, parent_resource_id text, " + tail,
		"entitlements":   "id integer primary key, resource_type_id text not null, resource_id text not null, external_id text not null, " + tail,
	} {
		w.exec("create table v1_" + table + " (" + columns + ")")
		if table != "sync_runs" && !w.f.Twice {
			w.exec("create unique index idx_" + table + " on v1_" + table + " (external_id, sync_id)")
		}
	}
}

func (w *writer) run(id string, f form, at time.Time) {
	if f.Zone != nil {
		at = at.In(f.Zone)
	}
	const layout = "2006-01-02 15:04:05.999999999"
	var ended any = at.Add(time.Minute).Format(layout)
	if f.Open {
		ended = nil
	}
	kind := f.Type
	if kind == "" {
		kind = "full"
	}
	if f.Old {
		w.exec("insert into v1_sync_runs (sync_id, started_at, ended_at, sync_token, is_partial) values (?, ?, ?, '', ?)", id, at.Format(layout), ended, kind != "full")
		return
	}
	w.exec("insert into v1_sync_runs (sync_id, started_at, ended_at, sync_token, sync_type) values (?, ?, ?, '', ?)", id, at.Format(layout), ended, kind)
}

func (w *writer) rows(sync string, s *state, f form) {
	const now = "2026-03-02 08:00:00"
	for typ, trait := range map[string]byte{"user": 1, "group": 2} {
		w.exec("insert into v1_resource_types (external_id, data, sync_id, discovered_at) values (?, ?, ?, ?)", typ,
			[]byte(msg{}.text(1, typ).text(2, strings.ToUpper(typ)).sub(3, msg{trait})), sync, now)
	}
	resource := func(typ, id string, blob msg) {
		w.exec("insert into v1_resources (resource_type_id, external_id, data, sync_id, discovered_at) values (?, ?, ?, ?, ?)", typ, typ+":"+id, []byte(blob), sync, now)
	}
	users, groups := slices.Sorted(maps.Keys(s.Users)), slices.Sorted(maps.Keys(s.Groups))
	if f.NoUsers {
		users = nil
	}
	if f.Twice {
		users = append(users, users[0])
	}
	for _, id := range users {
		resource("user", id, s.userBlob(id))
	}
	for i, id := range groups {
		if i > 0 || !f.Lost {
			resource("group", id, s.groupBlob(id))
		}
		blob := msg{}.sub(1, s.groupBlob(id)).text(2, entID(id)).text(3, s.Groups[id]).text(4, "Member of it").num(7, 1).text(8, "member")
		w.exec("insert into v1_entitlements (resource_type_id, resource_id, external_id, data, sync_id, discovered_at) values ('group', ?, ?, ?, ?, ?)", id, entID(id), []byte(blob), sync, now)
	}
	for _, g := range s.grants() {
		blob := s.grantBlob(g, f.Slim)
		if f.Patch != nil && g.key() == "group:e:member:user:1" {
			blob = f.Patch
		}
		w.exec(`insert into v1_grants (resource_type_id, resource_id, entitlement_id, principal_resource_type_id, principal_resource_id, external_id, data, sync_id, discovered_at)
			values ('group', ?, ?, ?, ?, ?, ?, ?, ?)`, g.group, entID(g.group), g.typ, g.id, g.key(), []byte(blob), sync, now)
	}
}

func (s *state) grantBlob(g given, slim bool) msg {
	b := msg{}
	if !slim {
		b = b.sub(1, msg{}.text(2, entID(g.group)))
		if g.typ == "user" {
			b = b.sub(2, s.userBlob(g.id))
		} else {
			b = b.sub(2, s.groupBlob(g.id))
		}
	}
	b = b.text(3, g.key())
	if g.immutable {
		b = b.any(4, "GrantImmutable", msg{})
	}
	if len(g.sources) > 0 {
		list := msg{}
		for _, source := range g.sources {
			list = list.sub(1, msg{}.text(1, source).sub(2, msg{}))
		}
		b = b.sub(5, list)
	}
	return b
}

// writeJSON writes what the baton command prints of the same sync.
func writeJSON(dir string, s *state) (*JSONFiles, error) {
	type obj = map[string]any
	id := func(typ, id string) obj { return obj{"resourceType": typ, "resource": id} }
	rt := map[string]obj{
		"user":  {"id": "user", "displayName": "USER", "traits": []string{"TRAIT_USER"}},
		"group": {"id": "group", "displayName": "GROUP", "traits": []string{"TRAIT_GROUP"}},
	}
	userOf := func(u string) obj {
		status := "STATUS_ENABLED"
		if s.Off[u] {
			status = "STATUS_DISABLED"
		}
		return obj{"id": id("user", u), "displayName": "The " + s.Users[u], "annotations": []obj{
			{"@type": "type.googleapis.com/c1.connector.v2.ExternalLink", "status": 5, "emails": "x"},
			{
				"@type": "type.googleapis.com/c1.connector.v2.UserTrait", "login": s.Users[u], "accountType": "ACCOUNT_TYPE_HUMAN",
				"emails": []obj{{"address": "second@example.com"}, {"address": s.Users[u] + "@example.com", "isPrimary": true}},
				"status": obj{"status": status}, "profile": obj{"dept": "R&D"}, "lastLogin": "2023-11-14T22:13:20Z",
			},
		}}
	}
	groupOf := func(g string) obj {
		return obj{"id": id("group", g), "displayName": s.Groups[g], "annotations": []obj{{"@type": "type.googleapis.com/c1.connector.v2.GroupTrait"}}}
	}
	var resources, entitlements, grants []obj
	for _, u := range slices.Sorted(maps.Keys(s.Users)) {
		resources = append(resources, obj{"resource": userOf(u), "resourceType": rt["user"]})
	}
	for _, g := range slices.Sorted(maps.Keys(s.Groups)) {
		resources = append(resources, obj{"resource": groupOf(g), "resourceType": rt["group"]})
		entitlements = append(entitlements, obj{
			"entitlement": obj{"resource": groupOf(g), "id": entID(g), "displayName": s.Groups[g], "description": "Member of it", "purpose": "PURPOSE_VALUE_ASSIGNMENT", "slug": "member"},
			"resource":    groupOf(g), "resourceType": rt["group"],
		})
	}
	for _, g := range s.grants() {
		principal := groupOf(g.id)
		if g.typ == "user" {
			principal = userOf(g.id)
		}
		o := obj{"id": g.key(), "entitlement": obj{"id": entID(g.group)}, "principal": obj{"id": id(g.typ, g.id)}}
		if g.immutable {
			o["annotations"] = []obj{{"@type": "type.googleapis.com/c1.connector.v2.GrantImmutable"}}
		}
		if len(g.sources) > 0 {
			sources := obj{}
			for _, source := range g.sources {
				sources[source] = obj{}
			}
			o["sources"] = obj{"sources": sources}
		}
		grants = append(grants, obj{"grant": o, "principal": principal, "resourceType": rt["group"]})
	}
	at := func(d time.Duration) string { return syncTime.Add(d).Format(time.RFC3339Nano) }
	files := &JSONFiles{}
	for path, doc := range map[*string]obj{
		&files.Resources: {"resources": resources}, &files.Entitlements: {"entitlements": entitlements}, &files.Grants: {"grants": grants},
		&files.Syncs: {"syncs": []obj{
			{"id": "sync-0", "startedAt": at(-time.Hour), "endedAt": at(-time.Hour), "syncType": "full"},
			{"id": "sync-1", "startedAt": at(0), "endedAt": at(time.Minute), "syncType": "full"},
			{"id": "sync-2", "startedAt": at(time.Minute), "endedAt": at(time.Hour), "syncType": "partial"},
			{"id": "sync-3", "startedAt": at(time.Minute), "syncType": "full"},
		}},
	} {
		b, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		for name := range doc {
			*path = filepath.Join(dir, fmt.Sprintf("%s.json", name))
		}
		if err := os.WriteFile(*path, b, 0o600); err != nil {
			return nil, err
		}
	}
	return files, nil
}
