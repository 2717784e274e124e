// Package proc is what connectors that run programs share: a process group that ends as a whole,
// the tail of a program's error output, secrets kept out of what is shown, and the check of a
// command and its environment.
package proc
