package remediate

import (
	"time"

	"recert/campaigns/connector"
	"recert/model"
)

// rereads are the waits between reads of a target that was asked and still shows the access:
// many take a while until a read shows what was done.
var rereads = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour}

// holdReads is for how many of those waits the same object is left alone for it.
const holdReads = 2

const (
	mostCalls      = 12                 // calls without an answer before a person must look
	mostUndeclared = 3                  // attempts in a source without settings
	mostBroken     = 5                  // answers in a row that make no sense
	giveUp         = 7 * 24 * time.Hour // attempts that come to nothing end after that
)

// Reasons, which are shown and stand in the evidence: nothing personal is in them.
const (
	whyAsked        = "The target is being asked to remove it."
	whyGoneAlready  = "It was gone already when the target was read."
	whyGone         = "A read after the removal shows it absent by every path."
	whyNewer        = "It was granted anew since the review. The new grant is not what was reviewed; review it again."
	whyMaybeNewer   = "It is there again after a removal whose answer was lost; it may have been granted anew. Review it again."
	whyNewAfter     = "The target removed it, and shows it again with a later change: it may have been granted anew. Review it again."
	whyChanged      = "Somebody changed it at the moment of the removal, and the target does not tell whether it was granted anew. Look at it; then try again, or leave it to the next review."
	whyCameBack     = "It was proven gone and is there again. Look who brought it back; then try again, or leave it to the next review."
	whyLied         = "The target says it removed the access, but still shows it."
	whyOthers       = "The target says it removed the access, but still shows it; other removals changed the same object since, so nobody can tell whether it was granted anew. Look at it; then try again, or leave it to the next review."
	whySilent       = "The answer to the removal was lost, and the target does not tell whether what is there now is a newer grant. Look at it; then try again, or leave it to the next review."
	whyNoAnswer     = "The target was asked again and again and gave no answer. Look what is wrong with it, then try again."
	whyNotDirect    = "It is not held directly, so it cannot be taken away here: it comes through something else."
	whyStillThrough = "The direct grant is gone, but the access is still held through something else."
	whyWrongTarget  = "The id names somebody or something else now than it did at the review. Nothing was removed."
	whyRefused      = "The target refuses this removal for good."
	whyBroken       = "The target's answers are not what its protocol says."
	whyUnreachable  = "The target could not be reached."
	whyDenied       = "The target refuses our credentials: removals in this source are paused."
	whyTooLong      = "It was tried for a week without success."
	whyWaits        = "The target was asked; it still shows the access and is read again."
	whyAgain        = "It was changed by somebody else at the same moment; it is tried again."
	whyLost         = "The worker ended without a word; whether its call took effect is not known."
	whyLostEarly    = "The worker ended before anything was asked of the target."
	whyTask         = "A person has to do it; the next snapshot shows whether it was done."
	whyUndeclared   = "The source has no settings any more, so nothing can be asked of it. Declare it again; then try again, or take it away by hand."
	whyRetried      = "A person let it go on."
)

// verdict is what follows from what was seen.
type verdict struct {
	call   bool                   // ask the target to remove it
	to     model.RemediationState // where the removal stands, unless call
	reason string
	wait   time.Duration // until it is looked at again, where it stays open
	retry  bool          // wait by the backoff instead
	pause  bool          // let nothing more be asked of the source
	manual bool          // a person does it from here on
}

func settle(to model.RemediationState, reason string) verdict { return verdict{to: to, reason: reason} }

// sameness is whether two looks saw the same grant.
type sameness int

const (
	cannotTell sameness = iota
	same
	newer
)

// compare tells whether what is there now is the grant that was there then. A time belongs to
// the grant; a version belongs to a whole object, so another one says nothing about the grant.
func compare(then, now connector.Observation) sameness {
	switch {
	case then.GrantedAt.Known() && now.GrantedAt.Known():
		if now.GrantedAt > then.GrantedAt {
			return newer
		}
		return same
	case then.Version != "" && then.Version == now.Version:
		return same
	}
	return cannotTell
}

// moved tells whether the target says that the object changed between two looks.
func moved(then, now connector.Observation) bool {
	return then.Version != "" && now.Version != "" && then.Version != now.Version
}

// reviewed tells whether what is there is what was reviewed, where both have a time.
func reviewed(a connector.Access, now connector.Observation) sameness {
	return compare(connector.Observation{GrantedAt: a.GrantedAt}, now)
}

// beforeCall decides by a clean look, before anything is asked. othersToo tells whether removals
// of our own changed the same object since the last call.
func beforeCall(r model.Remediation, a connector.Access, now connector.Observation, p past, othersToo bool) verdict {
	switch now.Presence {
	case connector.Absent:
		return settle(model.Confirmed, whyGoneAlready)
	case connector.WrongTarget:
		return settle(model.Failed, whyWrongTarget)
	case connector.NotDirect:
		if p.call == nil {
			return settle(model.Failed, whyNotDirect)
		}
		return waitOr(p.shown, whyStillThrough, settle(model.Failed, whyStillThrough))
	case connector.Present:
		return presentBefore(r, a, now, p, othersToo)
	}
	return settle(model.Failed, whyBroken)
}

// presentBefore is where "nothing newer is removed" is decided. Without an earlier call the
// access that is there is taken for the reviewed one. After a call that may have taken effect it
// may be a new grant: it is asked again only if the target shows the very grant, or the very
// version of the object, that was there before that call.
func presentBefore(r model.Remediation, a connector.Access, now connector.Observation, p past, othersToo bool) verdict {
	switch reviewed(a, now) {
	case newer:
		return settle(model.Superseded, whyNewer)
	case same:
		return again(p)
	case cannotTell:
	}
	if p.call == nil {
		switch {
		case r.State == model.CameBack:
			return settle(model.Failed, whyCameBack)
		case p.refused.Presence != "" && compare(p.refused, now) == newer:
			return settle(model.Superseded, whyNewer)
		case p.refused.Presence != "" && compare(p.refused, now) != same:
			// The attempt that was told so could not look any more, or it would have ended there.
			return settle(model.Failed, whyChanged)
		}
		return verdict{call: true}
	}
	switch compare(p.seen, now) {
	case newer:
		return settle(model.Superseded, whyNewer)
	case same:
		return again(p)
	case cannotTell:
	}
	switch {
	case r.State == model.CameBack:
		return settle(model.Failed, whyCameBack)
	case !p.answered && moved(p.seen, now):
		return endOf(p, now, othersToo)
	}
	return waitOr(p.shown, whyWaits, endOf(p, now, othersToo))
}

// endOf ends the wait for an earlier call that cannot be told apart from a newer grant.
func endOf(p past, now connector.Observation, othersToo bool) verdict {
	switch {
	case p.answered:
		return unproven(p.seen, now, othersToo)
	case moved(p.seen, now):
		return settle(model.Superseded, whyMaybeNewer)
	}
	return settle(model.Failed, whySilent)
}

// again asks once more, unless that was done often enough.
func again(p past) verdict {
	switch {
	case p.calls < mostCalls:
		return verdict{call: true}
	case p.answered:
		return settle(model.Failed, whyLied)
	}
	return settle(model.Failed, whyNoAnswer)
}

// unproven ends the wait for a target that said it removed what it still shows.
func unproven(then, now connector.Observation, othersToo bool) verdict {
	switch {
	case !moved(then, now):
		return settle(model.Failed, whyLied)
	case othersToo:
		return settle(model.Failed, whyOthers)
	}
	return settle(model.Superseded, whyNewAfter)
}

// waitOr looks again later, or ends the wait when it was long enough.
func waitOr(shown int, reason string, end verdict) verdict {
	if shown < len(rereads) {
		return verdict{to: model.Sent, reason: reason, wait: rereads[shown]}
	}
	return end
}

// afterCall decides by the clean look after a call. fail is nil where the call was answered.
func afterCall(a connector.Access, then, now connector.Observation, outcome connector.Outcome, fail *connector.Failure, p past, othersToo bool) verdict {
	switch now.Presence {
	case connector.Absent:
		return settle(model.Confirmed, whyGone)
	case connector.WrongTarget:
		return settle(model.Failed, whyWrongTarget)
	case connector.NotDirect:
		if outcome == connector.RefusedDirect && p.call == nil {
			return settle(model.Failed, whyNotDirect)
		}
		return waitOr(p.shown, whyStillThrough, settle(model.Failed, whyStillThrough))
	case connector.Present:
	}
	if reviewed(a, now) == newer || compare(then, now) == newer {
		return settle(model.Superseded, whyNewer)
	}
	if fail != nil {
		return presentAfterFailure(a, then, now, fail, p)
	}
	switch outcome {
	case connector.Removed, connector.AlreadyAbsent:
		return waitOr(p.shown, whyWaits, unproven(then, now, othersToo))
	case connector.Changed, connector.RefusedDirect:
		switch {
		case p.call != nil: // that call is what may have changed it
			return waitOr(p.shown, whyWaits, endOf(p, now, othersToo))
		case compare(then, now) == same || reviewed(a, now) == same:
			return verdict{to: model.Queued, reason: whyAgain, retry: true}
		}
		return settle(model.Failed, whyChanged)
	case connector.RefusedTarget:
		return settle(model.Failed, whyWrongTarget)
	case connector.TaskOpened, connector.Granted, connector.AlreadyHeld:
	}
	return settle(model.Failed, whyBroken)
}

// presentAfterFailure decides where the call failed and the access is still there.
func presentAfterFailure(a connector.Access, then, now connector.Observation, fail *connector.Failure, p past) verdict {
	open := model.Sent
	if p.call == nil && nothingDone(string(fail.Kind)) {
		open = model.Queued
	}
	switch fail.Kind {
	case connector.Denied:
		return verdict{to: open, reason: whyDenied, retry: true, pause: true}
	case connector.Refused:
		return settle(model.Failed, whyRefused)
	case connector.Unreachable, connector.Broken:
	}
	switch {
	case compare(then, now) == same, reviewed(a, now) == same:
		return verdict{to: model.Sent, reason: failed(fail), retry: true}
	case moved(then, now):
		return settle(model.Superseded, whyMaybeNewer)
	}
	return waitOr(p.shown, whyWaits, settle(model.Failed, whySilent))
}

// notRead decides where the target could not be looked at, before a call or after it. open is
// where the removal stays if it is tried again.
func notRead(open model.RemediationState, fail *connector.Failure, p past, now model.Time) verdict {
	switch fail.Kind {
	case connector.Denied:
		return verdict{to: open, reason: whyDenied, retry: true, pause: true}
	case connector.Refused:
		return settle(model.Failed, whyRefused)
	case connector.Broken:
		if p.broken+1 >= mostBroken {
			return settle(model.Failed, whyBroken)
		}
	case connector.Unreachable:
	}
	if p.since.Known() && now > p.since.Add(giveUp) {
		return settle(model.Failed, whyTooLong)
	}
	return verdict{to: open, reason: failed(fail), retry: true}
}

// failed is a failure in words that may stand in the evidence.
func failed(f *connector.Failure) string {
	if f.Kind == connector.Broken {
		return whyBroken
	}
	return whyUnreachable
}
