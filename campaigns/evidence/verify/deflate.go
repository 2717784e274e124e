package verify

import (
	"encoding/binary"
	"io"
	"math/bits"
	"sync"
)

// The archive's files are compressed by this encoder and no other, so that the stored bytes are
// a function of the content alone: the same on every machine and with every release of Go, and
// the verifier can make them again. What it writes is plain DEFLATE (RFC 1951), one block with
// a constant Huffman table (FORMAT.md, "Compression").
const (
	window    = 1 << 15
	minMatch  = 4
	maxMatch  = 258
	chain     = 8 // earlier places that are looked at
	lookahead = maxMatch + minMatch
	bufSize   = 1 << 17
)

// deflater implements io.WriteCloser. Write never looks ahead of what it has, so the result does
// not depend on how the content is cut into writes.
type deflater struct {
	w     io.Writer
	err   error
	first int64 // the position of the first byte
	base  int64
	pos   int64 // the next position to encode
	*tables
	acc  uint64
	nacc uint
}

// tables are the large parts of a deflater; they are used again for the next file, whose
// positions go on where those of the last one ended, so that nothing has to be cleared.
type tables struct {
	next int64
	buf  []byte         // content from position base on
	out  []byte         // compressed bytes that are not yet written
	head [1 << 15]int64 // hash -> latest position
	prev [window]int64  // position modulo window -> earlier position with the same hash
}

var tablePool = sync.Pool{New: func() any {
	return &tables{next: 1, buf: make([]byte, 0, bufSize), out: make([]byte, 0, 1<<14)}
}}

func newDeflater(w io.Writer) *deflater {
	d := &deflater{w: w, tables: tablePool.Get().(*tables)} //nolint:errcheck,forcetypeassert // the pool has nothing else
	d.buf, d.out = d.buf[:0], d.out[:0]
	d.first, d.base, d.pos = d.next, d.next, d.next
	d.header()
	return d
}

// header writes the one block's header: the code lengths, each in four bits.
func (d *deflater) header() {
	d.bits(0b101, 3) // final, dynamic
	d.bits(29, 5)    // 286 literals and lengths
	d.bits(29, 5)    // 30 distances
	d.bits(15, 4)    // 19 code length codes
	for i := range 19 {
		if i < 3 {
			d.bits(0, 3) // no runs
		} else {
			d.bits(4, 3)
		}
	}
	for _, n := range litLens {
		d.bits(uint64(bits.Reverse8(byte(n))>>4), 4)
	}
	for _, n := range distLens {
		d.bits(uint64(bits.Reverse8(byte(n))>>4), 4)
	}
}

func (d *deflater) bits(v uint64, n uint) {
	d.acc |= v << d.nacc
	d.nacc += n
	if d.nacc >= 48 {
		d.out = append(d.out, byte(d.acc), byte(d.acc>>8), byte(d.acc>>16), byte(d.acc>>24), byte(d.acc>>32), byte(d.acc>>40))
		d.acc >>= 48
		d.nacc -= 48
		if len(d.out) > 1<<14-16 {
			d.flush()
		}
	}
}

func (d *deflater) flush() {
	if d.err == nil {
		_, d.err = d.w.Write(d.out)
	}
	d.out = d.out[:0]
}

// Write takes content.
func (d *deflater) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && d.err == nil {
		k := min(len(p), bufSize-len(d.buf))
		d.buf = append(d.buf, p[:k]...)
		p = p[k:]
		if len(d.buf) == bufSize {
			d.encode(d.base + bufSize - lookahead)
			d.slide()
		}
	}
	return n, d.err
}

// slide drops what is further back than the window.
func (d *deflater) slide() {
	drop := d.pos - window - d.base
	if drop <= 0 {
		return
	}
	d.buf = append(d.buf[:0], d.buf[drop:]...)
	d.base += drop
}

// Close encodes what is left and ends the block. It does not close the writer below.
func (d *deflater) Close() error {
	d.encode(d.base + int64(len(d.buf)))
	d.bits(uint64(litCodes[256].code), uint(litCodes[256].n))
	for d.nacc > 0 {
		d.out = append(d.out, byte(d.acc))
		d.acc >>= 8
		d.nacc -= min(d.nacc, 8)
	}
	d.flush()
	d.release()
	return d.err
}

// release gives the tables back; the deflater is done.
func (d *deflater) release() {
	if d.tables == nil {
		return
	}
	d.next = d.base + int64(len(d.buf))
	tablePool.Put(d.tables)
	d.tables = nil
}

// encode goes on until position end, or a little beyond where a match does.
func (d *deflater) encode(end int64) {
	for d.pos < end {
		i := int(d.pos - d.base)
		rest := d.buf[i:]
		if len(rest) < minMatch {
			d.literal(rest[0])
			d.pos++
			continue
		}
		h := hash4(rest)
		length, dist := d.match(h, rest)
		if length < minMatch {
			d.literal(rest[0])
			d.insert(h, d.pos)
			d.pos++
			continue
		}
		d.copy(length, dist)
		for j := range length {
			if len(rest)-j >= minMatch {
				d.insert(hash4(rest[j:]), d.pos+int64(j))
			}
		}
		d.pos += int64(length)
	}
}

func hash4(b []byte) uint32 {
	return binary.LittleEndian.Uint32(b) * 0x9E3779B1 >> 17
}

// insert notes the position.
func (d *deflater) insert(h uint32, pos int64) {
	d.prev[pos&(window-1)] = d.head[h]
	d.head[h] = pos
}

// match finds the longest of the last places with the same hash; the nearest where two are equal.
func (d *deflater) match(h uint32, rest []byte) (length, dist int) {
	limit := min(len(rest), maxMatch)
	at := d.head[h]
	for range chain {
		back := d.pos - at
		if at < d.first || back > window {
			break
		}
		old := d.buf[at-d.base:]
		if length == 0 || old[length] == rest[length] {
			if n := matchLen(old, rest[:limit]); n > length {
				length, dist = n, int(back)
				if n == limit {
					break
				}
			}
		}
		at = d.prev[at&(window-1)]
	}
	return length, dist
}

func matchLen(a, b []byte) int {
	n := 0
	for len(b)-n >= 8 {
		x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:])
		if x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (d *deflater) literal(c byte) {
	x := &litCodes[c]
	d.bits(uint64(x.code), uint(x.n))
}

func (d *deflater) copy(length, dist int) {
	l := lengthSymbol[length]
	x := &litCodes[257+int(l)]
	d.bits(uint64(x.code), uint(x.n))
	d.bits(uint64(length-lengthBase[l]), lengthExtra[l])
	s := distSymbol(dist)
	y := &distCodes[s]
	d.bits(uint64(y.code), uint(y.n))
	d.bits(uint64(dist-distBase[s]), distExtra[s])
}

type huffman struct {
	code uint16 // bits reversed, as DEFLATE writes them
	n    uint8
}

var (
	litCodes     = huffmanCodes(litLens)
	distCodes    = huffmanCodes(distLens)
	lengthBase   [29]int
	lengthExtra  [29]uint
	lengthSymbol [maxMatch + 1]uint8
	distBase     [30]int
	distExtra    [30]uint
	_            = symbolTables()
)

// huffmanCodes are the canonical codes of RFC 1951, 3.2.2.
func huffmanCodes(lens string) []huffman {
	var count, next [16]int
	for _, n := range []byte(lens) {
		count[n]++
	}
	code := 0
	for n := 1; n < 16; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
	}
	codes := make([]huffman, len(lens))
	for i, n := range []byte(lens) {
		codes[i] = huffman{code: bits.Reverse16(uint16(next[n])) >> (16 - n), n: n}
		next[n]++
	}
	return codes
}

// symbolTables are those of RFC 1951, 3.2.5.
func symbolTables() bool {
	base := 3
	for i := range 28 {
		if i >= 8 {
			lengthExtra[i] = uint(i-4) / 4
		}
		lengthBase[i] = base
		for range 1 << lengthExtra[i] {
			if base < maxMatch {
				lengthSymbol[base] = uint8(i)
			}
			base++
		}
	}
	lengthBase[28], lengthSymbol[maxMatch] = maxMatch, 28
	base = 1
	for i := range 30 {
		if i >= 4 {
			distExtra[i] = uint(i-2) / 2
		}
		distBase[i] = base
		base += 1 << distExtra[i]
	}
	return true
}

func distSymbol(dist int) int {
	if dist <= 4 {
		return dist - 1
	}
	n := bits.Len(uint(dist-1)) - 1
	return 2*n + (dist-1)>>(n-1)&1
}
