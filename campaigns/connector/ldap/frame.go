package ldap

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

var (
	errNotLDAP = errors.New("the answer is not LDAP")
	errTooLong = errors.New("the answer is longer than the limit")
)

// framed is a connection that lets through whole LDAP messages only, within a budget of bytes:
// what comes from a server is bounded before anything is made of it.
type framed struct {
	net.Conn
	r      *bufio.Reader
	left   int64        // of the message that is being read
	budget atomic.Int64 // bytes that may still come in this operation

	mu  sync.Mutex
	bad error // why the answer was not let through
}

func newFramed(conn net.Conn) *framed { return &framed{Conn: conn, r: bufio.NewReader(conn)} }

// fault is why an answer was not let through; nil where that is not the reason.
func (f *framed) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bad
}

// Read implements net.Conn.
func (f *framed) Read(p []byte) (int, error) {
	if f.left == 0 {
		n, err := f.next()
		if errors.Is(err, errNotLDAP) || errors.Is(err, errTooLong) {
			f.mu.Lock()
			f.bad = err
			f.mu.Unlock()
		}
		if err != nil {
			return 0, err
		}
		f.left = n
	}
	if int64(len(p)) > f.left {
		p = p[:f.left]
	}
	n, err := f.r.Read(p)
	f.left -= int64(n)
	return n, err
}

// next looks at the beginning of a message and is its length, header included. A message is a
// sequence of definite length that begins with the message's number and the operation.
func (f *framed) next() (int64, error) {
	head, err := f.r.Peek(2)
	if err != nil {
		return 0, err
	}
	if head[0] != 0x30 {
		return 0, errNotLDAP
	}
	size, body := int64(head[1]), 2
	if head[1] >= 0x80 {
		more := int(head[1] & 0x7f)
		if more == 0 || more > 4 {
			return 0, errNotLDAP
		}
		body += more
		if head, err = f.r.Peek(body); err != nil {
			return 0, err
		}
		size = 0
		for _, b := range head[2:] {
			size = size<<8 | int64(b)
		}
	}
	if f.budget.Add(-size-int64(body)) < 0 {
		return 0, errTooLong
	}
	if size < 5 {
		return 0, errNotLDAP
	}
	if head, err = f.r.Peek(body + 2); err != nil {
		return 0, err
	}
	digits := int(head[body+1])
	if head[body] != 0x02 || digits < 1 || digits > 4 || int64(digits)+3 > size {
		return 0, errNotLDAP
	}
	if head, err = f.r.Peek(body + 3 + digits); err != nil {
		return 0, err
	}
	if head[body+2+digits]&0xe0 != 0x60 { // application class, constructed, as every answer is
		return 0, errNotLDAP
	}
	return size + int64(body), nil
}
