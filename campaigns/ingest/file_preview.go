package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"recert/model"
)

// FilePreview is the start of a file as it came, and a guess of what its columns mean: what the
// upload page shows before anything is read for good.
type FilePreview struct {
	Form      string              // csv, xlsx or jsonl
	Delimiter string              // of csv: as the layout says, else guessed; as Layout.Delimiter writes it
	NoHeader  bool                // as the layout says, or guessed: the first line looks like data
	Header    []string            // the file's columns; numbers from 1 without a header line
	Rows      [][]string          // the first rows, each as long as Header where the file keeps to it
	Mapping   map[string][]string // our column -> the file's: what the layout says, else by name, else guessed; as Layout.Columns
	Rejects   []model.Reject      // rows among the first that cannot even be cut into columns
}

// previewValue bounds what a page shows of one value, in bytes.
const previewValue = 200

// Preview reads the first n rows of a file without understanding them. It fails where the file
// cannot be read at all; a column that is missing is no failure, since the mapping comes next.
func Preview(ctx context.Context, name string, r io.Reader, kind model.Kind, l Layout, n int) (*FilePreview, error) {
	open := l
	open.Columns, open.NoHeader = nil, false // read as it is, mapped by the person
	f, err := Open(name, r, kind, open)
	if err != nil {
		return nil, err
	}
	p := &FilePreview{Delimiter: l.Delimiter, NoHeader: l.NoHeader}
	text, done, err := f.unpack(ctx)
	if err != nil {
		return nil, f.failed(err)
	}
	defer done()
	if err := p.read(ctx, f, text, l, n); err != nil {
		return nil, f.failed(err)
	}
	p.Form = f.form
	p.Mapping = guessMapping(kind, l, p.Header)
	return p, nil
}

// read fills header and rows by a source whose binding knows no columns.
func (p *FilePreview) read(ctx context.Context, f *Reader, text io.Reader, l Layout, n int) error {
	if f.form == "" {
		var err error
		if text, f.form, err = sniffForm(text); err != nil {
			return err
		}
	}
	if f.form == formCSV {
		return p.readCSV(f, text, l, n)
	}
	src, done, err := f.source(ctx, text)
	if err != nil {
		return err
	}
	defer done()
	switch s := src.(type) {
	case *xlsxSource:
		s.first = p.firstRow
		return p.take(f, s.next, n)
	case *jsonlSource:
		return p.takeJSON(f, s, n)
	}
	return nil
}

func (p *FilePreview) readCSV(f *Reader, text io.Reader, l Layout, n int) error {
	lines, err := newLineScanner(text)
	if err != nil {
		return err
	}
	if p.Delimiter == "" {
		p.Delimiter = guessDelimiter(f.name, lines)
	}
	delim, err := delimiterOf(f.name, p.Delimiter)
	if err != nil {
		return err
	}
	p.NoHeader = l.NoHeader || delim == whitespaceDelimiter && l.Delimiter == ""
	return p.take(f, newCSVSource(lines, delim, p.firstRow).next, n)
}

// firstRow takes the header as it is, or numbers where there is none.
func (p *FilePreview) firstRow(r *fileRow) (*binding, bool, error) {
	if r.Bad != "" {
		return nil, false, &fileError{msg: "line " + strconv.FormatInt(r.Line, 10) + " cannot be read: " + r.Bad}
	}
	var err error
	if !p.NoHeader && !allNumbers(r) {
		if p.Header, err = headerNames(r); err != nil {
			return nil, false, err
		}
		return &binding{header: p.Header}, false, nil
	}
	p.NoHeader = true
	for i := range r.Spans {
		p.Header = append(p.Header, strconv.Itoa(i+1))
	}
	return &binding{header: p.Header}, true, nil
}

// allNumbers tells a first row that can hardly be names.
func allNumbers(r *fileRow) bool {
	for _, sp := range r.Spans {
		if _, err := strconv.ParseFloat(string(r.Text[sp.a:sp.b]), 64); err != nil {
			return false
		}
	}
	return true
}

// take reads the first n rows.
func (p *FilePreview) take(f *Reader, next func() (*fileRow, *binding, error), n int) error {
	for range n {
		r, b, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Bad == "" && len(r.Spans) != len(b.header) && (len(r.Spans) > len(b.header) || !b.loose) {
			r.Bad = "the row has " + fieldCount(len(r.Spans)) + ", and the header has " + strconv.Itoa(len(b.header))
		}
		if r.Bad != "" {
			p.Rejects = append(p.Rejects, model.Reject{Kind: f.kind, File: f.name, Line: r.Line, Column: r.Column, Reason: r.Bad, Raw: r.rawText()})
			continue
		}
		row := make([]string, len(b.header))
		for i, sp := range r.Spans {
			row[i] = cleanText(r.Text[sp.a:sp.b], previewValue)
		}
		p.Rows = append(p.Rows, row)
	}
	return nil
}

// takeJSON reads the first n objects; the header is all the names that they have.
func (p *FilePreview) takeJSON(f *Reader, s *jsonlSource, n int) error {
	at := map[string]int{}
	for range n {
		r, _, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.Bad != "" {
			p.Rejects = append(p.Rejects, model.Reject{Kind: f.kind, File: f.name, Line: r.Line, Column: r.Column, Reason: r.Bad, Raw: r.rawText()})
			continue
		}
		var row []string
		put := func(name string, sp span) {
			i, ok := at[name]
			if !ok {
				i = len(p.Header)
				at[name] = i
				p.Header = append(p.Header, name)
			}
			for len(row) <= i {
				row = append(row, "")
			}
			row[i] = cleanText(r.Text[sp.a:sp.b], previewValue)
		}
		for i, sp := range r.Spans {
			if s.seen[i] {
				put(s.bind.header[i], sp)
			}
		}
		for _, e := range r.Extra {
			put(e.name, e.span)
		}
		p.Rows = append(p.Rows, row)
	}
	for i, row := range p.Rows {
		p.Rows[i] = append(row, make([]string, len(p.Header)-len(row))...)
	}
	return nil
}

// guessDelimiter takes the candidate that the first line has most of; a line with none of them
// and runs of blanks is separated by those.
func guessDelimiter(name string, lines *lineScanner) string {
	line, _, _ := bytes.Cut(lines.buf[lines.pos:lines.end], []byte("\n"))
	best, most := "", 0
	for _, d := range []struct{ name, text string }{{",", ","}, {";", ";"}, {"tab", "\t"}, {"|", "|"}} {
		if n := bytes.Count(line, []byte(d.text)); n > most {
			best, most = d.name, n
		}
	}
	if best == "" && len(bytes.Fields(line)) > 1 && bytes.Contains(line, []byte("  ")) {
		return "whitespace"
	}
	if best == "" {
		if d, err := delimiterOf(name, ""); err == nil && d == '\t' {
			return "tab"
		}
		return ","
	}
	return best
}

// otherNames are what systems call our columns, as nameKey writes them, best first.
var otherNames = map[string][]string{
	"person_id":       {"employeeid", "employeeno", "employeenumber", "workerid", "personnelnumber", "personid", "empid", "staffid"},
	"name":            {"fullname", "displayname", "employeename", "personname", "rolename", "groupname", "entitlementname"},
	"email":           {"mail", "emailaddress", "workemail", "primaryemail", "userprincipalname"},
	"manager_id":      {"manager", "managerno", "manageremployeeid", "boss", "supervisor", "supervisorid", "reportsto"},
	"title":           {"jobtitle", "position", "job", "businesstitle"},
	"department":      {"dept", "departmentname", "orgunit", "division", "team"},
	"cost_center":     {"costcentre", "costcentercode", "costcentrecode"},
	"location":        {"office", "site", "city", "worklocation"},
	"employment_type": {"employeetype", "workertype", "contracttype"},
	"status":          {"employmentstatus", "accountstatus", "state"},
	"kind":            {"type", "accounttype", "category"},
	"owner_id":        {"owner", "ownerno", "accountowner"},
	"start_date":      {"hiredate", "startdate", "joined", "joindate"},
	"end_date":        {"terminationdate", "leavedate", "enddate", "lastday"},
	"account_id":      {"account", "userid", "user", "login", "username", "uid", "member", "memberid", "samaccountname", "principal"},
	"username":        {"login", "user", "samaccountname", "loginname", "userlogin", "uid"},
	"display_name":    {"fullname", "name", "cn"},
	"privileged":      {"admin", "isadmin", "isprivileged"},
	"last_login_at":   {"lastlogin", "lastlogon", "lastsignin", "lastsignindatetime"},
	"created_at":      {"created", "whencreated", "createddatetime", "creationdate"},
	"expires_at":      {"expires", "expiry", "expirydate", "accountexpires", "validto", "validuntil"},
	"entitlement_id":  {"entitlement", "group", "groupid", "role", "roleid", "permission", "permissionid", "profile", "groupname", "rolename"},
	"description":     {"desc", "details", "purpose"},
	"risk":            {"risklevel", "criticality", "sensitivity"},
	"lower_id":        {"lower", "lesser"},
	"granted_at":      {"granted", "assignedat", "assigned", "grantedon", "assignmentdate", "since", "validfrom", "dateadded"},
	"granted_by":      {"assignedby", "grantor", "approvedby", "addedby"},
	"reason":          {"justification", "comment", "ticket"},
	"last_used_at":    {"lastused", "lastusage", "lastaccess", "lastactivity"},
	"via":             {"path", "inheritedfrom", "throughgroup", "through"},
}

// nameKey keeps letters and digits, in lower case.
func nameKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' || r == '/' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// guessMapping proposes a column of the file for each of ours, each at most once: the layout's
// word first, then equal names, then what systems commonly call it.
func guessMapping(kind model.Kind, l Layout, header []string) map[string][]string {
	out, used := map[string][]string{}, map[string]bool{}
	take := func(our string, match func(key, h string) bool) {
		if out[our] != nil {
			return
		}
		for _, h := range header {
			if !used[h] && match(nameKey(h), h) {
				out[our], used[h] = []string{h}, true
				return
			}
		}
	}
	for _, c := range columnsOf[kind] {
		m, ok := l.Columns[c.name]
		if ok && !slices.ContainsFunc(m.Names, func(n string) bool {
			return !slices.ContainsFunc(header, func(h string) bool { return headerKey(h) == headerKey(n) })
		}) {
			out[c.name] = slices.Clone(m.Names)
			for _, n := range m.Names {
				used[n] = true
			}
		}
	}
	for _, c := range columnsOf[kind] {
		take(c.name, func(key, _ string) bool { return key == nameKey(c.name) })
	}
	for _, c := range columnsOf[kind] {
		for _, other := range otherNames[c.name] {
			take(c.name, func(key, _ string) bool { return key == other })
		}
	}
	return out
}
