package manual

import (
	"context"
	"errors"

	"recert/campaigns/connector"
)

var _ connector.Target = Target{}

// ErrSnapshotOnly is in the error of every Check: the system cannot be asked.
var ErrSnapshotOnly = errors.New("the system has no connector that could read it")

// Target implements connector.Target for systems that a person changes by hand. It needs no
// setup.
type Target struct{}

// New makes a Target.
func New() Target { return Target{} }

// Check cannot look: it always fails, with a Failure of kind Refused that holds
// ErrSnapshotOnly.
func (Target) Check(context.Context, connector.Access) (connector.Observation, error) {
	return connector.Observation{}, &connector.Failure{
		Kind: connector.Refused, Err: ErrSnapshotOnly,
		Msg: "Only the next snapshot of this system can tell whether the access is gone; ingest one after the task is done",
	}
}

// Revoke opens a task and changes nothing. It is the same task for every attempt.
func (Target) Revoke(ctx context.Context, _ connector.Access, _ connector.Observation, _ string) (connector.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return "", &connector.Failure{Kind: connector.Unreachable, Msg: "The work was stopped before the task was opened", Err: err}
	}
	return connector.TaskOpened, nil
}
