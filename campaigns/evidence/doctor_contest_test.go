package evidence_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// contested fills the world with removals that are contested, dismissed and upheld, and with a keep
// that has ended.
func (w *world) contested() {
	w.Helper()
	w.apply(model.ConfigSource, "hr", model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"})
	w.apply(model.ConfigSource, "wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Correlate: model.Strings{"email"}, Revoke: model.RevokeSpec{Mode: model.ModeConnector}})
	w.ingest("hr", map[model.Kind]string{model.KindPeople: people})
	first := without()
	first[model.KindAccounts], first[model.KindEntitlements] = accounts, entitlements
	w.ingest("wiki", first)
	run := w.launch("contested", func(s *model.CampaignSpec) { s.Remove, s.Grace = campaigns.RemoveDecision, "3d" })
	for _, c := range []struct{ who, account, entitlement string }{{"u2", "a-ana", "readers"}, {"u2", "a-ana", "writers"}, {"u3", "a-bob", "readers"}} {
		w.answer(run, "u1", c.account, c.entitlement, model.Revoke, "")
		rs, err := w.s.ItemRemediations(w.Context(), run.ID, []int64{w.item(run, c.account, c.entitlement).ID})
		w.must(err)
		w.clock.Add(time.Second)
		w.must(w.svc.Contest(w.Context(), w.person(c.who), rs[0].ID, "I need "+c.entitlement))
		w.clock.Add(time.Second)
		if c.who == "u3" {
			continue
		}
		w.must(w.svc.AnswerContest(w.Context(), admin, rs[0].ID, c.entitlement == "writers", "so it is"))
	}
	it := w.item(run, "a-bob", "admins")
	_, err := w.svc.Decide(w.Context(), w.person("u1"), campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: model.Keep, Until: w.clock.T.AddDate(0, 0, 2).Format(time.DateOnly), Version: it.Version})
	w.must(err)
	w.close(run)
	w.clock.Add(72 * time.Hour)
	n, err := w.svc.ExpireKeeps(w.Context())
	w.must(err)
	if n != 1 {
		w.Fatalf("%d keeps ended", n)
	}
	_, err = w.log.Barrier(w.Context())
	w.must(err)
}

const (
	openContest = "(SELECT remediation_id FROM contests WHERE outcome = '')"
	dismissed   = "(SELECT remediation_id FROM contests WHERE outcome = 'dismissed')"
	upheld      = "(SELECT remediation_id FROM contests WHERE outcome = 'upheld')"
	endedOne    = "(SELECT id FROM remediations WHERE cause = 'keep_until')"
)

// TestDoctorOfContests: what is contested is what events say, and waits for the answer; a removal that
// was declined stands for the answer; a keep that has ended is what was answered.
func TestDoctorOfContests(t *testing.T) {
	t.Parallel()
	all := map[string][]corruption{
		"removals.contests": {
			saying("is not what its events say", "UPDATE contests SET outcome = '' WHERE remediation_id = "+dismissed),
			saying("is not what its events say", "UPDATE contests SET outcome = 'dismissed' WHERE remediation_id = "+upheld),
			saying("what was said against it", "UPDATE contests SET reason = 'x' WHERE remediation_id = "+openContest),
			saying("the reason of the answer", "UPDATE contests SET answer = 'x' WHERE remediation_id = "+upheld),
			saying("somebody else", "UPDATE contests SET person_key = person_key + 1 WHERE remediation_id = "+openContest),
			saying("at another time", "UPDATE contests SET at = at + 1 WHERE remediation_id = "+openContest),
			saying("by the events", "DELETE FROM contests WHERE remediation_id = "+openContest),
		},
		"removals.complete": {
			saying("has removals of", "UPDATE remediations SET declined = '' WHERE id = "+upheld),
		},
		"removals.events": {
			saying("will not be done", "UPDATE remediations SET declined = '' WHERE id = "+upheld),
			saying("will not be done", "UPDATE remediations SET declined = 'x' WHERE id = "+dismissed),
			saying("its cause is", "UPDATE remediations SET cause = '' WHERE id = "+endedOne),
		},
		"removals.keeps": {
			saying("nothing was queued for it", "UPDATE remediations SET cause = '' WHERE id = "+endedOne),
			saying("of which no keep has ended", "UPDATE items SET outcome = 'unsure' WHERE outcome = 'keep'"),
			saying("of which no keep has ended", "UPDATE ended_keeps SET result = 'gone'"),
			saying("was not until a date", "UPDATE decisions SET until = '' WHERE until <> ''"),
		},
		"removals.asked": {
			saying("which is not to be revoked", "UPDATE remediations SET cause = '' WHERE id = "+endedOne),
		},
	}
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			tpl := newTemplateOf(t, d, (*world).contested)
			t.Run("untouched", func(t *testing.T) {
				v := tpl.vandal(t)
				for name, detail := range v.failed(true) {
					t.Errorf("%s: %s", name, detail)
				}
				states := strings.Join(v.strings("SELECT state || ' ' || cause FROM remediations ORDER BY id"), "; ")
				if states != "queued ; cancelled ; held ; queued keep_until" {
					t.Errorf("the removals are %s", states)
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
