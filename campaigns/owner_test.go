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

// TestOwnersHome: whoever OwnerOf gives for a removal, and nobody else, may read it and finds it on the first page
// while it is contested.
func TestOwnersHome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run, r := o.revoked(grace("3d"))
		mustNot(t, o.svc.Contest(t.Context(), as(o.ana, "u2"), r.ID, "I need it"))
		people := map[string]int64{"u1": o.boss, "u2": o.ana, "u4": o.cleo, "u5": o.dora}
		source := func(owner string) {
			w.exec("UPDATE configs SET spec = ? WHERE kind = 'Source' AND name = 'wiki'", w.json(model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: owner}))
		}
		told := map[int64]int{}
		for _, status := range []string{"active", "leave", "terminated"} {
			o.hr.setPerson(o.dora, model.Person{PersonID: "u5", Name: "Dora Dean", Status: status})
			for _, runOwner := range []any{nil, o.dora, o.boss, int64(999999)} {
				w.exec("UPDATE runs SET owner_key = ? WHERE id = ?", runOwner, run.ID)
				for _, sourceOwner := range []string{"", "U4", "u5", "nobody"} {
					source(sourceOwner)
					is, err := w.store.RunByID(t.Context(), run.ID)
					mustNot(t, err)
					owner, err := campaigns.OwnerOf(t.Context(), w.store, is, o.wiki.id)
					mustNot(t, err)
					told[owner]++
					for id, key := range people {
						rows, err := o.svc.NeedsOwner(t.Context(), as(key, id), 10)
						mustNot(t, err)
						sees, err := o.svc.CanSeeRemoval(t.Context(), as(key, id), w.removalOf(r.ID))
						mustNot(t, err)
						if want := key == owner; (len(rows) == 1 && rows[0].ID == r.ID) != want || sees != want {
							t.Errorf("u5 is %s; run of %v, source of %q: %s finds %d and sees it: %t; the owner is %d, that one is %d", status, runOwner, sourceOwner, id, len(rows), sees, owner, key)
						}
					}
				}
			}
		}
		if told[0] == 0 || told[o.cleo] == 0 || told[o.dora] == 0 || told[o.boss] == 0 {
			t.Errorf("not everybody was an owner: %v", told)
		}
	})
}
