// Package dial opens the network connections of connectors. It looks at the address that is really
// dialled, after names were resolved, so that neither a name nor an address that somebody typed can
// lead a connector to a cloud's metadata service or to another machine inside that nobody listed.
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
// services are always refused. A private address is dialled only where a network of Allow has it, also
// where the configuration names the address itself. So is this very machine, but where the configuration
// says so plainly, by a loopback address or as localhost: no other name leads here. An IPv6 address that leads to an IPv4
// address, by NAT64 or a tunnel, is held to what holds for that one too.
type Dialer struct {
	Allow   []netip.Prefix
	Timeout time.Duration // of connecting; 0 is 10 s
}

// Anywhere allows every address that is not always refused.
var Anywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// metadata are addresses of cloud metadata services outside the link-local range.
var metadata = []netip.Addr{
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
}

// inside are networks that are no public ones either, beside those that netip calls private.
var inside = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), // of carriers, RFC 6598
	netip.MustParsePrefix("fec0::/10"),     // site-local, RFC 3879
	localNAT64,
}

// localNAT64 is for translators of a site's own, which may lead anywhere in it (RFC 8215).
var localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")

// carriers are IPv6 networks whose addresses lead to an IPv4 address: where its bytes are in them.
var carriers = []struct {
	in   netip.Prefix
	at   [4]int
	flip byte // what the bytes are XORed with
}{
	{in: netip.MustParsePrefix("::/96"), at: [4]int{12, 13, 14, 15}},                 // IPv4-compatible
	{in: netip.MustParsePrefix("::ffff:0:0:0/96"), at: [4]int{12, 13, 14, 15}},       // IPv4-translated
	{in: netip.MustParsePrefix("64:ff9b::/96"), at: [4]int{12, 13, 14, 15}},          // NAT64
	{in: netip.MustParsePrefix("2002::/16"), at: [4]int{2, 3, 4, 5}},                 // 6to4
	{in: netip.MustParsePrefix("2001::/32"), at: [4]int{4, 5, 6, 7}},                 // Teredo: the server
	{in: netip.MustParsePrefix("2001::/32"), at: [4]int{12, 13, 14, 15}, flip: 0xff}, // Teredo: the other side
	// By RFC 6052 it depends on how long the site's prefix is.
	{in: localNAT64, at: [4]int{6, 7, 9, 10}},
	{in: localNAT64, at: [4]int{7, 9, 10, 11}},
	{in: localNAT64, at: [4]int{9, 10, 11, 12}},
	{in: localNAT64, at: [4]int{12, 13, 14, 15}},
}

// DialContext connects to HOST:PORT.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	timeout := d.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && ip.IsLoopback()
	nd := net.Dialer{Timeout: timeout, ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error {
		return d.check(to, here)
	}}
	return nd.DialContext(ctx, network, address)
}

// check refuses an address that a connector must not reach. here is that this machine is meant.
func (d *Dialer) check(to string, here bool) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return fmt.Errorf("the address %s cannot be read: %w", to, err)
	}
	ip := ap.Addr().Unmap()
	if never(ip) || ip.Zone() != "" {
		return refused(ip)
	}
	if meant := here && ip.IsLoopback(); private(ip) && !meant && !d.allows(ip) {
		return unlisted(ip)
	}
	site := localNAT64.Contains(ip) // it is listed; of the addresses within, one is meant, and the others may be anything
	for _, to := range leadsTo(ip) {
		switch {
		case reserved(to), !site && never(to):
			return refused(ip)
		case !site && private(to) && !d.allows(to) && !d.allows(ip):
			return unlisted(to)
		}
	}
	return nil
}

// never tells what no list allows.
func never(ip netip.Addr) bool { return ip.IsUnspecified() || ip.IsMulticast() || reserved(ip) }

// reserved tells where metadata services are.
func reserved(ip netip.Addr) bool { return ip.IsLinkLocalUnicast() || slices.Contains(metadata, ip) }

func private(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func (d *Dialer) allows(ip netip.Addr) bool {
	return slices.ContainsFunc(d.Allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// leadsTo are the IPv4 addresses that are within an IPv6 address.
func leadsTo(ip netip.Addr) []netip.Addr {
	if ip.Is4() || ip.IsLoopback() {
		return nil
	}
	var out []netip.Addr
	b := ip.As16()
	for _, c := range carriers {
		if c.in.Contains(ip) {
			out = append(out, netip.AddrFrom4([4]byte{b[c.at[0]] ^ c.flip, b[c.at[1]] ^ c.flip, b[c.at[2]] ^ c.flip, b[c.at[3]] ^ c.flip}))
		}
	}
	return out
}

func refused(ip netip.Addr) error {
	return model.Errorf(model.Invalid, "%s is not an address that a system of yours may have", ip)
}

func unlisted(ip netip.Addr) error {
	return model.Errorf(model.Invalid, "%s is a private address: list its network under networks in the Settings, as in networks: [%q]", ip, netip.PrefixFrom(ip, ip.BitLen()))
}
