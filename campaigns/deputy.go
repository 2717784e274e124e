package campaigns

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// maxDeputy is for how long somebody can be away: who is away for longer has reviewers named anew.
const maxDeputy = 366 * 24 * time.Hour

// DeputyInput names who answers for a reviewer who is away.
type DeputyInput struct {
	Person string // person_id or mail address of who is away; "" is the actor
	Deputy string // person_id or mail address
	From   string // the first day, YYYY-MM-DD in the installation's zone
	Until  string // the last one
	Reason string // stands in the evidence of each item that the deputy gets
}

// NameDeputy names a deputy: from the first day on the open items of the reviewer, in every running campaign, go to
// the deputy, as far as that one may answer them, and after the last day what is not answered goes back. Everybody may
// for themselves, an admin or a campaign manager for anybody. Two people cannot answer for each other, nor two for
// one, at the same time.
func (s *Service) NameDeputy(ctx context.Context, actor model.Actor, in DeputyInput) error {
	reason, err := reasonOf(in.Reason, "Say why: it stands in the evidence.")
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		d, err := s.deputyOf(ctx, tx, actor, in)
		if err != nil {
			return err
		}
		if err := refuseOverlap(ctx, tx, d); err != nil {
			return err
		}
		d.Reason, d.MadeBy = reason, actor.Label()
		return tx.InsertDeputy(ctx, d)
	})
}

func (s *Service) deputyOf(ctx context.Context, tx *store.Tx, actor model.Actor, in DeputyInput) (d model.Deputy, err error) {
	if d.PersonKey = actor.PersonKey; in.Person != "" {
		p, err := PersonNamed(ctx, tx, in.Person)
		if err != nil {
			return d, err
		}
		d.PersonKey = p.Key
	}
	switch {
	case d.PersonKey == 0:
		return d, model.Errorf(model.Invalid, "Say who is away.")
	case d.PersonKey != actor.PersonKey && mayRun(actor) != nil:
		return d, model.Errorf(model.Forbidden, "You can name a deputy for yourself alone.")
	}
	deputy, err := PersonNamed(ctx, tx, in.Deputy)
	switch {
	case err != nil:
		return d, err
	case deputy.Key == d.PersonKey:
		return d, model.Errorf(model.Invalid, "Name somebody else than who is away.")
	case deputy.Status != "" && deputy.Status != "active":
		return d, model.Errorf(model.Invalid, "%s has left or is away too. Name somebody who is there.", deputy.Name)
	}
	d.DeputyKey = deputy.Key
	err = s.deputyDays(ctx, tx, &d, in)
	return d, err
}

// deputyDays reads the days.
func (s *Service) deputyDays(ctx context.Context, tx *store.Tx, d *model.Deputy, in DeputyInput) error {
	today, err := today(ctx, tx, tx.Now)
	if err != nil {
		return err
	}
	from, err := time.Parse(time.DateOnly, strings.TrimSpace(in.From))
	if err != nil {
		return model.Errorf(model.Invalid, "Give the first day as 2026-12-31 is.")
	}
	until, err := time.Parse(time.DateOnly, strings.TrimSpace(in.Until))
	if err != nil {
		return model.Errorf(model.Invalid, "Give the last day as 2026-12-31 is.")
	}
	d.FromDay, d.UntilDay = from.Format(time.DateOnly), until.Format(time.DateOnly)
	switch {
	case until.Before(from):
		return model.Errorf(model.Invalid, "The last day is before the first one.")
	case d.UntilDay < today:
		return model.Errorf(model.Invalid, "The last day is over.")
	case until.Sub(from) > maxDeputy:
		return model.Errorf(model.Invalid, "That is more than a year. Have reviewers named anew instead.")
	}
	return nil
}

// today is the day in the installation's zone.
func today(ctx context.Context, q interface {
	Settings(ctx context.Context) (model.SettingsSpec, error)
}, now model.Time) (string, error) {
	settings, err := q.Settings(ctx)
	if err != nil {
		return "", err
	}
	loc, err := zone(settings.TimeZone)
	return now.Std().In(loc).Format(time.DateOnly), err
}

// refuseOverlap refuses a second deputy at the same time, a chain, and two who answer for each other: the items would
// go around.
func refuseOverlap(ctx context.Context, tx *store.Tx, d model.Deputy) error {
	all, err := tx.OpenDeputies(ctx, 0)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.StoppedAt.Known() || o.UntilDay < d.FromDay || o.FromDay > d.UntilDay {
			continue
		}
		switch {
		case o.PersonKey == d.PersonKey:
			return model.Errorf(model.Conflict, "There is a deputy from %s to %s already. Call that one off first.", o.FromDay, o.UntilDay)
		case o.PersonKey == d.DeputyKey:
			return model.Errorf(model.Conflict, "The deputy is away too, from %s to %s. Name somebody who is there.", o.FromDay, o.UntilDay)
		case o.DeputyKey == d.PersonKey:
			return model.Errorf(model.Conflict, "Who is away is somebody's deputy from %s to %s. Call that off first.", o.FromDay, o.UntilDay)
		}
	}
	return nil
}

// StopDeputy calls a deputy off: what is not answered goes back. Who is away may, and an admin or a campaign manager.
func (s *Service) StopDeputy(ctx context.Context, actor model.Actor, id int64) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		d, err := tx.Deputy(ctx, id)
		if err != nil {
			return err
		}
		if mayRun(actor) != nil && (actor.PersonKey == 0 || d.PersonKey != actor.PersonKey) {
			return model.Errorf(model.NotFound, "There is no such deputy.")
		}
		return tx.StopDeputy(ctx, id)
	})
}

// DeputyView is a deputy with names.
type DeputyView struct {
	model.Deputy

	Person string
	Name   string // the deputy's
	Active bool
	Own    bool // the actor is who is away
}

// Deputies are the deputies that are, or are to come: of everybody for who may see all, else those that the actor
// named or is.
func (s *Service) Deputies(ctx context.Context, actor model.Actor) ([]DeputyView, error) {
	person := actor.PersonKey
	if readsAll(actor) {
		person = 0
	} else if person == 0 {
		return nil, nil
	}
	list, err := s.Store.OpenDeputies(ctx, person)
	if err != nil {
		return nil, err
	}
	day, err := today(ctx, s.Store, model.TimeOf(s.Store.Now()))
	if err != nil {
		return nil, err
	}
	var out []DeputyView
	for _, d := range list {
		if d.Over(day) {
			continue
		}
		v := DeputyView{Deputy: d, Active: d.Active(day), Own: d.PersonKey == actor.PersonKey}
		for key, into := range map[int64]*string{d.PersonKey: &v.Person, d.DeputyKey: &v.Name} {
			p, err := s.Store.PersonByKey(ctx, key)
			if err != nil {
				return nil, fmt.Errorf("deputy %d: %w", d.ID, err)
			}
			*into = p.Name
		}
		out = append(out, v)
	}
	return out, nil
}
