package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"recert/model"
)

// Why says in plain words, for whoever set a connection up, what stood in its way and what to do about
// it; "" is that err is about something else. It repeats nothing of what the other side sent.
func Why(err error) string {
	if err == nil {
		return ""
	}
	for _, say := range []func(error) string{whyAddress, whyName, whyTLS, whyBroken} {
		if text := say(err); text != "" {
			return text
		}
	}
	return ""
}

// whyAddress tells of the addresses that a Dialer refuses.
func whyAddress(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if e, ok := errors.AsType[*model.Error](op); ok {
			return e.Msg
		}
	}
	return ""
}

func whyName(err error) string {
	e, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return ""
	case e.IsNotFound:
		return "no machine has the name " + e.Name + ": is it spelled right, and known where Recert runs?"
	}
	return "what address the name " + e.Name + " has could not be found out: the name server does not answer"
}

func whyTLS(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is not signed by anybody that this machine trusts; name the certificates that vouch for it by ca_file"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "its certificate has expired, or is not valid yet"
		}
		return "its certificate is not valid"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS there: is the port right?"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "it refuses the TLS connection"
	}
	return ""
}

func whyBroken(err error) string {
	at := "there"
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && op.Addr != nil {
		at = "at " + op.Addr.String()
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens " + at + ": is the port right, and is it running?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way leads " + at + " from where Recert runs"
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		return "it does not answer in time"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it cut the connection"
	}
	return ""
}
