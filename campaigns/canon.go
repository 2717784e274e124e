package campaigns

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
)

// canonical is the one spelling of v that is ever hashed; v's own JSON decides what is in it.
func canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return evidence.Canonical(json.RawMessage(b))
}

// appendFacts writes the canonical JSON of facts. It is written out by hand because a launch
// writes one for every item.
func appendFacts(b []byte, f *model.Facts) []byte {
	b = append(b, `{"avoided":`...)
	b = strconv.AppendBool(b, f.Avoided)
	b = append(b, `,"avoided_id":`...)
	b = appendText(b, f.AvoidedID)
	b = append(b, `,"direct":`...)
	b = strconv.AppendBool(b, f.Direct)
	b = append(b, `,"paths":[`...)
	for i := range f.Paths {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPath(b, &f.Paths[i])
	}
	b = append(b, `],"status":`...)
	b = appendText(b, f.Status)
	b = append(b, `,"unknown":`...)
	b = strconv.AppendBool(b, f.Unknown)
	return append(b, '}')
}

func appendPath(b []byte, p *model.Path) []byte {
	b = append(b, `{"expires_at":`...)
	b = appendTime(b, p.ExpiresAt)
	b = append(b, `,"grant_id":`...)
	b = strconv.AppendInt(b, p.GrantID, 10)
	b = append(b, `,"granted_at":`...)
	b = appendTime(b, p.GrantedAt)
	b = append(b, `,"granted_by":`...)
	b = appendText(b, p.GrantedBy)
	b = append(b, `,"last_used_at":`...)
	b = appendTime(b, p.LastUsedAt)
	b = append(b, `,"reason":`...)
	b = appendText(b, p.Reason)
	b = append(b, `,"via":`...)
	b = appendText(b, p.Via)
	return append(b, '}')
}

func appendTime(b []byte, t model.Time) []byte {
	if !t.Known() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.Std().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

// appendText escapes what JSON demands and nothing else. Sources give valid UTF-8 only.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// ParseFacts reads the facts of an item.
func ParseFacts(b []byte) (model.Facts, error) {
	var f model.Facts
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("read the facts of an item: %w", err)
	}
	return f, nil
}
