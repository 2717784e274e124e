package verify

import (
	"strings"
	"testing"
)

// TestOrder: what an outside system tells is of a removal that is asked of one, in words that are
// known; and nothing follows from it.
func TestOrder(t *testing.T) {
	t.Parallel()
	r := &removal{body: &RevocationQueued{Remediation: "1", Item: "2", Mode: "ticket"}, state: stateSent}
	m := &removal{body: &RevocationQueued{Remediation: "3", Item: "2", Mode: modeManual}, state: stateSent}
	s := &state{removal: map[string]*removal{"1": r, "3": m}}
	for want, b := range map[string]RevocationOrdered{
		"":                  {Remediation: "1", Item: "2", What: "moved", Status: "Done", Closed: true},
		"no such removal":   {Remediation: "9", Item: "2", What: "opened"},
		"no such":           {Remediation: "1", Item: "9", What: "opened"},
		"no outside system": {Remediation: "3", Item: "2", What: "opened"},
		"not known":         {Remediation: "1", Item: "2", What: "confirmed"},
	} {
		err := s.order(&b)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", b, err)
		}
	}
	if r.state != stateSent || r.called != 0 {
		t.Errorf("it changed the removal: %+v", r)
	}
	if o := ObjectOf("run", RevocationOrdered{Remediation: "1"}); o != "remediation:1" {
		t.Errorf("its object is %q", o)
	}
}
