package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/ticket"
	"recert/campaigns/connector/webhook"
	"recert/campaigns/remediate"
	"recert/model"
)

// Paths that systems outside are told of.
const (
	removalPath = "/revocations/"
	reportPath  = "/hooks/removals/"
)

// desks opens the systems that removals are asked of instead of the target: tickets and webhooks. It
// keeps them while their settings stay.
type desks struct {
	live *connectors
	base string // as users see it

	mu   sync.Mutex
	open map[string]openedDesk // by source
}

type openedDesk struct {
	settings string
	opener   connector.Opener
}

func newDesks(live *connectors, base string) *desks {
	return &desks{live: live, base: strings.TrimRight(base, "/"), open: map[string]openedDesk{}}
}

// desk is what removals in a source are asked of.
func (d *desks) desk(ctx context.Context, sourceID int64) (remediate.Desk, error) {
	var desk remediate.Desk
	src, err := d.live.store.SourceByID(ctx, sourceID)
	if err != nil {
		return desk, err
	}
	spec, err := d.live.store.SourceSpec(ctx, src.Name)
	if err != nil {
		return desk, err
	}
	settings, err := d.live.store.Settings(ctx)
	if err != nil {
		return desk, err
	}
	if desk.Opener, err = d.opener(ctx, src.Name, spec, settings); err != nil {
		return desk, model.Errorf(model.KindOf(err), "Source %s: %s", src.Name, model.Message(err))
	}
	if isLive(spec.Type) {
		if desk.Look, err = d.live.source(ctx, src.Name); err != nil {
			return desk, err
		}
	}
	if desk.Zone, err = time.LoadLocation(settings.TimeZone); err != nil {
		desk.Zone = time.UTC // every time is shown with its zone
	}
	desk.Page = func(removal int64) string { return d.base + removalPath + strconv.FormatInt(removal, 10) }
	desk.Report = func(token string) string { return d.base + reportPath + token }
	return desk, nil
}

// opener opens the outside system of a source, or gives the one that is open.
func (d *desks) opener(ctx context.Context, name string, spec model.SourceSpec, settings model.SettingsSpec) (connector.Opener, error) {
	doc, err := d.live.store.Config(ctx, model.ConfigSource, name)
	if err != nil {
		return nil, err
	}
	secret, err := secretOf(spec.Revoke)
	if err != nil {
		return nil, err
	}
	version, err := d.live.keeper.version(ctx, secret)
	if err != nil {
		return nil, err
	}
	key := strings.Join(append([]string{doc.SHA256, version}, settings.Networks...), " ")
	d.mu.Lock()
	defer d.mu.Unlock()
	if o, ok := d.open[name]; ok && o.settings == key {
		return o.opener, nil
	}
	o, err := d.openAnew(ctx, spec.Revoke, secret, settings)
	if err != nil {
		return nil, err
	}
	d.open[name] = openedDesk{key, o}
	return o, nil
}

// openAnew opens an outside system with the secret that a reference names.
func (d *desks) openAnew(ctx context.Context, r model.RevokeSpec, secret string, settings model.SettingsSpec) (connector.Opener, error) {
	value, err := d.live.keeper.resolve(ctx, secret)
	if err != nil {
		return nil, err
	}
	return openDesk(r, value, settings)
}

// probe tries the outside system that removals in a source are asked of, and gives what it found in words.
// Nothing is asked of it.
func (d *desks) probe(ctx context.Context, name string) (string, error) {
	spec, err := d.live.store.SourceSpec(ctx, name)
	if err != nil {
		return "", err
	}
	secret, err := secretOf(spec.Revoke)
	if err != nil {
		return "", err
	}
	settings, err := d.live.store.Settings(ctx)
	if err != nil {
		return "", err
	}
	o, err := d.openAnew(ctx, spec.Revoke, secret, settings)
	if err != nil {
		return "", err
	}
	p, ok := o.(connector.Prober)
	if !ok {
		return "", model.Errorf(model.Invalid, "A connection to %s cannot be tested.", o.Name())
	}
	return tryOut(ctx, p)
}

// secretOf is the reference to the secret of the outside system that settings name.
func secretOf(r model.RevokeSpec) (string, error) {
	switch {
	case r.Mode == model.ModeTicket && r.Ticket != nil:
		return r.Ticket.Token, nil
	case r.Mode == model.ModeWebhook && r.Webhook != nil:
		return r.Webhook.Secret, nil
	}
	return "", model.Errorf(model.Invalid, "its settings no longer say where removals are asked for: set revoke mode ticket or webhook again, or see to what is open by hand")
}

// openDesk makes the client that settings describe; it connects to nothing yet.
func openDesk(r model.RevokeSpec, secret string, settings model.SettingsSpec) (connector.Opener, error) {
	dialer, err := dialerOf(settings)
	if err != nil {
		return nil, err
	}
	if w := r.Webhook; w != nil {
		return webhook.New(webhook.Config{URL: w.URL, Secret: secret, CAFile: w.CAFile, Dial: dialer.DialContext, Now: now})
	}
	t := r.Ticket
	return ticket.New(ticket.Config{
		System: t.System, URL: t.URL, User: t.User, Token: secret, Deployment: t.Deployment, Project: t.Project, IssueType: t.IssueType, Table: t.Table,
		Group: t.AssignmentGroup, ClosedStates: t.ClosedStates, CAFile: t.CAFile, Dial: dialer.DialContext, Now: now,
	})
}

// keys are what reports about removals in a source are signed with.
func (d *desks) keys(ctx context.Context, sourceID int64) (webhook.Keys, error) {
	src, err := d.live.store.SourceByID(ctx, sourceID)
	if err != nil {
		return webhook.Keys{}, err
	}
	spec, err := d.live.store.SourceSpec(ctx, src.Name)
	if err != nil {
		return webhook.Keys{}, err
	}
	if spec.Revoke.Webhook == nil {
		return webhook.Keys{}, model.Errorf(model.NotFound, "The source %s has no webhook any more.", src.Name)
	}
	secret, err := d.live.keeper.resolve(ctx, spec.Revoke.Webhook.Secret)
	if err != nil {
		return webhook.Keys{}, err
	}
	return webhook.ParseKeys(secret)
}
