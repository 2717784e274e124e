package campaigns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// TestPreviewWithoutReviewer: own access that nobody else may review is without a reviewer, and not
// given to somebody else too; an account itself is named; what blocks is said once and shortly.
func TestPreviewWithoutReviewer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		preview := func(name string, change func(*model.CampaignSpec)) *campaigns.Preview {
			t.Helper()
			o.campaign(name, spec(change))
			v, err := w.svc.Preview(t.Context(), name, campaigns.PreviewOptions{Rows: -1})
			mustNot(t, err)
			return v
		}
		v := preview("nobody", func(s *model.CampaignSpec) {
			s.Stages[0] = model.StageSpec{Reviewers: model.Strings{"entitlement_owner"}, Due: "1d"}
		})
		if v.WithoutReviewer != 4 || v.Avoided != 0 || len(v.AvoidedRows) != 0 {
			t.Errorf("without %d, avoided %d: %+v", v.WithoutReviewer, v.Avoided, v.AvoidedRows)
		}
		want := []campaigns.PreviewRow{
			{Source: "wiki", Account: "a-ana", Person: "Ana Anders", Entitlement: "Readers"},
			{Source: "wiki", Account: "a-bob", Person: "Bob Bates", Entitlement: "Readers"},
			{Source: "wiki", Account: "a-idle", Person: "Bob Bates"},
			{Source: "wiki", Account: "a-boss", Person: "Boss Bosman", Entitlement: "Admins", Avoided: "u1"},
		}
		if d := cmp.Diff(want, v.WithoutReviewerRows); d != "" {
			t.Error(d)
		}
		blocked := []string{"4 items have nobody who may review them (wiki: a-ana, Readers; wiki: a-bob, Readers; wiki: a-idle, the account itself; and 1 more, which the preview lists). Add a rule or a fallback."}
		if d := cmp.Diff(blocked, v.Blocked); d != "" {
			t.Error(d)
		}
		v = preview("one", func(s *model.CampaignSpec) {
			s.Scope.Where = "entitlement.entitlement_id == 'admins' && account.account_id == 'a-boss'"
			s.Stages[0] = model.StageSpec{Reviewers: model.Strings{"entitlement_owner"}, Due: "1d"}
		})
		if !slices.Contains(v.Blocked, "1 item has nobody who may review it (wiki: a-boss, Admins). Add a rule or a fallback.") {
			t.Errorf("%q", v.Blocked)
		}
	})
}

// TestPreviewWarns of a newer snapshot that is held, and of rows that could not be read; a launch
// says the same.
func TestPreviewWarns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		o.campaign("p", spec())
		v, err := w.svc.Preview(t.Context(), "p", campaigns.PreviewOptions{})
		mustNot(t, err)
		if v.Warnings == nil || len(v.Warnings) != 0 {
			t.Fatalf("warnings of nothing: %q", v.Warnings)
		}
		used := o.wiki.snapshot
		w.exec("UPDATE snapshots SET rejects = 2 WHERE id = ?", used)
		people := o.hr.snapshot
		w.exec("UPDATE snapshots SET rejects = 1 WHERE id = ?", people)
		held := used + 100
		const copied = `INSERT INTO snapshots (id, source_id, as_of, digest, state, previous_id, origin, actor, released_by, reasons, extraction, unmatched, problems, rejects, rejects_root, started_at, heartbeat_at, ended_at, sealed_at)
			SELECT ?, source_id, as_of + ?, 'other', 'held', previous_id, origin, actor, released_by, reasons, extraction, unmatched, problems, rejects, rejects_root, started_at, heartbeat_at, ended_at, NULL FROM snapshots WHERE id = ?`
		w.exec(copied, held, int64(86400e6), used)
		w.exec(copied, held+1, int64(-86400e6), used) // an older one says nothing
		w.exec(`INSERT INTO snapshot_kinds (snapshot_id, kind, given, read_rows, accepted, rejected, duplicates, new_rows, changed, unchanged, gone, previous, implied, expected, root)
			VALUES (?, 'grants', TRUE, 3, 3, 0, 0, 1, 0, 2, 4, 6, 0, NULL, '')`, held)
		l, err := w.svc.Launch(t.Context(), admin, "p")
		mustNot(t, err)
		got := l.Preview.Warnings
		if len(got) != 3 {
			t.Fatalf("%q", got)
		}
		for i, want := range [][]string{
			{"wiki: snapshot ", "is newer and held", "has 3 rows: 1 new, 0 changed, and 4 gone"},
			{"wiki: 2 rows of snapshot "}, {"hr: 1 row of snapshot "},
		} {
			for _, part := range want {
				if !strings.Contains(got[i], part) {
					t.Errorf("%q has no %q", got[i], part)
				}
			}
		}
	})
}

// TestPreviewChecks: what to look at before a launch is counted and named, and compared with the last run.
func TestPreviewChecks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		o.hr.setPerson(o.bob, model.Person{PersonID: "u3", Name: "Bob Bates", Email: "bob@example.com"}) // no manager
		robot := o.hr.person(model.Person{PersonID: "s1", Name: "Nightly backup", Kind: "service", OwnerID: "u2"})
		o.wiki.grant(o.wiki.account(model.Account{AccountID: "a-robot", Kind: "service"}, robot), o.writers, "", granted)
		o.wiki.ledger()
		o.campaign("q", spec(func(s *model.CampaignSpec) { s.OnNoAnswer = "revoke" }))
		preview := func(rows int) *campaigns.Preview {
			t.Helper()
			v, err := w.svc.Preview(t.Context(), "q", campaigns.PreviewOptions{Rows: rows})
			mustNot(t, err)
			return v
		}
		v := preview(-1)
		want := campaigns.PreviewCheck{
			WithoutDescription: 2, WithoutManager: 1,
			DescriptionRows: []campaigns.PreviewEntitlement{{Source: "wiki", Entitlement: "Readers", Items: 2}, {Source: "wiki", Entitlement: "Admins", Items: 1}},
			ManagerRows:     []campaigns.PreviewPerson{{ID: "u3", Name: "Bob Bates", Items: 3, Why: "no manager is known"}},
		}
		if d := cmp.Diff(want, v.PreviewCheck); d != "" {
			t.Error(d)
		}
		if v.Defaulted.Revoke != v.Items || v.Defaulted.Keep != 0 {
			t.Errorf("if nobody answered: %+v", v.Defaulted)
		}
		if v = preview(1); len(v.DescriptionRows) != 1 || v.WithoutDescription != 2 {
			t.Errorf("%+v", v.PreviewCheck)
		}
		l, err := w.svc.Launch(t.Context(), admin, "q")
		mustNot(t, err)
		o.end(o.anaReads)
		o.wiki.grant(o.bobAcc, o.admins, "", granted)
		o.hr.setPerson(o.boss, model.Person{PersonID: "u1", Name: "Boss Bosman", Email: "boss@example.com", Status: "leave", ManagerID: "u4"})
		v = preview(-1)
		if d := cmp.Diff(&campaigns.PreviewSince{Run: l.Run.Name, New: 1, Same: l.Run.Items - 1, Left: 1}, v.Since); d != "" {
			t.Error(d)
		}
		if len(v.ManagerRows) != 2 || v.ManagerRows[1].ID != "u2" || v.ManagerRows[1].Why != "the manager has left or is away" {
			t.Errorf("%+v", v.ManagerRows)
		}
	})
}

// TestPreviewOverload: nobody is asked to sit over a review for hours unnoticed.
func TestPreviewOverload(t *testing.T) {
	t.Parallel()
	o := newOffice(newWorld(t, store.SQLite))
	for i := range 240 {
		acc := o.wiki.named(fmt.Sprint("extra-", i), o.ana)
		o.wiki.grant(acc, o.readers, "", granted)
	}
	o.campaign("q", spec(func(s *model.CampaignSpec) { s.Scope.Where = "account.account_id.startsWith('extra-')" }))
	v, err := o.svc.Preview(t.Context(), "q", campaigns.PreviewOptions{})
	mustNot(t, err)
	if v.Overloaded != 0 || v.Reviewers[0].Items != 240 || v.Reviewers[0].Minutes != 120 {
		t.Errorf("%d overloaded, %+v", v.Overloaded, v.Reviewers)
	}
	o.wiki.grant(o.wiki.named("extra-last", o.ana), o.readers, "", granted)
	if v, err = o.svc.Preview(t.Context(), "q", campaigns.PreviewOptions{}); err != nil || v.Overloaded != 1 {
		t.Errorf("%d overloaded, %v", v.Overloaded, err)
	}
}

// TestPreviewScope: plain conditions leave out what they do not want, each with its name; what the last run asked
// about is left out where only new access is wanted, but a grant that was made anew is new.
func TestPreviewScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		scoped := func(of model.ScopeSpec) func(*model.CampaignSpec) {
			return func(s *model.CampaignSpec) { of.Sources = s.Scope.Sources; s.Scope = of }
		}
		o.campaign("risky", spec(scoped(model.ScopeSpec{Risks: model.Strings{"high", "medium"}, AccountKinds: model.Strings{"service"}})))
		v, err := w.svc.Preview(t.Context(), "risky", campaigns.PreviewOptions{})
		mustNot(t, err)
		// a-ana is human; what is known of no other account's kind stays.
		want := map[string]int64{"risks: not in scope": 1, "account_kinds: not in scope": 2}
		if d := cmp.Diff(want, v.ExcludedBy); d != "" || v.Items != 4 || v.Unknown != 3 {
			t.Errorf("%d items, %d unknown: %s", v.Items, v.Unknown, d)
		}
		c, err := w.svc.Count(t.Context(), admin, model.ScopeSpec{Sources: model.Strings{"wiki"}, Risks: model.Strings{"high", "medium"}, AccountKinds: model.Strings{"service"}})
		mustNot(t, err)
		if c.Items != v.Items || c.Unknown != v.Unknown || c.Excluded != v.Excluded || len(c.Rows) != 4 {
			t.Errorf("counted %+v", c)
		}
		_, err = w.svc.Count(t.Context(), as(o.ana, "u2"), model.ScopeSpec{Sources: model.Strings{"wiki"}})
		wantKind(t, err, model.Forbidden, "Only an admin")
		_, err = w.svc.Count(t.Context(), admin, model.ScopeSpec{Sources: model.Strings{"wiki"}, Where: "account.colour == 1"})
		wantKind(t, err, model.Invalid, "scope.where: line 1, column 1: account has no such field")

		run := o.launch("new", scoped(model.ScopeSpec{NewSinceLast: true}))
		if run.Items != 7 {
			t.Errorf("%d items at first", run.Items)
		}
		o.close(run)
		o.end(o.anaReads)
		o.wiki.grant(o.anaAcc, o.readers, "", granted) // made anew
		o.wiki.grant(o.bobAcc, o.admins, "", granted)
		o.wiki.ledger()
		v, err = w.svc.Preview(t.Context(), "new", campaigns.PreviewOptions{Rows: -1})
		mustNot(t, err)
		var rows []string
		for _, r := range v.ItemRows {
			rows = append(rows, r.Account+" "+r.Entitlement)
		}
		if d := cmp.Diff([]string{"a-ana Readers", "a-bob Admins"}, rows); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(map[string]int64{"new_since_last: asked about in " + run.Name: 6}, v.ExcludedBy); d != "" {
			t.Error(d)
		}
	})
}
