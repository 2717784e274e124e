package ldap

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector/connectortest"
)

// proxy stands between a connector and a real directory. It understands LDAP messages, counts
// the changes, and fails as it is told.
type proxy struct {
	t        *testing.T
	behind   string // address of the directory
	listener net.Listener
	patience time.Duration // of the connector
	secret   string        // that spoiled answers repeat
	ids      []string      // attributes that hold ids

	mu       sync.Mutex
	faults   []*injected
	then     func()
	attempts int
	changes  int
	filters  []string // of all searches
	open     map[net.Conn]bool

	unguarded bool // takes the controls off changes, as if the directory knew none
	most      int  // values of member that come at a time; 0 is all
	lossy     bool // a part of them misses one
}

type injected struct {
	connectortest.Fault
	seen int
}

// exchange is a request that waits for its answer, and what is to become of that.
type exchange struct {
	write bool
	paged bool
	first bool // page of a list
	fault *injected
	held  []*ber.Packet
}

func newProxy(t *testing.T, behind, secret string, patience time.Duration, ids ...string) *proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, behind: behind, listener: l, patience: patience, secret: secret, ids: ids, open: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for c := range p.open {
			_ = c.Close()
		}
		p.open = nil
		p.mu.Unlock()
		wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "ldap://" + p.listener.Addr().String() }

// keep notes a connection, to be closed at the end; false is that the end has come.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		_ = c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	server, err := net.Dial("tcp", p.behind)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	link := &link{p: p, client: client, server: server, waiting: map[int64]*exchange{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		link.answers()
		_ = client.Close()
	}()
	link.requests()
	_ = server.Close()
	<-done
}

// link is one connection through the proxy.
type link struct {
	p              *proxy
	client, server net.Conn
	mu             sync.Mutex
	waiting        map[int64]*exchange
	page           []*ber.Packet // first page of the list that is being read
}

func (l *link) requests() {
	r := bufio.NewReader(l.client)
	for {
		packet, err := ber.ReadPacket(r)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		id, op := number(packet.Children[0]), packet.Children[1]
		x := l.p.classify(packet)
		l.mu.Lock()
		l.waiting[id] = x
		l.mu.Unlock()
		if x.fault != nil {
			forward, ok := l.before(id, op, x)
			if !ok {
				return
			}
			if !forward {
				continue
			}
		}
		if x.write && l.p.unguarded && len(packet.Children) > 2 {
			packet = ber.DecodePacket(message(id, op))
		}
		if _, err := l.server.Write(packet.Bytes()); err != nil {
			return
		}
	}
}

// classify tells what a request asks for, and finds the fault that hits it.
func (p *proxy) classify(packet *ber.Packet) *exchange {
	x := &exchange{}
	on := connectortest.Nothing
	op := packet.Children[1]
	if op.Tag == goldap.ApplicationModifyRequest {
		x.write, on = true, connectortest.Writes
	}
	if op.Tag == goldap.ApplicationSearchRequest {
		if base := text(op.Children[0]); base != "" {
			on = connectortest.Reads
		}
		filter, err := goldap.DecompileFilter(op.Children[6])
		if err != nil {
			filter = err.Error()
		}
		p.mu.Lock()
		p.filters = append(p.filters, filter)
		p.mu.Unlock()
		if len(packet.Children) > 2 {
			for _, c := range packet.Children[2].Children {
				if text(c.Children[0]) == goldap.ControlTypePaging {
					on, x.paged = connectortest.Lists, true
					value := ber.DecodePacket(c.Children[len(c.Children)-1].Data.Bytes())
					x.first = len(value.Children) < 2 || text(value.Children[1]) == ""
				}
			}
		}
	}
	p.mu.Lock()
	then := p.then
	if x.write {
		p.attempts++
		p.then = nil
	}
	for _, f := range p.faults {
		if f.On != on || f.Kind == connectortest.DupPage && x.first {
			continue
		}
		if f.seen++; f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			x.fault = f
		}
	}
	p.mu.Unlock()
	if x.write && then != nil {
		then()
	}
	return x
}

func text(p *ber.Packet) string {
	if s, ok := p.Value.(string); ok {
		return s
	}
	return p.Data.String()
}

func number(p *ber.Packet) int64 {
	n, _ := p.Value.(int64)
	return n
}
