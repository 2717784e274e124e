package baton

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/model"
)

// jsonDump is one sync as the baton command prints it. Each file is one document, which is read
// entry by entry, twice where that is needed.
type jsonDump struct {
	c  *Client
	at model.Time
}

func (c *Client) openJSON(ctx context.Context) (*jsonDump, error) {
	d := &jsonDump{c: c}
	ended := model.Time(0)
	err := list(ctx, c, c.cfg.JSON.Syncs, "syncs", func(s jsonSync) error {
		if s.SyncType == "full" && s.EndedAt.Known() && s.EndedAt >= ended {
			ended, d.at = s.EndedAt, s.StartedAt
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !d.at.Known():
		return nil, c.fail(connector.Broken, "The output of baton syncs has no full sync that ended: a partial or unfinished one would look as if access had been removed", nil)
	case d.at > model.TimeOf(c.cfg.Now()):
		return nil, c.fail(connector.Broken, "The output of baton syncs says that its sync began in the future", nil)
	}
	return d, nil
}

// The entries of the outputs, with what is used of them.
type (
	jsonSync struct {
		StartedAt model.Time `json:"startedAt"`
		EndedAt   model.Time `json:"endedAt"`
		SyncType  string     `json:"syncType"`
	}
	jsonType struct {
		ID     string   `json:"id"`
		Traits []string `json:"traits"`
	}
	jsonID struct {
		Type string `json:"resourceType"`
		ID   string `json:"resource"`
	}
	jsonStatus struct {
		Status string `json:"status"`
	}
	jsonKind struct {
		Type string `json:"@type"`
	}
	jsonUser struct {
		Login       string         `json:"login"`
		AccountType string         `json:"accountType"`
		Emails      []jsonEmail    `json:"emails"`
		Status      jsonStatus     `json:"status"`
		Profile     map[string]any `json:"profile"`
		CreatedAt   model.Time     `json:"createdAt"`
		LastLogin   model.Time     `json:"lastLogin"`
	}
	jsonEmail struct {
		Address string `json:"address"`
		Primary bool   `json:"isPrimary"`
	}
	jsonResource struct {
		ID          jsonID            `json:"id"`
		Name        string            `json:"displayName"`
		Description string            `json:"description"`
		Annotations []json.RawMessage `json:"annotations"`
		Status      jsonStatus        `json:"status"`
		Profile     map[string]any    `json:"profile"`
		CreatedAt   model.Time        `json:"createdAt"`
	}
	jsonEntitlement struct {
		ID          string       `json:"id"`
		Resource    jsonResource `json:"resource"`
		Name        string       `json:"displayName"`
		Description string       `json:"description"`
		Purpose     string       `json:"purpose"`
		Slug        string       `json:"slug"`
	}
	jsonGrant struct {
		ID          string          `json:"id"`
		Entitlement jsonEntitlement `json:"entitlement"`
		Principal   jsonResource    `json:"principal"`
		Annotations []jsonKind      `json:"annotations"`
		Sources     struct {
			Sources map[string]json.RawMessage `json:"sources"`
		} `json:"sources"`
	}
	resourceEntry struct {
		Resource jsonResource `json:"resource"`
		Type     jsonType     `json:"resourceType"`
	}
	entitlementEntry struct {
		Entitlement jsonEntitlement `json:"entitlement"`
		Resource    jsonResource    `json:"resource"`
		Type        jsonType        `json:"resourceType"`
	}
	grantEntry struct {
		Grant       jsonGrant       `json:"grant"`
		Entitlement jsonEntitlement `json:"entitlement"`
		Principal   jsonResource    `json:"principal"`
	}
)

// list reads the one list of a document, entry by entry. A document that ends early is an error.
func list[T any](ctx context.Context, c *Client, file, name string, yield func(T) error) error {
	in, err := os.Open(file)
	if err != nil {
		return c.fail(connector.Unreachable, "The output of baton "+name+" cannot be read", err)
	}
	defer func() { _ = in.Close() }() // only read
	broken := func(n int, err error) error {
		if ctx.Err() != nil {
			return c.stopped(ctx)
		}
		return c.fail(connector.Broken, fmt.Sprintf("The output of baton %s cannot be read after %d entries: give what baton -f FILE %s -o json prints, whole", name, n, name), err)
	}
	d := json.NewDecoder(reader{ctx, in})
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return broken(0, errors.Join(err, errors.New("it does not begin with an object")))
	}
	n := 0
	for d.More() {
		t, err := d.Token()
		if err != nil || t != name {
			return broken(n, errors.Join(err, fmt.Errorf("it holds something else than %s", name)))
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return broken(n, errors.Join(err, fmt.Errorf("%s is no list", name)))
		}
		for d.More() {
			var raw json.RawMessage
			var v T
			if err := d.Decode(&raw); err != nil {
				return broken(n, err)
			}
			if !utf8.Valid(raw) {
				return broken(n, errors.New("it is not UTF-8"))
			}
			if err := json.Unmarshal(raw, &v); err != nil {
				return broken(n, err)
			}
			n++
			if err := yield(v); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return broken(n, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return broken(n, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return broken(n, errors.New("more follows after it"))
	}
	return nil
}

func (d *jsonDump) started() model.Time { return d.at }

var traits = map[string]trait{
	"TRAIT_USER": traitUser, "TRAIT_GROUP": traitGroup, "TRAIT_ROLE": traitRole, "TRAIT_LICENSE_PROFILE": traitLicence, "TRAIT_AGENT": traitAgent,
}

// types come with the resources.
func (d *jsonDump) types(ctx context.Context, yield func(resourceType) error) error {
	seen := map[string]bool{}
	return list(ctx, d.c, d.c.cfg.JSON.Resources, "resources", func(e resourceEntry) error {
		if seen[e.Type.ID] {
			return nil
		}
		seen[e.Type.ID] = true
		t := resourceType{id: e.Type.ID}
		for _, name := range e.Type.Traits {
			t.traits = append(t.traits, traits[name])
		}
		return yield(t)
	})
}

func (d *jsonDump) resources(ctx context.Context, yield func(resource) error) error {
	return list(ctx, d.c, d.c.cfg.JSON.Resources, "resources", func(e resourceEntry) error {
		r, err := e.Resource.plain()
		if err != nil {
			return d.c.fail(connector.Broken, d.c.secrets.Show(fmt.Sprintf("The resource %q in the output of baton resources cannot be read", r.key)), err)
		}
		return yield(r)
	})
}

func (r *jsonResource) plain() (resource, error) {
	out := resource{
		key: keyOf(r.ID.Type, r.ID.ID), typ: r.ID.Type, id: r.ID.ID, name: r.Name, description: r.Description, created: r.CreatedAt,
	}
	out.jsonStatus(r.Status, "RESOURCE_STATUS_")
	out.jsonProfile(r.Profile)
	for _, raw := range r.Annotations {
		var kind jsonKind
		if err := json.Unmarshal(raw, &kind); err != nil {
			return out, err
		}
		if !strings.HasSuffix(kind.Type, ".UserTrait") {
			continue
		}
		var u jsonUser
		if err := json.Unmarshal(raw, &u); err != nil {
			return out, err
		}
		out.jsonUser(u)
	}
	return out, nil
}

func (r *resource) jsonUser(u jsonUser) {
	r.user = &user{login: u.Login, lastLogin: u.LastLogin}
	r.user.kind = map[string]string{"ACCOUNT_TYPE_HUMAN": "human", "ACCOUNT_TYPE_SERVICE": "service", "ACCOUNT_TYPE_SYSTEM": "service"}[u.AccountType]
	for _, e := range u.Emails {
		if e.Primary || r.user.email == "" {
			r.user.email = e.Address
		}
	}
	r.jsonStatus(u.Status, "STATUS_")
	r.jsonProfile(u.Profile)
	if !r.created.Known() {
		r.created = u.CreatedAt
	}
}

func (r *resource) jsonStatus(s jsonStatus, prefix string) {
	switch s.Status {
	case prefix + "ENABLED":
		r.mergeStatus("enabled")
	case prefix + "DISABLED", prefix + "DELETED":
		r.mergeStatus("disabled")
	}
}

func (r *resource) jsonProfile(p map[string]any) {
	for k, v := range p {
		switch v := v.(type) {
		case string:
			r.setProfile(k, v)
		case float64, bool:
			b, err := json.Marshal(v)
			if err == nil {
				r.setProfile(k, string(b))
			}
		}
	}
}

func (d *jsonDump) entitlements(ctx context.Context, yield func(entitlement) error) error {
	return list(ctx, d.c, d.c.cfg.JSON.Entitlements, "entitlements", func(e entitlementEntry) error {
		id := e.Entitlement.Resource.ID
		if id == (jsonID{}) {
			id = e.Resource.ID
		}
		out := entitlement{
			id: e.Entitlement.ID, resource: keyOf(id.Type, id.ID), name: e.Entitlement.Name, description: e.Entitlement.Description, slug: e.Entitlement.Slug,
		}
		if e.Entitlement.Purpose == "PURPOSE_VALUE_PERMISSION" {
			out.purpose = 2
		}
		return yield(out)
	})
}

func (d *jsonDump) principals(ctx context.Context, yield func(string) error) error {
	return d.grants(ctx, func(g grant) error { return yield(g.principal) })
}

func (d *jsonDump) grants(ctx context.Context, yield func(grant) error) error {
	return list(ctx, d.c, d.c.cfg.JSON.Grants, "grants", func(e grantEntry) error {
		p, ent := e.Grant.Principal.ID, e.Grant.Entitlement.ID
		if p == (jsonID{}) {
			p = e.Principal.ID
		}
		if ent == "" {
			ent = e.Entitlement.ID
		}
		g := grant{id: e.Grant.ID, entitlement: ent, principal: keyOf(p.Type, p.ID), typ: p.Type, of: p.ID}
		for source := range e.Grant.Sources.Sources {
			g.sources = append(g.sources, source)
		}
		for _, a := range e.Grant.Annotations {
			g.immutable = g.immutable || strings.HasSuffix(a.Type, ".GrantImmutable")
		}
		return yield(g)
	})
}
