package ingest

import (
	"bytes"
	"io"
	"strings"
)

const (
	firstBuffer = 256 << 10
	lastBuffer  = 2 * maxLine // a whole row of maxLine, and what was read with it
)

// lineScanner cuts a text into lines within bounded memory. What it hands out points into its
// buffer and is good until the next call of peek or fill.
type lineScanner struct {
	r        io.Reader
	buf      []byte
	pos, end int   // what is not consumed yet is buf[pos:end]
	base     int64 // where buf[0] stands in the text
	line     int64 // the number of the line at pos, from 1
	eof      bool
}

// newLineScanner starts on r, drops a byte order mark and refuses what is not UTF-8 text.
func newLineScanner(r io.Reader) (*lineScanner, error) {
	s := &lineScanner{r: r, buf: make([]byte, firstBuffer), line: 1}
	if err := s.fill(); err != nil {
		return nil, err
	}
	head := s.buf[:s.end]
	switch {
	case len(head) == 0:
		return nil, &fileError{msg: "the file is empty"}
	case hasPrefix(head, "\xff\xfe"), hasPrefix(head, "\xfe\xff"), hasPrefix(head, "\x00\x00\xfe\xff"), looksUTF16(head):
		return nil, &fileError{msg: "the file is UTF-16 or UTF-32: save it as UTF-8"}
	case hasPrefix(head, "PK\x03\x04"):
		return nil, &fileError{msg: "the file is a spreadsheet or an archive, not text: name it .xlsx, or save it as CSV"}
	case hasPrefix(head, "\xd0\xcf\x11\xe0"):
		return nil, &fileError{msg: "the file is an old or a protected spreadsheet: save it as CSV or XLSX without a password"}
	case hasPrefix(head, "\xef\xbb\xbf"):
		s.pos = 3
	}
	return s, nil
}

func hasPrefix(b []byte, p string) bool { return strings.HasPrefix(string(b[:min(len(b), len(p))]), p) }

// looksUTF16 tells text in which every second byte is NUL: UTF-16 without a byte order mark.
func looksUTF16(head []byte) bool {
	head = head[:min(len(head), 64)]
	if len(head) < 8 {
		return false
	}
	var nul [2]int
	for i, c := range head {
		if c == 0 {
			nul[i&1]++
		}
	}
	return max(nul[0], nul[1]) > len(head)*3/8 && min(nul[0], nul[1]) == 0
}

// fill reads more behind what is not consumed yet, in big pieces, growing the buffer as far as
// lastBuffer. At the end of the text it sets eof.
func (s *lineScanner) fill() error {
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.base += int64(s.pos)
		s.end -= s.pos
		s.pos = 0
	}
	if s.end == len(s.buf) && len(s.buf) < lastBuffer {
		grown := make([]byte, min(2*len(s.buf), lastBuffer))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for empty := 0; s.end < len(s.buf); {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err == io.EOF {
			s.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty > 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// peek finds the line at pos: n bytes of text and, with its end, size bytes. A line over maxLine
// has long set, and size 0 where its end is not in the buffer. At the end it gives io.EOF.
func (s *lineScanner) peek() (n, size int, long bool, err error) {
	from := 0
	for {
		if i := bytes.IndexByte(s.buf[s.pos+from:s.end], '\n'); i >= 0 {
			n = from + i
			return n, n + 1, n > maxLine, nil
		}
		from = s.end - s.pos
		switch {
		case s.eof && from == 0:
			return 0, 0, false, io.EOF
		case s.eof:
			return from, from, from > maxLine, nil
		case from > maxLine:
			return from, 0, true, nil
		}
		if err := s.fill(); err != nil {
			return 0, 0, false, err
		}
	}
}

// text is the line of n bytes at pos without the CR of a CRLF. Where the line has no end, a CR
// stays: it is a bare one.
func (s *lineScanner) text(n, size int) []byte {
	t := s.buf[s.pos : s.pos+n]
	if size > n && n > 0 && t[n-1] == '\r' {
		t = t[:n-1]
	}
	return t
}

// advance consumes size bytes that hold lines line ends.
func (s *lineScanner) advance(size int, lines int64) {
	s.pos += size
	s.line += lines
}

// skip consumes a long line, as far as its end wherever that is, and gives its start.
func (s *lineScanner) skip(size int) ([]byte, error) {
	head := bytes.Clone(s.buf[s.pos:min(s.end, s.pos+maxRaw)])
	for size == 0 {
		s.pos = s.end
		if s.eof {
			break
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			size = i + 1
		}
	}
	s.advance(size, 1)
	return head, nil
}

// offset is where pos stands in the text.
func (s *lineScanner) offset() int64 { return s.base + int64(s.pos) }
