package campaigns

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/teambition/rrule-go"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// Values of a campaign's on_no_answer, remove and close.
const (
	OnNoAnswerKeep     = "keep"
	OnNoAnswerRevoke   = "revoke"
	OnNoAnswerEscalate = "escalate"
	RemoveSignOff      = "sign_off"
	RemoveDecision     = "decision"
	CloseSigned        = "signed" // when everybody has signed off
	CloseDue           = "due"    // when it is due
	SwapsShow          = "show"   // in the preview
	SwapsPrevent       = "prevent"
)

// KeepUnlessRevoked is the strategy that says itself what becomes of items without an answer: they are kept.
const KeepUnlessRevoked = "keep_unless_revoked"

// DefaultStatement is what a reviewer signs where the campaign says nothing else.
const DefaultStatement = "I have looked at each access listed here and answered to the best of my knowledge."

// What a spec that says nothing means.
const (
	defaultUndo = 30 * time.Second
	dueHour     = 17 // local time at which a due date ends
)

// parsed is a spec whose every part is understood.
type parsed struct {
	model.CampaignSpec

	rules    []scope.Rule
	dueDays  int
	extend   int // days more, with escalate
	undo     time.Duration
	grace    time.Duration // before a removal goes out
	location *time.Location
	schedule *rrule.RRule // nil is none
}

var graceRE = regexp.MustCompile(`^([0-9]{1,4})([hdw])$`)

// maxGrace is how long a removal may wait at most: what nobody needs must not stay for a quarter.
const maxGrace = 60 * 24 * time.Hour

// parseGrace reads 12h, 3d or 2w; "" is no wait.
func parseGrace(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	m := graceRE.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a number of hours, days or weeks, as 12h, 3d or 2w is", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	d := time.Duration(n) * map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	if d > maxGrace {
		return 0, fmt.Errorf("%q is more than %d days", s, maxGrace/(24*time.Hour))
	}
	return d, nil
}

// wait is for how long a removal waits that is queued by the answer itself.
func (p *parsed) wait() time.Duration { return max(p.undo, p.grace) }

// leads is how long a removal waits after what lets it go out: the sign-off, or the answer.
func (p *parsed) leads() time.Duration {
	if p.Remove == RemoveDecision {
		return p.wait()
	}
	return p.grace
}

// tells is whether a mail goes to the person whose access is to go; the app tells in any case.
func (p *parsed) tells() bool { return p.Tell == nil || *p.Tell }

// parseSpec understands a spec as far as that needs no database, and fills in its defaults.
func parseSpec(name string, in model.CampaignSpec) (*parsed, error) {
	p := &parsed{CampaignSpec: in}
	bad := func(format string, args ...any) error {
		return model.Errorf(model.Invalid, "campaign %s: %s", name, fmt.Sprintf(format, args...))
	}
	if !model.ValidName(name) {
		return nil, bad("%s", model.NameRule)
	}
	if len(p.Scope.Sources) == 0 {
		return nil, bad("scope.sources: name at least one source")
	}
	for i, s := range p.Scope.Sources {
		for _, earlier := range p.Scope.Sources[:i] {
			if s == earlier {
				return nil, bad("scope.sources: %s is named twice", s)
			}
		}
	}
	if err := p.parseStages(bad); err != nil {
		return nil, err
	}
	if err := p.parseEnd(bad); err != nil {
		return nil, err
	}
	if _, err := scope.New(p.Scope, time.Unix(0, 0)); err != nil {
		return nil, bad("%s", model.Message(err))
	}
	return p, nil
}

func (p *parsed) parseStages(bad func(string, ...any) error) error {
	switch n := len(p.Stages); {
	case n == 0:
		return bad("stages: one stage is needed")
	case n > 1:
		return bad("stages: this version runs one stage; there are %d", n)
	}
	st := &p.Stages[0]
	switch {
	case st.Strategy.Majority, st.Strategy.Quorum != 0:
		return bad("stages: strategy: majority and quorum need several reviewers an item, which this version does not ask yet")
	case st.Strategy.Name == "":
		st.Strategy.Name = "any_revoke"
	}
	switch st.Strategy.Name {
	case "any_keep", "any_revoke", "all_keep": // with one reviewer they are all that one's answer
	case KeepUnlessRevoked:
		// What is not revoked or reduced is kept: "not sure" too, and what nobody answered. That is decided at the
		// close, so that a reviewer can still be asked again.
		if p.OnNoAnswer != "" && p.OnNoAnswer != OnNoAnswerKeep {
			return bad("stages: strategy: keep_unless_revoked keeps what has no answer, so on_no_answer can only be keep, not %s", p.OnNoAnswer)
		}
	default:
		return bad("stages: strategy: %q is none of any_keep, any_revoke, all_keep, keep_unless_revoked", st.Strategy.Name)
	}
	var err error
	if p.rules, err = scope.Rules(*st); err != nil {
		return bad("stages: %s", model.Message(err))
	}
	if p.dueDays, err = model.ParseDays(st.Due); err != nil {
		return bad("stages: due: %v", err)
	}
	return nil
}

// parseEnd reads what happens around and after the answers.
func (p *parsed) parseEnd(bad func(string, ...any) error) error {
	if err := p.parseNoAnswer(bad); err != nil {
		return err
	}
	switch p.Swaps {
	case "", SwapsShow, SwapsPrevent:
	default:
		return bad("swaps: %q is neither show nor prevent", p.Swaps)
	}
	switch p.Remove {
	case "":
		p.Remove = RemoveSignOff
	case RemoveSignOff, RemoveDecision:
	default:
		return bad("remove: %q is neither sign_off nor decision", p.Remove)
	}
	p.undo = defaultUndo
	if p.UndoFor != "" {
		d, err := time.ParseDuration(p.UndoFor)
		if err != nil || d < 0 || d > 24*time.Hour {
			return bad("undo_for: %q is not a time of at most a day, as 30s or 5m is", p.UndoFor)
		}
		p.undo = d
	}
	var err error
	if p.grace, err = parseGrace(p.Grace); err != nil {
		return bad("grace: %v", err)
	}
	if _, err := RemovalCap(p.RemovalCap, 0); err != nil {
		return bad("%v", err)
	}
	for _, r := range p.Reminders {
		if _, err := parseReminder(r); err != nil {
			return bad("reminders: %v; after the due date it is +1d", err)
		}
	}
	if p.Statement == "" {
		p.Statement = DefaultStatement
	}
	if p.location, err = zone(p.TimeZone); err != nil {
		return bad("%s", model.Message(err))
	}
	if p.Schedule != "" {
		if p.schedule, err = parseSchedule(p.Schedule, p.location); err != nil {
			return bad("schedule: %v", err)
		}
	}
	return nil
}

// parseNoAnswer reads what happens to items without an answer, and when a run closes by itself.
func (p *parsed) parseNoAnswer(bad func(string, ...any) error) (err error) {
	switch p.OnNoAnswer {
	case "":
		p.OnNoAnswer = OnNoAnswerKeep
	case OnNoAnswerKeep, OnNoAnswerRevoke:
	case OnNoAnswerEscalate:
		if p.Closer == "" {
			return bad("closer: on_no_answer: escalate needs the person_id of who answers what nobody did")
		}
		if p.extend, err = model.ParseDays(cmp.Or(p.Extend, "7d")); err != nil || p.extend == 0 {
			return bad("extend: %q is not a number of days or weeks, as 7d or 1w is", p.Extend)
		}
	case "recommendation":
		return bad("on_no_answer: recommendation is refused until advice exists; use keep, revoke or escalate")
	default:
		return bad("on_no_answer: %q is none of keep, revoke and escalate", p.OnNoAnswer)
	}
	if p.OnNoAnswer != OnNoAnswerEscalate && p.Closer+p.Extend != "" {
		return bad("closer and extend belong to on_no_answer: escalate")
	}
	switch p.Close {
	case "", CloseSigned, CloseDue:
		return nil
	}
	return bad("close: %q is neither signed nor due", p.Close)
}

// byDefault is what becomes of an item that has no answer when the run is closed. Where such items are escalated
// nothing is taken away because in the end nobody answered.
func (p *parsed) byDefault() model.Answer {
	if p.OnNoAnswer == OnNoAnswerRevoke {
		return model.Revoke
	}
	return model.Keep
}

// endOf is the end of the working day that is some days after an instant, in the campaign's zone.
func (p *parsed) endOf(t model.Time, days int) model.Time {
	d := t.Std().In(p.location).AddDate(0, 0, days)
	return model.TimeOf(time.Date(d.Year(), d.Month(), d.Day(), dueHour, 0, 0, 0, p.location))
}

// due is when a run that is launched now is due: at 17:00 of the last day, in the campaign's zone.
func (p *parsed) due(now model.Time) model.Time {
	return p.endOf(now, p.dueDays)
}

// ValidateSpec tells whether a campaign can be launched as far as its definition goes: everything
// that it says is understood, its sources exist and give access, and the people it names exist
// (checked as soon as a people source has been read). Hand it the transaction that applies the
// definition, so that it sees sources of the same file.
func ValidateSpec(ctx context.Context, q Reader, name string, spec model.CampaignSpec) error {
	p, err := parseSpec(name, spec)
	if err != nil {
		return err
	}
	sources, err := q.LaunchSources(ctx)
	if err != nil {
		return err
	}
	if err := p.checkSources(name, sources); err != nil {
		return err
	}
	peopleKnown := false
	for _, s := range sources {
		peopleKnown = peopleKnown || s.Provides == string(model.ProvidesPeople) && s.Snapshot != 0
	}
	if !peopleKnown {
		return nil
	}
	if p.Owner != "" {
		key, err := activePerson(ctx, q, p.Owner)
		if err != nil {
			return err
		}
		if key == 0 {
			return model.Errorf(model.Invalid, "campaign %s: owner: there is no active person with the person_id %q", name, p.Owner)
		}
	}
	if p.Closer != "" {
		key, err := activePerson(ctx, q, p.Closer)
		if err != nil {
			return err
		}
		if key == 0 {
			return model.Errorf(model.Invalid, "campaign %s: closer: there is no active person with the person_id %q", name, p.Closer)
		}
	}
	for _, r := range p.rules {
		if r.PersonID == "" {
			continue
		}
		found := false
		if err := q.LaunchPeopleByID(ctx, []string{store.Fold(r.PersonID)}, func(int64, int64, []byte) error {
			found = true
			return nil
		}); err != nil {
			return err
		}
		if !found {
			return model.Errorf(model.Invalid, "campaign %s: stages: %s: %q is neither a rule (manager, source_owner, entitlement_owner, account_owner) nor a person_id that a people source knows", name, r.Basis, r.PersonID)
		}
	}
	return nil
}

func (p *parsed) checkSources(name string, sources []store.LaunchSource) error {
	for _, want := range p.Scope.Sources {
		i := indexSource(sources, want)
		switch {
		case i < 0:
			return model.Errorf(model.Invalid, "campaign %s: scope.sources: there is no source %q", name, want)
		case sources[i].Provides != string(model.ProvidesAccess):
			return model.Errorf(model.Invalid, "campaign %s: scope.sources: %q provides %s, not access", name, want, sources[i].Provides)
		}
	}
	return nil
}

func indexSource(sources []store.LaunchSource, name string) int {
	for i := range sources {
		if sources[i].Name == name {
			return i
		}
	}
	return -1
}

// campaign reads the definition of a campaign, with the installation's time zone where it names none.
func campaign(ctx context.Context, q Reader, name string) (*parsed, error) {
	c, err := q.Config(ctx, model.ConfigCampaign, name)
	if err != nil {
		if model.KindOf(err) == model.NotFound {
			return nil, model.Errorf(model.NotFound, "There is no campaign %q; define it with recert apply.", name)
		}
		return nil, err
	}
	var spec model.CampaignSpec
	if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
		return nil, fmt.Errorf("read the definition of campaign %s: %w", name, err)
	}
	if spec.TimeZone == "" {
		settings, err := q.Settings(ctx)
		if err != nil {
			return nil, err
		}
		spec.TimeZone = settings.TimeZone
	}
	return parseSpec(name, spec)
}
