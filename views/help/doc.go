// Package help is a short guide for each role.
package help
