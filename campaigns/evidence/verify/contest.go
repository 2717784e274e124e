package verify

import (
	"errors"
	"fmt"
	"time"
)

// Answers to what a person says against a removal.
const (
	contestDismissed = "dismissed"
	contestUpheld    = "upheld"
)

const causeKeepUntil = "keep_until"

// contest takes what the person concerned says against a removal.
func (s *state) contest(e *event, b *RemovalContested) error {
	r := s.removal[b.Remediation]
	switch {
	case r == nil || r.body.Item != b.Item || r.body.Kind != kindRemove:
		return errors.New("no such removal was queued")
	case r.contested != nil:
		return errors.New("it was contested before")
	}
	r.contested = e
	return nil
}

// resolve takes the answer to that.
func (s *state) resolve(e *event, b *ContestResolved) error {
	r := s.removal[b.Remediation]
	switch {
	case r == nil || r.body.Item != b.Item || r.contested == nil:
		return errors.New("nobody contested that removal")
	case r.resolved != nil:
		return errors.New("it was answered before")
	case b.Outcome != contestDismissed && b.Outcome != contestUpheld:
		return fmt.Errorf("outcome %q is not known here", b.Outcome)
	}
	r.resolved = e
	return nil
}

// outcome is what was answered to a contest; "" where nobody contested it, or nobody answered.
func (r *removal) outcome() string {
	if r.resolved == nil {
		return ""
	}
	return r.resolved.body.(*ContestResolved).Outcome //nolint:errcheck,forcetypeassert // only answers are kept there
}

// declined tells whether somebody decided that the removal will not be done.
func (r *removal) declined() bool {
	return r.state == stateCancelled && len(r.states) > 0 && stateOf(r.states[len(r.states)-1]).Declined
}

// checkContested refuses to let a removal go on, or to drop it, over the head of who contests it.
func (r *removal) checkContested(b *RevocationState) error {
	if b.Declined && b.To != stateCancelled {
		return errors.New("only what is cancelled is declined")
	}
	goesOn := b.From == stateHeld && b.To == stateQueued
	if r.contested != nil && r.resolved == nil && (b.Declined || goesOn) {
		return errors.New("it is contested, and nobody has answered that")
	}
	asked := goesOn || b.To == stateSent && r.body.Kind == kindRemove
	switch {
	case asked && r.contested != nil && r.resolved == nil:
		return errors.New("it was asked for, and nobody has answered what is said against it")
	case asked && r.outcome() == contestUpheld:
		return errors.New("it goes on, and it was answered that the access stays")
	}
	return nil
}

// checkCause refuses what is queued because a keep has ended where none has. The end of a day depends on
// the rules of time zones, which change, so that the event says when it was; what is checked here is
// that it is the end of that day in some zone on earth.
func (s *state) checkCause(e *event, b *RevocationQueued) error {
	if b.Cause == "" {
		if b.KeptUntil != 0 {
			return errors.New("it says until when something was kept, and not that this is its cause")
		}
		return nil
	}
	it := s.item(b.Item)
	switch {
	case b.Cause != causeKeepUntil || b.Kind != kindRemove:
		return fmt.Errorf("cause %q is not known here", b.Cause)
	case it.answer != answerKeep || it.until == "":
		return fmt.Errorf("item %s was not answered to be kept until a date", b.Item)
	}
	day, err := time.Parse(time.DateOnly, it.until)
	if err != nil {
		return fmt.Errorf("item %s is kept until %q, which is no date", b.Item, it.until)
	}
	end := Instant(day.AddDate(0, 0, 1))
	const hour = Time(time.Hour / time.Microsecond)
	switch {
	case b.KeptUntil < end-14*hour || b.KeptUntil > end+12*hour:
		return fmt.Errorf("%s is not the end of %s anywhere", b.KeptUntil, it.until)
	case e.At < b.KeptUntil:
		return fmt.Errorf("item %s was to be kept until %s", b.Item, b.KeptUntil)
	}
	return nil
}

// removed tells whether something was queued to carry out what is to be removed, or somebody
// decided that it will not be.
func (it *item) removed() bool {
	for _, r := range it.removals {
		if r.state != stateCancelled || r.declined() {
			return true
		}
	}
	return false
}

// contests renders what was said against a removal, and what was answered.
func (r *renderer) contests(m *removal) error {
	if m.contested == nil {
		return nil
	}
	kind, detail, index := "contest_open", m.contested.who("reason"), m.contested.index
	if a := m.resolved; a != nil {
		kind, index = "contest_"+m.outcome(), a.index
		detail += " Answered by " + a.who("actor") + ": " + a.who("reason")
	}
	return r.tables[fileExceptions].row(kind, RemediationObject(m.body.Remediation), m.body.Source, m.queued.who("account"),
		m.body.Entitlement, m.contested.who("person"), m.contested.At.String(), detail, itoa(index))
}
