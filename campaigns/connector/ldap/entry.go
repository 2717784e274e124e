package ldap

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/model"
)

// values are those of an attribute, whatever the case of its name.
func values(e *goldap.Entry, attr string) []string {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, attr) {
			return a.Values
		}
	}
	return nil
}

func first(e *goldap.Entry, attr string) string {
	if v := values(e, attr); len(v) > 0 {
		return v[0]
	}
	return ""
}

func hasClass(e *goldap.Entry, names ...string) bool {
	return slices.ContainsFunc(values(e, "objectClass"), func(class string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, class) })
	})
}

// part is a part of an attribute with many values, as Active Directory gives it.
type part struct {
	vals []string
	next int  // the number of the first value that is missing
	last bool // there are none missing
}

// parts are the values of an attribute; whole or, as "member;range=0-1499", in part.
func parts(e *goldap.Entry, attr string) (part, error) {
	whole := part{last: true}
	for _, a := range e.Attributes {
		name, option, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, attr) {
			continue
		}
		if len(option) < 6 || !strings.EqualFold(option[:6], "range=") {
			whole.vals = append(whole.vals, a.Values...)
			continue
		}
		from, to, _ := strings.Cut(option[6:], "-")
		low, err := strconv.Atoi(from)
		if err != nil || low < 0 {
			return part{}, broken("the directory gave %q, which is not a part of %s", a.Name, attr)
		}
		p := part{vals: a.Values, next: low + len(a.Values), last: to == "*"}
		if high, err := strconv.Atoi(to); !p.last && (err != nil || high-low+1 != len(a.Values)) {
			return part{}, broken("the directory says that it gives the values %s of %s, and gave %d", option[6:], attr, len(a.Values))
		}
		return p, nil
	}
	return whole, nil
}

// normDN writes a DN in a form that compares: what means the same entry becomes the same text.
func normDN(dn string) string {
	parsed, err := goldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(dn))
	}
	var b strings.Builder
	for i, rdn := range parsed.RDNs {
		if i > 0 {
			b.WriteByte(',')
		}
		pairs := make([]string, len(rdn.Attributes))
		for j, a := range rdn.Attributes {
			// Escaped again, so that a comma inside a value is none between two.
			pairs[j] = strings.ToLower(a.Type) + "=" + goldap.EscapeDN(strings.ToLower(strings.Join(strings.Fields(a.Value), " ")))
		}
		slices.Sort(pairs)
		b.WriteString(strings.Join(pairs, "+"))
	}
	return b.String()
}

// below tells whether a normalised DN is another one, or is in the tree below it.
func below(dn, base string) bool {
	return base == "" || dn == base || strings.HasSuffix(dn, ","+base)
}

// stripUID takes the optional identifier off a value of uniqueMember: DN#'0101'B.
func stripUID(v string) string {
	if i := strings.LastIndex(v, "#'"); i > 0 && strings.HasSuffix(v, "'B") {
		return v[:i]
	}
	return v
}

// formats of ids by attribute; any other attribute holds text.
func isGUID(attr string) bool { return strings.EqualFold(attr, "objectGUID") }
func isSID(attr string) bool  { return strings.EqualFold(attr, "objectSid") }

// ownID tells whether the directory itself gives the ids in an attribute, each to one entry only.
func ownID(attr string) bool {
	return slices.ContainsFunc([]string{"entryUUID", "objectGUID", "objectSid", "nsUniqueId", "ipaUniqueID", "GUID"},
		func(own string) bool { return strings.EqualFold(own, attr) })
}

// idOf is the id of an entry, "" where it shows none.
func idOf(e *goldap.Entry, attr string) (string, error) {
	vals := values(e, attr)
	switch {
	case len(vals) == 0:
		return "", nil
	case len(vals) > 1:
		return "", broken("%q has %d values of %s, which therefore is no id", e.DN, len(vals), attr)
	case isGUID(attr):
		if len(vals[0]) != 16 {
			return "", broken("%q has an objectGUID of %d bytes instead of 16", e.DN, len(vals[0]))
		}
		return formatGUID([]byte(vals[0])), nil
	case isSID(attr):
		sid, ok := formatSID([]byte(vals[0]))
		if !ok {
			return "", broken("%q has an objectSid that cannot be read", e.DN)
		}
		return sid, nil
	}
	return vals[0], nil
}

// formatGUID writes a GUID as Windows does: the first three groups are little-endian.
func formatGUID(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]),
		binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16])
}

// parseGUID is the reverse of formatGUID.
func parseGUID(s string) ([]byte, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, false
	}
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b, true
}

// formatSID writes a security identifier as S-1-5-21-….
func formatSID(b []byte) (string, bool) {
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return "", false
	}
	authority := uint64(0)
	for _, x := range b[2:8] {
		authority = authority<<8 | uint64(x)
	}
	var sid strings.Builder
	fmt.Fprintf(&sid, "S-%d-%d", b[0], authority)
	for i := 8; i < len(b); i += 4 {
		fmt.Fprintf(&sid, "-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return sid.String(), true
}

// idFilter finds the entry with an id.
func idFilter(attr, id string) (string, error) {
	if !isGUID(attr) {
		return "(" + attr + "=" + goldap.EscapeFilter(id) + ")", nil
	}
	b, ok := parseGUID(id)
	if !ok {
		return "", refused("%q is not an objectGUID; was the attribute of the ids changed after the last read?", id)
	}
	var f strings.Builder
	for _, x := range b {
		fmt.Fprintf(&f, "\\%02x", x)
	}
	return "(" + attr + "=" + f.String() + ")", nil
}

// primaryKey names the group that an account or a group stands for outside of member lists:
// the primary group of Active Directory, the gidNumber of POSIX. "" is none.
func primaryKey(e *goldap.Entry, ad, group bool) string {
	if !ad {
		if gid := first(e, "gidNumber"); gid != "" && (!group || hasClass(e, "posixGroup")) {
			return "gid:" + gid
		}
		return ""
	}
	sid, ok := formatSID([]byte(first(e, "objectSid")))
	if !ok || group {
		return sid
	}
	rid := first(e, "primaryGroupID")
	i := strings.LastIndexByte(sid, '-')
	if rid == "" || i < 0 {
		return ""
	}
	return sid[:i+1] + rid
}

// What stands in a grant's path where the access comes from an attribute of the account.
const (
	viaPrimaryAD    = "primaryGroupID"
	viaPrimaryPOSIX = "gidNumber"
	viaMemberOf     = "memberOf"
)

func viaPrimary(ad bool) string {
	if ad {
		return viaPrimaryAD
	}
	return viaPrimaryPOSIX
}

// fileTimeEpoch is 1601 in seconds before 1970.
const fileTimeEpoch = 11_644_473_600

// fileTime reads a time of Active Directory: units of 100 ns since 1601. 0 and the greatest
// number are never.
func fileTime(s string) model.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n == 1<<63-1 {
		return 0
	}
	return model.TimeOf(time.Unix(n/10_000_000-fileTimeEpoch, n%10_000_000*100))
}

// generalizedTime reads 20260302090000Z, with or without a fraction or an offset.
func generalizedTime(s string) model.Time {
	for _, layout := range []string{"20060102150405Z0700", "20060102150405.999999999Z0700", "200601021504Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return model.TimeOf(t)
		}
	}
	return 0
}
