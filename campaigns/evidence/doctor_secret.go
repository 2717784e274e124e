package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"recert/model"
	"recert/model/store"
)

// private matches what is a secret wherever it stands: private keys, credentials in an address or
// in a header.
var private = regexp.MustCompile(`PRIVATE\+KEY\+|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@"]+:[^/\s@"]+@|(?i:authorization: *(?:bearer|basic) +[^\s$*])`)

// placeholder is how configuration names a secret without holding it.
var placeholder = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)

// texts are the columns into which a target's or a source's words may find their way.
var texts = []struct{ table, key, column string }{
	{"snapshots", "id", "extraction"},
	{"snapshots", "id", "reasons"},
	{"remediations", "id", "reason"},
	{"remediations", "id", "task"},
	{"sources", "id", "paused"},
	{"source_health", "source_id", "reason"},
	{"tickets", "remediation_id", "url"},
	{"tickets", "remediation_id", "status"},
	{"messages", "id", "last_error"},
	{"runs", "id", "spec"},
}

// checkSecrets: no secret stands in configuration, in events, or in what is told of targets.
func checkSecrets(ctx context.Context, d *doctor) error {
	configs, err := d.AllConfigs(ctx)
	if err != nil {
		return err
	}
	for _, c := range configs {
		if why := configSecret(&c); why != "" {
			d.fault("%s %s: %s", c.Kind, c.Name, why)
		}
	}
	for _, t := range texts {
		page := func(ctx context.Context, r store.TextRow) ([]store.TextRow, error) {
			return d.TextsAfter(ctx, t.table, t.key, t.column, r.ID)
		}
		if err := pages(ctx, page, nil, func(r *store.TextRow) error {
			if private.MatchString(r.Text) {
				d.fault("%s of row %d of %s holds a secret", t.column, r.ID, t.table)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if err := eachRemoval(ctx, d, false, func(r *store.RemovalRow, p *removalPage) {
		for _, a := range p.attempts[r.ID] {
			if private.MatchString(a.Before + a.After + a.Detail) {
				d.fault("attempt %d of removal %d holds a secret", a.N, r.ID)
			}
		}
	}); err != nil {
		return err
	}
	d.looked, d.what = 0, ""
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) { return d.EventsAfter(ctx, e.ID) }
	if err := pages(ctx, page, nil, func(e *store.Event) error {
		if private.Match(e.Leaf) {
			d.fault("event %d (%s) holds a secret", e.ID, e.Type)
		}
		return nil
	}); err != nil {
		return err
	}
	open := func(ctx context.Context, o store.OpenDisclosure) ([]store.OpenDisclosure, error) {
		return d.DisclosuresAfter(ctx, o.EventID, o.Field)
	}
	return pages(ctx, open, nil, func(o *store.OpenDisclosure) error {
		// What people write in a comment is theirs.
		if o.Field != "comment" && o.Field != "reason" && private.MatchString(o.Value) {
			d.fault("%s of event %d holds a secret", o.Field, o.EventID)
		}
		return nil
	})
}

// configSecret tells which secret a document holds in clear; "" is none.
func configSecret(c *store.Config) string {
	if private.MatchString(c.Spec) {
		return "a secret stands in it"
	}
	if c.Kind == model.ConfigNotification {
		var n model.NotificationSpec
		if err := json.Unmarshal([]byte(c.Spec), &n); err != nil {
			return "it cannot be read"
		}
		if n.Mail != nil && n.Mail.Password != "" && !placeholder.MatchString(n.Mail.Password) {
			return "mail: password stands in clear; it must be ${NAME}"
		}
	}
	if c.Kind != model.ConfigSource {
		return ""
	}
	var s model.SourceSpec
	if err := json.Unmarshal([]byte(c.Spec), &s); err != nil {
		return "it cannot be read"
	}
	held := map[string]string{"token": s.Token, "password": s.Password}
	if t := s.Revoke.Ticket; t != nil {
		held["revoke: ticket: token"] = t.Token
	}
	if h := s.Revoke.Webhook; h != nil {
		for i, secret := range strings.Fields(h.Secret) {
			held[fmt.Sprintf("revoke: webhook: secret %d", i+1)] = secret
		}
	}
	for field, value := range held {
		if value != "" && !placeholder.MatchString(value) {
			return field + " stands in clear; it must be ${NAME}"
		}
	}
	if u, err := url.Parse(s.URL); err == nil && !strings.Contains(s.URL, "${") {
		if password, _ := u.User.Password(); password != "" { // a user's name alone is no secret
			return "its url holds a password"
		}
	}
	return ""
}
