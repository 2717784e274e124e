package campaigns

import (
	"context"

	"recert/model"
)

// definition is what the run was launched with.
func (rm *remover) definition() (*parsed, error) {
	if rm.spec == nil {
		spec, err := specOf(rm.run)
		if err != nil {
			return nil, err
		}
		rm.spec = spec
	}
	return rm.spec, nil
}

// afterGrace is when a removal goes out that would go out at an instant: the time to contest it comes
// first. It is the same where nobody can be told, so that an owner who reads the board has it too.
func (rm *remover) afterGrace(at model.Time) (model.Time, error) {
	spec, err := rm.definition()
	if err != nil {
		return 0, err
	}
	return max(at, rm.tx.Now.Add(spec.grace)), nil
}

// tell lets the person know whose access is to go, unless that one has left, or it is a dry run and does
// not go. The app shows it in the other cases: this is the mail.
func (rm *remover) tell(ctx context.Context, r model.Remediation) error {
	spec, err := rm.definition()
	if err != nil {
		return err
	}
	if r.PersonKey == nil || r.Kind != "" && r.Kind != model.KindRemove || !spec.tells() {
		return nil
	}
	src, err := rm.source(ctx, r.SourceID)
	if err != nil || untold(r, src.dry) {
		return err
	}
	status, err := rm.tx.PersonStatus(ctx, *r.PersonKey)
	if err != nil || left(status) {
		return err
	}
	return rm.tx.AddRemovalNotice(ctx, rm.run.ID, *r.PersonKey, r.ID)
}
