package verify

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Subject is whose access an item is about, as the reviewer saw it.
type Subject struct {
	AccountID   string `json:"account_id"`
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	PersonID    string `json:"person_id"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Title       string `json:"title"`
	Department  string `json:"department"`
	ManagerID   string `json:"manager_id"`
}

// Reviewer is who was asked.
type Reviewer struct {
	PersonID string `json:"person_id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// RejectDetails are the parts of a rejected row that may be personal.
type RejectDetails struct {
	Raw    string `json:"raw"`
	Reason string `json:"reason"`
}

// Bound is a commitment to a personal record. Salt "" means erased: then the values are Erased and
// the commitment stands alone.
type Bound struct {
	Salt       string // hexadecimal, SaltSize bytes, or ""
	Commitment string // hexadecimal
}

// Bind commits to the canonical JSON of v under the name of its kind ("subject", "reviewer",
// "details"). One salt serves all records of one subject or reviewer in a run, so that their
// commitments are equal.
func Bind(salt []byte, name string, v any) (Bound, error) {
	if len(salt) != SaltSize {
		return Bound{}, fmt.Errorf("a salt has %d bytes, not %d", SaltSize, len(salt))
	}
	b, err := Canonical(v)
	if err != nil {
		return Bound{}, err
	}
	c := Commit(salt, name, string(b))
	return Bound{Salt: hex.EncodeToString(salt), Commitment: hex.EncodeToString(c[:])}, nil
}

// check tells whether the commitment opens to v, or v is erased throughout.
func (b Bound) check(name string, v any, erased bool) error {
	if !isHex(b.Commitment, 32) {
		return fmt.Errorf("the commitment of the %s is not hexadecimal of 32 bytes", name)
	}
	if b.Salt == "" {
		if !erased {
			return fmt.Errorf("the %s has no salt, yet its values are not all %s", name, Erased)
		}
		return nil
	}
	if !isHex(b.Salt, SaltSize) {
		return fmt.Errorf("the salt of the %s is not hexadecimal of %d bytes", name, SaltSize)
	}
	salt, err := hex.DecodeString(b.Salt)
	if err != nil {
		return err
	}
	want, err := Bind(salt, name, v)
	if err != nil {
		return err
	}
	if want.Commitment != b.Commitment {
		return fmt.Errorf("the %s is not the one that was committed to", name)
	}
	return nil
}

// erasedSubject and erasedReviewer are what stands in the place of erased values.
var (
	erasedSubject = Subject{
		AccountID: Erased, Username: Erased, DisplayName: Erased, PersonID: Erased, Name: Erased, Email: Erased,
		Title: Erased, Department: Erased, ManagerID: Erased,
	}
	erasedReviewer = Reviewer{PersonID: Erased, Name: Erased, Email: Erased}
	erasedDetails  = RejectDetails{Raw: Erased, Reason: Erased}
)

// Item is one row of population.csv: one account and one entitlement, as frozen at launch.
type Item struct {
	Item            string
	Source          string
	Subject         Subject
	SubjectBound    Bound
	Entitlement     string // "" where the account itself is asked about
	EntitlementName string
	Description     string
	Risk            string
	Privileged      string // yes, no, or "" where unknown
	Kind            string
	Direct          bool     // held directly by at least one path
	Paths           []string // each via, outermost first; "" is the direct path; none for an account
	GrantedAt       Time
	LastUsedAt      Time // 0 is unknown, not never
	Status          string
	Basis           string // the rule that named the reviewer
	TextHash        string // SHA-256 of the context the reviewer was shown
	Reviewer        Reviewer
	ReviewerBound   Bound
	Avoided         bool // the first choice was the subject's own person
}

// itemRecord is what of an item is hashed: nothing personal but the commitments.
type itemRecord struct {
	Item            string   `json:"item"`
	Source          string   `json:"source"`
	Subject         string   `json:"subject"`
	Entitlement     string   `json:"entitlement"`
	EntitlementName string   `json:"entitlement_name"`
	Description     string   `json:"description"`
	Risk            string   `json:"risk"`
	Privileged      string   `json:"privileged"`
	Kind            string   `json:"kind"`
	Direct          bool     `json:"direct"`
	Paths           []string `json:"paths"`
	GrantedAt       Time     `json:"granted_at"`
	LastUsedAt      Time     `json:"last_used_at"`
	Status          string   `json:"status"`
	Basis           string   `json:"basis"`
	TextHash        string   `json:"text_hash"`
	Reviewer        string   `json:"reviewer"`
	Avoided         bool     `json:"avoided"`
}

// Hash is the item's leaf hash in the tree whose root campaign.launched holds as items_root.
func (it *Item) Hash() (tlog.Hash, error) {
	return recordHash(itemRecord{
		Item: it.Item, Source: it.Source, Subject: it.SubjectBound.Commitment, Entitlement: it.Entitlement,
		EntitlementName: it.EntitlementName, Description: it.Description, Risk: it.Risk, Privileged: it.Privileged,
		Kind: it.Kind, Direct: it.Direct, Paths: it.Paths, GrantedAt: it.GrantedAt, LastUsedAt: it.LastUsedAt,
		Status: it.Status, Basis: it.Basis, TextHash: it.TextHash, Reviewer: it.ReviewerBound.Commitment,
		Avoided: it.Avoided,
	})
}

func recordHash(v any) (tlog.Hash, error) {
	b, err := Canonical(v)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.RecordHash(b), nil
}

var itemColumns = []string{
	"item", "source", "account_id", "username", "display_name", "person_id", "name", "email", "title", "department",
	"manager_id", "entitlement", "entitlement_name", "description", "risk", "privileged", "kind", "direct", "paths",
	"granted_at", "last_used_at", "status", "basis", "text_hash", "reviewer_id", "reviewer_name", "reviewer_email",
	"avoided", "subject_salt", "subject", "reviewer_salt", "reviewer",
}

// row gives the item's cells in the order of itemColumns.
func (it *Item) row(cells []string) ([]string, error) {
	paths, err := Canonical(it.Paths)
	if err != nil {
		return nil, err
	}
	s, r := &it.Subject, &it.Reviewer
	return append(cells[:0], it.Item, it.Source, s.AccountID, s.Username, s.DisplayName, s.PersonID, s.Name, s.Email,
		s.Title, s.Department, s.ManagerID, it.Entitlement, it.EntitlementName, it.Description, it.Risk, it.Privileged,
		it.Kind, yesNo(it.Direct), string(paths), it.GrantedAt.String(), it.LastUsedAt.String(), it.Status, it.Basis,
		it.TextHash, r.PersonID, r.Name, r.Email, yesNo(it.Avoided), it.SubjectBound.Salt, it.SubjectBound.Commitment,
		it.ReviewerBound.Salt, it.ReviewerBound.Commitment), nil
}

func (it *Item) fromRow(c []string) error {
	direct, err := parseYesNo("direct", c[17])
	if err != nil {
		return err
	}
	avoided, err := parseYesNo("avoided", c[27])
	if err != nil {
		return err
	}
	granted, err := ParseTime(c[19])
	if err != nil {
		return err
	}
	used, err := ParseTime(c[20])
	if err != nil {
		return err
	}
	*it = Item{
		Item: c[0], Source: c[1],
		Subject: Subject{
			AccountID: c[2], Username: c[3], DisplayName: c[4], PersonID: c[5], Name: c[6], Email: c[7],
			Title: c[8], Department: c[9], ManagerID: c[10],
		},
		Entitlement: c[11], EntitlementName: c[12], Description: c[13], Risk: c[14], Privileged: c[15], Kind: c[16],
		Direct: direct, GrantedAt: granted, LastUsedAt: used, Status: c[21], Basis: c[22], TextHash: c[23],
		Reviewer: Reviewer{PersonID: c[24], Name: c[25], Email: c[26]}, Avoided: avoided,
		SubjectBound: Bound{Salt: c[28], Commitment: c[29]}, ReviewerBound: Bound{Salt: c[30], Commitment: c[31]},
	}
	return decodePaths(c[18], &it.Paths)
}

func decodePaths(cell string, paths *[]string) error {
	if err := json.Unmarshal([]byte(cell), paths); err != nil || *paths == nil {
		return fmt.Errorf("paths %q are not a JSON array of strings", cell)
	}
	again, err := Canonical(*paths)
	if err != nil {
		return err
	}
	if string(again) != cell {
		return errors.New("paths are not in canonical form")
	}
	return nil
}

// check tells whether the row is one that a writer may have written.
func (it *Item) check() error {
	if it.Item == "" {
		return errors.New("an item without an id")
	}
	if err := it.SubjectBound.check("subject", it.Subject, it.Subject == erasedSubject); err != nil {
		return err
	}
	return it.ReviewerBound.check("reviewer", it.Reviewer, it.Reviewer == erasedReviewer)
}

// Exclusion is one row of excluded.csv: one grant of a source of the run that became no item.
type Exclusion struct {
	Source          string
	Subject         Subject
	SubjectBound    Bound
	Entitlement     string // "" for an account without a grant, which is not counted as a grant
	EntitlementName string
	Via             string
	Reason          string // the rule that left it out
}

type exclusionRecord struct {
	Source          string `json:"source"`
	Subject         string `json:"subject"`
	Entitlement     string `json:"entitlement"`
	EntitlementName string `json:"entitlement_name"`
	Via             string `json:"via"`
	Reason          string `json:"reason"`
}

// Hash is the row's leaf hash in the tree whose root is excluded_root.
func (x *Exclusion) Hash() (tlog.Hash, error) {
	return recordHash(exclusionRecord{
		Source: x.Source, Subject: x.SubjectBound.Commitment, Entitlement: x.Entitlement,
		EntitlementName: x.EntitlementName, Via: x.Via, Reason: x.Reason,
	})
}

var exclusionColumns = []string{
	"source", "account_id", "username", "display_name", "person_id", "name", "email", "title", "department", "manager_id",
	"entitlement", "entitlement_name", "via", "reason", "subject_salt", "subject",
}

func (x *Exclusion) row(cells []string) ([]string, error) {
	s := &x.Subject
	return append(cells[:0], x.Source, s.AccountID, s.Username, s.DisplayName, s.PersonID, s.Name, s.Email, s.Title,
		s.Department, s.ManagerID, x.Entitlement, x.EntitlementName, x.Via, x.Reason, x.SubjectBound.Salt,
		x.SubjectBound.Commitment), nil
}

func (x *Exclusion) fromRow(c []string) error {
	*x = Exclusion{
		Source: c[0],
		Subject: Subject{
			AccountID: c[1], Username: c[2], DisplayName: c[3], PersonID: c[4], Name: c[5], Email: c[6],
			Title: c[7], Department: c[8], ManagerID: c[9],
		},
		Entitlement: c[10], EntitlementName: c[11], Via: c[12], Reason: c[13],
		SubjectBound: Bound{Salt: c[14], Commitment: c[15]},
	}
	return nil
}

func (x *Exclusion) check() error {
	return x.SubjectBound.check("subject", x.Subject, x.Subject == erasedSubject)
}

// Rejection is one row of rejected.csv: one row that a source gave and that could not be taken.
type Rejection struct {
	Snapshot int64
	Source   string
	Kind     string
	File     string
	Line     int64
	Column   string
	Details  RejectDetails
	Bound    Bound
}

type rejectionRecord struct {
	Snapshot int64  `json:"snapshot"`
	Source   string `json:"source"`
	Kind     string `json:"kind"`
	File     string `json:"file"`
	Line     int64  `json:"line"`
	Column   string `json:"column"`
	Details  string `json:"details"`
}

// Hash is the row's leaf hash in the tree of its snapshot, whose root is rejects_root.
func (r *Rejection) Hash() (tlog.Hash, error) {
	return recordHash(rejectionRecord{
		Snapshot: r.Snapshot, Source: r.Source, Kind: r.Kind, File: r.File, Line: r.Line, Column: r.Column,
		Details: r.Bound.Commitment,
	})
}

var rejectionColumns = []string{
	"snapshot", "source", "kind", "file", "line", "column", "reason", "raw", "details_salt", "details",
}

func (r *Rejection) row(cells []string) ([]string, error) {
	return append(cells[:0], itoa(r.Snapshot), r.Source, r.Kind, r.File, itoa(r.Line), r.Column, r.Details.Reason,
		r.Details.Raw, r.Bound.Salt, r.Bound.Commitment), nil
}

func (r *Rejection) fromRow(c []string) error {
	snapshot, err := parseInt("snapshot", c[0])
	if err != nil {
		return err
	}
	line, err := parseInt("line", c[4])
	if err != nil {
		return err
	}
	*r = Rejection{
		Snapshot: snapshot, Source: c[1], Kind: c[2], File: c[3], Line: line, Column: c[5],
		Details: RejectDetails{Reason: c[6], Raw: c[7]}, Bound: Bound{Salt: c[8], Commitment: c[9]},
	}
	return nil
}

func (r *Rejection) check() error {
	return r.Bound.check("details", r.Details, r.Details == erasedDetails)
}
