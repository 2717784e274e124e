// Package review is the page on which a reviewer answers, for each access, whether it is still
// needed, and signs off.
package review
