package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// whitespaceDelimiter stands for runs of blanks and tabs.
const whitespaceDelimiter = ' ' | 0x80

// csvSource reads RFC 4180 rows. Quoting that is wrong never merges rows in silence: every line
// that a broken quoted field reached is a reject of its own, and reading goes on behind it.
type csvSource struct {
	lines *lineScanner
	delim byte
	bind  *binding
	first firstRow
	gave  bool // a row was given
	row   fileRow

	scratch []byte // the row with its unescaped values behind it
	escaped []int  // the spans of row that have doubled quotes

	brokenUntil int64 // lines that begin up to here belong to a broken quoted field
	brokenLine  int64 // where its row begins
	brokenWhy   string
}

func newCSVSource(lines *lineScanner, delim byte, first firstRow) *csvSource {
	return &csvSource{lines: lines, delim: delim, first: first, brokenUntil: -1}
}

// next gives the next row and what its columns mean.
func (c *csvSource) next() (*fileRow, *binding, error) {
	for {
		r, err := c.scan()
		if err != nil {
			return nil, nil, c.ended(err)
		}
		if c.bind != nil {
			return r, c.bind, nil
		}
		c.gave = true
		var data bool
		if c.bind, data, err = c.first(r); err != nil {
			return nil, nil, err
		}
		if data {
			return r, c.bind, nil // without bind where the row is bad
		}
	}
}

// ended turns the end of a text without any line into an error.
func (c *csvSource) ended(err error) error {
	if errors.Is(err, io.EOF) && !c.gave {
		return &fileError{msg: "the file has only blank lines"}
	}
	return err
}

// scan cuts the next row out of the text. Blank lines are no rows.
func (c *csvSource) scan() (*fileRow, error) {
	s := c.lines
	for {
		n, size, long, err := s.peek()
		if err != nil {
			return nil, err
		}
		c.row.reset(s.line)
		if long || s.offset() <= c.brokenUntil {
			if r, err := c.refuse(n, size, long); r != nil || err != nil {
				return r, err
			}
			continue
		}
		text := s.text(n, size)
		switch {
		case len(text) == 0, c.delim == whitespaceDelimiter && len(bytes.Trim(text, " \t")) == 0:
			s.advance(size, 1)
			continue
		case c.delim == whitespaceDelimiter:
			c.splitBlanks(text)
		case bytes.IndexByte(text, '"') < 0:
			c.split(text)
		default:
			whole, err := c.splitQuoted()
			if err != nil {
				return nil, err
			}
			if !whole {
				continue
			}
			return &c.row, nil
		}
		s.advance(size, 1)
		return &c.row, nil
	}
}

// refuse makes a reject of a line that is too long or belongs to a broken quoted field. A blank
// line gives nil.
func (c *csvSource) refuse(n, size int, long bool) (*fileRow, error) {
	s := c.lines
	switch at := s.offset(); {
	case at > c.brokenUntil:
		c.row.Bad = longLine
	case s.line == c.brokenLine:
		c.row.Bad = c.brokenWhy
	default:
		c.row.Bad = fmt.Sprintf("the line belongs to the row that begins on line %d, whose quoting is wrong", c.brokenLine)
	}
	if long {
		head, err := s.skip(size)
		c.row.Raw = head
		return &c.row, err
	}
	text := s.text(n, size)
	s.advance(size, 1)
	if len(text) == 0 {
		return nil, nil // a blank line is neither a row nor an error
	}
	c.row.Raw = text
	return &c.row, nil
}

const longLine = "the line is longer than 1 MiB"

const bareCR = "a carriage return stands alone: lines must end in LF or CR LF"

// split cuts a line that has no quotes.
func (c *csvSource) split(text []byte) {
	r := &c.row
	r.Text, r.Raw = text, text
	if bytes.IndexByte(text, '\r') >= 0 {
		r.Bad = bareCR
		return
	}
	at := 0
	for {
		i := bytes.IndexByte(text[at:], c.delim)
		if i < 0 {
			r.Spans = append(r.Spans, span{at, len(text)})
			return
		}
		r.Spans = append(r.Spans, span{at, at + i})
		at += i + 1
	}
}

// splitBlanks cuts a line at runs of blanks and tabs. There is no quoting in this form, so a
// value that begins with a quote would be taken for what it is not.
func (c *csvSource) splitBlanks(text []byte) {
	r := &c.row
	r.Text, r.Raw = text, text
	if bytes.IndexByte(text, '\r') >= 0 {
		r.Bad = bareCR
		return
	}
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' {
			i++
			continue
		}
		a := i
		for i < len(text) && text[i] != ' ' && text[i] != '\t' {
			i++
		}
		if text[a] == '"' {
			r.Bad = "a value begins with a quote, and delimiter: whitespace has no quoting: give the file another delimiter"
			return
		}
		r.Spans = append(r.Spans, span{a, i})
	}
}

// quoteState is how far splitQuoted's look at the buffer came.
type quoteState int

const (
	quoteWhole  quoteState = iota // the row is whole
	quoteMore                     // the row goes on behind the buffer
	quoteBroken                   // the quoting is wrong
)

// splitQuoted cuts the row at the scanner's position, which may span lines. It gives false where
// the quoting is wrong: then the lines it reached are marked and scan rejects each.
func (c *csvSource) splitQuoted() (bool, error) {
	s, r := c.lines, &c.row
	for {
		// No more is looked at than a row may have, so that the outcome is the same wherever the
		// row stands in the buffer.
		data := s.buf[s.pos:min(s.end, s.pos+maxLine+1)]
		size, state := c.parse(data, s.eof && s.pos+len(data) == s.end)
		if state == quoteMore && len(data) > maxLine {
			c.broken(data, maxLine, 0, "the row does not end within 1 MiB: a quoted value may lack its closing quote")
			return false, nil
		}
		switch state {
		case quoteMore:
			if err := s.fill(); err != nil {
				return false, err
			}
			continue
		case quoteBroken:
			return false, nil
		case quoteWhole:
		}
		r.Raw = bytes.TrimSuffix(bytes.TrimSuffix(data[:size], []byte("\n")), []byte("\r"))
		r.Text = data[:size]
		c.unescape()
		lines := int64(bytes.Count(data[:size], []byte("\n")))
		if size > 0 && data[size-1] != '\n' {
			lines++
		}
		s.advance(size, lines)
		return true, nil
	}
}

// parse cuts one row out of data, which begins with it; eof tells that nothing follows data.
// size is the row with its line end.
func (c *csvSource) parse(data []byte, eof bool) (size int, state quoteState) {
	c.row.Spans, c.escaped = c.row.Spans[:0], c.escaped[:0]
	nl := -1 // the end of the line that holds at
	for at := 0; ; {
		if at < len(data) && data[at] == '"' {
			end, next, state := c.parseQuotes(data, at, eof)
			if state != quoteWhole {
				return 0, state
			}
			c.row.Spans = append(c.row.Spans, span{at + 1, end})
			if next == len(data) || data[next-1] == '\n' {
				if data[next-1] == c.delim { // the text ends right behind a delimiter
					c.row.Spans = append(c.row.Spans, span{next, next})
				}
				return next, quoteWhole
			}
			at = next
			continue
		}
		if at > nl {
			i := bytes.IndexByte(data[at:], '\n')
			if i < 0 && !eof {
				return 0, quoteMore
			}
			if nl = at + i; i < 0 {
				nl = len(data)
			}
		}
		end, last := nl, true
		if i := bytes.IndexByte(data[at:nl], c.delim); i >= 0 {
			end, last = at+i, false
		}
		if last && nl < len(data) && end > at && data[end-1] == '\r' {
			end--
		}
		if i := bytes.IndexByte(data[at:end], '"'); i >= 0 {
			return 0, c.broken(data, at+i, at+i, "a quote stands inside a value that is not quoted: quote the value and double its quotes")
		}
		if i := bytes.IndexByte(data[at:end], '\r'); i >= 0 {
			return 0, c.broken(data, at+i, at+i, bareCR)
		}
		c.row.Spans = append(c.row.Spans, span{at, end})
		if last {
			return min(nl+1, len(data)), quoteWhole
		}
		at = end + 1
	}
}

// parseQuotes reads the quoted value at data[at]. end is its closing quote; next is behind the
// delimiter or line end that follows, or the end of the text.
func (c *csvSource) parseQuotes(data []byte, at int, eof bool) (end, next int, state quoteState) {
	escaped := false
	for end = at + 1; ; end += 2 {
		i := bytes.IndexByte(data[end:], '"')
		if i < 0 {
			if !eof {
				return 0, 0, quoteMore
			}
			return 0, 0, c.broken(data, len(data)-1, at, "a quoted field has no end before the end of the file")
		}
		end += i
		if end+1 >= len(data) || data[end+1] != '"' {
			break
		}
		escaped = true
	}
	if end+1 == len(data) && !eof {
		return 0, 0, quoteMore // a second quote may follow
	}
	if escaped {
		c.escaped = append(c.escaped, len(c.row.Spans))
	}
	next = end + 1
	switch {
	case next == len(data):
		return end, next, quoteWhole
	case data[next] == c.delim, data[next] == '\n':
		if next+1 == len(data) && data[next] == c.delim && !eof {
			return 0, 0, quoteMore
		}
		return end, next + 1, quoteWhole
	case data[next] == '\r' && next+1 == len(data) && !eof:
		return 0, 0, quoteMore
	case data[next] == '\r' && next+1 < len(data) && data[next+1] == '\n':
		return end, next + 2, quoteWhole
	case data[next] == '\r':
		return 0, 0, c.broken(data, next, at, bareCR)
	}
	return 0, 0, c.broken(data, next, at, "text follows the closing quote of a value: double the quotes inside a quoted value")
}

// broken marks the lines of data up to the one that holds at; opened is where the field begins.
func (c *csvSource) broken(data []byte, at, opened int, why string) quoteState {
	s := c.lines
	c.brokenUntil = s.offset() + int64(at)
	c.brokenLine = s.line
	c.brokenWhy = why
	if n := bytes.Count(data[:opened], []byte("\n")); n > 0 { // the row began on an earlier line
		c.brokenWhy += fmt.Sprintf(" (line %d)", s.line+int64(n))
	}
	return quoteBroken
}

// unescape halves the doubled quotes: the values that have them are written behind a copy of
// the row, and their spans moved there.
func (c *csvSource) unescape() {
	if len(c.escaped) == 0 {
		return
	}
	c.scratch = append(c.scratch[:0], c.row.Text...)
	for _, i := range c.escaped {
		sp := c.row.Spans[i]
		a := len(c.scratch)
		for at := sp.a; at < sp.b; {
			q := bytes.IndexByte(c.row.Text[at:sp.b], '"')
			if q < 0 {
				c.scratch = append(c.scratch, c.row.Text[at:sp.b]...)
				break
			}
			c.scratch = append(c.scratch, c.row.Text[at:at+q+1]...)
			at += q + 2
		}
		c.row.Spans[i] = span{a, len(c.scratch)}
	}
	c.row.Text = c.scratch
}
