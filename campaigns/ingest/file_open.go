package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// rowSource gives the rows of one file and what their columns mean, and io.EOF at the end. The
// binding is nil where the row is bad.
type rowSource interface {
	next() (*fileRow, *binding, error)
}

// packOf tells the compression by the first bytes.
func packOf(magic []byte) string {
	switch {
	case hasPrefix(magic, "\x1f\x8b"):
		return "gzip"
	case hasPrefix(magic, "\x28\xb5\x2f\xfd"), len(magic) >= 4 && magic[0]&0xf0 == 0x50 && hasPrefix(magic[1:], "\x2a\x4d\x18"):
		return "zstd"
	}
	return ""
}

// open starts the reading. done frees what it took.
func (f *Reader) open(ctx context.Context) (src rowSource, done func(), err error) {
	text, closeText, err := f.unpack(ctx)
	if err != nil {
		return nil, nil, f.failed(err)
	}
	src, closeSource, err := f.source(ctx, text)
	if err != nil {
		closeText()
		return nil, nil, f.failed(err)
	}
	return src, func() { closeSource(); closeText() }, nil
}

func (f *Reader) source(ctx context.Context, text io.Reader) (rowSource, func(), error) {
	if f.form == "" {
		var err error
		if text, f.form, err = sniffForm(text); err != nil {
			return nil, nil, err
		}
	}
	if f.form == formXLSX {
		return openXLSX(ctx, text, f.kind, f.layout)
	}
	lines, err := newLineScanner(text)
	if err != nil {
		return nil, nil, err
	}
	if f.form == formJSONL {
		if hasPrefix(bytes.TrimLeft(lines.buf[lines.pos:lines.end], " \t\r\n"), "[") {
			return nil, nil, &fileError{msg: "the file is one JSON list: write one object a line instead, without brackets and commas around them"}
		}
		return newJSONLSource(lines, f.kind, f.layout), func() {}, nil
	}
	delim, err := delimiterOf(f.name, f.layout.Delimiter)
	if err != nil {
		return nil, nil, err
	}
	first := numberedRow(f.kind, f.layout)
	if !f.layout.NoHeader {
		first = headerRow(f.kind, f.layout, func(r *fileRow) string { return delimiterHint(r.Raw, delim) })
	}
	return newCSVSource(lines, delim, first), func() {}, nil
}

// delimiterHint names the delimiter that a header which came out as one column seems to have.
func delimiterHint(line []byte, delim byte) string {
	if delim != whitespaceDelimiter && bytes.IndexByte(line, delim) >= 0 {
		return ""
	}
	for _, d := range []struct {
		c    byte
		name string
	}{{';', `";"`}, {'\t', "tab"}, {'|', `"|"`}, {',', `","`}} {
		if bytes.IndexByte(line, d.c) >= 0 && d.c != delim {
			return fmt.Sprintf(", or set delimiter: %s, which the line has", d.name)
		}
	}
	return ""
}

// sniffForm tells the form of a file whose name does not.
func sniffForm(text io.Reader) (io.Reader, string, error) {
	head := make([]byte, 4<<10)
	n, err := io.ReadFull(text, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, "", err
	}
	head = head[:n]
	// What ReadFull said about a short text is said again behind head.
	rest := io.MultiReader(bytes.NewReader(head), text)
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case hasPrefix(head, "PK\x03\x04"):
		return rest, formXLSX, nil
	case hasPrefix(start, "{"):
		return rest, formJSONL, nil
	}
	return rest, formCSV, nil
}

// unpack is the file's content, decompressed, with a bound on its size.
func (f *Reader) unpack(ctx context.Context) (io.Reader, func(), error) {
	switch f.pack {
	case "gzip":
		z, err := gzip.NewReader(f.head)
		if err != nil {
			return nil, nil, unpackFailed("gzip", err)
		}
		return &unpackReader{ctx: ctx, r: z, form: "gzip", left: maxText}, func() { _ = z.Close() }, nil
	case "zstd":
		z, err := zstd.NewReader(f.head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, unpackFailed("zstd", err)
		}
		return &unpackReader{ctx: ctx, r: z, form: "zstd", left: maxText}, z.Close, nil
	}
	return &unpackReader{ctx: ctx, r: f.head, left: maxText}, func() {}, nil
}

// unpackReader words what a decompressor says, and ends a text that is larger than left, or
// whose reader is no longer wanted.
type unpackReader struct {
	ctx  context.Context // lives for one Read
	r    io.Reader
	form string
	left int64
}

func (u *unpackReader) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.r.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, &fileError{msg: fmt.Sprintf("the file has more than %d GiB of text", int64(maxText)>>30)}
	}
	if u.form != "" && err != nil && err != io.EOF { //nolint:errorlint // a wrapped io.EOF is a file that is cut off
		err = unpackFailed(u.form, err)
	}
	return n, err
}

func unpackFailed(form string, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &fileError{msg: "the " + form + " file is cut off: its end is missing", err: err}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &fileError{msg: fmt.Sprintf("the zstd file needs a window of more than %d MiB: compress it without --long or --ultra", maxWindow>>20), err: err}
	}
	return &fileError{msg: "the " + form + " file is damaged, or something follows its end", err: err}
}
