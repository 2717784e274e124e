package model

import (
	"errors"
	"fmt"
)

// ErrorKind sorts errors by what the caller can do about them.
type ErrorKind string

// The kinds of errors. The web maps each to one status, the command line to one exit status.
const (
	Internal  ErrorKind = "internal"
	NotFound  ErrorKind = "not_found" // also where the actor may not know that it exists
	Invalid   ErrorKind = "invalid"
	Conflict  ErrorKind = "conflict"
	Forbidden ErrorKind = "forbidden"
	SignIn    ErrorKind = "sign_in"
)

// Error is the one error type that reaches a person. Msg is safe to show and says what to do;
// Err is only logged.
type Error struct {
	Kind ErrorKind
	Msg  string
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose message is safe to show.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// KindOf is the kind of the first Error in the chain; any other error is Internal.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Message is what may be shown to a person.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Msg
	}
	return "Something went wrong on our side. Nothing was changed."
}
