//go:build !race

package remediate

const usualRemovals = 1500
