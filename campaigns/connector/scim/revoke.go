package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

const patchURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// Revoke implements connector.Target. It looks first, and changes nothing where the access is
// not there, is not held directly, names somebody else, or where the target's version is no
// longer the one in seen. An access with a path (Via) is never taken away: it hangs on another
// group, and a direct membership beside it is another access.
func (c *Client) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if a.Via != "" {
		return connector.RefusedDirect, nil
	}
	if o := outcomeOf(seen.Presence); o != "" {
		return o, nil
	}
	l, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	guard := seen.Version
	if guard == "" {
		guard = l.obs.Version
	}
	if l.obs.Version != "" && l.obs.Version != guard {
		return connector.Changed, nil
	}
	for _, body := range c.patches(l) {
		o, err := c.change(ctx, request{method: http.MethodPatch, path: l.path, guard: guard, key: key, body: body})
		if o != "" || err != nil {
			return o, err
		}
	}
	return c.replace(ctx, a, guard, key)
}

// outcomeOf is what a revocation reports where a look shows nothing to take away, or "".
func outcomeOf(p connector.Presence) connector.Outcome {
	switch p {
	case connector.Absent:
		return connector.AlreadyAbsent
	case connector.NotDirect:
		return connector.RefusedDirect
	case connector.WrongTarget:
		return connector.RefusedTarget
	case connector.Present:
	}
	return ""
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// patches are the forms in which the change can be asked for, the most common first.
func (c *Client) patches(l *look) [][]byte {
	ops := []operation{
		{Op: "replace", Path: "active", Value: false},
		{Op: "replace", Value: map[string]any{"active": false}},
	}
	if l.attr != "" {
		ops = []operation{{Op: "remove", Path: l.attr + "[value eq " + quote(l.id) + "]"}}
		if c.cfg.RemoveByValue {
			ops = append(ops, operation{Op: "remove", Path: l.attr, Value: []map[string]string{{"value": l.id}}})
		}
	}
	out := make([][]byte, len(ops))
	for i, op := range ops {
		out[i] = mustJSON(map[string]any{"schemas": []string{patchURN}, "Operations": []operation{op}})
	}
	return out
}

// quote writes a value as a filter has it: a JSON string.
func quote(s string) string { return string(mustJSON(s)) }

// mustJSON writes v, which is made of maps, lists, strings and raw JSON that was read before,
// so that it cannot fail.
func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("scim: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// change sends one change. Both results are empty where the target does not know this form of
// it, so that another may be tried.
func (c *Client) change(ctx context.Context, r request) (connector.Outcome, error) {
	a, err := c.do(ctx, r)
	if err != nil {
		return "", err
	}
	switch s := a.status; {
	case s >= 200 && s < 300:
		return connector.Removed, nil
	case s == http.StatusNotFound:
		return connector.AlreadyAbsent, nil
	case s == http.StatusPreconditionFailed, s == http.StatusConflict && r.guard != "":
		return connector.Changed, nil
	case r.method == http.MethodPatch &&
		(s == http.StatusBadRequest || s == http.StatusMethodNotAllowed || s == http.StatusNotImplemented):
		return "", nil
	default:
		return "", c.status(r, a)
	}
}

// replace is the way of targets that cannot patch: read the resource, and write it back whole
// without the access. Between the two anybody may have changed it, so it needs a version.
func (c *Client) replace(ctx context.Context, a connector.Access, guard, key string) (connector.Outcome, error) {
	l, err := c.look(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(l.obs.Presence); o != "" {
		return o, nil
	}
	guards, err := c.guards(ctx)
	if err != nil {
		return "", err
	}
	if l.obs.Version == "" || !guards {
		return "", c.fail(connector.Refused, "The target takes no PATCH that removes this access, and does not guard changes by versions, so replacing the whole resource could undo somebody else's change; remove the access by hand", nil)
	}
	if l.obs.Version != guard {
		return connector.Changed, nil
	}
	rest, err := c.without(l)
	if err != nil {
		return "", err
	}
	r := request{method: http.MethodPut, path: l.path, guard: guard, key: key, body: mustJSON(rest)}
	return c.change(ctx, r)
}

// guards tells whether the target says that it looks at If-Match. An ETag alone does not: web
// frameworks send one with every answer and never look at it again.
func (c *Client) guards(ctx context.Context) (bool, error) {
	var about struct {
		ETag struct {
			Supported truth `json:"supported"`
		} `json:"etag"`
	}
	_, found, err := c.get(ctx, "/ServiceProviderConfig", nil, &about)
	return found && about.ETag.Supported.is == model.Yes, err
}

// without is the resource that was read without the access; everything else stays as it came.
func (c *Client) without(l *look) (map[string]json.RawMessage, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(l.body, &raw); err != nil {
		return nil, c.fail(connector.Broken, l.path+" cannot be read", err)
	}
	if l.attr == "" {
		delete(raw, keyOf(raw, "active"))
		raw["active"] = json.RawMessage("false")
		return raw, nil
	}
	k := keyOf(raw, l.attr)
	var all []json.RawMessage
	if err := json.Unmarshal(raw[k], &all); err != nil {
		return nil, c.fail(connector.Broken, fmt.Sprintf("the %s of %s cannot be read", l.attr, l.path), err)
	}
	rest := make([]json.RawMessage, 0, len(all))
	for _, e := range all {
		var m member
		if err := json.Unmarshal(e, &m); err != nil {
			return nil, c.fail(connector.Broken, fmt.Sprintf("one of the %s of %s cannot be read", l.attr, l.path), err)
		}
		if string(m.Value) == l.id && (l.attr != "members" || m.kind() != typeGroup) {
			continue
		}
		rest = append(rest, e)
	}
	if len(rest) == len(all) {
		return nil, c.fail(connector.Refused, fmt.Sprintf("%s does not hold the access in its %s, so it cannot be taken out there; remove it by hand", l.path, l.attr), nil)
	}
	raw[k] = mustJSON(rest)
	return raw, nil
}

// keyOf is the spelling of an attribute in the resource: names are case-insensitive.
func keyOf(raw map[string]json.RawMessage, name string) string {
	if _, ok := raw[name]; ok {
		return name
	}
	for k := range raw {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}
