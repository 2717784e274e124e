// Package dial opens the network connections of connectors. It looks at the address that is really
// dialled, after names were resolved, so that no name can lead a connector to a cloud's metadata
// service or to a machine inside that nobody listed.
package dial

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"recert/model"
)

// Dialer dials for connectors. Link-local, multicast and unspecified addresses and those of metadata
// services are always refused. A private or loopback address is dialled where a network of Allow
// has it, or where the configuration names the address itself, or localhost, rather than a name.
type Dialer struct {
	Allow   []netip.Prefix
	Timeout time.Duration // of connecting; 0 is 10 s
}

// metadata are addresses of cloud metadata services outside the link-local range.
var metadata = []netip.Addr{
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
}

// shared is RFC 6598's range of carriers: no public address either.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// DialContext connects to HOST:PORT.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	named := host != "localhost"
	if _, err := netip.ParseAddr(host); err == nil {
		named = false
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	nd := net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error {
		return d.check(to, named)
	}}
	return nd.DialContext(ctx, network, address)
}

// check refuses an address that a connector must not reach.
func (d *Dialer) check(to string, named bool) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return fmt.Errorf("the address %s cannot be read: %w", to, err)
	}
	ip := ap.Addr().Unmap().WithZone("")
	switch {
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), ap.Addr().Zone() != "", slices.Contains(metadata, ip):
		return model.Errorf(model.Invalid, "%s is not an address that a system of yours may have", ip)
	case !ip.IsPrivate() && !ip.IsLoopback() && !shared.Contains(ip), !named:
		return nil
	}
	if slices.ContainsFunc(d.Allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return model.Errorf(model.Invalid, "%s is a private address: list its network under networks in the Settings, as in networks: [%s]", ip, netip.PrefixFrom(ip, ip.BitLen()))
}
