package campaigns_test

import (
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

func TestValidateSpec(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		newOffice(w)
		for name, c := range map[string]struct {
			change func(*model.CampaignSpec)
			want   string // "" is valid
		}{
			"as it is":       {func(*model.CampaignSpec) {}, ""},
			"reminders":      {func(s *model.CampaignSpec) { s.Reminders = model.Strings{"7d", "0d", "+1d", "2w"} }, ""},
			"any_keep":       {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Name = "any_keep" }, ""},
			"where":          {func(s *model.CampaignSpec) { s.Scope.Where = "account.privileged" }, ""},
			"person":         {func(s *model.CampaignSpec) { s.Stages[0].Reviewers = model.Strings{"U1"} }, ""},
			"no such source": {func(s *model.CampaignSpec) { s.Scope.Sources = model.Strings{"crm"} }, "no source \"crm\""},
			"people source":  {func(s *model.CampaignSpec) { s.Scope.Sources = model.Strings{"hr"} }, "provides people"},
			"no source":      {func(s *model.CampaignSpec) { s.Scope.Sources = nil }, "at least one source"},
			"source twice":   {func(s *model.CampaignSpec) { s.Scope.Sources = model.Strings{"wiki", "wiki"} }, "twice"},
			"bad where":      {func(s *model.CampaignSpec) { s.Scope.Where = "account.x == 1" }, "line 1, column 1: account has no such field"},
			"no stage":       {func(s *model.CampaignSpec) { s.Stages = nil }, "one stage"},
			"two stages":     {func(s *model.CampaignSpec) { s.Stages = append(s.Stages, s.Stages[0]) }, "runs one stage"},
			"no reviewers":   {func(s *model.CampaignSpec) { s.Stages[0].Reviewers, s.Stages[0].Fallback = nil, "" }, "needs reviewers"},
			"group":          {func(s *model.CampaignSpec) { s.Stages[0].Reviewers = model.Strings{"group:x"} }, "groups"},
			"nobody":         {func(s *model.CampaignSpec) { s.Stages[0].Reviewers = model.Strings{"mangaer"} }, "\"mangaer\" is neither a rule"},
			"no fallback":    {func(s *model.CampaignSpec) { s.Stages[0].Fallback = "u99" }, "u99"},
			"due":            {func(s *model.CampaignSpec) { s.Stages[0].Due = "soon" }, "due: \"soon\""},
			"no due":         {func(s *model.CampaignSpec) { s.Stages[0].Due = "" }, "due: \"\""},
			"majority":       {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Majority = true }, "majority"},
			"quorum":         {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Quorum = 2 }, "quorum"},
			"unless revoked": {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Name = "keep_unless_revoked" }, ""},
			"contradiction":  {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Name, s.OnNoAnswer = "keep_unless_revoked", "revoke" }, "can only be keep"},
			"strategy":       {func(s *model.CampaignSpec) { s.Stages[0].Strategy.Name = "best" }, "\"best\""},
			"recommendation": {func(s *model.CampaignSpec) { s.OnNoAnswer = "recommendation" }, "until advice exists"},
			"nobody to ask":  {func(s *model.CampaignSpec) { s.OnNoAnswer = "escalate" }, "closer"},
			"escalate":       {func(s *model.CampaignSpec) { s.OnNoAnswer, s.Closer = "escalate", "u5" }, ""},
			"an odd closer":  {func(s *model.CampaignSpec) { s.OnNoAnswer, s.Closer = "escalate", "u99" }, "u99"},
			"no more time":   {func(s *model.CampaignSpec) { s.OnNoAnswer, s.Closer, s.Extend = "escalate", "u5", "0d" }, "extend"},
			"needless":       {func(s *model.CampaignSpec) { s.Closer = "u5" }, "belong to"},
			"close":          {func(s *model.CampaignSpec) { s.Close = "soon" }, "neither signed nor due"},
			"on_no_answer":   {func(s *model.CampaignSpec) { s.OnNoAnswer = "shrug" }, "none of keep"},
			"remove":         {func(s *model.CampaignSpec) { s.Remove = "now" }, "neither sign_off nor decision"},
			"schedule":       {func(s *model.CampaignSpec) { s.Schedule = "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1" }, ""},
			"no rule":        {func(s *model.CampaignSpec) { s.Schedule = "every quarter" }, "schedule"},
			"no day":         {func(s *model.CampaignSpec) { s.Schedule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" }, "never comes"},
			"hourly":         {func(s *model.CampaignSpec) { s.Schedule = "FREQ=HOURLY" }, "every day"},
			"two hours":      {func(s *model.CampaignSpec) { s.Schedule = "FREQ=DAILY;BYHOUR=1,2" }, "one hour"},
			"counted":        {func(s *model.CampaignSpec) { s.Schedule = "FREQ=DAILY;COUNT=3" }, "COUNT"},
			"several rules":  {func(s *model.CampaignSpec) { s.Schedule = "DTSTART:20260101\nRRULE:FREQ=DAILY" }, "one rule"},
			"month 13":       {func(s *model.CampaignSpec) { s.Schedule = "FREQ=YEARLY;BYMONTH=13" }, "schedule"},
			"reminder":       {func(s *model.CampaignSpec) { s.Reminders = model.Strings{"often"} }, "reminders"},
			"undo_for":       {func(s *model.CampaignSpec) { s.UndoFor = "-1s" }, "undo_for"},
			"zone":           {func(s *model.CampaignSpec) { s.TimeZone = "Mars/Base" }, "time_zone"},
		} {
			sp := spec()
			c.change(&sp)
			err := campaigns.ValidateSpec(t.Context(), w.store, "q", sp)
			if c.want == "" && err != nil || c.want != "" && (err == nil || model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v; want %q", name, err, c.want)
			}
		}
		if err := campaigns.ValidateSpec(t.Context(), w.store, "Not A Name", spec()); err == nil {
			t.Error("the name was taken")
		}
		// In a transaction it sees what the transaction wrote; people are checked only once there are some.
		mustNot(t, w.store.Dry(t.Context(), func(tx *store.Tx) error { return campaigns.ValidateSpec(t.Context(), tx, "q", spec()) }))
		w.exec("UPDATE snapshots SET state = 'held' WHERE source_id = (SELECT id FROM sources WHERE name = 'hr')")
		sp := spec()
		sp.Stages[0].Fallback = "u99"
		mustNot(t, campaigns.ValidateSpec(t.Context(), w.store, "q", sp))
		// A launch checks for real.
		w.campaign("q", sp)
		_, err := w.svc.Launch(t.Context(), admin, "q")
		wantKind(t, err, model.Invalid, "No people source")
	})
}
