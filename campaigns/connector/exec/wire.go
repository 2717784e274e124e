package execconn

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/model"
)

// The commands of a program.
const (
	cmdList   = "list"
	cmdCheck  = "check"
	cmdRevoke = "revoke"
	cmdGrant  = "grant"
	cmdProbe  = "probe"
)

// request is the one line that a program is sent.
type request struct {
	Version int          `json:"version"`
	Command string       `json:"command"`
	Kinds   []model.Kind `json:"kinds,omitempty"` // of list
	Access  *wireAccess  `json:"access,omitempty"`
	Seen    *wireSeen    `json:"seen,omitempty"` // of revoke
	Key     string       `json:"key,omitempty"`  // of revoke and grant
}

type wireAccess struct {
	AccountID       string     `json:"account_id"`
	Username        string     `json:"username"`
	EntitlementID   string     `json:"entitlement_id"`
	EntitlementName string     `json:"entitlement_name"`
	Via             string     `json:"via,omitempty"`
	GrantedAt       model.Time `json:"granted_at"`
}

type wireSeen struct {
	Presence  connector.Presence `json:"presence"`
	Version   string             `json:"version"`
	GrantedAt model.Time         `json:"granted_at"`
}

func accessOf(a connector.Access) *wireAccess {
	return &wireAccess{
		AccountID: a.AccountID, Username: a.Username, EntitlementID: a.EntitlementID,
		EntitlementName: a.EntitlementName, Via: a.Via, GrantedAt: a.GrantedAt,
	}
}

// line is the request as it is sent.
func (r request) line() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(r)
	return b.Bytes(), err
}

// variables are the request for programs that read no JSON.
func (r request) variables() map[string]string {
	v := map[string]string{reserved + "COMMAND": r.Command, reserved + "PROTOCOL": "1"}
	if a := r.Access; a != nil {
		v[reserved+"ACCOUNT_ID"], v[reserved+"USERNAME"] = a.AccountID, a.Username
		v[reserved+"ENTITLEMENT_ID"], v[reserved+"ENTITLEMENT_NAME"] = a.EntitlementID, a.EntitlementName
	}
	if r.Seen != nil {
		v[reserved+"SEEN_VERSION"] = r.Seen.Version
	}
	if r.Key != "" {
		v[reserved+"KEY"] = r.Key
	}
	return v
}

// sendable tells whether every value fits into the program's environment.
func (r request) sendable() bool {
	for _, v := range r.variables() {
		if strings.ContainsRune(v, 0) || len(v) > 64<<10 || !utf8.ValidString(v) {
			return false
		}
	}
	return true
}

// name is what something is called now: not said, gone (null), or a text.
type name struct {
	said, gone bool
	is         string
}

// UnmarshalJSON takes a text or null.
func (n *name) UnmarshalJSON(b []byte) error {
	*n = name{said: true, gone: string(b) == "null"}
	if n.gone {
		return nil
	}
	return json.Unmarshal(b, &n.is)
}

// checkAnswer is the one line that answers check.
type checkAnswer struct {
	Presence        connector.Presence `json:"presence"`
	AccountID       *string            `json:"account_id"`
	EntitlementID   *string            `json:"entitlement_id"`
	Username        name               `json:"username"`
	EntitlementName name               `json:"entitlement_name"`
	GrantedAt       model.Time         `json:"granted_at"`
	Version         string             `json:"version"`
	Last            bool               `json:"last"`
	Self            bool               `json:"self"`
	Detail          string             `json:"detail"`
	Error           *wireError         `json:"error"`
}

// changeAnswer is the one line that answers revoke and grant.
type changeAnswer struct {
	Outcome connector.Outcome `json:"outcome"`
	Error   *wireError        `json:"error"`
}

// probeAnswer is the one line that answers probe.
type probeAnswer struct {
	Detail string     `json:"detail"`
	Error  *wireError `json:"error"`
}

func (a *checkAnswer) failed() *wireError  { return a.Error }
func (a *changeAnswer) failed() *wireError { return a.Error }
func (a *probeAnswer) failed() *wireError  { return a.Error }

// decode reads one JSON object with the fields of into and no others: a misspelt field would
// count as left out.
func decode(line []byte, into any) error {
	if !utf8.Valid(line) {
		return errors.New("it is not UTF-8")
	}
	if s := bytes.TrimLeft(line, " \t\r"); len(s) == 0 || s[0] != '{' {
		return errors.New("it is no JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows on the same line")
	}
	return nil
}
