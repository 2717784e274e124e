package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"recert/campaigns/evidence/verify"
	"recert/model"
)

// ItemParts are what the record of one item is made of, as launch froze it.
type ItemParts struct {
	ID            int64
	Source        string
	Subject       model.Subject
	SubjectBound  verify.Bound
	Entitlement   model.Entitlement // its zero value where the account itself is asked about
	Facts         model.Facts
	Basis         string
	TextHash      []byte
	Reviewer      model.ReviewerValue // who was asked at launch
	ReviewerBound verify.Bound
}

// ItemRecord is the population's record of an item: launch hashes it, and a package renders it again.
func ItemRecord(p *ItemParts) verify.Item {
	it := verify.Item{
		Item: strconv.FormatInt(p.ID, 10), Source: p.Source,
		Subject: SubjectOf(p.Subject), SubjectBound: p.SubjectBound,
		Entitlement: p.Entitlement.EntitlementID, EntitlementName: p.Entitlement.Name, Description: p.Entitlement.Description,
		Risk: p.Entitlement.Risk, Privileged: p.Entitlement.Privileged.String(), Kind: p.Entitlement.Kind,
		Direct: p.Facts.Direct, Status: p.Facts.Status, Basis: p.Basis, TextHash: hex.EncodeToString(p.TextHash),
		Reviewer: ReviewerOf(p.Reviewer), ReviewerBound: p.ReviewerBound, Avoided: p.Facts.Avoided,
	}
	for i, path := range p.Facts.Paths {
		it.Paths = append(it.Paths, path.Via)
		if i == 0 {
			it.GrantedAt = verify.Time(path.GrantedAt) // paths are in order: the direct one is the first
		}
		it.LastUsedAt = max(it.LastUsedAt, verify.Time(path.LastUsedAt))
	}
	return it
}

// SubjectOf is the part of a subject that evidence commits to.
func SubjectOf(s model.Subject) verify.Subject {
	return verify.Subject{
		AccountID: s.AccountID, Username: s.Username, DisplayName: s.DisplayName, PersonID: s.PersonID, Name: s.Name,
		Email: s.Email, Title: s.Title, Department: s.Department, ManagerID: s.ManagerID,
	}
}

// ReviewerOf is a reviewer as evidence commits to it.
func ReviewerOf(r model.ReviewerValue) verify.Reviewer {
	return verify.Reviewer{PersonID: r.PersonID, Name: r.Name, Email: r.Email}
}

// BindSubject commits to a subject with the salt that it has in its run.
func BindSubject(salt []byte, s model.Subject) (verify.Bound, error) {
	return verify.Bind(salt, "subject", SubjectOf(s))
}

// BindReviewer commits to a reviewer with the salt that it has in its run.
func BindReviewer(salt []byte, r model.ReviewerValue) (verify.Bound, error) {
	return verify.Bind(salt, "reviewer", ReviewerOf(r))
}

// TextHash is the SHA-256 of the context that a reviewer is shown: canonical JSON of the frozen
// entitlement ("" gives null), facts and subject, and the salt of the subject, without which the
// hash would tell names to whoever guesses them once they are erased.
func TextHash(entitlement, facts, subject, salt []byte) [sha256.Size]byte {
	if len(entitlement) == 0 {
		entitlement = []byte("null")
	}
	b := make([]byte, 0, len(entitlement)+len(facts)+len(subject)+2*len(salt)+60)
	b = append(b, `{"entitlement":`...)
	b = append(b, entitlement...)
	b = append(b, `,"facts":`...)
	b = append(b, facts...)
	b = append(b, `,"salt":"`...)
	b = hex.AppendEncode(b, salt)
	b = append(b, `","subject":`...)
	b = append(b, subject...)
	b = append(b, '}')
	return sha256.Sum256(b)
}

// ExclusionRecord is the population's record of a grant, or of an account without any, that
// became no item.
func ExclusionRecord(source string, s model.Subject, b verify.Bound, e model.Entitlement, via, reason string) verify.Exclusion {
	return verify.Exclusion{
		Source: source, Subject: SubjectOf(s), SubjectBound: b, Entitlement: e.EntitlementID, EntitlementName: e.Name,
		Via: via, Reason: reason,
	}
}
