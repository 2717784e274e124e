package scimserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

const patchURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

type patchRequest struct {
	Schemas    []string
	Operations []patchOp
}

type patchOp struct {
	Op    string
	Path  string
	Value any
}

// patchError is a SCIM error of one operation.
type patchError struct{ scimType, detail string }

func (e *patchError) Error() string { return e.detail }

// target is a parsed path: attr, attr.sub, attr[filter] or attr[filter].sub, each perhaps
// behind a schema's URN.
type target struct {
	attr, sub string
	filter    expr
}

func parseTarget(path string) (target, error) {
	t := target{attr: path}
	if i := strings.IndexByte(path, '['); i >= 0 {
		j := strings.LastIndexByte(path, ']')
		if j < i {
			return t, &patchError{"invalidPath", "the path's bracket is not closed"}
		}
		f, err := parseFilter(path[i+1 : j])
		if err != nil {
			return t, &patchError{"invalidFilter", err.Error()}
		}
		t.attr, t.filter = path[:i], f
		t.sub = strings.TrimPrefix(path[j+1:], ".")
	}
	for _, urn := range []string{userURN, groupURN} {
		if len(t.attr) > len(urn) && strings.EqualFold(t.attr[:len(urn)+1], urn+":") {
			t.attr = t.attr[len(urn)+1:]
		}
	}
	switch {
	case len(t.attr) > len(enterpriseURN) && strings.EqualFold(t.attr[:len(enterpriseURN)+1], enterpriseURN+":"):
		t.attr, t.sub = enterpriseURN, t.attr[len(enterpriseURN)+1:]
	case strings.EqualFold(t.attr, enterpriseURN):
	case t.filter == nil:
		t.attr, t.sub, _ = strings.Cut(t.attr, ".")
	}
	if t.attr == "" {
		return t, &patchError{"invalidPath", "the path is empty"}
	}
	t.attr, t.sub = canonical(t.attr), canonical(t.sub)
	return t, nil
}

// applyPatch carries every operation out on a copy of attrs, or none.
func applyPatch(attrs map[string]any, ops []patchOp) (map[string]any, error) {
	out, ok := deepCopy(attrs).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("attributes are not an object")
	}
	for _, op := range ops {
		if op.Path == "" {
			if strings.EqualFold(op.Op, "remove") {
				return nil, &patchError{"noTarget", "remove needs a path"}
			}
			m, isMap := op.Value.(map[string]any)
			if !isMap {
				return nil, &patchError{"invalidValue", "without a path the value must be an object"}
			}
			for _, k := range slices.Sorted(maps.Keys(m)) {
				if err := applyOp(out, patchOp{Op: op.Op, Path: k, Value: m[k]}); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := applyOp(out, op); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func applyOp(attrs map[string]any, op patchOp) error {
	t, err := parseTarget(op.Path)
	if err != nil {
		return err
	}
	if readOnly(t.attr) {
		return &patchError{"mutability", "the attribute " + t.attr + " is read-only"}
	}
	value := cleanValue(t.attr, op.Value)
	switch strings.ToLower(op.Op) {
	case "remove":
		return remove(attrs, t, op.Value)
	case "add", "replace":
		add := strings.EqualFold(op.Op, "add")
		switch {
		case t.filter != nil:
			return replaceMatching(attrs, t, op.Value)
		case t.sub != "":
			m, _ := attrs[t.attr].(map[string]any)
			if m == nil {
				m = map[string]any{}
			}
			m[t.sub] = op.Value
			attrs[t.attr] = m
		case add:
			attrs[t.attr] = added(attrs[t.attr], value)
		default:
			attrs[t.attr] = value
		}
		return nil
	default:
		return &patchError{"invalidSyntax", "op must be add, remove or replace"}
	}
}

// remove takes out what the filter matches, the listed values, or the whole attribute.
func remove(attrs map[string]any, t target, value any) error {
	list, isList := attrs[t.attr].([]any)
	switch {
	case t.filter != nil && t.sub != "":
		for _, e := range list {
			if m, ok := e.(map[string]any); ok && t.filter(m) {
				delete(m, t.sub)
			}
		}
	case t.filter != nil:
		setList(attrs, t.attr, slices.DeleteFunc(list, func(e any) bool {
			m, ok := e.(map[string]any)
			return ok && t.filter(m)
		}))
	case t.sub != "":
		if m, ok := attrs[t.attr].(map[string]any); ok {
			delete(m, t.sub)
		}
	case value != nil && isList:
		gone, ok := cleanValue(t.attr, value).([]any)
		if !ok {
			return &patchError{"invalidValue", "the values to remove must be a list"}
		}
		setList(attrs, t.attr, slices.DeleteFunc(list, func(e any) bool {
			return slices.ContainsFunc(gone, func(g any) bool { return sameValue(e, g) })
		}))
	default:
		delete(attrs, t.attr)
	}
	return nil
}

func replaceMatching(attrs map[string]any, t target, value any) error {
	list, _ := attrs[t.attr].([]any)
	hit := false
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok || !t.filter(m) {
			continue
		}
		hit = true
		if t.sub != "" {
			m[t.sub] = value
			continue
		}
		if one, isList := cleanValue(t.attr, value).([]any); isList && len(one) == 1 {
			value = one[0]
		}
		list[i] = value
	}
	if !hit {
		return &patchError{"noTarget", "no value matches the path's filter"}
	}
	return nil
}

// added is what add makes of an attribute: a list grows by the values it has not, objects are
// merged, anything else is replaced.
func added(have, value any) any {
	switch h := have.(type) {
	case []any:
		more, ok := value.([]any)
		if !ok {
			more = []any{value}
		}
		for _, v := range more {
			if !slices.ContainsFunc(h, func(e any) bool { return sameValue(e, v) }) {
				h = append(h, v)
			}
		}
		return h
	case map[string]any:
		if m, ok := value.(map[string]any); ok {
			maps.Copy(h, m)
			return h
		}
	}
	return value
}

func sameValue(a, b any) bool {
	am, aok := a.(map[string]any)
	bm, bok := b.(map[string]any)
	if aok && bok && am["value"] != nil {
		return reflect.DeepEqual(am["value"], bm["value"])
	}
	return reflect.DeepEqual(a, b)
}

func setList(attrs map[string]any, name string, list []any) {
	if len(list) == 0 {
		delete(attrs, name)
		return
	}
	attrs[name] = list
}

func readOnly(name string) bool {
	switch strings.ToLower(name) {
	case "id", "meta", "schemas", "groups":
		return true
	default:
		return false
	}
}

// clean are the attributes of a create or replace request without what only the server
// writes, in canonical spelling.
func clean(in map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range in {
		if v != nil && !readOnly(k) {
			name := canonical(k)
			out[name] = cleanValue(name, v)
		}
	}
	return out
}

// cleanValue brings one attribute's value into the form of the state.
func cleanValue(name string, v any) any {
	switch name {
	case "active":
		// Some clients send truths as text.
		if s, ok := v.(string); ok && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")) {
			return strings.EqualFold(s, "true")
		}
	case "members", "emails", "roles", "entitlements":
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		out := make([]any, 0, len(list))
		for _, e := range list {
			m, isMap := e.(map[string]any)
			if !isMap {
				out = append(out, map[string]any{"value": e})
				continue
			}
			c := map[string]any{}
			for k, x := range m {
				if n := canonical(k); name != "members" || n == "value" {
					c[n] = x
				}
			}
			out = append(out, c)
		}
		return out
	}
	return v
}

func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = deepCopy(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = deepCopy(e)
		}
		return out
	default:
		return v
	}
}

// patch answers a PATCH of one resource. The lock is held.
func (s *Server) patch(c *collection, o *object, body []byte) (map[string]any, *reply) {
	var req patchRequest
	if err := json.Unmarshal(body, &req); err != nil || len(req.Operations) == 0 {
		return nil, ref(failure(http.StatusBadRequest, "invalidSyntax", "the body is not a PatchOp with Operations"))
	}
	if !slices.ContainsFunc(req.Schemas, func(u string) bool { return strings.EqualFold(u, patchURN) }) {
		return nil, ref(failure(http.StatusBadRequest, "invalidSyntax", "schemas must hold "+patchURN))
	}
	if why := s.traits.refuses(req.Operations); why != "" {
		return nil, ref(failure(http.StatusBadRequest, "invalidPath", why))
	}
	attrs, err := applyPatch(o.attrs, req.Operations)
	if err != nil {
		scimType := ""
		if pe, ok := err.(*patchError); ok { //nolint:errorlint // applyPatch returns it bare
			scimType = pe.scimType
		}
		return nil, ref(failure(http.StatusBadRequest, scimType, err.Error()))
	}
	return attrs, s.invalid(c, o, attrs)
}

// refuses is why a target with these traits does not take the operations, or "".
func (t Traits) refuses(ops []patchOp) string {
	for _, op := range ops {
		switch {
		case t.NoFilterPatch && strings.Contains(op.Path, "["):
			return "filters in paths are not supported"
		case t.NoValuePatch && strings.EqualFold(op.Op, "remove") && op.Value != nil:
			return "remove takes no value"
		case t.NoPathPatch && strings.EqualFold(op.Op, "replace") && op.Path != "":
			return "replace takes no path"
		}
	}
	return ""
}

func ref(r reply) *reply { return &r }
