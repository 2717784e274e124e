package ldap

import (
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/model"
)

// Bits of userAccountControl.
const uacDisabled = 2

// lockedForever is the value of pwdAccountLockedTime that only an administrator lifts; any
// other one is a lock that may end by itself.
const lockedForever = "000001010000Z"

// disabling is the attribute and value that disable an account; attr is "" where there is none.
func (s *session) disabling() (attr, value string) {
	switch c := s.c.cfg; {
	case s.srv.ad:
		return "userAccountControl", ""
	case c.DisableAttr == "-":
		return "", ""
	case c.DisableAttr == "":
		return "pwdAccountLockedTime", lockedForever
	default:
		return c.DisableAttr, c.DisableValue
	}
}

// disabled tells whether the directory marks the account as disabled.
func (s *session) disabled(e *goldap.Entry) model.Tri {
	attr, value := s.disabling()
	if attr == "" {
		return model.Unknown
	}
	if s.srv.ad {
		flags, err := strconv.ParseInt(first(e, attr), 10, 64)
		switch {
		case err != nil:
			return model.Unknown // not shown, or nothing that can be disabled
		case flags&uacDisabled != 0:
			return model.Yes
		}
		return model.No
	}
	for _, v := range values(e, attr) {
		if strings.EqualFold(v, value) {
			return model.Yes
		}
	}
	return model.No
}

// expiry is when the account ends; 0 is never, or not known.
func (s *session) expiry(e *goldap.Entry) model.Time {
	if s.srv.ad {
		return fileTime(first(e, "accountExpires"))
	}
	days, err := strconv.ParseInt(first(e, "shadowExpire"), 10, 64)
	if err != nil || days <= 0 || days > 1_000_000 {
		return 0 // -1 is never; what 0 means differs from system to system
	}
	return model.TimeOf(time.Unix(days*86_400, 0))
}

func (s *session) lastLogin(e *goldap.Entry) model.Time {
	if s.srv.ad {
		return fileTime(first(e, "lastLogonTimestamp"))
	}
	return max(generalizedTime(first(e, "authTimestamp")), generalizedTime(first(e, "pwdLastSuccess")))
}

// usernames are all names under which an account signs in, the one in its DN first.
func (s *session) usernames(e *goldap.Entry) []string {
	attr := s.names().username
	vals := values(e, attr)
	dn, err := goldap.ParseDN(e.DN)
	if err != nil || len(dn.RDNs) == 0 || len(vals) < 2 {
		return vals
	}
	for _, a := range dn.RDNs[0].Attributes {
		for i, v := range vals {
			if strings.EqualFold(a.Type, attr) && strings.EqualFold(a.Value, v) && i > 0 {
				out := append([]string{v}, vals[:i]...)
				return append(out, vals[i+1:]...)
			}
		}
	}
	return vals
}

// accountOf is the row of an account.
func (s *session) accountOf(e *goldap.Entry, id string) model.Account {
	a := model.Account{
		AccountID: id, DisplayName: or(first(e, "displayName"), first(e, "cn")), Email: first(e, "mail"),
		Status:      map[model.Tri]string{model.Yes: "disabled", model.No: "enabled", model.Unknown: ""}[s.disabled(e)],
		LastLoginAt: s.lastLogin(e), ExpiresAt: s.expiry(e),
		CreatedAt: generalizedTime(or(first(e, "whenCreated"), first(e, "createTimestamp"))),
		Attrs:     map[string]string{"dn": e.DN},
	}
	if list := s.usernames(e); len(list) > 0 {
		a.Username = list[0]
	}
	if s.c.cfg.PersonAttr != "" {
		a.PersonID = first(e, s.c.cfg.PersonAttr)
	}
	if hasClass(e, "msDS-ManagedServiceAccount", "msDS-GroupManagedServiceAccount") {
		a.Kind = "service"
	}
	if n, err := strconv.Atoi(first(e, "adminCount")); err == nil && n > 0 {
		a.Privileged = model.Yes
	}
	for name, attr := range map[string]string{
		"title": "title", "employee_type": "employeeType", "description": "description", "department": "department",
		"department_number": "departmentNumber", "user_principal_name": "userPrincipalName",
		"employee_number": "employeeNumber", "employee_id": "employeeID", "shadow_expire": "shadowExpire",
		"locked_at": "pwdAccountLockedTime",
	} {
		if v := first(e, attr); v != "" {
			a.Attrs[name] = v
		}
	}
	return a
}
