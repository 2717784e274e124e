package remediate

import (
	"fmt"
	"strings"

	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/model"
)

// check is what was violated, by the target's own state and by the evidence.
func (r *rig) check() []string {
	r.t.Helper()
	r.mu.Lock()
	out := append([]string{}, r.broken...)
	r.mu.Unlock()
	for _, row := range r.rows() {
		name := r.names[row.ID]
		user, group, _ := strings.Cut(name, "/")
		if row.State == model.Confirmed && r.srv.HasMember(group, user) && r.gen[name] == 1 {
			out = append(out, name+" is confirmed, and is there")
		}
		as := r.attempts(name)
		if len(as) != row.Attempts {
			out = append(out, fmt.Sprintf("%s has %d attempts, and %d are written down", name, row.Attempts, len(as)))
		}
		for i, a := range as {
			if a.N != i+1 || i > 0 && a.Fence <= as[i-1].Fence || a.CalledAt.Known() && a.CalledAt < a.IntentAt || a.ReadAt.Known() && a.ReadAt < a.IntentAt {
				out = append(out, fmt.Sprintf("%s: attempt %d is out of order: %+v", name, i+1, a))
			}
			if a.EndedAt == 0 && !row.LeaseUntil.Known() {
				out = append(out, fmt.Sprintf("%s: attempt %d has no end", name, a.N))
			}
		}
	}
	if out = append(out, r.checkEvents()...); r.shared {
		return out
	}
	return append(out, r.doctor()...)
}

// doctor is what the doctor finds wrong with removals.
func (r *rig) doctor() (out []string) {
	r.t.Helper()
	checks, err := evidence.Doctor(r.t.Context(), r.s, false)
	if err != nil {
		r.t.Fatal(err)
	}
	looked := 0
	for _, c := range checks {
		switch c.Check {
		case "removals.events", "removals.proof", "removals.leases", "removals.fences", "removals.intents", "removals.tickets":
			if looked++; !c.OK {
				out = append(out, c.Check+": "+c.Detail)
			}
		}
	}
	if looked != 6 {
		r.t.Errorf("the doctor knows %d of 6 checks of removals", looked)
	}
	return out
}

// checkEvents follows the chain of each removal as a verifier does.
func (r *rig) checkEvents() (out []string) {
	r.t.Helper()
	state, last, tried := map[string]string{}, map[string]*verify.RevocationAttempted{}, map[string]int64{}
	missing := 0
	for n := int64(1); missing < 30; n++ {
		e, err := r.s.EventByID(r.t.Context(), n)
		if err != nil {
			missing++
			continue
		}
		missing = 0
		_, data, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(string(e.Leaf), "user1") || strings.Contains(string(e.Leaf), "canary") {
			out = append(out, "an event holds a name or a secret: "+string(e.Leaf))
		}
		switch d := data.(type) {
		case *verify.RevocationQueued:
			state[d.Remediation] = "queued"
		case *verify.RevocationAttempted:
			if d.Attempt <= tried[d.Remediation] {
				out = append(out, fmt.Sprintf("removal %s: attempt %d after %d", d.Remediation, d.Attempt, tried[d.Remediation]))
			}
			tried[d.Remediation], last[d.Remediation] = d.Attempt, d
		case *verify.RevocationState:
			if d.From != state[d.Remediation] || !model.RemediationState(d.From).Can(model.RemediationState(d.To)) {
				out = append(out, fmt.Sprintf("removal %s: from %s to %s, but it is %s", d.Remediation, d.From, d.To, state[d.Remediation]))
			}
			state[d.Remediation] = d.To
			if a := last[d.Remediation]; d.To == "confirmed" && (a == nil || a.After != "absent" || a.ReadAt < a.IntentAt || a.ReadAt == 0 || d.Proof != "read" || d.ReadAt == 0) {
				out = append(out, fmt.Sprintf("removal %s: confirmed without proof: %+v", d.Remediation, a))
			}
		}
	}
	for _, row := range r.rows() {
		if state[id(row.ID)] != string(row.State) {
			out = append(out, fmt.Sprintf("removal %d is %s, its events say %s", row.ID, row.State, state[id(row.ID)]))
		}
		if int64(row.Attempts) != tried[id(row.ID)] && !row.LeaseUntil.Known() {
			out = append(out, fmt.Sprintf("removal %d has %d attempts, its events know %d", row.ID, row.Attempts, tried[id(row.ID)]))
		}
	}
	return out
}
