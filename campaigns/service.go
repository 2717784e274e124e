package campaigns

import (
	"context"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Service runs campaigns on a store. It has no state of its own, so that any number of replicas
// may serve.
type Service struct {
	Store *store.Store
}

// Reader is what Store and Tx share of the reads that planning needs.
type Reader interface {
	lastItems
	Config(ctx context.Context, kind model.ConfigKind, name string) (store.Config, error)
	Settings(ctx context.Context) (model.SettingsSpec, error)
	LaunchSources(ctx context.Context) ([]store.LaunchSource, error)
	Snapshot(ctx context.Context, id int64) (model.Snapshot, error)
	HeldSnapshots(ctx context.Context) ([]model.Snapshot, error)
	Ledgers(ctx context.Context, snapshot int64) ([]model.Ledger, error)
	CountLiveGrants(ctx context.Context, source int64) (int64, error)
	LaunchPeople(ctx context.Context, fn func(key, source int64, data []byte) error) error
	LaunchPeopleByID(ctx context.Context, folded []string, fn func(key, source int64, data []byte) error) error
	LaunchAccounts(ctx context.Context, source int64, fn func(*store.LaunchAccount) error) error
	LaunchEntitlements(ctx context.Context, source int64, fn func(key int64, id, data string) error) error
	LaunchGrants(ctx context.Context, source int64, fn func(*store.LaunchGrant) error) error
}

var (
	_ Reader = (*store.Store)(nil)
	_ Reader = (*store.Tx)(nil)
)

// mayRun refuses whoever may not launch and close campaigns.
func mayRun(actor model.Actor) error {
	if actor.Has(model.Admin, model.CampaignManager) {
		return nil
	}
	return model.Errorf(model.Forbidden, "Only an admin or a campaign manager may do this.")
}

// appendEvent seals an event of a run; the actor is always among its personal values.
func appendEvent(ctx context.Context, tx *store.Tx, actor model.Actor, run, typ, object string, data any, personal map[string]string) (int64, error) {
	if personal == nil {
		personal = map[string]string{}
	}
	personal["actor"] = actor.Label()
	return evidence.Append(ctx, tx, evidence.Event{Type: typ, Run: run, Object: object, Data: data, Personal: personal})
}

// system is the actor of what a snapshot or the clock brings about.
func system(name string) model.Actor { return model.Actor{Name: name} }

func verifyTime(t model.Time) evidence.Time { return evidence.Time(t) }

// zone is the time zone of a name; "" is UTC.
func zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "time_zone: %q is not a time zone that this machine knows, as Europe/Berlin is", name)
	}
	return loc, nil
}
