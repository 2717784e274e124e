package ticket

import (
	"net/http"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

// lookAgain is the wait after a search that failed: nothing was made.
const lookAgain = 5 * time.Second

// maybe is a failure of a request that may have made a ticket: whatever is wrong with the answer, only
// a search tells.
func maybe(err error) error {
	if err == nil {
		return nil
	}
	f := *connector.FailureOf(err)
	f.Kind, f.RetryAfter = connector.Unreachable, 0
	return &f
}

// untouched is a failure of looking, before anything was made: it may be tried again at once.
func untouched(err error) error {
	f := connector.FailureOf(err)
	if f.Kind == connector.Unreachable && f.RetryAfter == 0 {
		g := *f
		g.RetryAfter = lookAgain
		return &g
	}
	return err
}

// notMade is a status that is no success of a request that makes a ticket. Only some say for sure that
// none was made.
func notMade(a *rest.Answer, err error) error {
	f := connector.FailureOf(err)
	if f.Kind == connector.Unreachable && a.Status != http.StatusTooManyRequests || a.Status >= 200 && a.Status < 300 {
		return maybe(err)
	}
	return err
}
