package remediate

import (
	"encoding/json"
	"fmt"
	"slices"

	"recert/campaigns/connector"
	"recert/model"
)

// Outcomes of attempts beside those of the connectors' contract.
const (
	outcomeLost      = "lost"      // the worker ended without a word
	outcomePostponed = "postponed" // the target said: not now
)

// past is what the earlier attempts of a removal tell, those since a person last let it go on.
type past struct {
	call     *model.Attempt        // the latest one whose call may have taken effect; nil is none
	seen     connector.Observation // what was there right before that call
	answered bool                  // the target said that it did it
	shown    int                   // attempts that saw the access there, since the first such call; not there, where it is given
	calls    int                   // calls that may have taken effect
	failures int                   // attempts in a row, up to now, that came to nothing
	broken   int                   // of those, in a row, the ones without a sensible answer
	since    model.Time            // when the first attempt began; 0 where there was none
	refused  connector.Observation // what was there right before a call that came to nothing, because somebody had changed it by then
	gives    bool                  // it is about access that is given
}

// pastOf reads the attempts before the one that is under way.
func pastOf(r model.Remediation, attempts []model.Attempt) (past, error) {
	base := 0
	if r.RetryBase != nil {
		base = *r.RetryBase
	}
	p := past{gives: r.Kind.Gives()}
	for i := range attempts {
		a := &attempts[i]
		if a.N <= base || a.N >= r.Attempts {
			continue
		}
		if p.since == 0 {
			p.since = a.IntentAt
		}
		if err := p.add(a); err != nil {
			return past{}, fmt.Errorf("read attempt %d of removal %d: %w", a.N, r.ID, err)
		}
	}
	return p, nil
}

func (p *past) add(a *model.Attempt) error {
	before, err := observed(a.Before)
	if err != nil {
		return err
	}
	after, err := observed(a.After)
	if err != nil {
		return err
	}
	if mayHaveApplied(a) {
		p.call, p.seen, p.answered = a, before, answered(a.Outcome)
		p.calls++
	}
	if a.Outcome == string(connector.Changed) {
		p.refused = before
	}
	if last := lastOf(before, after, a); p.call != nil && p.open(last) {
		p.shown++
	}
	switch a.Outcome {
	case string(connector.Broken):
		p.broken++
		p.failures++
	case string(connector.Unreachable), string(connector.Denied), string(connector.Changed), outcomeLost, outcomePostponed:
		p.broken = 0
		p.failures++
	default:
		p.broken, p.failures = 0, 0
	}
	return nil
}

// open tells whether what was seen shows that nothing is done yet.
func (p *past) open(seen connector.Presence) bool {
	if p.gives {
		return seen == connector.Absent || seen == connector.NotDirect
	}
	return seen == connector.Present || seen == connector.NotDirect
}

// lastOf is what the attempt saw last; the look before a call tells nothing about that call.
func lastOf(before, after connector.Observation, a *model.Attempt) connector.Presence {
	if a.CalledAt.Known() {
		return after.Presence
	}
	return before.Presence
}

func answered(outcome string) bool {
	return slices.Contains([]string{string(connector.Removed), string(connector.AlreadyAbsent), string(connector.Granted), string(connector.AlreadyHeld)}, outcome)
}

// mayHaveApplied tells whether the attempt's call may have taken effect: it was about to be made,
// and nobody said that nothing was done.
func mayHaveApplied(a *model.Attempt) bool {
	return a.CalledAt.Known() && !nothingDone(a.Outcome)
}

func nothingDone(outcome string) bool {
	return slices.Contains([]string{
		string(connector.Changed), string(connector.RefusedDirect), string(connector.RefusedTarget),
		string(connector.Denied), string(connector.Refused), outcomePostponed,
	}, outcome)
}

func observed(text string) (o connector.Observation, err error) {
	if text == "" {
		return o, nil
	}
	err = json.Unmarshal([]byte(text), &o)
	return o, err
}

func encode(o connector.Observation) (string, error) {
	b, err := json.Marshal(o)
	return string(b), err
}
