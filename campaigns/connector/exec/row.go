package execconn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"recert/model"
)

// line is one line of a list: a row, the end, or an error.
type line struct {
	end    bool
	totals map[model.Kind]int64
	err    *wireError
	rec    model.Record
}

// parse reads one line of a list.
func parse(b []byte) (line, error) {
	m, err := object(b)
	if err != nil {
		return line{}, err
	}
	if raw, ok := m["error"]; ok {
		l := line{err: &wireError{}}
		return l, decode(raw, l.err)
	}
	if raw, ok := m["end"]; ok {
		return parseEnd(raw, m)
	}
	f := &fields{m: m}
	l := line{rec: model.Record{Kind: model.Kind(f.text("kind"))}}
	switch l.rec.Kind {
	case model.KindPeople:
		l.rec.Person = f.person()
	case model.KindAccounts:
		l.rec.Account = f.account()
	case model.KindEntitlements:
		l.rec.Entitlement = f.entitlement()
	case model.KindGrants:
		l.rec.Grant = f.grant()
	default:
		return line{}, errors.New("it has no kind, or one that is none of people, accounts, entitlements and grants")
	}
	return l, f.err
}

func parseEnd(raw json.RawMessage, m map[string]json.RawMessage) (line, error) {
	l := line{end: true}
	if string(raw) != "true" || len(m) != 2 {
		return l, errors.New(`the end must be {"end":true,"totals":{…}} and nothing else`)
	}
	if err := json.Unmarshal(m["totals"], &l.totals); err != nil || l.totals == nil {
		return l, errors.New("the totals of the end are no numbers by kind")
	}
	return l, nil
}

// object reads one JSON object; a name that comes twice is an error, because either value may
// be the wrong one.
func object(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("it has %q twice", key)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		m[key] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows on the same line")
	}
	return m, nil
}

// fields takes the fields of a row out of m; the first that cannot be read is the error.
type fields struct {
	m   map[string]json.RawMessage
	err error
}

// take is the value of a field, or nil where it is left out, null or ends an unreadable row.
func (f *fields) take(key string) json.RawMessage {
	raw := f.m[key]
	delete(f.m, key)
	if f.err != nil || string(raw) == "null" {
		return nil
	}
	return raw
}

func (f *fields) wrong(key, want string) {
	if f.err == nil {
		f.err = fmt.Errorf("its %s must be %s", key, want)
	}
}

func (f *fields) text(key string) (s string) {
	raw := f.take(key)
	switch {
	case raw == nil:
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &s); err != nil {
			f.wrong(key, "a text")
		}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return string(raw) // as it is written: no digit is lost
	default:
		f.wrong(key, "a text or a number")
	}
	return s
}

// id is a text that must not be empty.
func (f *fields) id(key string) string {
	s := f.text(key)
	if s == "" {
		f.wrong(key, "there")
	}
	return s
}

func (f *fields) time(key string) (t model.Time) {
	raw := f.take(key)
	if raw == nil || string(raw) == `""` {
		return 0
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		f.wrong(key, `a time as in "2026-03-02T09:00:00Z", or null`)
	}
	return t
}

func (f *fields) tri(key string) (t model.Tri) {
	raw := f.take(key)
	if raw == nil || string(raw) == `""` {
		return model.Unknown
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		f.wrong(key, "true, false or null")
	}
	return t
}

// rest are the fields that nothing else took.
func (f *fields) rest() map[string]string {
	attrs := make(map[string]string, len(f.m))
	for key, raw := range f.m {
		var s string
		switch {
		case string(raw) == "null":
			continue
		case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
			attrs[key] = s
		default:
			attrs[key] = string(raw)
		}
	}
	return attrs
}

func (f *fields) person() model.Person {
	return model.Person{
		PersonID: f.id("person_id"), Name: f.text("name"), Email: f.text("email"), ManagerID: f.text("manager_id"),
		Title: f.text("title"), Department: f.text("department"), CostCenter: f.text("cost_center"), Location: f.text("location"),
		EmploymentType: f.text("employment_type"), Status: f.text("status"), Kind: f.text("person_kind"), OwnerID: f.text("owner_id"),
		StartDate: f.time("start_date"), EndDate: f.time("end_date"), Attrs: f.rest(),
	}
}

func (f *fields) account() model.Account {
	return model.Account{
		AccountID: f.id("account_id"), Username: f.text("username"), DisplayName: f.text("display_name"), Email: f.text("email"),
		PersonID: f.text("person_id"), OwnerID: f.text("owner_id"), Kind: f.text("account_kind"), Status: f.text("status"),
		Privileged: f.tri("privileged"), LastLoginAt: f.time("last_login_at"), CreatedAt: f.time("created_at"),
		ExpiresAt: f.time("expires_at"), Attrs: f.rest(),
	}
}

func (f *fields) entitlement() model.Entitlement {
	return model.Entitlement{
		EntitlementID: f.id("entitlement_id"), Name: f.text("name"), Description: f.text("description"), Kind: f.text("entitlement_kind"),
		Risk: f.text("risk"), OwnerID: f.text("owner_id"), Privileged: f.tri("privileged"), LowerID: f.text("lower_id"), Attrs: f.rest(),
	}
}

func (f *fields) grant() model.Grant {
	return model.Grant{
		AccountID: f.id("account_id"), EntitlementID: f.id("entitlement_id"), GrantedAt: f.time("granted_at"),
		GrantedBy: f.text("granted_by"), Reason: f.text("reason"), ExpiresAt: f.time("expires_at"),
		LastUsedAt: f.time("last_used_at"), Via: f.text("via"), Attrs: f.rest(),
	}
}
