package verify

// The lengths of the constant Huffman codes, one hexadecimal digit a symbol: literals 0 to 255,
// the end, lengths, then distances. They suit what a package holds, hexadecimal digits above
// all, and are part of the format.
var (
	litLens = nibbles("ffffffffffafffffffffffffffffffff8c7ccccccccb7aaa44445555558cbbbc" +
		"bbbbbbbbbbbbbbbbbbbbabbbbbababc9c455445997b988778a887899a9bacacf" +
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" +
		"fffeffffffffffffffffffffffffffffffefffffffffffffffffffffeeeeeeee" +
		"ed47789988888889878a98a989cbcc")
	distLens = nibbles("898999776767565655445645444433")
)

func nibbles(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 'a' + 10
		} else {
			b[i] = c - '0'
		}
	}
	return string(b)
}
