package model

import (
	"encoding/json"
	"errors"
	"fmt"
)

// UnmarshalJSON takes one text or number, or a list of them: a column may be named or counted.
func (s *Strings) UnmarshalJSON(b []byte) error {
	bad := errors.New("must be a text or a number, or a list of them")
	var many []json.RawMessage
	if json.Unmarshal(b, &many) != nil {
		many = []json.RawMessage{b}
	}
	list := make(Strings, len(many))
	for i, raw := range many {
		var n json.Number
		switch {
		case json.Unmarshal(raw, &list[i]) == nil && string(raw) != "null":
		case json.Unmarshal(raw, &n) == nil && string(raw) != "null":
			list[i] = n.String()
		default:
			return bad
		}
	}
	*s = list
	return nil
}

// MarshalJSON writes a list of one as the one.
func (s Strings) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

// UnmarshalJSON takes a name, {"majority":true} or {"quorum":N}.
func (s *Strategy) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) == nil {
		*s = Strategy{Name: name}
		return nil
	}
	type plain Strategy
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return fmt.Errorf("must be a name, {majority: true} or {quorum: N}")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s Strategy) MarshalJSON() ([]byte, error) {
	if !s.Majority && s.Quorum == 0 {
		return json.Marshal(s.Name)
	}
	type plain Strategy
	return json.Marshal(plain(s))
}
