package store

import (
	"context"

	"recert/model"
)

// maxTasks is how many open tasks of one person a page shows.
const maxTasks = 200

// TasksOf are the open tasks of a person, the oldest first, at most 200.
func (q queries) TasksOf(ctx context.Context, person int64) ([]RemediationRow, error) {
	var rows []RemediationRow
	if err := q.all(ctx, &rows, remediationRows+"WHERE r.assignee_key = ? AND r.mode = ? AND r.state = ? ORDER BY r.id LIMIT ?",
		person, model.ModeManual, model.Sent, maxTasks); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// TaskReports are what was reported about a task, the first one first.
func (q queries) TaskReports(ctx context.Context, removal int64) ([]model.TaskReport, error) {
	var ts []model.TaskReport
	err := q.all(ctx, &ts, "SELECT * FROM task_reports WHERE remediation_id = ? ORDER BY id", removal)
	return ts, err
}

// TaskReportsAfter are reports of all tasks by id, a page at a time.
func (q queries) TaskReportsAfter(ctx context.Context, id int64) ([]model.TaskReport, error) {
	var ts []model.TaskReport
	err := q.all(ctx, &ts, "SELECT * FROM task_reports WHERE id > ? ORDER BY id LIMIT ?", id, doctorPage)
	return ts, err
}

// InsertTaskReport stores a report.
func (tx *Tx) InsertTaskReport(ctx context.Context, t model.TaskReport) error {
	return tx.execOne(ctx, "INSERT INTO task_reports (remediation_id, actor, note, name, size, sha256, blob, event_id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		t.RemediationID, t.Actor, t.Note, t.Name, t.Size, t.SHA256, t.Blob, t.EventID, t.At)
}
