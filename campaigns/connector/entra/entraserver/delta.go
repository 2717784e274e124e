package entraserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// cursor is what a skip or delta token stands for.
type cursor struct {
	kind   string // users, groups, servicePrincipals
	fields []string
	items  []any // of the pages that are left
	since  int64 // rev that the next delta link starts from
}

// delta answers a delta query: the first round, a further page, or a later round.
func (s *Server) delta(req *request, st *state, kind string) reply {
	for _, banned := range []string{"$expand", "$top", "$orderby"} {
		if req.query.Has(banned) {
			return failure(http.StatusBadRequest, "Request_UnsupportedQuery", banned+" is not supported by delta queries.")
		}
	}
	cur := &cursor{kind: kind, since: st.rev}
	if token := req.query.Get("$skiptoken") + req.query.Get("$deltatoken"); token == "" {
		if sel := req.query.Get("$select"); sel != "" {
			cur.fields = strings.Split(sel, ",")
		}
		cur.items = s.first(st, cur)
	} else {
		old, known := s.cursors[token]
		if !known || old.kind != kind {
			rep := failure(http.StatusGone, "resyncRequired", "Resync required. The sync state is gone.")
			rep.header.Set("Location", req.base+"/"+kind+"/delta?$deltatoken=")
			return rep
		}
		cur.fields = old.fields
		if req.query.Has("$skiptoken") {
			cur.items, cur.since = old.items, old.since
		} else {
			cur.items = s.later(st, cur, old.since)
		}
	}
	return s.deltaPage(req, cur)
}

func (s *Server) deltaPage(req *request, cur *cursor) reply {
	n := min(s.cfg.Page, len(cur.items))
	page := cur.items[:n]
	if page == nil {
		page = []any{}
	}
	rest := &cursor{kind: cur.kind, fields: cur.fields, items: cur.items[n:], since: cur.since}
	s.serial++
	token := fmt.Sprintf("tok-%s-%d", hexOf(cur.kind), s.serial)
	s.cursors[token] = rest
	body := map[string]any{"@odata.context": req.base + "/$metadata#" + cur.kind, "value": page}
	if len(rest.items) > 0 {
		body["@odata.nextLink"] = req.base + "/" + cur.kind + "/delta?$skiptoken=" + token
	} else {
		body["@odata.deltaLink"] = req.base + "/" + cur.kind + "/delta?$deltatoken=" + token
	}
	return ok(body)
}

// first is every object of a kind.
func (s *Server) first(st *state, cur *cursor) (items []any) {
	switch cur.kind {
	case "users":
		for _, id := range sorted(st.users) {
			items = append(items, pick(st.user(id), cur.fields))
		}
	case "servicePrincipals":
		for _, id := range sorted(st.apps) {
			items = append(items, pick(st.app(id), cur.fields))
		}
	case "groups":
		for _, id := range sorted(st.groups) {
			var events []memberEvent
			for _, m := range sorted(st.members[id]) {
				events = append(events, memberEvent{group: id, member: m, added: true})
			}
			items = append(items, s.groupItems(st, cur, id, events)...)
		}
	}
	return items
}

// later is what changed since a rev.
func (s *Server) later(st *state, cur *cursor, since int64) (items []any) {
	for _, id := range sorted(st.changed) {
		kind := st.typeOf(id)
		if st.changed[id] <= since || kind == "" || kind+"s" != cur.kind {
			continue
		}
		switch kind {
		case "user":
			items = append(items, pick(st.user(id), cur.fields))
		case "servicePrincipal":
			items = append(items, pick(st.app(id), cur.fields))
		case "group":
			var events []memberEvent
			for _, e := range st.log {
				if e.group == id && e.rev > since {
					events = append(events, e)
				}
			}
			items = append(items, s.groupItems(st, cur, id, events)...)
		}
	}
	for _, id := range sorted(st.removed) {
		if r := st.removed[id]; r.rev > since && r.kind+"s" == cur.kind {
			items = append(items, map[string]any{"id": id, "@removed": map[string]string{"reason": r.reason}})
		}
	}
	return items
}

// groupItems is one group, again and again until all of its members were named. The pieces are a page apart.
func (s *Server) groupItems(st *state, cur *cursor, id string, events []memberEvent) (items []any) {
	all := []any{}
	for _, e := range events {
		kind := st.typeOf(e.member)
		if kind == "servicePrincipal" && s.cfg.HideApps {
			continue
		}
		if kind == "" {
			kind = "user"
		}
		m := map[string]any{"@odata.type": "#microsoft.graph." + kind, "id": e.member}
		if !e.added {
			m["@removed"] = map[string]string{"reason": "deleted"}
		}
		all = append(all, m)
	}
	for first := true; first || len(all) > 0; first = false {
		n := min(s.cfg.Members, len(all))
		item := pick(st.group(id), cur.fields)
		if n > 0 && (len(cur.fields) == 0 || slices.Contains(cur.fields, "members")) {
			item["members@delta"] = all[:n]
		}
		all = all[n:]
		items = append(items, item)
	}
	return items
}

// pick keeps the fields that were asked for.
func pick(all map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return all
	}
	out := map[string]any{"id": all["id"]}
	for _, f := range fields {
		if v, has := all[f]; has {
			out[f] = v
		}
	}
	return out
}
