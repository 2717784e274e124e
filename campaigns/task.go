package campaigns

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Limits of what people report about a task.
const (
	MaxTaskFile  = 10 << 20 // bytes of one file
	maxTaskNote  = 2000     // characters
	maxTaskName  = 200      // characters
	maxTaskFiles = 20       // reports of one task
)

const taskPurpose = "task"

func taskOwner(removal int64) string { return "remediation:" + strconv.FormatInt(removal, 10) }

// canSeeTask tells whether the actor may read a task: staff, and who has it.
func canSeeTask(actor model.Actor, r model.Remediation) bool {
	return readsAll(actor) || actor.PersonKey != 0 && r.AssigneeKey != nil && *r.AssigneeKey == actor.PersonKey
}

// canReport tells whether the actor may say that a task is done: who has it, and who runs campaigns.
func canReport(actor model.Actor, r model.Remediation) bool {
	return actor.Has(model.Admin, model.CampaignManager) || actor.PersonKey != 0 && r.AssigneeKey != nil && *r.AssigneeKey == actor.PersonKey
}

func noTask() error { return model.Errorf(model.NotFound, "There is no such task.") }

// Task is one thing that a person has to do in a system, and what was reported about it.
type Task struct {
	store.RemediationRow

	Reports   []model.TaskReport
	CanReport bool // the actor may say that it is done
}

// Tasks are the open tasks of the actor, the oldest first.
func (s *Service) Tasks(ctx context.Context, actor model.Actor) ([]store.RemediationRow, error) {
	if actor.PersonKey == 0 {
		return nil, nil
	}
	return s.Store.TasksOf(ctx, actor.PersonKey)
}

// Task is one task; one that the actor may not see is NotFound.
func (s *Service) Task(ctx context.Context, actor model.Actor, id int64) (*Task, error) {
	row, err := s.Store.Remediation(ctx, id)
	if err != nil || row.Mode != model.ModeManual || !canSeeTask(actor, row.Remediation) {
		if err == nil || model.KindOf(err) == model.NotFound {
			err = noTask()
		}
		return nil, err
	}
	t := &Task{RemediationRow: row, CanReport: row.State == model.Sent && canReport(actor, row.Remediation)}
	t.Reports, err = s.Store.TaskReports(ctx, id)
	return t, err
}

// ReportInput is what somebody says about a task.
type ReportInput struct {
	ID   int64
	Note string // what was done
	Name string // of the file; "" without one
	Data []byte // of the file
}

// ReportTask keeps what the actor says was done, with a file that shows it. It closes nothing: only the
// system, read again, proves that access is gone. The same report twice is one.
func (s *Service) ReportTask(ctx context.Context, actor model.Actor, in ReportInput) error {
	in.Note = strings.TrimSpace(in.Note)
	switch {
	case in.Note == "":
		return model.Errorf(model.Invalid, "Say what you did: it stands in the evidence.")
	case utf8.RuneCountInString(in.Note) > maxTaskNote || !utf8.ValidString(in.Note) || strings.ContainsRune(in.Note, 0):
		return model.Errorf(model.Invalid, "The note has at most %d characters of text.", maxTaskNote)
	case utf8.RuneCountInString(in.Name) > maxTaskName || !utf8.ValidString(in.Name) || strings.ContainsRune(in.Name, 0):
		return model.Errorf(model.Invalid, "The name of the file has at most %d characters of text.", maxTaskName)
	case len(in.Data) > MaxTaskFile:
		return model.Errorf(model.Invalid, "The file is larger than 10 MB.")
	case in.Name != "" && len(in.Data) == 0:
		return model.Errorf(model.Invalid, "The file %s is empty.", in.Name)
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error { return reportTask(ctx, tx, actor, in) })
}

func reportTask(ctx context.Context, tx *store.Tx, actor model.Actor, in ReportInput) error {
	r, err := tx.LockRemediation(ctx, in.ID)
	if err != nil {
		return err
	}
	if r.Mode != model.ModeManual || !canSeeTask(actor, r) {
		return noTask()
	}
	if !canReport(actor, r) {
		return model.Errorf(model.Forbidden, "Only who has the task, an admin or a campaign manager may report about it.")
	}
	if r.Kind == model.KindRotate {
		if err := mayRotate(ctx, tx, actor, r); err != nil {
			return err
		}
	}
	t := model.TaskReport{RemediationID: r.ID, Actor: actor.Label(), Note: in.Note, Name: in.Name, Size: int64(len(in.Data)), At: tx.Now}
	if t.Name != "" {
		sum := sha256.Sum256(in.Data)
		t.SHA256 = hex.EncodeToString(sum[:])
	}
	had, err := tx.TaskReports(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, old := range had {
		if old.Actor == t.Actor && old.Note == t.Note && old.SHA256 == t.SHA256 {
			return nil
		}
	}
	if r.State != model.Sent {
		return model.Errorf(model.Conflict, "There is nothing to do here any more. Load the page again.")
	}
	if len(had) >= maxTaskFiles {
		return model.Errorf(model.Conflict, "There are %d reports about this task already.", len(had))
	}
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	id := strconv.FormatInt(r.ID, 10)
	personal := map[string]string{"note": t.Note}
	if t.Name != "" {
		personal["file"] = t.Name
	}
	if t.EventID, err = appendEvent(ctx, tx, actor, run.Name, evidence.TypeTaskReported, evidence.RemediationObject(id), evidence.TaskReported{
		Remediation: id, Item: strconv.FormatInt(r.ItemID, 10), SHA256: t.SHA256, Size: t.Size,
	}, personal); err != nil {
		return err
	}
	if t.Name != "" {
		t.Blob = rand.Text()
		if err := keepFile(ctx, tx, t.Blob, r.ID, in.Data); err != nil {
			return err
		}
	}
	if err := tx.InsertTaskReport(ctx, t); err != nil || r.Kind != model.KindRotate {
		return err
	}
	// Nothing that is read shows it in most systems.
	return rotated(ctx, tx, actor, run.Name, r, whyRotatedPerson, evidence.RevocationState{Proof: proofPerson})
}

func keepFile(ctx context.Context, tx *store.Tx, token string, removal int64, data []byte) error {
	if err := tx.InsertBlob(ctx, store.Blob{Token: token, Purpose: taskPurpose, Owner: taskOwner(removal), Meta: "{}"}); err != nil {
		return err
	}
	for n := int64(0); len(data) > 0; n++ {
		part := data[:min(len(data), store.BlobChunk)]
		if err := tx.InsertBlobChunk(ctx, token, n, part); err != nil {
			return err
		}
		data = data[len(part):]
	}
	return nil
}

// TaskFile reads the file of a report. It fails where the bytes are not those that were reported.
func (s *Service) TaskFile(ctx context.Context, actor model.Actor, id, report int64) (model.TaskReport, []byte, error) {
	t, err := s.Task(ctx, actor, id)
	if err != nil {
		return model.TaskReport{}, nil, err
	}
	for _, r := range t.Reports {
		if r.ID != report || r.Blob == "" {
			continue
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, s.Store.BlobReader(ctx, r.Blob, 0, (r.Size+store.BlobChunk-1)/store.BlobChunk)); err != nil {
			return r, nil, err
		}
		sum := sha256.Sum256(b.Bytes())
		if hex.EncodeToString(sum[:]) != r.SHA256 {
			return r, nil, model.Errorf(model.Internal, "the file of report %d is not the one that was reported", r.ID)
		}
		return r, b.Bytes(), nil
	}
	return model.TaskReport{}, nil, noTask()
}
