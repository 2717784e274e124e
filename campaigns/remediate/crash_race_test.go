//go:build race

package remediate

// usualRemovals is small here: the race detector makes each of the many starts of a worker slow.
const usualRemovals = 60
