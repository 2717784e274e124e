package ingest

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"recert/model"
)

// The parts are read here, token by token, and not by a spreadsheet library: those that stream
// take a damaged sheet for a shorter one and an error value for text, which would silently be
// missing access.

// Limits of a spreadsheet's archive.
const (
	maxParts     = 10_000
	maxUnpacked  = 2 << 30   // bytes of all parts
	maxRatio     = 200       // unpacked to packed, for archives that unpack to more than safeUnpacked
	safeUnpacked = 128 << 20 // bytes
	maxShared    = 256 << 20 // bytes of shared strings
	maxToken     = 2 << 20   // bytes of one element's text
	maxColumns   = 16384     // of a sheet
	maxRows      = 1 << 20
)

// workbook is what is needed of an XLSX file to read one of its sheets.
type workbook struct {
	ctx     context.Context // lives for one Read
	zip     *zip.Reader
	files   map[string]*zip.File
	shared  []byte // the shared strings, one after the other
	ends    []int  // where each ends
	formats []cellFormat
	base    int // 1900 or 1904
}

// openXLSX spools the spreadsheet, because a zip archive is read from its end, and finds the
// sheet with the kind's name, else the first. done removes the spool.
func openXLSX(ctx context.Context, r io.Reader, kind model.Kind, l Layout) (rowSource, func(), error) {
	spool, size, done, err := spoolFile(r)
	if err != nil {
		return nil, nil, err
	}
	src, closePart, err := readWorkbook(ctx, spool, size, kind, l)
	if err != nil {
		done()
		return nil, nil, err
	}
	return src, func() { closePart(); done() }, nil
}

// spoolFile copies r to a temporary file that is gone when done was called, or the process ends.
func spoolFile(r io.Reader) (f *os.File, size int64, done func(), err error) {
	f, err = os.CreateTemp("", "recert-xlsx-*")
	if err != nil {
		return nil, 0, nil, fmt.Errorf("spool a spreadsheet: %w", err)
	}
	_ = os.Remove(f.Name()) // works while the file is open, except on Windows
	done = func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	size, err = io.Copy(f, io.LimitReader(r, maxWorkbook+1))
	if err == nil && size > maxWorkbook {
		err = &fileError{msg: fmt.Sprintf("the spreadsheet is larger than %d MiB: save it as CSV", maxWorkbook>>20)}
	}
	if err != nil {
		done()
		return nil, 0, nil, err
	}
	return f, size, done, nil
}

func readWorkbook(ctx context.Context, f io.ReaderAt, size int64, kind model.Kind, l Layout) (rowSource, func(), error) {
	w := &workbook{ctx: ctx, base: 1900}
	if err := w.open(f, size); err != nil {
		return nil, nil, err
	}
	sheet, err := w.findSheet(string(kind))
	if err != nil {
		return nil, nil, err
	}
	if err := w.readStyles(); err != nil {
		return nil, nil, err
	}
	if err := w.readShared(); err != nil {
		return nil, nil, err
	}
	p, err := w.part(sheet)
	if err != nil {
		return nil, nil, err
	}
	first := numberedRow(kind, l)
	if !l.NoHeader {
		first = headerRow(kind, l, func(*fileRow) string { return "" })
	}
	return &xlsxSource{book: w, part: p, first: first, loc: zoneOf(l)}, p.close, nil
}

// open checks the archive's directory before anything is unpacked.
func (w *workbook) open(f io.ReaderAt, size int64) error {
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && hasPrefix(magic[:], "\xd0\xcf\x11\xe0") {
		return &fileError{msg: "the spreadsheet is protected with a password, or of the old .xls form: save it as XLSX without one"}
	}
	z, err := zip.NewReader(f, size)
	if err != nil {
		return &fileError{msg: "the file is not a spreadsheet (.xlsx), or it is cut off", err: err}
	}
	if len(z.File) > maxParts {
		return &fileError{msg: fmt.Sprintf("the spreadsheet has more than %d parts", maxParts)}
	}
	w.zip, w.files = z, make(map[string]*zip.File, len(z.File))
	var total uint64
	for _, part := range z.File {
		name := strings.ToLower(strings.TrimPrefix(part.Name, "/"))
		if w.files[name] != nil {
			return &fileError{msg: fmt.Sprintf("the spreadsheet has the part %s twice", quoted(part.Name))}
		}
		w.files[name] = part
		if part.UncompressedSize64 > maxUnpacked {
			total = maxUnpacked
		}
		total += part.UncompressedSize64
		if total > maxUnpacked {
			return &fileError{msg: fmt.Sprintf("the spreadsheet unpacks to more than %d GiB: save it as CSV", maxUnpacked>>30)}
		}
	}
	if total > safeUnpacked && total > uint64(size)*maxRatio { // a size is not negative
		return &fileError{msg: fmt.Sprintf("the spreadsheet unpacks to more than %d times its size: save it as CSV", maxRatio)}
	}
	return nil
}

// xmlPart is one part of the archive as XML tokens.
type xmlPart struct {
	ctx    context.Context // lives for one Read
	name   string
	body   io.ReadCloser
	dec    *xml.Decoder
	left   int64 // bytes until maxUnpacked
	token  int   // bytes read for the current token
	depth  int
	tokens int
	failed error
}

// part opens a part by its name in the archive.
func (w *workbook) part(name string) (*xmlPart, error) {
	f := w.files[strings.ToLower(name)]
	if f == nil {
		return nil, &fileError{msg: fmt.Sprintf("the spreadsheet lacks its part %s", quoted(name))}
	}
	body, err := f.Open()
	if err != nil {
		return nil, &fileError{msg: "the spreadsheet is damaged", err: err}
	}
	p := &xmlPart{ctx: w.ctx, name: name, body: body, left: maxUnpacked}
	p.dec = xml.NewDecoder(p)
	return p, nil
}

func (p *xmlPart) close() { _ = p.body.Close() }

// Read feeds the decoder and bounds what one token and the whole part may take.
func (p *xmlPart) Read(b []byte) (int, error) {
	if p.token > maxToken {
		p.failed = &fileError{msg: "the spreadsheet has a value of more than 2 MiB"}
		return 0, p.failed
	}
	n, err := p.body.Read(b)
	p.token += n
	if p.left -= int64(n); p.left < 0 {
		p.failed = &fileError{msg: "the spreadsheet is damaged: a part is larger than its directory says"}
		return 0, p.failed
	}
	return n, err
}

// next is the next token; io.EOF is only given where the XML is whole.
func (p *xmlPart) next() (xml.Token, error) {
	if p.tokens++; p.tokens&4095 == 0 && p.ctx.Err() != nil {
		return nil, p.ctx.Err()
	}
	p.token = 0
	t, err := p.dec.Token()
	switch {
	case p.failed != nil:
		return nil, p.failed
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case err != nil:
		return nil, &fileError{msg: fmt.Sprintf("the spreadsheet is damaged in its part %s", quoted(p.name)), err: err}
	}
	switch t.(type) {
	case xml.StartElement:
		if p.depth++; p.depth > 64 {
			return nil, &fileError{msg: "the spreadsheet is damaged: its parts are nested too deep"}
		}
	case xml.EndElement:
		p.depth--
	case xml.Directive:
		return nil, &fileError{msg: "the spreadsheet has a document type, which none should have"}
	}
	return t, nil
}

// text is the character data of the element that just began, as far as its end.
func (p *xmlPart) text(out []byte) ([]byte, error) {
	start := p.depth
	for {
		t, err := p.next()
		if err != nil {
			return out, p.cut(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			out = append(out, t...)
		case xml.EndElement:
			if p.depth < start {
				return out, nil
			}
		}
	}
}

// cut turns the end of a part where none may be into an error.
func (p *xmlPart) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return &fileError{msg: fmt.Sprintf("the spreadsheet is cut off in its part %s", quoted(p.name))}
	}
	return err
}

// each calls start for every element of a part.
func (w *workbook) each(name string, start func(*xmlPart, xml.StartElement) error) error {
	p, err := w.part(name)
	if err != nil {
		return err
	}
	defer p.close()
	for {
		t, err := p.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			if err := start(p, e); err != nil {
				return err
			}
		}
	}
}

// attr is an attribute by its local name, or "".
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// readShared reads the shared strings into one piece of memory.
func (w *workbook) readShared() error {
	if w.files["xl/sharedstrings.xml"] == nil {
		return nil
	}
	return w.each("xl/sharedStrings.xml", func(p *xmlPart, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		a := len(w.shared)
		var err error
		if w.shared, err = p.richText(w.shared); err != nil {
			return err
		}
		w.shared = append(w.shared[:a], unescapeCell(w.shared[a:])...)
		w.ends = append(w.ends, len(w.shared))
		if len(w.shared) > maxShared {
			return &fileError{msg: fmt.Sprintf("the spreadsheet has more than %d MiB of text: save it as CSV", maxShared>>20)}
		}
		return nil
	})
}

// richText is the text of the runs of an element, without what says how it is read aloud.
func (p *xmlPart) richText(out []byte) ([]byte, error) {
	start, phonetic := p.depth, 0
	for {
		t, err := p.next()
		if err != nil {
			return out, p.cut(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case phonetic > 0:
			case t.Name.Local == "rPh":
				phonetic = p.depth
			case t.Name.Local == "t":
				if out, err = p.text(out); err != nil {
					return out, err
				}
			}
		case xml.EndElement:
			if p.depth < phonetic {
				phonetic = 0
			}
			if p.depth < start {
				return out, nil
			}
		}
	}
}

// sharedString is the i-th shared string; v is the number as the cell has it.
func (w *workbook) sharedString(v []byte) ([]byte, error) {
	i, err := strconv.Atoi(string(v))
	if err != nil || i < 0 || i >= len(w.ends) {
		return nil, &fileError{msg: fmt.Sprintf("the spreadsheet is damaged: it has no shared string %s", quoted(string(v)))}
	}
	a := 0
	if i > 0 {
		a = w.ends[i-1]
	}
	return w.shared[a:w.ends[i]], nil
}
