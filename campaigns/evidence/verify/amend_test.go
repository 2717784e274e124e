package verify

import (
	"strings"
	"testing"
)

// TestAmended: a run is due when its last amendment before says; what amends another run than there is, for no
// known cause, or to a time that is over, is refused.
func TestAmended(t *testing.T) {
	t.Parallel()
	s := &state{launched: &event{body: &CampaignLaunched{DueAt: 100}}}
	for _, c := range []struct {
		line int32
		at   Time
		body CampaignAmended
		want string // "" is that it may be
	}{
		{5, 50, CampaignAmended{DueFrom: 99, DueAt: 200}, "due at another time"},
		{5, 50, CampaignAmended{DueFrom: 100, DueAt: 100}, "is none"},
		{5, 50, CampaignAmended{DueFrom: 100, DueAt: 50}, "is none"},
		{5, 50, CampaignAmended{DueFrom: 100, DueAt: 200, Cause: "mood"}, "cause is not known"},
		{5, 50, CampaignAmended{DueFrom: 100, DueAt: 80}, ""},
		{6, 60, CampaignAmended{DueFrom: 100, DueAt: 200}, "due at another time"},
		{9, 90, CampaignAmended{DueFrom: 80, DueAt: 300, Cause: CauseExtended}, ""},
		{10, 91, CampaignAmended{DueFrom: 300, DueAt: 300, Cause: CauseResumed}, "or was not"},
		{10, 91, CampaignAmended{DueFrom: 300, DueAt: 301, Cause: CausePaused}, "is none"},
		{10, 91, CampaignAmended{DueFrom: 300, DueAt: 300, Cause: CausePaused}, ""},
		{11, 92, CampaignAmended{DueFrom: 300, DueAt: 300, Cause: CausePaused}, "paused already"},
		{11, 92, CampaignAmended{DueFrom: 300, DueAt: 299, Cause: CauseResumed}, "is none"},
		{11, 92, CampaignAmended{DueFrom: 300, DueAt: 300, Cause: CauseResumed}, ""},
		{12, 93, CampaignAmended{DueFrom: 300, DueAt: 300, Cause: CausePaused}, ""},
	} {
		e := &event{n: c.line, body: &c.body}
		e.At = c.at
		if err := s.amend(e, &c.body); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.body, err, c.want)
		}
	}
	for line, want := range map[int32]Time{1: 100, 5: 100, 6: 80, 9: 80, 10: 300} {
		if got := s.due(line); got != want {
			t.Errorf("at line %d it is due %d, want %d", line, got, want)
		}
	}
	for _, body := range []func() error{
		func() error { return s.signOff(&event{n: 13}, &ReviewSignedOff{}) },
	} {
		if err := body(); err == nil || err.Error() != "the run was paused" {
			t.Errorf("while it was paused: %v", err)
		}
	}
	s.closed = &event{}
	if err := s.amend(&event{n: 11}, &CampaignAmended{DueFrom: 300, DueAt: 400}); err == nil || !strings.Contains(err.Error(), "after the close") {
		t.Errorf("amended after the close: %v", err)
	}
}
