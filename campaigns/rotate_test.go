package campaigns_test

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// sharing lets the readers' entitlement give the secret of the robot's account, whose owner is bob, and
// has ana's access to it removed and proven.
func (o *office) sharing() (run model.Run, rotate int64) {
	o.tb.Helper()
	o.exec("UPDATE entitlement_versions SET data = ? WHERE entitlement_key = ?", o.json(model.Entitlement{EntitlementID: "readers", Name: "Readers", Risk: "low", Kind: "group", Attrs: map[string]string{"shared_account": "a-svc"}}), o.readers)
	o.robot("u5", "")
	o.exec("UPDATE configs SET spec = ? WHERE name = 'wiki'", o.json(model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u4"}))
	run, r := o.revoked()
	mustNot(o.tb, o.store.InTx(o.ctx(), func(tx *store.Tx) error { // as the worker opens a task
		if err := tx.OpenTask(o.ctx(), r, "asked"); err != nil {
			return err
		}
		_, err := evidence.Append(o.ctx(), tx, evidence.Event{Type: evidence.TypeRevocationState, Run: run.Name, Object: evidence.RemediationObject(itoa(r.ID)), Data: evidence.RevocationState{
			Remediation: itoa(r.ID), Item: itoa(r.ItemID), From: "queued", To: "sent", Reason: "asked",
		}})
		return err
	}))
	o.end(o.anaReads)
	if now := o.removalOf(r.ID); now.State != model.Confirmed {
		o.tb.Fatalf("the removal is %s", now.State)
	}
	ids := o.ids("SELECT id FROM remediations WHERE kind = 'rotate' AND for_id = ?", r.ID)
	if len(ids) != 1 {
		o.tb.Fatalf("%d tasks to change the secret", len(ids))
	}
	return run, ids[0]
}

func (w *world) ids(q string, args ...any) (out []int64) {
	w.tb.Helper()
	rows, err := w.db.Query(w.query(q), args...)
	mustNot(w.tb, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		mustNot(w.tb, rows.Scan(&id))
		out = append(out, id)
	}
	mustNot(w.tb, rows.Err())
	return out
}

// robot sets the owner of the robot's account, and when its secret was changed.
func (o *office) robot(owner, changed string) {
	a := model.Account{AccountID: "a-svc", Username: "robot", Kind: "service", OwnerID: owner}
	if changed != "" {
		a.Attrs = map[string]string{"secret_changed_at": changed}
	}
	o.exec("UPDATE account_versions SET data = ? WHERE account_key = ?", o.json(a), o.svcAcc)
}

// TestRotate: when access that knows a shared secret is proven gone, its owner has to change the
// secret; somebody who is not the one who left says so, or a snapshot shows it.
func TestRotate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		_, id := o.sharing()
		r := w.removalOf(id)
		if r.State != model.Sent || r.Mode != model.ModeManual || r.AssigneeKey == nil || *r.AssigneeKey != o.dora || !strings.Contains(r.Task, "robot (a-svc)") || !strings.Contains(r.Task, "ana (a-ana)") {
			t.Errorf("the task: %+v", r)
		}
		if got := w.messages(); !strings.HasSuffix(got, "task to "+itoa(o.dora)) {
			t.Errorf("messages: %s", got)
		}
		w.healthy()
		// More snapshots neither open another one nor close this one.
		for range 2 {
			w.clock.Add(time.Hour)
			w.sealed(o.wiki.seal())
		}
		if n := w.id("SELECT COUNT(*) FROM remediations WHERE kind = 'rotate' AND state = 'sent'"); n != 1 {
			t.Errorf("%d tasks are open", n)
		}
		dora, ana := as(o.dora, "u5"), as(o.ana, "u2")
		if tasks, err := o.svc.Tasks(t.Context(), dora); err != nil || len(tasks) != 1 {
			t.Errorf("dora has %d tasks, %v", len(tasks), err)
		}
		in := campaigns.ReportInput{ID: id, Note: "Changed in the vault."}
		wantKind(t, o.svc.ReportTask(t.Context(), as(o.bob, "u3"), in), model.NotFound, "no such task")
		wantKind(t, o.svc.ReportTask(t.Context(), ana, in), model.NotFound, "no such task")
		ana.Roles = []model.Role{model.Admin}
		wantKind(t, o.svc.ReportTask(t.Context(), ana, in), model.Forbidden, "somebody else must do it")
		wantKind(t, o.svc.ReportTask(t.Context(), dora, campaigns.ReportInput{ID: id, Note: " "}), model.Invalid, "Say what you did")
		for range 2 { // the second click changes nothing
			mustNot(t, o.svc.ReportTask(t.Context(), dora, in))
		}
		wantKind(t, o.svc.ReportTask(t.Context(), admin, in), model.Conflict, "nothing to do")
		if r := w.removalOf(id); r.State != model.Confirmed || r.Proof != "person" || r.ClosedAt != w.now() {
			t.Errorf("after the report it is %s by %q", r.State, r.Proof)
		}
		w.healthy()
	})
}

// TestRotateBySnapshot: only a change after the task was given, in a read after that, closes it.
func TestRotateBySnapshot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		_, id := o.sharing()
		given := w.removalOf(id).CalledAt
		for _, c := range []struct {
			changed string
			want    model.RemediationState
		}{
			{"", model.Sent}, {"yesterday", model.Sent}, {given.String(), model.Sent}, {given.Add(-time.Second).String(), model.Sent},
			{given.Std().AddDate(0, 0, 1).Format(time.DateOnly), model.Confirmed},
		} {
			o.robot("u5", c.changed)
			w.clock.Add(36 * time.Hour)
			snap := o.wiki.seal()
			w.sealed(snap)
			if r := w.removalOf(id); r.State != c.want || c.want == model.Confirmed && (r.Proof != "snapshot" || *r.ProofSnapshot != snap.ID) {
				t.Errorf("changed %q: it is %s by %q", c.changed, r.State, r.Proof)
			}
		}
		w.healthy()
	})
}

// TestRotateNot: access that knows no secret asks for nothing.
func TestRotateNot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		_, r := o.revoked()
		w.exec("UPDATE remediations SET state = 'sent', called_at = ? WHERE id = ?", int64(w.now()), r.ID)
		o.end(o.anaReads)
		if n := w.id("SELECT COUNT(*) FROM remediations WHERE kind = 'rotate'"); n != 0 {
			t.Errorf("%d tasks", n)
		}
	})
}
