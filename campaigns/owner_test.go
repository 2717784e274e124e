package campaigns_test

import (
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// TestOwner: who is told of what happens to the removals of a run.
func TestOwner(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		owner := func(run model.Run) (key int64) {
			t.Helper()
			mustNot(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
				is, err := tx.RunByID(t.Context(), run.ID)
				if err != nil {
					return err
				}
				key, err = campaigns.OwnerOf(t.Context(), tx, is, o.wiki.id)
				return err
			}))
			return key
		}
		o.campaign("bad", spec(func(s *model.CampaignSpec) { s.Owner = "nobody" }))
		_, err := w.svc.Launch(t.Context(), admin, "bad")
		wantKind(t, err, model.Invalid, "owner")
		mustNot(t, campaigns.ValidateSpec(t.Context(), w.store, "good", spec(func(s *model.CampaignSpec) { s.Owner = "U5" })))
		wantKind(t, campaigns.ValidateSpec(t.Context(), w.store, "bad", spec(func(s *model.CampaignSpec) { s.Owner = "nobody" })), model.Invalid, "owner")

		named := o.launch("named", func(s *model.CampaignSpec) { s.Owner = "U5" })
		if got := owner(named); got != o.dora {
			t.Errorf("named: %d, want dora", got)
		}
		o.hr.setPerson(o.dora, model.Person{PersonID: "u5", Name: "Dora Dean", Status: "terminated"})
		if got := owner(named); got != o.cleo {
			t.Errorf("after the owner left: %d, want the source's", got)
		}
		if got := owner(o.launch("unnamed")); got != o.cleo { // launched by nobody that a source of people knows
			t.Errorf("nobody: %d, want the source's", got)
		}
		o.campaign("launched", spec())
		ana := as(o.ana, "u2")
		ana.Roles = []model.Role{model.CampaignManager}
		l, err := w.svc.Launch(t.Context(), ana, "launched")
		mustNot(t, err)
		if got := owner(l.Run); got != o.ana {
			t.Errorf("launched by ana: %d", got)
		}
	})
}
