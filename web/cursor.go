package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"recert/model"
	"recert/views/ui"
)

// Parameters of addresses that say where a page of a list begins.
const (
	paramAfter  = "after"
	paramBefore = "before" // of the second list on a page
)

// list is one list in the browser: its address with its filter, and the parameter that its pages go by.
type list struct {
	path  string
	query url.Values // the filter; a cursor in it counts for nothing
	param string
}

// listOf is the list of an address that goes by the usual parameter.
func listOf(path string, q url.Values) list { return list{path, q, paramAfter} }

// href is the page of the list that begins after a cursor; "" is the first one.
func (l list) href(cursor string) string {
	q := url.Values{}
	for name, values := range l.query {
		if name != paramAfter && name != paramBefore {
			q[name] = values
		}
	}
	if cursor != "" {
		q.Set(l.param, cursor+"~"+l.mark(cursor))
	}
	if len(q) == 0 {
		return l.path
	}
	return l.path + "?" + q.Encode()
}

// mark tells a cursor that a page of this very list gave from one that was cut off, made up, or taken
// from a list with another filter. It keeps rows from being passed over unseen; it is no secret.
func (l list) mark(cursor string) string {
	sum := sha256.Sum256([]byte(l.href("") + "\n" + l.param + "\n" + cursor))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// pages leads from a page to the next one, and from any but the first back to that.
func (l list) pages(cursor, next, shown string) ui.Pager {
	p := ui.Pager{Shown: shown}
	if cursor != "" {
		p.First = l.href("")
	}
	if next != "" {
		p.Next = l.href(next)
	}
	return p
}

// pager is pages for cursors that are numbers; 0 is none.
func (l list) pager(after, next int64, shown string) ui.Pager {
	return l.pages(numbered(after), numbered(next), shown)
}

func numbered(n int64) string {
	if n == 0 {
		return ""
	}
	return itoa(n)
}

// broken answers an address that no page of the list led to.
func (l list) broken() error {
	return badRequestError{model.Errorf(model.Invalid, "This address does not lead to a page of the list: it was cut off or changed."), l.href("")}
}

// cursor reads where the page that is asked for begins, "" for the first one. What no page of the list
// gave is refused: it could pass over rows, or show an empty page that looks like the end.
func (r *request) cursor(l list) (string, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", l.broken()
	}
	text := q.Get(l.param)
	if text == "" {
		return "", nil
	}
	at := strings.LastIndex(text, "~")
	if at <= 0 || len(q[l.param]) > 1 || !clean(text) || text[at+1:] != l.mark(text[:at]) {
		return "", l.broken()
	}
	return text[:at], nil
}

// after is cursor for lists that go by a number; 0 is the first page.
func (r *request) after(l list) (int64, error) {
	text, err := r.cursor(l)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, l.broken()
	}
	return n, nil
}

// emptyPageError is a later page of a list from which every row has moved away since: whoever asks for it gets the
// first one, instead of what looks like an empty list.
type emptyPageError struct{ first string }

func (emptyPageError) Error() string { return "the page of a list is empty by now" }

// movedOn is an emptyPageError where a later page has no rows, else nil.
func (l list) movedOn(later bool, rows int) error {
	if later && rows == 0 {
		return emptyPageError{l.href("")}
	}
	return nil
}
