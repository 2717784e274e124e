package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"recert/model"
	"recert/model/store"
)

const (
	// launchHour is when a scheduled campaign is launched, in its zone, unless its rule has an hour: so that
	// the mail about it is there when people come to work.
	launchHour = 6
	// launchAgain is how long a scheduled launch that was refused waits before it is tried again.
	launchAgain = time.Hour
)

// scheduleStart is what intervals are counted from: the first day of a year and of a quarter, and a
// Monday. Every third month is January, April, July and October, whenever the campaign was defined.
var scheduleStart = time.Date(2024, time.January, 1, launchHour, 0, 0, 0, time.UTC)

// parseSchedule reads a rule as of RFC 5545 section 3.3.10, in a zone.
func parseSchedule(s string, loc *time.Location) (*rrule.RRule, error) {
	bad := func(format string, args ...any) (*rrule.RRule, error) {
		return nil, fmt.Errorf("%q: %s, as FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1 is", s, fmt.Sprintf(format, args...))
	}
	if strings.ContainsAny(s, "\r\n:") {
		return bad("give one rule alone")
	}
	opt, err := rrule.StrToROptionInLocation(s, loc)
	switch {
	case err != nil:
		return bad("it is no rule (%v)", err)
	case opt.Freq > rrule.DAILY:
		return bad("the most often is every day")
	case opt.Count != 0, !opt.Dtstart.IsZero():
		return bad("COUNT and DTSTART cannot be used; UNTIL ends a schedule")
	case len(opt.Byhour) > 1 || len(opt.Byminute) > 1 || len(opt.Bysecond) > 0:
		return bad("give one hour and one minute of the day at most")
	}
	d := scheduleStart
	opt.Dtstart = time.Date(d.Year(), d.Month(), d.Day(), d.Hour(), 0, 0, 0, loc)
	rule, err := rrule.NewRRule(*opt)
	if err != nil {
		return bad("it is no rule (%v)", err)
	}
	if opt.Until.IsZero() && rule.After(opt.Dtstart, true).IsZero() {
		return bad("such a day never comes; give one that does")
	}
	return rule, nil
}

// nextLaunch is the first time after an instant at which the campaign launches itself; unknown is never.
func (p *parsed) nextLaunch(after model.Time) model.Time {
	if p.schedule == nil {
		return 0
	}
	next := p.schedule.After(after.Std().In(p.location), false)
	if next.IsZero() {
		return 0
	}
	return model.TimeOf(next)
}

// rule is what the next launch is reckoned by.
func (p *parsed) rule() string { return p.Schedule + " " + p.location.String() }

// scheduler is the actor of what a schedule launches.
var scheduler = model.Actor{Name: "schedule", Roles: []model.Role{model.CampaignManager}}

// LaunchScheduled launches the campaigns whose time has come, and gives the number of runs. Any number of
// replicas may do it at once: each time launches once. Where the time went by while nobody looked it
// launches late, and once however often it went by. A launch that is refused is tried again every
// hour; meanwhile the campaign's page says why, and the campaign's owner is told.
func (s *Service) LaunchScheduled(ctx context.Context) (int, error) {
	configs, err := s.Store.Configs(ctx, model.ConfigCampaign)
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, c := range configs {
		var spec model.CampaignSpec
		if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
			errs = append(errs, fmt.Errorf("read the definition of campaign %s: %w", c.Name, err))
			continue
		}
		if spec.Schedule == "" {
			continue
		}
		launched, err := s.launchDue(ctx, c.Name)
		if launched {
			n++
		}
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

// launchDue launches one campaign, if its time has come.
func (s *Service) launchDue(ctx context.Context, name string) (launched bool, err error) {
	// Most often there is nothing to do, and then nothing is locked.
	if spec, err := campaign(ctx, s.Store, name); err != nil {
		return false, err
	} else if row, ok, err := s.Store.Schedule(ctx, name); err != nil || ok && row.Rule == spec.rule() && !row.Due(model.TimeOf(s.Store.Now())) {
		return false, err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		launched = false
		spec, err := campaign(ctx, tx, name)
		if err != nil || spec.schedule == nil {
			return err
		}
		row, ok, err := tx.LockSchedule(ctx, name)
		switch {
		case err != nil:
			return err
		case ok && row.Rule == spec.rule() && !row.Due(tx.Now):
			return nil
		case ok && row.Rule == spec.rule():
			if _, err := launch(ctx, tx, scheduler, name); err != nil {
				return err
			}
			launched = true
		}
		// A schedule that is new, or another, begins now.
		return tx.PutSchedule(ctx, model.Schedule{Campaign: name, Rule: spec.rule(), NextAt: spec.nextLaunch(tx.Now)})
	})
	if store.IsUnique(err) {
		return false, nil // somebody else launches it right now
	}
	if err == nil || model.KindOf(err) == model.Internal {
		return launched && err == nil, err
	}
	return false, s.notLaunched(ctx, name, model.Message(err))
}

// notLaunched notes why a campaign was not launched when its time had come, and tells its owner, once
// a time.
func (s *Service) notLaunched(ctx context.Context, name, problem string) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		row, ok, err := tx.LockSchedule(ctx, name)
		if err != nil || !ok || !row.Due(tx.Now) {
			return err
		}
		row.Problem, row.TryAt = problem, tx.Now.Add(launchAgain)
		if err := tx.PutSchedule(ctx, row); err != nil {
			return err
		}
		spec, err := campaign(ctx, tx, name)
		if err != nil || spec.Owner == "" {
			return err
		}
		owner, err := activePerson(ctx, tx, spec.Owner)
		if err != nil || owner == 0 {
			return err
		}
		_, _, err = tx.AddMessage(ctx, store.NewMessage{
			Key: fmt.Sprintf("%s/%s/%d", model.MessageLaunchFailed, name, row.NextAt), Kind: model.MessageLaunchFailed, PersonKey: owner,
			Data: model.MessageData{By: name, Reason: problem},
		})
		return err
	})
}

// NextLaunch is when a campaign launches itself next by its definition, and what kept it from being launched
// the last time; both are zero where it has no schedule.
func (s *Service) NextLaunch(ctx context.Context, name string) (next model.Time, problem string, err error) {
	spec, err := campaign(ctx, s.Store, name)
	if err != nil || spec.schedule == nil {
		return 0, "", err
	}
	row, ok, err := s.Store.Schedule(ctx, name)
	if err != nil {
		return 0, "", err
	}
	if ok && row.Rule == spec.rule() {
		return max(row.NextAt, row.TryAt), row.Problem, nil
	}
	return spec.nextLaunch(model.TimeOf(s.Store.Now())), "", nil
}
