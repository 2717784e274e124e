package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// fullHash is the SHA-256 of all of a row, usage included: what the snapshot's digest is made of.
type fullHash [sha256.Size]byte

// stagedRow is one row that was read, ready to be stored but for its integer keys.
type stagedRow struct {
	id     string // of the person, account or entitlement; the account_id of a grant
	entID  string // from here to granted: of a grant
	via    string
	n      int64 // 1, 2, … in the order of the source
	grant  model.Time
	usage  model.Time
	data   string // canonical JSON of everything that is no column and no usage
	hash   [evidence.RowHashSize]byte
	full   fullHash
	line   int64
	file   string
	person *personFold
}

// personFold are the columns by which people are looked up.
type personFold struct {
	id, name, email, manager, status string
}

// encoder makes staged rows; it keeps its buffers.
type encoder struct {
	buf  []byte
	keys []string
}

// encode makes a staged row of a record, which may be used again afterwards.
func (e *encoder) encode(r *model.Record) stagedRow {
	s := stagedRow{line: r.Line, file: r.File}
	e.buf = e.buf[:0]
	switch r.Kind {
	case model.KindPeople:
		p := &r.Person
		e.person(p)
		s.id = p.PersonID
		s.person = &personFold{id: store.Fold(p.PersonID), name: store.Fold(p.Name), email: store.Fold(p.Email), manager: p.ManagerID, status: p.Status}
	case model.KindAccounts:
		e.account(&r.Account)
		s.id, s.usage = r.Account.AccountID, r.Account.LastLoginAt
	case model.KindEntitlements:
		e.entitlement(&r.Entitlement)
		s.id = r.Entitlement.EntitlementID
	case model.KindGrants:
		g := &r.Grant
		e.grant(g)
		s.id, s.entID, s.via, s.grant, s.usage = g.AccountID, g.EntitlementID, g.Via, g.GrantedAt, g.LastUsedAt
	}
	s.data = string(e.buf)
	e.hash(r.Kind, &s)
	return s
}

// hash covers the kind, the key and the data; full also the usage.
func (e *encoder) hash(kind model.Kind, s *stagedRow) {
	key := evidence.RowKey{Kind: kind, ID: s.id, EntitlementID: s.entID, Via: s.via, GrantedAt: s.grant}
	full, b := key.Hash(e.buf)
	s.full = full
	copy(s.hash[:], s.full[:])
	if s.usage != 0 {
		b = append(b[:0], s.full[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(s.usage)) //nolint:gosec // a bit pattern
		s.full = sha256.Sum256(b)
	}
	e.buf = b
}

// The data of a row is JSON with its keys in order and what is unknown left out.

func (e *encoder) person(p *model.Person) {
	e.open()
	e.attrs(p.Attrs)
	e.text("cost_center", p.CostCenter)
	e.text("department", p.Department)
	e.text("email", p.Email)
	e.text("employment_type", p.EmploymentType)
	e.time("end_date", p.EndDate)
	e.text("kind", p.Kind)
	e.text("location", p.Location)
	e.text("manager_id", p.ManagerID)
	e.text("name", p.Name)
	e.text("owner_id", p.OwnerID)
	e.text("person_id", p.PersonID)
	e.time("start_date", p.StartDate)
	e.text("status", p.Status)
	e.text("title", p.Title)
	e.close()
}

func (e *encoder) account(a *model.Account) {
	e.open()
	e.text("account_id", a.AccountID)
	e.attrs(a.Attrs)
	e.time("created_at", a.CreatedAt)
	e.text("display_name", a.DisplayName)
	e.text("email", a.Email)
	e.time("expires_at", a.ExpiresAt)
	e.text("kind", a.Kind)
	e.text("owner_id", a.OwnerID)
	e.text("person_id", a.PersonID)
	e.tri("privileged", a.Privileged)
	e.text("status", a.Status)
	e.text("username", a.Username)
	e.close()
}

func (e *encoder) entitlement(t *model.Entitlement) {
	e.open()
	e.attrs(t.Attrs)
	e.text("description", t.Description)
	e.text("entitlement_id", t.EntitlementID)
	e.text("kind", t.Kind)
	e.text("lower_id", t.LowerID)
	e.text("name", t.Name)
	e.text("owner_id", t.OwnerID)
	e.tri("privileged", t.Privileged)
	e.text("risk", t.Risk)
	e.close()
}

// grant leaves out what has columns of its own; a grant that says nothing else has no data at all.
func (e *encoder) grant(g *model.Grant) {
	if len(g.Attrs) == 0 && g.ExpiresAt == 0 && g.GrantedBy == "" && g.Reason == "" {
		return
	}
	e.open()
	e.attrs(g.Attrs)
	e.time("expires_at", g.ExpiresAt)
	e.text("granted_by", g.GrantedBy)
	e.text("reason", g.Reason)
	e.close()
}

func (e *encoder) open()  { e.buf = append(e.buf, '{') }
func (e *encoder) close() { e.buf = append(e.buf, '}') }

func (e *encoder) key(k string) {
	if e.buf[len(e.buf)-1] != '{' {
		e.buf = append(e.buf, ',')
	}
	e.quote(k)
	e.buf = append(e.buf, ':')
}

func (e *encoder) text(k, v string) {
	if v != "" {
		e.key(k)
		e.quote(v)
	}
}

func (e *encoder) time(k string, t model.Time) {
	if t != 0 {
		e.text(k, t.String())
	}
}

func (e *encoder) tri(k string, t model.Tri) {
	if t != model.Unknown {
		e.key(k)
		e.buf = strconv.AppendBool(e.buf, t == model.Yes)
	}
}

func (e *encoder) attrs(m map[string]string) {
	if len(m) == 0 {
		return
	}
	e.keys = slices.AppendSeq(e.keys[:0], maps.Keys(m))
	slices.Sort(e.keys)
	e.key("attrs")
	e.open()
	for _, k := range e.keys {
		e.key(k)
		e.quote(m[k])
	}
	e.close()
}

// quote appends a JSON string with as little escaping as JSON allows; s is valid UTF-8.
func (e *encoder) quote(s string) {
	const hex = "0123456789abcdef"
	e.buf = append(e.buf, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		e.buf = append(e.buf, s[from:i]...)
		if c < ' ' {
			e.buf = append(e.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			e.buf = append(e.buf, '\\', c)
		}
		from = i + 1
	}
	e.buf = append(append(e.buf, s[from:]...), '"')
}
