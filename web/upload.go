package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

const (
	uploadPurpose = "upload"
	uploadTTL     = 24 * time.Hour // how long an upload waits for its mapping
	sampleRows    = 8
	fieldLimit    = 1000 // bytes of a field that is no file
)

// pending is what is kept of an upload beside its bytes.
type pending struct {
	AsOf     string               `json:"as_of"` // RFC 3339; "" is when it is confirmed
	Expect   map[model.Kind]int64 `json:"expect"`
	Files    []pendingFile        `json:"files"`
	Snapshot int64                `json:"snapshot"` // what it became; 0 until then
}

// pendingFile is one file of an upload, in chunks First to First+Count-1.
type pendingFile struct {
	Kind         model.Kind
	Name         string
	First, Count int64
	Bytes        int64
}

// uploadSource is the source that files may be uploaded to.
func (s *site) uploadSource(r *request) (store.Source, model.SourceSpec, error) {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return src, model.SourceSpec{}, err
	}
	spec, err := s.Store.SourceSpec(r.Context(), src.Name)
	if err == nil && spec.Type != "csv" {
		err = errNotFound // it is read live
	}
	return src, spec, err
}

func uploadKinds(p model.Provides) []model.Kind {
	if p == model.ProvidesPeople {
		return []model.Kind{model.KindPeople}
	}
	return []model.Kind{model.KindAccounts, model.KindEntitlements, model.KindGrants}
}

// typedUpload is what was typed beside the files.
type typedUpload struct {
	asOf   string
	expect map[string]string
	errs   map[string]string
}

// uploadPage is the empty form.
func (s *site) uploadPage(w http.ResponseWriter, r *request) error {
	src, _, err := s.uploadSource(r)
	if err != nil {
		return err
	}
	return s.renderUpload(w, r, src, typedUpload{}, nil)
}

func (s *site) renderUpload(w http.ResponseWriter, r *request, src store.Source, typed typedUpload, problem error) error {
	p := source.UploadPage{
		Frame: s.frame(r, "Upload to "+src.Name, layout.Sources), Name: src.Name, AsOf: typed.asOf, Errors: typed.errs,
		Limit: "Up to " + size(uploadLimit) + " together. CSV, XLSX or JSON lines; .gz and .zst too.",
	}
	if problem != nil {
		r.status = statusOf(problem)
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "Nothing was taken in.", Text: model.Message(problem)}
	} else if len(typed.errs) > 0 {
		r.status = http.StatusUnprocessableEntity
	}
	for _, k := range uploadKinds(src.Provides) {
		var required, others []string
		for _, c := range ingest.FileColumns(k) {
			if c.Required {
				required = append(required, c.Name)
			} else {
				others = append(others, c.Name)
			}
		}
		p.Kinds = append(p.Kinds, source.Kind{
			Name: string(k), Label: kindWordsOf[k], Required: k == model.KindPeople, Expect: typed.expect[string(k)],
			Help: "Needs " + strings.Join(required, ", ") + ". Takes " + strings.Join(others, ", ") + ".",
		})
	}
	return s.render(w, r, source.Upload(p))
}

// upload takes files in and asks what their columns mean. They are kept in the database, so that
// any replica can go on.
func (s *site) upload(w http.ResponseWriter, r *request) error {
	src, spec, err := s.uploadSource(r)
	if err != nil {
		return err
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return model.Errorf(model.Conflict, "Others are uploading right now. Try again in a minute.")
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return model.Errorf(model.Invalid, "The form could not be read. Load the page again.")
	}
	token := rand.Text()
	if err := s.Store.InTx(r.Context(), func(tx *store.Tx) error {
		if err := tx.DeleteExpiredBlobs(r.Context()); err != nil {
			return err
		}
		return tx.InsertBlob(r.Context(), store.Blob{Token: token, Purpose: uploadPurpose, Owner: itoa(r.user.ID), Meta: "{}", ExpiresAt: tx.Now.Add(uploadTTL)})
	}); err != nil {
		return err
	}
	p, typed, err := s.takeParts(r, src, token, parts)
	if err == nil && len(typed.errs) == 0 {
		if err = s.previewAll(r, spec, token, p); err == nil {
			err = s.keepPending(r.Context(), token, p)
		}
	}
	if err == nil && len(typed.errs) == 0 {
		return redirect(w, r, ui.Path("sources", src.Name, "upload", token))
	}
	ctx := context.WithoutCancel(r.Context())
	if derr := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteBlob(ctx, token) }); derr != nil {
		return errors.Join(err, derr)
	}
	if err != nil && model.KindOf(err) != model.Invalid {
		return err
	}
	return s.renderUpload(w, r, src, typed, err)
}

func (s *site) keepPending(ctx context.Context, token string, p pending) error {
	meta, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.SetBlobMeta(ctx, token, string(meta)) })
}

// takeParts reads the form once, in its order.
func (s *site) takeParts(r *request, src store.Source, token string, parts *multipart.Reader) (pending, typedUpload, error) {
	p := pending{Expect: map[model.Kind]int64{}}
	typed := typedUpload{expect: map[string]string{}, errs: map[string]string{}}
	kinds := uploadKinds(src.Provides)
	var chunks int64
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, typed, cutOff(err)
		}
		kind := model.Kind(part.FormName())
		if part.FileName() == "" || !slices.Contains(kinds, kind) {
			b, err := io.ReadAll(io.LimitReader(part, fieldLimit))
			if err != nil {
				return p, typed, cutOff(err)
			}
			typed.field(part.FormName(), strings.TrimSpace(string(b)), kinds)
			continue
		}
		f := pendingFile{Kind: kind, Name: fileName(part.FileName()), First: chunks}
		if slices.ContainsFunc(p.Files, func(o pendingFile) bool { return o.Kind == kind }) {
			return p, typed, model.Errorf(model.Invalid, "There are two files of %s: put them into one.", kind)
		}
		if err := s.keepFile(r.Context(), token, part, &f); err != nil {
			return p, typed, err
		}
		if f.Bytes == 0 {
			typed.errs[string(kind)] = "The file is empty."
			continue
		}
		chunks += f.Count
		p.Files = append(p.Files, f)
	}
	if len(p.Files) == 0 && len(typed.errs) == 0 {
		typed.errs[string(kinds[len(kinds)-1])] = "Choose a file."
	}
	p.AsOf = typed.readAsOf(r.zone)
	typed.readExpect(&p)
	return p, typed, nil
}

// cutOff words why a form could not be read to its end.
func cutOff(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &model.Error{Kind: model.Invalid, Msg: "The upload was cut off. Try again.", Err: err}
}

func (t *typedUpload) field(name, value string, kinds []model.Kind) {
	if !clean(value) {
		value = ""
	}
	if name == source.FieldAsOf {
		t.asOf = value
	}
	for _, k := range kinds {
		if name == source.ExpectField(string(k)) {
			t.expect[string(k)] = value
		}
	}
}

func (t *typedUpload) readAsOf(loc *time.Location) string {
	if t.asOf == "" {
		return ""
	}
	at, err := time.Parse(time.RFC3339, t.asOf)
	if err != nil {
		if at, err = time.ParseInLocation(time.DateOnly, t.asOf, loc); err != nil {
			t.errs[source.FieldAsOf] = "Give a day like 2026-12-04 or a time like 2026-12-04T17:00:00+01:00."
			return ""
		}
	}
	return at.Format(time.RFC3339Nano)
}

func (t *typedUpload) readExpect(p *pending) {
	for kind, text := range t.expect {
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		given := slices.ContainsFunc(p.Files, func(f pendingFile) bool { return string(f.Kind) == kind })
		switch {
		case err != nil || n < 0:
			t.errs[source.ExpectField(kind)] = "Give a whole number."
		case !given:
			t.errs[source.ExpectField(kind)] = "There is no file to count."
		default:
			p.Expect[model.Kind(kind)] = n
		}
	}
}

// fileName is what stands in rejects and on pages: no folders, nothing that cannot be seen.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "?"), `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, name)
	if r := []rune(name); len(r) > 120 {
		name = string(r[len(r)-120:]) // the end tells the form
	}
	return name
}

func (s *site) keepFile(ctx context.Context, token string, in io.Reader, f *pendingFile) error {
	buf := make([]byte, store.BlobChunk)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 {
			if werr := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.InsertBlobChunk(ctx, token, f.First+f.Count, buf[:n]) }); werr != nil {
				return werr
			}
			f.Count++
			f.Bytes += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return cutOff(err)
		}
	}
}

// previewAll looks whether every file can be read at all, while its form is still at hand.
func (s *site) previewAll(r *request, spec model.SourceSpec, token string, p pending) error {
	for _, f := range p.Files {
		if _, err := s.previewFile(r, spec, token, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) previewFile(r *request, spec model.SourceSpec, token string, f pendingFile) (*ingest.FilePreview, error) {
	l, err := ingest.LayoutOf(spec, r.settings)
	if err != nil {
		return nil, err
	}
	return ingest.Preview(r.Context(), f.Name, s.Store.BlobReader(r.Context(), token, f.First, f.Count), f.Kind, l, sampleRows)
}

// open gives the upload of a token to the person who made it.
func (s *site) open(r *request) (token string, p pending, err error) {
	token = r.path("token")
	b, err := s.Store.Blob(r.Context(), token, uploadPurpose, itoa(r.user.ID), s.now())
	if err != nil {
		return "", p, err
	}
	if err := json.Unmarshal([]byte(b.Meta), &p); err != nil {
		return "", p, fmt.Errorf("read upload: %w", err)
	}
	if len(p.Files) == 0 {
		return "", p, errNotFound // it was not taken in whole
	}
	return token, p, nil
}
