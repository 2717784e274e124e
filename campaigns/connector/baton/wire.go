package baton

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"recert/model"
)

// The objects of a sync, with what is used of them.
type (
	resourceType struct {
		id     string
		traits []trait
	}
	resource struct {
		key         string // TYPE:ID, as the file and baton have it
		typ, id     string
		name        string
		description string
		status      string // of the resource or of the user: enabled, disabled or unknown
		created     model.Time
		user        *user
		profile     map[string]string // texts, numbers and truths at its top
	}
	user struct {
		login, email string
		kind         string
		lastLogin    model.Time
	}
	entitlement struct {
		id, resource      string // resource is a key
		name, description string
		slug              string
		purpose           int
	}
	grant struct {
		id, entitlement, principal string // principal is a key
		typ, of                    string // the principal's type and id
		sources                    []string
		immutable                  bool
	}
)

// trait is what kind of thing a resource type is.
type trait int

// The traits that matter here.
const (
	traitUser    trait = 1
	traitGroup   trait = 2
	traitRole    trait = 3
	traitLicence trait = 10
	traitAgent   trait = 11
)

func keyOf(typ, id string) string { return typ + ":" + id }

var errWire = errors.New("it is not the protocol buffer that it should be")

// field is one field of a message.
type field struct {
	num   int
	typ   protowire.Type
	bytes []byte // of a message, a text or a packed list
	n     uint64 // of a number
}

func (f field) text() (string, error) {
	if f.typ != protowire.BytesType || !utf8.Valid(f.bytes) {
		return "", errWire
	}
	return string(f.bytes), nil
}

// each gives the fields of a message; those that nobody asks for are passed over.
func each(b []byte, yield func(f field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errWire
		}
		b = b[n:]
		f := field{num: int(num), typ: typ}
		switch typ {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.n, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errWire
		}
		b = b[n:]
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

// texts reads the text fields of a message that into names.
func texts(b []byte, into map[int]*string) error {
	return each(b, func(f field) (err error) {
		if p := into[f.num]; p != nil {
			*p, err = f.text()
		}
		return err
	})
}

func decodeType(b []byte) (t resourceType, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			t.id, err = f.text()
		case 3:
			if f.typ == protowire.VarintType {
				t.traits = append(t.traits, trait(f.n)) //nolint:gosec // an enum
				return nil
			}
			for p := f.bytes; len(p) > 0; {
				v, n := protowire.ConsumeVarint(p)
				if n < 0 {
					return errWire
				}
				t.traits, p = append(t.traits, trait(v)), p[n:] //nolint:gosec // an enum
			}
		}
		return err
	})
	return t, err
}

func decodeResource(b []byte) (r resource, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			return texts(f.bytes, map[int]*string{1: &r.typ, 2: &r.id})
		case 3:
			r.name, err = f.text()
		case 4:
			err = r.annotation(f.bytes)
		case 5:
			r.description, err = f.text()
		case 9:
			err = r.addProfile(f.bytes)
		case 11:
			err = r.addStatus(f.bytes)
		case 12:
			r.created, err = decodeTime(f.bytes)
		}
		return err
	})
	r.key = keyOf(r.typ, r.id)
	return r, err
}

// decodeKey reads of a resource only which one it is: each grant may hold its holder whole.
func decodeKey(b []byte) (typ, id string, err error) {
	err = each(b, func(f field) error {
		if f.num == 1 {
			return texts(f.bytes, map[int]*string{1: &typ, 2: &id})
		}
		return nil
	})
	return typ, id, err
}

// annotation reads a google.protobuf.Any; only the one of users matters.
func (r *resource) annotation(b []byte) error {
	kind, value, err := decodeAny(b)
	if err != nil || kind != "UserTrait" {
		return err
	}
	r.user = &user{}
	return each(value, func(f field) (err error) {
		switch f.num {
		case 1:
			err = r.user.addEmail(f.bytes)
		case 2:
			err = r.addStatus(f.bytes)
		case 3:
			err = r.addProfile(f.bytes)
		case 5:
			r.user.kind = map[uint64]string{1: "human", 2: "service", 3: "service"}[f.n]
		case 6:
			r.user.login, err = f.text()
		case 8:
			if r.created == 0 {
				r.created, err = decodeTime(f.bytes)
			}
		case 9:
			r.user.lastLogin, err = decodeTime(f.bytes)
		}
		return err
	})
}

// decodeAny is the last part of the type's name, and the message.
func decodeAny(b []byte) (kind string, value []byte, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			kind, err = f.text()
		case 2:
			value = f.bytes
		}
		return err
	})
	return kind[strings.LastIndexAny(kind, "./")+1:], value, err
}

// addEmail takes the primary address, or the first.
func (u *user) addEmail(b []byte) error {
	address, primary := "", false
	err := each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			address, err = f.text()
		case 2:
			primary = f.n != 0
		}
		return err
	})
	if primary || u.email == "" {
		u.email = address
	}
	return err
}

// addStatus takes one of the two places where a status may stand. Where they differ, the
// account counts as enabled: a doubt must not make it look closed.
func (r *resource) addStatus(b []byte) error {
	return each(b, func(f field) error {
		if f.num == 1 {
			r.mergeStatus(map[uint64]string{1: "enabled", 2: "disabled", 3: "disabled"}[f.n])
		}
		return nil
	})
}

func (r *resource) mergeStatus(s string) {
	if s == "enabled" || r.status == "" {
		r.status = s
	}
}

func decodeTime(b []byte) (model.Time, error) {
	var seconds, nanos int64
	err := each(b, func(f field) error {
		switch f.num {
		case 1:
			seconds = int64(f.n) //nolint:gosec // two's complement, as the format has it
		case 2:
			nanos = int64(f.n) //nolint:gosec // the same
		}
		return nil
	})
	if err != nil || seconds == 0 && nanos == 0 {
		return 0, err
	}
	return model.TimeOf(time.Unix(seconds, nanos)), nil
}

// addProfile takes the texts, numbers and truths at the top of a google.protobuf.Struct.
func (r *resource) addProfile(b []byte) error {
	return each(b, func(f field) error {
		if f.num != 1 {
			return nil
		}
		key, value, simple := "", "", false
		err := each(f.bytes, func(f field) (err error) {
			switch f.num {
			case 1:
				key, err = f.text()
			case 2:
				value, simple, err = decodeValue(f.bytes)
			}
			return err
		})
		if err == nil && simple {
			r.setProfile(key, value)
		}
		return err
	})
}

func (r *resource) setProfile(key, value string) {
	if r.profile == nil {
		r.profile = map[string]string{}
	}
	r.profile[key] = value
}

func decodeValue(b []byte) (value string, simple bool, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 2:
			value, simple = strconv.FormatFloat(math.Float64frombits(f.n), 'f', -1, 64), true
		case 3:
			value, err = f.text()
			simple = true
		case 4:
			value, simple = strconv.FormatBool(f.n != 0), true
		}
		return err
	})
	return value, simple, err
}

func decodeEntitlement(b []byte) (e entitlement, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			var typ, id string
			typ, id, err = decodeKey(f.bytes)
			e.resource = keyOf(typ, id)
		case 2:
			e.id, err = f.text()
		case 3:
			e.name, err = f.text()
		case 4:
			e.description, err = f.text()
		case 7:
			e.purpose = int(f.n) //nolint:gosec // an enum
		case 8:
			e.slug, err = f.text()
		}
		return err
	})
	return e, err
}

func decodeGrant(b []byte) (g grant, err error) {
	err = each(b, func(f field) (err error) {
		switch f.num {
		case 1:
			err = texts(f.bytes, map[int]*string{2: &g.entitlement})
		case 2:
			g.typ, g.of, err = decodeKey(f.bytes)
			g.principal = keyOf(g.typ, g.of)
		case 3:
			g.id, err = f.text()
		case 4:
			var kind string
			kind, _, err = decodeAny(f.bytes)
			g.immutable = g.immutable || kind == "GrantImmutable"
		case 5:
			err = each(f.bytes, func(f field) error {
				source := ""
				err := texts(f.bytes, map[int]*string{1: &source})
				g.sources = append(g.sources, source)
				return err
			})
		}
		return err
	})
	return g, err
}
