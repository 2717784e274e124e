package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRow bounds a line or a row, so that a forged package cannot fill memory.
const maxRow = 16 << 20

// appendRow writes one row of canonical CSV: RFC 4180 with LF, quotes only where needed, and an
// apostrophe before a cell that a spreadsheet could take for a formula. A cell that begins with
// an apostrophe gets another one, so that every cell has exactly one meaning.
func appendRow(b []byte, cells []string) ([]byte, error) {
	for i, c := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		if !utf8.ValidString(c) {
			return nil, fmt.Errorf("cell %q is not valid UTF-8", c)
		}
		guard := c != "" && strings.IndexByte("=+-@\t\r'", c[0]) >= 0
		if !strings.ContainsAny(c, "\",\r\n") {
			if guard {
				b = append(b, '\'')
			}
			b = append(b, c...)
			continue
		}
		b = append(b, '"')
		if guard {
			b = append(b, '\'')
		}
		for {
			q := strings.IndexByte(c, '"')
			if q < 0 {
				break
			}
			b = append(b, c[:q]...)
			b = append(b, '"', '"')
			c = c[q+1:]
		}
		b = append(b, c...)
		b = append(b, '"')
	}
	return append(b, '\n'), nil
}

// rowReader reads canonical CSV and refuses any other spelling of the same cells.
type rowReader struct {
	r     *bufio.Reader
	n     int // columns
	line  int64
	raw   []byte
	again []byte
	cells []string
}

// newRowReader reads the header, which must be exactly columns.
func newRowReader(r io.Reader, columns []string) (*rowReader, error) {
	rr := &rowReader{r: bufio.NewReaderSize(r, 1<<14), n: len(columns)}
	header, err := rr.next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the header is missing")
	}
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		if header[i] != c {
			return nil, fmt.Errorf("line 1: column %d is %q, not %q", i+1, header[i], c)
		}
	}
	return rr, nil
}

// next returns the next row, valid until the call after, or io.EOF.
func (rr *rowReader) next() ([]string, error) {
	rr.line++
	if err := rr.readRaw(); err != nil {
		return nil, err
	}
	if err := rr.split(); err != nil {
		return nil, fmt.Errorf("line %d: %w", rr.line, err)
	}
	if len(rr.cells) != rr.n {
		return nil, fmt.Errorf("line %d: %d columns, not %d", rr.line, len(rr.cells), rr.n)
	}
	var err error
	if rr.again, err = appendRow(rr.again[:0], rr.cells); err != nil {
		return nil, fmt.Errorf("line %d: %w", rr.line, err)
	}
	if !bytes.Equal(rr.again, rr.raw) {
		return nil, fmt.Errorf("line %d: not in canonical form", rr.line)
	}
	return rr.cells, nil
}

// readRaw collects one row with its line feed; quotes may hold line feeds.
func (rr *rowReader) readRaw() error {
	rr.raw = rr.raw[:0]
	quotes := 0
	for {
		part, err := rr.r.ReadSlice('\n')
		rr.raw = append(rr.raw, part...)
		quotes += bytes.Count(part, []byte{'"'})
		switch {
		case len(rr.raw) > maxRow:
			return fmt.Errorf("line %d: a row is longer than %d bytes", rr.line, maxRow)
		case err == nil && quotes%2 == 0:
			return nil
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(rr.raw) == 0:
			return io.EOF
		case err == io.EOF:
			return fmt.Errorf("line %d: the file ends within a row", rr.line)
		default:
			return err
		}
	}
}

// split cuts rr.raw into cells. It is lenient: next compares the canonical spelling afterwards.
func (rr *rowReader) split() error {
	rr.cells = rr.cells[:0]
	s := string(rr.raw[:len(rr.raw)-1])
	for {
		var cell string
		if strings.HasPrefix(s, `"`) {
			end := closingQuote(s)
			if end < 0 {
				return errors.New("a quote is not closed")
			}
			cell, s = strings.ReplaceAll(s[1:end], `""`, `"`), s[end+1:]
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			cell, s = s[:end], s[end:]
		}
		rr.cells = append(rr.cells, strings.TrimPrefix(cell, "'"))
		if s == "" {
			return nil
		}
		if s[0] != ',' {
			return errors.New("something follows a closing quote")
		}
		s = s[1:]
	}
}

// closingQuote finds the quote that ends the quoted cell s begins with, or -1.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return i
	}
	return -1
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func parseYesNo(column, s string) (bool, error) {
	switch s {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return false, fmt.Errorf("%s is %q, neither yes nor no", column, s)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func parseInt(column, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || itoa(n) != s {
		return 0, fmt.Errorf("%s is %q, not an integer", column, s)
	}
	return n, nil
}
