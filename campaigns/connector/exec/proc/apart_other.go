//go:build !unix

package proc

import "os/exec"

// Apart does nothing where there are no process groups: only the program itself is ended.
func Apart(*exec.Cmd) {}
