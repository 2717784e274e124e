package ldap

import (
	"errors"
	"fmt"

	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
)

// result is a result code of the directory as an error: its number and name, never the
// server's own words, which may repeat what it was sent.
type result uint16

func (r result) Error() string {
	if name := goldap.LDAPResultCodeMap[uint16(r)]; name != "" {
		return fmt.Sprintf("LDAP result %d, %s", uint16(r), name)
	}
	return fmt.Sprintf("LDAP result %d", uint16(r))
}

// resultOf is the directory's own result code in err; false where err is something else, as a
// connection that broke.
func resultOf(err error) (result, bool) {
	if e, ok := errors.AsType[*goldap.Error](err); ok && e.ResultCode < goldap.ErrorNetwork {
		return result(e.ResultCode), true
	}
	if e, ok := errors.AsType[*goldap.Error](err); ok && e.ResultCode >= 4096 {
		return result(e.ResultCode), true // beyond the codes that the library has for itself
	}
	if e, ok := errors.AsType[result](err); ok {
		return e, true
	}
	return 0, false
}

func fail(kind connector.FailureKind, msg string, code result) error {
	return &connector.Failure{Kind: kind, Msg: msg, Err: code}
}

// sort makes a Failure of what do gives: by the result code where there is one.
func (s *session) sort(what string, err error) error {
	code, ok := resultOf(err)
	if err == nil || !ok {
		return err
	}
	switch code {
	case goldap.LDAPResultInvalidCredentials, goldap.LDAPResultInsufficientAccessRights,
		goldap.LDAPResultInappropriateAuthentication, goldap.LDAPResultStrongAuthRequired,
		goldap.LDAPResultConfidentialityRequired, goldap.LDAPResultAuthorizationDenied:
		return fail(connector.Denied, what+" was refused: the connector's account may not do that", code)
	case goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultTimeLimitExceeded,
		goldap.LDAPResultOther, goldap.LDAPResultTimeout, goldap.LDAPResultServerDown:
		return fail(connector.Unreachable, what+" failed: the directory is busy or not available", code)
	case goldap.LDAPResultReferral:
		return fail(connector.Broken, what+" was answered with the address of another server, which is never followed; set the address of the server that holds the tree itself and takes changes", code)
	case goldap.LDAPResultSizeLimitExceeded, goldap.LDAPResultAdminLimitExceeded:
		return fail(connector.Broken, what+" was cut short by a limit of the directory, so it is not whole; raise the limit for the connector's account", code)
	case goldap.LDAPResultNoSuchObject:
		return fail(connector.Refused, what+" names an entry that the directory does not have, or does not show to the connector's account; check the base", code)
	case goldap.LDAPResultOperationsError:
		return fail(connector.Broken, what+" failed within the directory", code)
	}
	return fail(connector.Refused, what+" was refused by the directory", code)
}

// broken is an answer that contradicts itself or the protocol.
func broken(format string, args ...any) error {
	return &connector.Failure{Kind: connector.Broken, Msg: fmt.Sprintf(format, args...)}
}

// refused is a request that a person must look at.
func refused(format string, args ...any) error {
	return &connector.Failure{Kind: connector.Refused, Msg: fmt.Sprintf(format, args...)}
}
