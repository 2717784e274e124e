package verify

import "errors"

// report takes what somebody says was done about a removal.
func (s *state) report(e *event, b *TaskReported) error {
	r := s.removal[b.Remediation]
	switch {
	case r == nil || r.body.Item != b.Item:
		return errors.New("no such removal was queued")
	case b.SHA256 != "" && !isHex(b.SHA256, 32) || b.SHA256 == "" && b.Size != 0 || b.Size < 0:
		return errors.New("the file's digest or size is none")
	}
	r.reports = append(r.reports, e)
	return nil
}

// reported renders what people said was done, between what was seen before and after.
func (r *removal) reported(row func(index int64, step string, at Time, shown, by, version, outcome, detail string) error) error {
	for _, e := range r.reports {
		b := e.body.(*TaskReported) //nolint:errcheck,forcetypeassert // only reports are kept there
		if err := row(e.index, "reported", e.At, "", e.who("actor"), b.SHA256, "", e.who("note")); err != nil {
			return err
		}
	}
	return nil
}
