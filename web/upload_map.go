package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

// mapping shows the first rows of each file, and what its columns seem to mean.
func (s *site) mapping(w http.ResponseWriter, r *request) error {
	src, spec, err := s.uploadSource(r)
	if err != nil {
		return err
	}
	token, p, err := s.open(r)
	if err != nil {
		return err
	}
	if p.Snapshot != 0 {
		return redirect(w, r, "/snapshots/"+itoa(p.Snapshot))
	}
	files, err := s.mapFiles(r, spec, token, p)
	if err != nil {
		return err
	}
	return s.renderMap(w, r, src, token, p, files, ui.Notice{})
}

// mapFile is one file with what is known and chosen of its columns.
type mapFile struct {
	pendingFile

	preview  *ingest.FilePreview
	chosen   map[string]string   // our column -> the file's, "" for none
	composed map[string][]string // our column -> several of the file's, as the source declares
	errs     map[string]string
}

func (s *site) mapFiles(r *request, spec model.SourceSpec, token string, p pending) ([]mapFile, error) {
	var out []mapFile
	for _, f := range p.Files {
		pv, err := s.previewFile(r, spec, token, f)
		if err != nil {
			return nil, err
		}
		m := mapFile{pendingFile: f, preview: pv, chosen: map[string]string{}, composed: map[string][]string{}, errs: map[string]string{}}
		for our, names := range pv.Mapping {
			if len(names) == 1 {
				m.chosen[our] = names[0]
			} else {
				m.composed[our] = names
			}
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *site) renderMap(w http.ResponseWriter, r *request, src store.Source, token string, p pending, files []mapFile, problem ui.Notice) error {
	v := source.MapPage{Frame: s.frame(r, "Columns of "+src.Name, layout.Sources), Name: src.Name, Token: token, Key: newKey(), Problem: problem, AsOf: "when you confirm"}
	if at, err := model.ParseTime(p.AsOf); err == nil && at.Known() {
		v.AsOf = ui.At(at, r.zone).Text
	}
	for _, f := range files {
		for _, bad := range f.preview.Rejects {
			if v.Problem.Title == "" {
				v.Problem = ui.Notice{Tone: ui.Warn, Title: "Some of the first rows cannot be read. They would be rejected, and listed."}
			}
			v.Problem.Items = append(v.Problem.Items, f.Name+", line "+itoa(bad.Line)+": "+bad.Reason)
		}
		file := source.File{Kind: string(f.Kind), Label: kindWordsOf[f.Kind], Name: f.Name, Size: size(f.Bytes), Headers: f.preview.Header, Sample: f.preview.Rows}
		for _, c := range ingest.FileColumns(f.Kind) {
			if names := f.composed[c.Name]; names != nil {
				if v.Problem.Title == "" {
					v.Problem = ui.Notice{Tone: ui.Info, Title: "Some columns are composed, as the source declares."}
				}
				v.Problem.Items = append(v.Problem.Items, c.Name+" = "+strings.Join(names, " + "))
				continue
			}
			help := ""
			if len(c.Allowed) > 0 {
				help = "one of " + strings.Join(c.Allowed, ", ")
			}
			file.Columns = append(file.Columns, source.Column{Name: c.Name, Help: help, Required: c.Required, Chosen: f.chosen[c.Name], Error: f.errs[c.Name]})
		}
		v.Files = append(v.Files, file)
	}
	return s.render(w, r, source.Map(v))
}

// choose takes the mapping that was sent, and tells whether it can be read so.
func (f *mapFile) choose(form url.Values) bool {
	for _, c := range ingest.FileColumns(f.Kind) {
		if f.composed[c.Name] != nil {
			continue
		}
		name := form.Get(source.MapField(string(f.Kind), c.Name))
		f.chosen[c.Name] = name
		switch {
		case name == "" && c.Required:
			f.errs[c.Name] = "Choose the column."
		case name == "" && !f.preview.NoHeader && slices.ContainsFunc(f.preview.Header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), c.Name) }):
			f.errs[c.Name] = "The file has a column of this name. Choose it, or rename it in the file."
		case name != "" && !slices.Contains(f.preview.Header, name):
			f.errs[c.Name] = "The file has no such column."
		}
	}
	return len(f.errs) == 0
}

// layout is how the file is read with the chosen mapping.
func (f *mapFile) layout(base ingest.Layout) *ingest.Layout {
	l := base
	l.Columns = map[string]ingest.Column{}
	for our, names := range f.composed {
		l.Columns[our] = ingest.Column{Names: names}
	}
	for our, name := range f.chosen {
		if name != "" {
			l.Columns[our] = ingest.Column{Names: []string{name}}
		}
	}
	if f.preview.Form == "csv" {
		l.Delimiter = f.preview.Delimiter
	}
	l.NoHeader = f.preview.NoHeader
	return &l
}

// ingestFor is how long taking an upload in may last; the browser need not wait for it.
const ingestFor = 30 * time.Minute

// confirmUpload takes the files in with the chosen mapping.
func (s *site) confirmUpload(w http.ResponseWriter, r *request) error {
	src, spec, err := s.uploadSource(r)
	if err != nil {
		return err
	}
	token, p, err := s.open(r)
	if err != nil {
		return err
	}
	if p.Snapshot != 0 {
		return redirect(w, r, "/snapshots/"+itoa(p.Snapshot)) // the same click twice
	}
	if err := r.form(); err != nil {
		return err
	}
	files, err := s.mapFiles(r, spec, token, p)
	if err != nil {
		return err
	}
	good := true
	for i := range files {
		good = files[i].choose(r.PostForm) && good
	}
	if !good {
		r.status = http.StatusUnprocessableEntity
		return s.renderMap(w, r, src, token, p, files, ui.Notice{Tone: ui.Bad, Title: "The columns do not fit yet."})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ingestFor)
	defer cancel()
	base, err := ingest.LayoutOf(spec, r.settings)
	if err != nil {
		return err
	}
	asOf, err := model.ParseTime(p.AsOf)
	if err != nil {
		return err
	}
	req := ingest.Request{Source: src.Name, AsOf: asOf.Std(), Expect: p.Expect, Origin: ingest.OriginUpload, Actor: r.actor.Label()}
	for _, f := range files {
		req.Files = append(req.Files, ingest.File{
			Kind: f.Kind, Name: f.Name, Layout: f.layout(base),
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(s.Store.BlobReader(ctx, token, f.First, f.Count)), nil
			},
		})
	}
	res, err := s.Ingest.Run(ctx, req)
	if err != nil {
		if model.KindOf(err) != model.Invalid {
			return err
		}
		r.status = statusOf(err)
		return s.renderMap(w, r, src, token, p, files, ui.Notice{Tone: ui.Bad, Title: "Nothing was taken in.", Text: model.Message(err)})
	}
	p.Snapshot = res.Snapshot
	if err := s.keepPending(ctx, token, p); err != nil {
		return err
	}
	if err := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.EmptyBlob(ctx, token) }); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/snapshots/"+itoa(res.Snapshot), uploadFlash(res))
}

// uploadFlash names what is said of an upload that was read to its end.
func uploadFlash(res ingest.Result) string {
	switch {
	case res.Existing:
		return "existing"
	case res.State == model.SnapshotHeld:
		return "held"
	}
	return "ingested"
}
