// Command recert-verify checks an evidence package of Recert offline. It is the same check as
// "recert verify", in a program small enough to be built and read by whoever must rely on it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"recert/campaigns/evidence/verify"
)

const usage = `usage: recert-verify [--key VKEY] [--previous EARLIER.zip] [--json] PACKAGE.zip

Checks an evidence package: no network, no database, no trust in who sent it.

  --key VKEY       the log's verifier key, obtained from elsewhere than the package
  --previous FILE  an earlier package of the same log that you already hold
  --json           print the report as JSON

Exit status: 0 all holds, 1 could not check, 2 wrong usage, 3 the package fails.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings given; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("recert-verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) } //nolint:errcheck // nowhere to report it
	var opt verify.Options
	flags.StringVar(&opt.Key, "key", "", "")
	flags.StringVar(&opt.Previous, "previous", "", "")
	asJSON := flags.Bool("json", false, "")
	path, rest := "", args
	for len(rest) > 0 || path == "" { // flags may stand before and after the file
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return 0
		} else if err != nil {
			return 2
		}
		if rest = flags.Args(); len(rest) == 0 {
			break
		}
		if path != "" {
			fmt.Fprintln(stderr, "recert-verify: one package at a time") //nolint:errcheck // nowhere to report it
			return 2
		}
		path, rest = rest[0], rest[1:]
	}
	if path == "" {
		flags.Usage()
		return 2
	}
	report, err := verify.File(ctx, path, opt)
	if err == nil && *asJSON {
		err = json.NewEncoder(stdout).Encode(report)
	} else if err == nil {
		err = verify.Print(stdout, report)
	}
	if err != nil {
		fmt.Fprintf(stderr, "recert-verify: %v\n", err) //nolint:errcheck // nowhere to report it
	}
	return verify.ExitCode(report, err)
}
