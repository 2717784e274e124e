//go:build race

package verify

// stride skips bytes in TestEveryByte where the race detector makes each verification ten times
// as slow; without it, every byte is tried.
const stride = 16
