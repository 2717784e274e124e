package verify

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// LogLine is one leaf of the log with what opens its commitments: one line of log/leaves.jsonl.
// A disclosure that is missing has been erased.
type LogLine struct {
	Index       int64 // in the log, from 0
	Leaf        []byte
	Disclosures []Disclosure
}

type lineJSON struct {
	Index       int64            `json:"index"`
	Leaf        string           `json:"leaf"`
	Hash        string           `json:"hash"`
	Disclosures []disclosureJSON `json:"disclosures"`
}

type disclosureJSON struct {
	Field string `json:"field"`
	Salt  string `json:"salt"`
	Value string `json:"value"`
}

// append writes the line with its line feed.
func (l *LogLine) append(b []byte) ([]byte, error) {
	h := tlog.RecordHash(l.Leaf)
	line := lineJSON{Index: l.Index, Leaf: string(l.Leaf), Hash: hex.EncodeToString(h[:])}
	for _, d := range l.Disclosures {
		line.Disclosures = append(line.Disclosures, disclosureJSON{
			Field: d.Field, Salt: hex.EncodeToString(d.Salt), Value: d.Value,
		})
	}
	b, err := appendCanonical(b, line)
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", l.Index, err)
	}
	return append(b, '\n'), nil
}

// event is a leaf of the package, opened.
type event struct {
	Leaf

	n        int32 // its place among the lines
	index    int64
	hash     tlog.Hash
	body     any
	personal map[string]string
	erased   int
}

// who is a personal value, Erased where its disclosure is gone, "" where there never was one.
func (e *event) who(field string) string { return e.personal[field] }

// parseLine reads one line without its line feed, and checks the leaf's hash and every
// commitment that is opened.
func parseLine(b []byte) (*event, error) { return openLine(b, true) }

// openLine is parseLine; unless check is set, the line has been checked before.
func openLine(b []byte, check bool) (*event, error) {
	var line lineJSON
	if err := line.parse(b); err != nil {
		return nil, err
	}
	leaf, body, err := ParseLeaf([]byte(line.Leaf))
	if err != nil {
		return nil, err
	}
	e := &event{Leaf: *leaf, index: line.Index, hash: tlog.RecordHash([]byte(line.Leaf)), body: body}
	if check && hex.EncodeToString(e.hash[:]) != line.Hash {
		return nil, errors.New("the hash is not that of the leaf")
	}
	e.personal = make(map[string]string, len(leaf.Commitments))
	for field := range leaf.Commitments {
		e.personal[field] = Erased
	}
	last := ""
	for _, d := range line.Disclosures {
		if d.Field <= last {
			return nil, errors.New("the disclosures are not in order")
		}
		last = d.Field
		if check {
			if err := checkDisclosure(leaf, d); err != nil {
				return nil, err
			}
		}
		e.personal[d.Field] = d.Value
	}
	e.erased = len(leaf.Commitments) - len(line.Disclosures)
	return e, nil
}

func checkDisclosure(leaf *Leaf, d disclosureJSON) error {
	want, ok := leaf.Commitments[d.Field]
	if !ok {
		return fmt.Errorf("%s is disclosed, but the leaf has no such commitment", d.Field)
	}
	if !isHex(d.Salt, SaltSize) {
		return fmt.Errorf("the salt of %s is not hexadecimal of %d bytes", d.Field, SaltSize)
	}
	salt, err := hex.DecodeString(d.Salt)
	if err != nil {
		return err
	}
	if got := Commit(salt, d.Field, d.Value); hex.EncodeToString(got[:]) != want {
		return fmt.Errorf("%s is not the value that was committed to", d.Field)
	}
	return nil
}
