package evidence_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
)

// givingTarget is a target that can also give access.
type givingTarget struct {
	*fakeTarget

	given map[string]bool // "account entitlement", of what was not there before
}

func (f *givingTarget) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if a.EntitlementID == "guests" && !f.given[a.AccountID+" guests"] {
		return connector.Observation{Presence: connector.Absent}, nil
	}
	return f.fakeTarget.Check(ctx, a)
}

func (f *givingTarget) Grant(_ context.Context, a connector.Access, _ string) (connector.Outcome, error) {
	delete(f.gone, a.AccountID+" "+a.EntitlementID)
	f.given[a.AccountID+" "+a.EntitlementID] = true
	return connector.Granted, nil
}

// giving fills the world with an access that was lowered, and two that were removed: one is given back
// by the connector, proven by a read, the other one by a person, proven by a snapshot.
func (w *world) giving() {
	w.Helper()
	target := &givingTarget{fakeTarget: w.target, given: map[string]bool{}}
	w.worker.Targets = func(context.Context, int64) (connector.Target, error) { return target, nil }
	w.apply(model.ConfigSource, "hr", model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"})
	w.apply(model.ConfigSource, "wiki", model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Correlate: model.Strings{"email"}, Revoke: model.RevokeSpec{Mode: model.ModeConnector}, ShrinkLimit: "90%",
	})
	w.ingest("hr", map[model.Kind]string{model.KindPeople: people})
	first := without()
	first[model.KindAccounts] = accounts
	first[model.KindEntitlements] = "entitlement_id,name,risk,kind,lower_id\nreaders,Readers,medium,group,guests\nwriters,Writers,medium,group,readers\nadmins,Admins,medium,group,\nguests,Guests,low,group,\n"
	w.ingest("wiki", first)
	run := w.launch("gives", func(*model.CampaignSpec) {})
	it := w.item(run, "a-bob", "readers")
	_, err := w.svc.Decide(w.Context(), w.person("u1"), campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: model.Reduce, LowerTo: "guests", Version: it.Version})
	w.must(err)
	w.answer(run, "u1", "a-ana", "writers", model.Revoke, "")
	w.answer(run, "u1", "a-bob", "admins", model.Revoke, "")
	w.close(run)
	w.work()
	w.giveBack(run, "a-ana", "writers")
	w.work()
	w.apply(model.ConfigSource, "wiki", model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Correlate: model.Strings{"email"}, Revoke: model.RevokeSpec{Mode: model.ModeManual}, ShrinkLimit: "90%",
	})
	w.giveBack(run, "a-bob", "admins")
	w.work()
	w.ingest("wiki", without("a-bob,readers"))
	_, err = w.log.Barrier(w.Context())
	w.must(err)
}

// giveBack asks for what was removed back.
func (w *world) giveBack(run model.Run, account, entitlement string) {
	w.Helper()
	rs, err := w.s.ItemRemediations(w.Context(), run.ID, []int64{w.item(run, account, entitlement).ID})
	w.must(err)
	_, err = remediate.Restore(w.Context(), w.s, admin, rs[0].ID, "by mistake")
	w.must(err)
}

const (
	lowerID   = "(SELECT id FROM remediations WHERE kind = 'lower')"
	byTheRead = "(SELECT id FROM remediations WHERE kind = 'restore' AND proof = 'read')"
	byTheSnap = "(SELECT id FROM remediations WHERE kind = 'restore' AND proof = 'snapshot')"
)

// TestDoctorOfGives: what gives access is what its events say, proven, and asked for by somebody.
func TestDoctorOfGives(t *testing.T) {
	t.Parallel()
	all := map[string][]corruption{
		"removals.complete": {
			saying("0 rows give it", "DELETE FROM remediations WHERE id = "+lowerID),
			saying("its weaker access is not proven", "UPDATE remediations SET state = 'failed' WHERE id = "+lowerID),
			saying("has removals of 0", "DELETE FROM remediations WHERE for_id = "+lowerID),
		},
		"removals.asked": {
			saying("whose weaker access is not proven", "UPDATE remediations SET state = 'failed' WHERE id = "+lowerID),
			saying("which is not to be revoked", "UPDATE remediations SET for_id = NULL WHERE for_id = "+lowerID),
			saying("that nobody asked for", "UPDATE items SET outcome = 'keep' WHERE outcome = 'reduce'"),
			saying("did not take", "UPDATE remediations SET grant_id = grant_id + 1 WHERE id = "+byTheRead),
			saying("did not take", "UPDATE remediations SET state = 'confirmed' WHERE state = 'restored'"),
			saying("nothing gave its access back", "UPDATE remediations SET for_id = NULL WHERE id = "+byTheRead),
		},
		"removals.events": {
			saying("was queued as a", "UPDATE remediations SET kind = 'remove' WHERE id = "+lowerID),
			saying("was queued as a", "UPDATE remediations SET for_id = for_id + 100 WHERE id = "+byTheRead),
			saying("is done by", "UPDATE remediations SET mode = 'manual' WHERE id = "+byTheRead),
		},
		"removals.proof": {
			saying(`shows it "absent"`, "UPDATE attempts SET after = replace(after, 'present', 'absent') WHERE remediation_id = "+byTheRead),
			saying("before it was asked for", "UPDATE remediations SET queued_at = queued_at + 86400000000 WHERE id = "+byTheSnap),
			saying("does not show it", "DELETE FROM grants WHERE id = (SELECT grant_id FROM remediations WHERE id = "+byTheSnap+")"),
			saying("only a snapshot", "UPDATE remediations SET mode = 'manual' WHERE id = "+byTheRead),
		},
	}
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tpl := newTemplateOf(t, d, (*world).giving)
			t.Run("untouched", func(t *testing.T) {
				v := tpl.vandal(t)
				for name, detail := range v.failed(true) {
					t.Errorf("%s: %s", name, detail)
				}
				states := strings.Join(v.strings("SELECT kind || ' ' || state || ' ' || proof FROM remediations ORDER BY id"), "; ")
				const want = "remove restored read; remove restored read; lower confirmed read; remove confirmed read; restore confirmed read; restore confirmed snapshot"
				if got := strings.Split(states, "; "); len(got) != 6 || !sameSet(got, strings.Split(want, "; ")) {
					t.Errorf("the remediations are %s", states)
				}
			})
			for name, cs := range all {
				for i, c := range cs {
					t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) { corrupt(t, tpl, name, c, false) })
				}
			}
		})
	}
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for i := range a {
		count[a[i]]++
		count[b[i]]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
