package main

import (
	"fmt"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

type versionCmd struct{}

// Run prints version, revision and Go version.
func (c *versionCmd) Run(e *env) error {
	rev := ""
	goVersion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				rev = s.Value
			}
		}
	}
	if e.cli.JSON {
		return printJSON(e.out, map[string]string{"version": version, "revision": rev, "go": goVersion})
	}
	_, err := fmt.Fprintf(e.out, "recert %s %s %s\n", version, rev, goVersion)
	return err
}
