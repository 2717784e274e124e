package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"recert/model"
)

// listResponse is one page of a list.
type listResponse struct {
	TotalResults *int64            `json:"totalResults"`
	StartIndex   *int64            `json:"startIndex"`
	Resources    []json.RawMessage `json:"Resources"`
}

type user struct {
	ID           text       `json:"id"`
	UserName     text       `json:"userName"`
	ExternalID   text       `json:"externalId"`
	DisplayName  text       `json:"displayName"`
	Title        text       `json:"title"`
	UserType     text       `json:"userType"`
	Name         name       `json:"name"`
	Active       truth      `json:"active"`
	Emails       []valued   `json:"emails"`
	Roles        []valued   `json:"roles"`
	Entitlements []valued   `json:"entitlements"`
	Groups       []member   `json:"groups"`
	Meta         meta       `json:"meta"`
	Enterprise   enterprise `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

type name struct {
	Formatted  text `json:"formatted"`
	GivenName  text `json:"givenName"`
	FamilyName text `json:"familyName"`
}

type enterprise struct {
	EmployeeNumber text `json:"employeeNumber"`
	Department     text `json:"department"`
}

type group struct {
	ID          text            `json:"id"`
	DisplayName text            `json:"displayName"`
	Members     json.RawMessage `json:"members"` // nil tells "left out" from "none"
	Meta        meta            `json:"meta"`

	members []member // what Members holds, once decoded
}

type meta struct {
	Created text `json:"created"`
	Version text `json:"version"`
}

// valued is an element of a multi-valued attribute.
type valued struct {
	Value   text  `json:"value"`
	Display text  `json:"display"`
	Type    text  `json:"type"`
	Primary truth `json:"primary"`
}

type member struct {
	Value text `json:"value"`
	Ref   text `json:"$ref"`
	Type  text `json:"type"`
}

// decodeMembers fills members; none and left out are both empty.
func (g *group) decodeMembers() error {
	if len(g.Members) == 0 {
		return nil
	}
	return json.Unmarshal(g.Members, &g.members)
}

// omitsMembers tells whether the answer says nothing of members.
func (g *group) omitsMembers() bool {
	return len(g.Members) == 0 || bytes.Equal(g.Members, []byte("null"))
}

// resource types that a member may be.
const (
	typeUnknown = ""
	typeUser    = "User"
	typeGroup   = "Group"
)

// kind is what the member itself says that it is.
func (m member) kind() string {
	switch {
	case strings.EqualFold(string(m.Type), typeUser):
		return typeUser
	case strings.EqualFold(string(m.Type), typeGroup):
		return typeGroup
	case strings.Contains(string(m.Ref), "/Users/"):
		return typeUser
	case strings.Contains(string(m.Ref), "/Groups/"):
		return typeGroup
	default:
		return typeUnknown
	}
}

// indirect tells whether a user's group is said to come through another one.
func (m member) indirect() bool { return strings.EqualFold(string(m.Type), "indirect") }

func (u *user) displayName() string {
	if u.DisplayName != "" {
		return string(u.DisplayName)
	}
	if u.Name.Formatted != "" {
		return string(u.Name.Formatted)
	}
	return strings.TrimSpace(string(u.Name.GivenName) + " " + string(u.Name.FamilyName))
}

// email is the primary address, or the first.
func (u *user) email() string {
	for _, e := range u.Emails {
		if e.Primary.is == model.Yes {
			return string(e.Value)
		}
	}
	if len(u.Emails) > 0 {
		return string(u.Emails[0].Value)
	}
	return ""
}

// text is a string; some targets send numbers where the standard has text.
type text string

// UnmarshalJSON takes a string as it is, a number or a truth as it is written.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		*t = ""
		return nil
	case b[0] == '"' && bytes.IndexByte(b, '\\') < 0:
		*t = text(b[1 : len(b)-1]) // it was looked through already: it is whole, and UTF-8
		return nil
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
		return nil
	case b[0] == '{' || b[0] == '[':
		return errors.New("an object or a list stands where text belongs")
	default:
		*t = text(b)
		return nil
	}
}

// truth is a boolean that may be missing; some targets send it as text.
type truth struct{ is model.Tri }

// UnmarshalJSON takes true, false, "true", "False" and null; anything else is an error, because
// a guess here decides whether an account counts as closed.
func (t *truth) UnmarshalJSON(b []byte) error {
	s := strings.ToLower(strings.Trim(string(b), `"`))
	switch s {
	case "null", "":
		t.is = model.Unknown
	case "true":
		t.is = model.Yes
	case "false":
		t.is = model.No
	default:
		return errors.New("neither true nor false stands where a truth belongs")
	}
	return nil
}
