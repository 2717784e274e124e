package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/views/home"
	"recert/views/layout"
	"recert/views/task"
	"recert/views/ui"
)

// taskLimit bounds the form of a task: its file, and a little for the fields around it.
const taskLimit = campaigns.MaxTaskFile + 64<<10

// tasks lists what the reader has to do by hand, for the first page.
func (s *site) tasks(r *request) ([]home.Task, error) {
	rows, err := s.Campaigns.Tasks(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	out := make([]home.Task, len(rows))
	for i := range rows {
		out[i] = home.Task{ID: itoa(rows[i].ID), What: taskWhat(&rows[i]), Source: rows[i].Source, Since: ui.At(rows[i].CalledAt, r.zone)}
	}
	return out, nil
}

func taskWhat(row *store.RemediationRow) string {
	if row.Kind == model.KindRotate {
		what, _, _ := strings.Cut(row.Task, ":")
		return what
	}
	can, _ := removalWords(row)
	return can + ", of " + subjectName(row.Subject)
}

// task is one task, for who has it and for staff.
func (s *site) task(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	return s.renderTask(w, r, id, "", nil)
}

func (s *site) renderTask(w http.ResponseWriter, r *request, id int64, typed string, problem error) error {
	t, err := s.Campaigns.Task(r.Context(), r.actor, id)
	if err != nil {
		return err
	}
	m := manualView(&t.RemediationRow, "")
	p := task.Page{
		Frame: s.frame(r, "Task "+itoa(id), layout.Elsewhere), ID: itoa(id), What: taskWhat(&t.RemediationRow), Source: t.Source, State: removalTag(t.Remediation),
		How: m.How, Note: m.Note, CanDo: t.CanReport, Revoke: staff(r.actor), Typed: typed,
		Facts: []ui.Pair{{Term: "Whose task", Text: m.Who}, {Term: "Account", Text: t.Subject.AccountID, Code: true}, {Term: "Decided in", Text: t.Run}, {Term: "Given", Text: ui.Exact(t.CalledAt, r.zone).Text}},
	}
	if t.DueAt.Known() && t.State.Open() {
		p.Facts = append(p.Facts, ui.Pair{Term: "To be proven by", Text: ui.Exact(t.DueAt, r.zone).Text})
	}
	if problem != nil {
		r.status = statusOf(problem)
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "Nothing was saved.", Text: model.Message(problem)}
	}
	for _, rep := range t.Reports {
		v := task.Report{ID: itoa(rep.ID), By: rep.Actor, At: ui.Exact(rep.At, r.zone), Note: rep.Note, File: rep.Name, SHA256: rep.SHA256}
		if rep.Name != "" {
			v.Size = size(rep.Size)
		}
		p.Reports = append(p.Reports, v)
	}
	return s.render(w, r, task.Show(p))
}

// reportTask keeps what somebody says was done, and has the system read again where it is live.
func (s *site) reportTask(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	if _, err := s.Campaigns.Task(r.Context(), r.actor, id); err != nil {
		return err // a stranger's form is not even looked at
	}
	in, err := r.report(id)
	if err != nil {
		return err
	}
	err = s.Campaigns.ReportTask(r.Context(), r.actor, in)
	if k := model.KindOf(err); k == model.Invalid || k == model.Conflict {
		return s.renderTask(w, r, id, in.Note, err)
	}
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	if s.Reread != nil {
		if err := s.Reread(r.Context(), row.SourceID); err != nil {
			return err
		}
	}
	flash := "reported"
	if row.Kind.Gives() {
		flash = "reportedgive"
	}
	return s.redirectWith(w, r, "/tasks/"+itoa(id), flash)
}

// report reads the form of a task.
func (r *request) report(id int64) (campaigns.ReportInput, error) {
	in := campaigns.ReportInput{ID: id}
	if err := r.ParseMultipartForm(taskLimit); err != nil {
		return in, cutOff(err)
	}
	if err := r.form(); err != nil {
		return in, err
	}
	in.Note = r.PostFormValue(task.FieldNote)
	f, head, err := r.FormFile(task.FieldFile)
	if errors.Is(err, http.ErrMissingFile) {
		return in, nil
	}
	if err != nil {
		return in, cutOff(err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	in.Name = fileName(head.Filename)
	in.Data, err = io.ReadAll(f)
	if err != nil {
		return in, cutOff(err)
	}
	return in, nil
}

// taskFile is the file of a report, to be kept and never shown inside a page.
func (s *site) taskFile(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	report, err := number(r.path("file"))
	if err != nil {
		return err
	}
	t, data, err := s.Campaigns.TaskFile(r.Context(), r.actor, id, report)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": t.Name}))
	h.Set("Content-Length", itoa(t.Size))
	h.Set("X-Content-SHA256", t.SHA256)
	_, err = w.Write(data)
	if err != nil {
		panic(http.ErrAbortHandler) // the browser must not take a part for the whole
	}
	return nil
}
