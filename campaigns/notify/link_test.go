package notify

import (
	"testing"

	"recert/model"
)

// TestLink: a letter about one removal leads to its place, one about several to all of them.
func TestLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    model.MessageKind
		removal int64
		want    string
	}{
		{model.MessageRemovalNotice, 7, "/notices/7"}, {model.MessageRemovalNotice, 0, "/notices"}, {model.MessageContestAnswered, 7, "/notices/7"},
		{model.MessageTask, 7, "/tasks/7"}, {model.MessageTask, 0, "/"}, {model.MessageContested, 7, "/revocations/7"},
		{model.MessageReview, 0, "/"}, {model.MessageTest, 0, "/messages"}, {model.MessageLaunchFailed, 0, "/campaigns/q%2F1/preview"},
	} {
		if got := link(c.kind, view{removal: c.removal, By: "q/1"}); got != c.want {
			t.Errorf("%s of %d leads to %s, want %s", c.kind, c.removal, got, c.want)
		}
	}
}
