package ingest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"time"

	"recert/model"
)

// Layout is how a source's files are to be read: the part of the source's spec that speaks of
// files. The zero Layout reads a comma-separated file whose header has our own column names.
type Layout struct {
	// Columns maps our column to the file's; a column that is not named here has the same name
	// in the file. The same Layout serves every kind of a source, so a column of another kind
	// does no harm; a name that no kind has is an error.
	Columns map[string]Column
	// Delimiter is "", ",", ";", "tab", "whitespace" (runs of blanks and tabs, no quoting) or one
	// ASCII character. "" is a tab for .tsv and a comma for everything else.
	Delimiter string
	// NoHeader tells that the first line is data already: Columns then holds numbers from 1.
	NoHeader bool
	// Location is the time zone of bare dates and of a spreadsheet's clock times; nil is UTC.
	Location *time.Location
	// Form overrides what the file's name says: "", "csv", "xlsx" or "jsonl".
	Form string
}

// Column names the file's column that gives one of ours, or several that are composed into one
// value with "/" between them. In a composed value every "\" and "/" of a part is escaped with
// "\", so that two different tuples never give the same id.
type Column struct{ Names []string }

// The forms of files.
const (
	formCSV   = "csv"
	formXLSX  = "xlsx"
	formJSONL = "jsonl"
)

// Limits. They bound memory whatever a file holds; a row over one of them is rejected, a file
// over one of them is refused.
const (
	maxField    = 64 << 10  // bytes of one value
	maxLine     = 1 << 20   // bytes of one line, and of one row with its quoted line ends
	maxRaw      = 1000      // bytes of a rejected row that are kept
	maxText     = 64 << 30  // bytes after decompression
	maxWindow   = 64 << 20  // bytes of history that a zstd stream may ask for
	maxWorkbook = 200 << 20 // bytes of a spreadsheet file
)

// Stats are the counts of one file: Read = Accepted + Rejected, always. Bytes and SHA256 are of
// the file as it was given, before decompression.
type Stats struct {
	Read, Accepted, Rejected int64
	Bytes                    int64
	SHA256                   string
}

// Reader reads one file once.
type Reader struct {
	name   string
	kind   model.Kind
	layout Layout
	form   string // "" until the text can be looked at
	pack   string // "gzip", "zstd" or ""
	raw    *rawReader
	head   *bufio.Reader
	used   bool

	badID, badEntitlement string // of the key of the row that is rejected right now, as keyOf gives it
}

// Open makes a Reader for rows of kind. name decides the form (.csv, .tsv, .txt, .xlsx, .jsonl,
// .ndjson; a further .gz or .zst is ignored) and stands in every reject; compression is told
// by the first bytes. An error means that the name, the layout or the start of the file is wrong.
func Open(name string, r io.Reader, kind model.Kind, l Layout) (*Reader, error) {
	if _, ok := columnsOf[kind]; !ok {
		return nil, model.Errorf(model.Invalid, "%s: %q is not a kind of rows: use people, accounts, entitlements or grants", name, kind)
	}
	if err := checkLayout(name, kind, l); err != nil {
		return nil, err
	}
	raw := &rawReader{r: r, sum: sha256.New()}
	f := &Reader{name: name, kind: kind, layout: l, raw: raw, head: bufio.NewReaderSize(raw, 64<<10)}
	magic, err := f.head.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, f.failed(err)
	}
	if len(magic) == 0 {
		return nil, model.Errorf(model.Invalid, "%s: the file is empty", name)
	}
	f.pack = packOf(magic)
	f.form, err = formOf(name, l.Form)
	if err != nil {
		return nil, err
	}
	if f.form == formJSONL && l.NoHeader {
		return nil, model.Errorf(model.Invalid, "%s: header: false has no meaning for JSON lines, whose columns have names", name)
	}
	return f, nil
}

// formOf tells the form by the override or the name; "" means that the content must tell.
func formOf(name, form string) (string, error) {
	switch form {
	case formCSV, formXLSX, formJSONL:
		return form, nil
	case "":
	default:
		return "", model.Errorf(model.Invalid, "%s: form %q is unknown: use csv, xlsx or jsonl", name, form)
	}
	base := strings.ToLower(name)
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), ".zst")
	base = base[strings.LastIndexAny(base, `/\`)+1:]
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 {
		return "", nil
	}
	switch base[dot:] {
	case ".csv", ".tsv", ".txt", ".tab":
		return formCSV, nil
	case ".xlsx", ".xlsm":
		return formXLSX, nil
	case ".jsonl", ".ndjson", ".json":
		return formJSONL, nil
	case ".xls", ".ods", ".numbers", ".parquet", ".pdf", ".zip":
		return "", model.Errorf(model.Invalid, "%s: files of this type cannot be read: save it as CSV or XLSX", name)
	}
	return "", nil
}

// Read calls row for each good row and reject for each bad one, in the order of the file.
//
// The record is reused: it, its maps and its strings' backing memory are only good until row
// returns. The strings of one record share one allocation, so clone what is kept for long.
//
// An error means that the file as a whole cannot be read, or that ctx ended or a callback
// failed; then nothing that was handed over counts.
func (f *Reader) Read(ctx context.Context, row func(*model.Record) error, reject func(model.Reject) error) (Stats, error) {
	var st Stats
	if f.used {
		return st, model.Errorf(model.Internal, "%s: the file was read already", f.name)
	}
	f.used = true
	src, done, err := f.open(ctx)
	if err != nil {
		return st, err
	}
	defer done()
	rec := model.Record{Kind: f.kind, File: f.name}
	for {
		if st.Read&1023 == 0 && ctx.Err() != nil {
			return st, ctx.Err()
		}
		fr, b, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return st, f.failed(err)
		}
		st.Read++
		column, reason := fr.Column, fr.Bad
		if reason == "" {
			column, reason = b.convert(fr, &rec)
		}
		if reason == "" {
			rec.Line = fr.Line
			st.Accepted++
			err = row(&rec)
		} else {
			st.Rejected++
			f.badID, f.badEntitlement = b.keyOf(fr)
			err = reject(model.Reject{Kind: f.kind, File: f.name, Line: fr.Line, Column: column, Reason: reason, Raw: fr.rawText()})
		}
		if err != nil {
			return st, err
		}
	}
	err = f.finish(&st)
	return st, err
}

// finish reads what is left of the raw file, so that its digest is of all of it.
func (f *Reader) finish(st *Stats) error {
	if _, err := io.Copy(io.Discard, f.head); err != nil {
		return f.failed(err)
	}
	st.Bytes = f.raw.n
	st.SHA256 = hex.EncodeToString(f.raw.sum.Sum(nil))
	return nil
}

// failed words an error that ends the reading. An error of the reader that we were given is not
// the file's fault and stays what it is.
func (f *Reader) failed(err error) error {
	if f.raw.err != nil {
		return &model.Error{Kind: model.Internal, Msg: "Reading " + f.name + " failed", Err: f.raw.err}
	}
	if e, ok := errors.AsType[*fileError](err); ok {
		return &model.Error{Kind: model.Invalid, Msg: f.name + ": " + e.msg, Err: e.err}
	}
	return err
}

// fileError is a reason for which a file as a whole cannot be read.
type fileError struct {
	msg string // safe to show
	err error  // logged
}

func (e *fileError) Error() string {
	if e.err == nil {
		return e.msg
	}
	return e.msg + ": " + e.err.Error()
}

func (e *fileError) Unwrap() error { return e.err }

// rawReader counts and hashes the file as it was given, and remembers its own failure.
type rawReader struct {
	r   io.Reader
	sum hash.Hash
	n   int64
	err error
}

func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.sum.Write(p[:n])
	r.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
