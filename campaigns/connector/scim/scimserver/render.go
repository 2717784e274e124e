package scimserver

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// show answers with one resource.
func (s *Server) show(r *http.Request, c *collection, o *object, status int) reply {
	rep := answer(status, s.render(r, c, o, strings.EqualFold(r.URL.Query().Get("excludedAttributes"), "members")))
	if !s.traits.NoETag && !s.traits.HeaderlessETag {
		rep.header.Set("Etag", o.version())
	}
	return rep
}

// render is the resource as it is sent.
func (s *Server) render(r *http.Request, c *collection, o *object, withoutMembers bool) map[string]any {
	out := maps.Clone(o.attrs)
	out["id"] = o.id
	schemas := []string{groupURN}
	if c.typ == "User" {
		schemas = []string{userURN}
		if _, ok := o.attrs[enterpriseURN]; ok {
			schemas = append(schemas, enterpriseURN)
		}
	}
	out["schemas"] = schemas
	meta := map[string]any{"resourceType": c.typ, "location": s.location(r, c, o)}
	if !o.created.IsZero() {
		meta["created"] = o.created.Format(time.RFC3339Nano)
		meta["lastModified"] = o.modified.Format(time.RFC3339Nano)
	}
	if !s.traits.NoETag {
		meta["version"] = o.version()
	}
	out["meta"] = meta
	if c.typ != "Group" {
		return out
	}
	if delete(out, "members"); withoutMembers {
		return out
	}
	if ids := values(o, "members"); len(ids) > 0 {
		list := make([]any, len(ids))
		for i, id := range ids {
			m := map[string]any{"value": id}
			if kind := s.kindOf(id); kind != "" && !s.traits.UntypedMembers {
				m["type"] = kind
				m["$ref"] = s.root(r) + "/" + kind + "s/" + url.PathEscape(id)
			}
			list[i] = m
		}
		out["members"] = list
	}
	return out
}

func (s *Server) root(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + s.cfg.BasePath
}

func (s *Server) location(r *http.Request, c *collection, o *object) string {
	return s.root(r) + c.path() + "/" + url.PathEscape(o.id)
}

// list answers a list request: filtered, then paged from startIndex, which counts from 1.
func (s *Server) list(r *http.Request, c *collection, f Fault) reply {
	q := r.URL.Query()
	start, count := number(q.Get("startIndex"), 1), number(q.Get("count"), s.cfg.MaxPage)
	start, count = max(start, 1), min(max(count, 0), s.cfg.MaxPage)
	if f == DupPage {
		start = 1
	}
	var keep expr
	if text := q.Get("filter"); text != "" {
		var err error
		if keep, err = parseFilter(text); err != nil {
			return failure(http.StatusBadRequest, "invalidFilter", err.Error())
		}
	}
	bare := s.traits.OmitMembers || strings.EqualFold(q.Get("excludedAttributes"), "members")
	total := 0
	page := []any{}
	for _, id := range c.order {
		o := c.byID[id]
		if keep != nil && !keep(s.render(r, c, o, false)) {
			continue
		}
		if total++; total >= start && len(page) < count {
			page = append(page, s.render(r, c, o, bare))
		}
	}
	switch {
	case f == WrongTotal:
		total++
	case f == ShortPage:
		page = []any{}
	case f == CutPage && len(page) > 0:
		page = page[:len(page)-1]
		total--
	}
	return answer(http.StatusOK, map[string]any{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": total, "startIndex": start, "itemsPerPage": len(page), "Resources": page,
	})
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// about answers what the server is and can do.
func (s *Server) about(what string) reply {
	yes, no := map[string]any{"supported": true}, map[string]any{"supported": false}
	if what == "ServiceProviderConfig" {
		return answer(http.StatusOK, map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
			"patch":   map[string]any{"supported": !s.traits.NoPatch},
			"etag":    map[string]any{"supported": !s.traits.NoETag && !s.traits.IgnoreIfMatch},
			"filter":  map[string]any{"supported": true, "maxResults": s.cfg.MaxPage},
			"bulk":    map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
			"sort":    no, "changePassword": no, "pagination": yes,
			"authenticationSchemes": []any{map[string]any{
				"type": "oauthbearertoken", "name": "Bearer token", "description": "A bearer token, or basic authentication where it is set up",
			}},
		})
	}
	kind := func(name, urn string) map[string]any {
		return map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"},
			"id":      name, "name": name, "endpoint": "/" + name + "s", "schema": urn,
		}
	}
	list := []any{kind("User", userURN), kind("Group", groupURN)}
	return answer(http.StatusOK, map[string]any{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": len(list), "startIndex": 1, "itemsPerPage": len(list), "Resources": list,
	})
}
