package web

import (
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/views/campaign"
)

// TestTypedStrategy: a copy keeps the strategy, which the form does not show, unless what is chosen for items without
// an answer contradicts it.
func TestTypedStrategy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ was, onNoAnswer, want string }{
		{"all_keep", campaigns.OnNoAnswerRevoke, "all_keep"},
		{campaigns.KeepUnlessRevoked, campaigns.OnNoAnswerKeep, campaigns.KeepUnlessRevoked},
		{campaigns.KeepUnlessRevoked, campaigns.OnNoAnswerRevoke, ""},
		{campaigns.KeepUnlessRevoked, campaigns.OnNoAnswerEscalate, ""},
	} {
		p := campaign.NewPage{Name: "copy", Due: "14", Reviewers: []string{"manager"}, OnNoAnswer: c.onNoAnswer, Errors: map[string]string{}}
		base := model.CampaignSpec{Stages: []model.StageSpec{{Strategy: model.Strategy{Name: c.was}}}}
		if got := typedSpec(&p, []string{"wiki"}, base).Stages[0].Strategy.Name; got != c.want || len(p.Errors) > 0 {
			t.Errorf("%s with %s: %q, want %q; %v", c.was, c.onNoAnswer, got, c.want, p.Errors)
		}
	}
}
