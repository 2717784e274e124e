package campaigns_test

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
)

// TestMovedSource: a source whose settings name another system shows every access as gone. What was
// reviewed before is neither gone nor confirmed by that; what is reviewed afterwards is.
func TestMovedSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		base := model.SourceSpec{Provides: model.ProvidesAccess, Type: "exec", Owner: "u4", Revoke: model.RevokeSpec{Mode: "connector"}, Exec: &model.ExecSpec{Command: model.Strings{"/bin/a", "A"}}}
		apply := func(change func(*model.SourceSpec)) campaigns.Change {
			t.Helper()
			spec := base
			change(&spec)
			changes, err := campaigns.Apply(t.Context(), w.store, "cli", []campaigns.Document{{Kind: model.ConfigSource, Name: "wiki", Spec: &spec, At: "c.yaml:1"}}, false)
			mustNot(t, err)
			return changes[0]
		}
		apply(func(*model.SourceSpec) {})
		w.exec("UPDATE sources SET moved_at = NULL") // from the settings of the office to these
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove, s.UndoFor = "decision", "0s" })
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
		w.exec("UPDATE remediations SET state = 'sent', called_at = ?", int64(model.TimeOf(w.clock.T)))
		w.clock.Add(time.Minute)
		for name, change := range map[string]func(*model.SourceSpec){
			"another owner": func(s *model.SourceSpec) { s.Owner = "u1" }, "another limit": func(s *model.SourceSpec) { s.ShrinkLimit = "90%" },
			"another cap": func(s *model.SourceSpec) { s.Revoke.HourlyCap = "9" }, "the same": func(*model.SourceSpec) {},
		} {
			if c := apply(change); c.Note != "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if c := apply(func(s *model.SourceSpec) { s.Exec = &model.ExecSpec{Command: model.Strings{"/bin/a", "B"}} }); c.Note == "" {
			t.Fatalf("another program: %+v", c)
		}
		w.clock.Add(time.Minute)
		first := o.wiki.snapshot
		snap := o.wiki.seal()
		for _, g := range []int64{o.anaReads, o.anaWrites, o.bobReads} {
			o.wiki.end(g, first)
		}
		w.sealed(snap)
		if got := w.outcomes(run.ID); got != "" {
			t.Errorf("another system made items gone: %s", got)
		}
		if got := w.strings("SELECT state || ' ' || reason FROM remediations"); len(got) != 1 || !strings.HasPrefix(got[0], "held ") || !strings.Contains(got[0], "another system") {
			t.Errorf("another system settled a removal: %v", got)
		}
	})
}

// TestCheckAddress: no password gets into what is stored and shown.
func TestCheckAddress(t *testing.T) {
	for _, bad := range []string{"postgres://u:hunter2@db/x", "postgres://u@db/x?password=hunter2", "https://u:hunter2@x/scim", "https://x/scim#hunter2", "hunter2", "http://[hunter2"} {
		if err := campaigns.CheckAddress(bad); err == nil || model.KindOf(err) != model.Invalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range []string{"postgres://u@db:5432/x", "https://x.example.com/scim/v2", "ldaps://ldap.example.com"} {
		if err := campaigns.CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
