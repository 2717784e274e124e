package verify

import "errors"

// CampaignAmended gives a running run another due date.
type CampaignAmended struct {
	DueFrom Time `json:"due_from"`
	DueAt   Time `json:"due_at"`
	// Cause is why: "" where a person, the actor, decided it; paused and resumed, which a person decided too;
	// extended and closer where items had no answer when they were due, and on_no_answer escalates them.
	Cause string `json:"cause"`
}

// Causes of an amendment that no person decided.
const (
	CauseExtended = "extended" // the reviewers get more time, once
	CauseCloser   = "closer"   // the items go to the named closer, as far as they may, who gets time for them
)

// Causes of an amendment that a person decided: nobody answers between the two.
const (
	CausePaused  = "paused"  // due_at stays
	CauseResumed = "resumed" // due_at stays, or is later
)

// amend takes a change of the running run.
func (s *state) amend(e *event, b *CampaignAmended) error {
	if err := s.running(); err != nil {
		return err
	}
	pauses := b.Cause == CausePaused || b.Cause == CauseResumed
	switch {
	case b.Cause != "" && b.Cause != CauseExtended && b.Cause != CauseCloser && !pauses:
		return errors.New("its cause is not known here")
	case b.DueFrom != s.due(e.n):
		return errors.New("the run was due at another time")
	case pauses && s.paused == (b.Cause == CausePaused):
		return errors.New("the run was paused already, or was not")
	case b.Cause == CausePaused && b.DueAt != b.DueFrom, b.Cause == CauseResumed && b.DueAt < b.DueFrom:
		return errors.New("the time it makes it due is none")
	case pauses:
		s.paused = b.Cause == CausePaused
	case b.DueAt == b.DueFrom || b.DueAt <= e.At:
		return errors.New("the time it makes it due is none")
	}
	s.amended = append(s.amended, e)
	return nil
}

// goesOn refuses what cannot be while a run is paused.
func (s *state) goesOn() error {
	if s.paused {
		return errors.New("the run was paused")
	}
	return nil
}

// due is when the run was due as far as was known at line n.
func (s *state) due(n int32) Time {
	due := s.frozen().DueAt
	for _, e := range s.amended {
		if e.n < n {
			due = amendmentOf(e).DueAt
		}
	}
	return due
}

func amendmentOf(e *event) *CampaignAmended {
	return e.body.(*CampaignAmended) //nolint:errcheck,forcetypeassert // only amendments are kept in that list
}

// amendment is one change of the run in control.json.
type amendment struct {
	CampaignAmended

	At       Time   `json:"at"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
	LogIndex int64  `json:"log_index"`
}

func (s *state) amendments() []amendment {
	var list []amendment
	for _, e := range s.amended {
		list = append(list, amendment{CampaignAmended: *amendmentOf(e), At: e.At, By: e.who("actor"), Reason: e.who("reason"), LogIndex: e.index})
	}
	return list
}
