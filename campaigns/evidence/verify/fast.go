package verify

import (
	"errors"
	"fmt"
)

// Lines and leaves are read by the million, so they have a parser of their own. It accepts
// exactly what Canonical writes for them, key by key, and nothing else.

// raw is canonical JSON that is copied as it is.
type raw []byte

// MarshalJSON is for readers that do not care about the form.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// strictString reads a string in its one spelling.
func (p *parser) strictString() (string, error) {
	if p.peek() != '"' {
		return "", errors.New("a string is expected")
	}
	return p.str()
}

// keyed reads what stands before a value, and the string that is the value.
func (p *parser) keyed(before string, to *string) error {
	if err := p.literal(before); err != nil {
		return err
	}
	var err error
	*to, err = p.strictString()
	return err
}

// end reads the last bracket; nothing may follow.
func (p *parser) end() error {
	if err := p.literal("}"); err != nil {
		return err
	}
	if p.i != len(p.b) {
		return errors.New("something follows the value")
	}
	return nil
}

func (p *parser) at(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("byte %d: not in canonical form: %w", p.i, err)
}

func (l *lineJSON) parse(b []byte) error {
	p := parser{b: b, strict: true}
	return p.at(l.parts(&p))
}

func (l *lineJSON) parts(p *parser) error {
	if err := p.literal(`{"disclosures":[`); err != nil {
		return err
	}
	for p.peek() == '{' {
		var d disclosureJSON
		if err := p.keyed(`{"field":`, &d.Field); err != nil {
			return err
		}
		if err := p.keyed(`,"salt":`, &d.Salt); err != nil {
			return err
		}
		if err := p.keyed(`,"value":`, &d.Value); err != nil {
			return err
		}
		if err := p.literal("}"); err != nil {
			return err
		}
		l.Disclosures = append(l.Disclosures, d)
		if p.peek() != ',' {
			break
		}
		p.i++
		if p.peek() != '{' {
			return errors.New("a disclosure is expected")
		}
	}
	if err := p.keyed(`],"hash":`, &l.Hash); err != nil {
		return err
	}
	if err := p.literal(`,"index":`); err != nil {
		return err
	}
	var err error
	if l.Index, err = p.integer(); err != nil {
		return err
	}
	if err := p.keyed(`,"leaf":`, &l.Leaf); err != nil {
		return err
	}
	return p.end()
}

func (l *Leaf) parse(b []byte) error {
	p := parser{b: b, strict: true}
	return p.at(l.parts(&p))
}

func (l *Leaf) parts(p *parser) error {
	var at string
	if err := p.keyed(`{"at":`, &at); err != nil {
		return err
	}
	var err error
	if l.At, err = ParseTime(at); err != nil {
		return err
	}
	if err := p.literal(`,"c":`); err != nil {
		return err
	}
	if err := l.commitments(p); err != nil {
		return err
	}
	if err := p.literal(`,"data":`); err != nil {
		return err
	}
	start := p.i
	if err := p.skipObject(); err != nil {
		return err
	}
	l.Data = p.b[start:p.i]
	for _, f := range []struct {
		before string
		to     *string
	}{{`,"object":`, &l.Object}, {`,"prev":`, &l.Prev}, {`,"run":`, &l.Run}, {`,"type":`, &l.Type}} {
		if err := p.keyed(f.before, f.to); err != nil {
			return err
		}
	}
	if err := p.literal(`,"v":`); err != nil {
		return err
	}
	v, err := p.integer()
	if err != nil {
		return err
	}
	l.Version = int(v)
	return p.end()
}

func (l *Leaf) commitments(p *parser) error {
	l.Commitments = map[string]string{}
	if err := p.literal("{"); err != nil {
		return err
	}
	last := ""
	for p.peek() == '"' {
		field, err := p.str()
		if err != nil {
			return err
		}
		if field <= last {
			return errors.New("the commitments are not in order")
		}
		last = field
		var c string
		if err := p.keyed(":", &c); err != nil {
			return err
		}
		l.Commitments[field] = c
		if p.peek() != ',' {
			break
		}
		p.i++
		if p.peek() != '"' {
			return errors.New("a commitment is expected")
		}
	}
	return p.literal("}")
}

// skipObject finds the end of an object. What is in it is for Decode to check.
func (p *parser) skipObject() error {
	if p.peek() != '{' {
		return errors.New("an object is expected")
	}
	depth := 0
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if _, err := p.str(); err != nil {
				return err
			}
			continue
		}
		p.i++
		if depth == 0 {
			return nil
		}
	}
	return errEnd
}
