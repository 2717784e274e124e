package evidence

import (
	"context"
	"strconv"

	"recert/campaigns/evidence/verify"
	"recert/model"
)

// checkReports: what is stored of what people said about tasks is what their events say, and the events
// speak of no other.
func checkReports(ctx context.Context, d *doctor) error {
	var events map[int64]verify.TaskReported
	var open map[int64]map[string]string
	page := func(ctx context.Context, t model.TaskReport) ([]model.TaskReport, error) {
		return d.TaskReportsAfter(ctx, t.ID)
	}
	whole := func(rows []model.TaskReport) error {
		events = map[int64]verify.TaskReported{}
		ids := make([]int64, len(rows))
		for i := range rows {
			ids[i] = rows[i].EventID
			e, err := d.EventByID(ctx, ids[i])
			if model.KindOf(err) == model.NotFound {
				continue
			} else if err != nil {
				return err
			}
			if _, body, err := verify.ParseLeaf(e.Leaf); err != nil {
				return err
			} else if b, ok := body.(*verify.TaskReported); ok {
				events[e.ID] = *b
			}
		}
		var err error
		open, err = d.disclosed(ctx, ids)
		return err
	}
	err := pages(ctx, page, whole, func(t *model.TaskReport) error {
		d.saw(1, "reports")
		b, ok := events[t.EventID]
		told := open[t.EventID]
		note, noted := told["note"]
		file, named := told["file"]
		if !ok || b.Remediation != strconv.FormatInt(t.RemediationID, 10) || b.SHA256 != t.SHA256 || b.Size != t.Size ||
			noted && note != t.Note || named && file != t.Name {
			d.fault("report %d about removal %d is not what its event says", t.ID, t.RemediationID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	n, err := d.CountEvents(ctx, verify.TypeTaskReported, "")
	if err == nil && n != d.looked {
		d.fault("%d reports about tasks are stored, and %d in events", d.looked, n)
	}
	return err
}
