package verify

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestContestsRefused has the log say of contests, of what was declined and of secrets what cannot be.
func TestContestsRefused(t *testing.T) {
	t.Parallel()
	contest := func(f *fixture, id, item string) {
		f.log.add(TypeRemovalContested, testRun, "", RemovalContested{Remediation: id, Item: item}, "person", "u9", "reason", "I need it")
	}
	answer := func(f *fixture, id, item, outcome string) {
		f.log.add(TypeContestResolved, testRun, "", ContestResolved{Remediation: id, Item: item, Outcome: outcome}, "reason", "so")
	}
	move := func(f *fixture, b RevocationState) {
		b.Remediation, b.Item = "r3", "i7"
		f.log.add(TypeRevocationState, testRun, "", b)
	}
	for name, c := range map[string]struct {
		lie  func(f *fixture)
		want string // "" is that it may be
	}{
		"contested and upheld": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "held"})
			answer(f, "r3", "i7", "upheld")
			move(f, RevocationState{From: "held", To: "cancelled", Declined: true})
		}, ""},
		"contested and dismissed": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "held"})
			answer(f, "r3", "i7", "dismissed")
			move(f, RevocationState{From: "held", To: "queued"})
		}, ""},
		"let go on without an answer": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "held"})
			move(f, RevocationState{From: "held", To: "queued"})
		}, "nobody has answered"},
		"declined without an answer": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "held"})
			move(f, RevocationState{From: "held", To: "cancelled", Declined: true})
		}, "nobody has answered"},
		"declined and open": {func(f *fixture) { move(f, RevocationState{From: "queued", To: "held", Declined: true}) }, "only what is cancelled"},
		"contested, then asked for": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "sent"})
		}, "nobody has answered"},
		"upheld, then let go on": {func(f *fixture) {
			contest(f, "r3", "i7")
			move(f, RevocationState{From: "queued", To: "held"})
			answer(f, "r3", "i7", "upheld")
			move(f, RevocationState{From: "held", To: "queued"})
		}, "that the access stays"},
		"declined, then queued again": {func(f *fixture) {
			move(f, RevocationState{From: "queued", To: "cancelled", Declined: true})
			move(f, RevocationState{From: "cancelled", To: "queued"})
		}, "does not go from"},
		"asked while held": {func(f *fixture) {
			move(f, RevocationState{From: "queued", To: "held"})
			f.log.add(TypeRevocationAttempt, testRun, "", RevocationAttempted{
				Remediation: "r3", Item: "i7", Attempt: 1, Fence: 1, IntentAt: Instant(f.log.at), CalledAt: Instant(f.log.at.Add(time.Second)), Before: "present", Outcome: "removed", After: "absent", ReadAt: Instant(f.log.at.Add(time.Second)),
			})
		}, "while the removal was held"},
		"contested twice":             {func(f *fixture) { contest(f, "r3", "i7"); contest(f, "r3", "i7") }, "contested before"},
		"contested nothing":           {func(f *fixture) { contest(f, "r9", "i7") }, "no such removal"},
		"contested what gives access": {func(f *fixture) { contest(f, "r4", "i2") }, "no such removal"},
		"answered nobody":             {func(f *fixture) { answer(f, "r3", "i7", "upheld") }, "nobody contested"},
		"answered twice": {func(f *fixture) {
			contest(f, "r3", "i7")
			answer(f, "r3", "i7", "upheld")
			answer(f, "r3", "i7", "dismissed")
		}, "answered before"},
		"answered perhaps": {func(f *fixture) { contest(f, "r3", "i7"); answer(f, "r3", "i7", "perhaps") }, "not known here"},
		"removed after a keep for good": {func(f *fixture) {
			queued(f, RevocationQueued{Remediation: "r9", Item: "i1", Entitlement: "e1", Cause: "keep_until", KeptUntil: Instant(f.log.at)})
		}, "not answered to be kept until a date"},
		"an unknown cause": {func(f *fixture) {
			queued(f, RevocationQueued{Remediation: "r9", Item: "i1", Entitlement: "e1", Cause: "whim"})
		}, "not known here"},
		"a keep's end without that cause": {func(f *fixture) {
			queued(f, RevocationQueued{Remediation: "r9", Item: "i1", Entitlement: "e1", KeptUntil: Instant(f.log.at)})
		}, "not that this is its cause"},
		"a secret of a removal that is not proven": {func(f *fixture) {
			queued(f, RevocationQueued{Kind: "rotate", For: "r3", Remediation: "r9", Item: "i7", Entitlement: "e3"})
		}, "no removal that was proven"},
		"a secret asked for twice": {func(f *fixture) {
			queued(f, RevocationQueued{Kind: "rotate", For: "r1", Remediation: "r8", Item: "i2", Entitlement: "e1"})
			queued(f, RevocationQueued{Kind: "rotate", For: "r1", Remediation: "r9", Item: "i2", Entitlement: "e1"})
		}, "asks for it already"},
		"a secret that nobody says was changed": {func(f *fixture) {
			queued(f, RevocationQueued{Kind: "rotate", For: "r1", Remediation: "r9", Item: "i2", Entitlement: "e1"})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r9", Item: "i2", From: "queued", To: "confirmed", Proof: "person"})
		}, "nobody reported"},
		"a secret that a snapshot from before shows changed": {func(f *fixture) {
			queued(f, RevocationQueued{Kind: "rotate", For: "r1", Remediation: "r9", Item: "i2", Entitlement: "e1"})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r9", Item: "i2", From: "queued", To: "sent"})
			f.log.add(TypeRevocationState, testRun, "", RevocationState{Remediation: "r9", Item: "i2", From: "sent", To: "confirmed", Proof: "snapshot", Snapshot: 3})
		}, "did not begin after it was asked for"},
		"a removal by a person's word": {func(f *fixture) {
			f.log.add(TypeTaskReported, testRun, "", TaskReported{Remediation: "r3", Item: "i7"}, "note", "done")
			move(f, RevocationState{From: "queued", To: "confirmed", Proof: "person"})
		}, `proof "person" is not known here`},
		"an unknown kind": {func(f *fixture) {
			queued(f, RevocationQueued{Kind: "paint", Remediation: "r9", Item: "i2", Entitlement: "e1"})
		}, "not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 7, true)
			c.lie(f)
			_, err := f.pack(f.size()).Write(t.Context(), io.Discard)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestEndOfKeep: the end that an event tells is that of the day in some zone on earth, and is over.
func TestEndOfKeep(t *testing.T) {
	t.Parallel()
	const until = "2026-10-24"
	s := &state{items: map[string]*item{"i1": {answer: "keep", until: until}}}
	at := func(text string) Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return Instant(v)
	}
	for _, c := range []struct {
		end, now string
		want     string
	}{
		{"2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z", ""}, // Berlin
		{"2026-10-24T10:00:00Z", "2026-10-25T00:00:00Z", ""}, // Kiritimati
		{"2026-10-25T12:00:00Z", "2026-10-25T12:00:00Z", ""}, // Baker Island
		{"2026-10-24T09:59:59Z", "2026-10-26T00:00:00Z", "is not the end of"},
		{"2026-10-25T12:00:01Z", "2026-10-26T00:00:00Z", "is not the end of"},
		{"2026-10-24T22:00:00Z", "2026-10-24T21:59:59Z", "was to be kept until"},
	} {
		e := &event{Leaf: Leaf{At: at(c.now)}}
		err := s.checkCause(e, &RevocationQueued{Item: "i1", Cause: causeKeepUntil, KeptUntil: at(c.end)})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("ended %s, at %s: %v, want %q", c.end, c.now, err, c.want)
		}
	}
}
