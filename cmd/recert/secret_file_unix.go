//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed tells whether accounts other than ours may read a file, or change it, that is ours. Others' files are
// for them to look after: what mounts secrets has its own rules.
func exposed(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid()) && info.Mode().Perm()&0o077 != 0
}
