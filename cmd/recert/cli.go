package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"recert/campaigns/connector"
	"recert/model"
)

// Exit statuses, as CONTRACT names them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitCheck  = 3 // a check of verify or doctor failed
)

// errCheck ends a command whose checks failed: they are printed already.
var errCheck = errors.New("a check failed")

// cli is the command line. Every flag is also an environment variable: --base-url is
// RECERT_BASE_URL; a secret can stand in a file that RECERT_X_FILE names.
type cli struct {
	Database       string `help:"sqlite:FILE or postgres://…" default:"sqlite:recert.db" placeholder:"URL"`
	JSON           bool   `name:"json" help:"Print results as JSON."`
	SecretsKeyFile string `help:"File with the key of credentials that are typed into forms; made when it does not exist." placeholder:"FILE"`
	LogLevel       string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`

	Demo      demoCmd      `cmd:"" help:"A whole running company to try: temporary data, no configuration."`
	Serve     serveCmd     `cmd:"" help:"Serve the pages and do the work."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the database's schema up to date; serve does it too."`
	Apply     applyCmd     `cmd:"" help:"Apply declarative configuration; prints what changes."`
	Ingest    ingestCmd    `cmd:"" help:"Take in who has what, from files or from the live system."`
	Campaign  campaignCmd  `cmd:"" help:"Preview, launch, follow and close campaigns."`
	Export    exportCmd    `cmd:"" help:"Write the evidence package of a campaign."`
	Verify    verifyCmd    `cmd:"" help:"Check an evidence package; needs no database and no network."`
	Doctor    doctorCmd    `cmd:"" help:"Check every invariant on live data."`
	LoginLink loginLinkCmd `cmd:"" help:"Make a one-time emergency link to sign in; it is logged as evidence."`
	Backup    backupCmd    `cmd:"" help:"Write a consistent copy of a SQLite database."`
	Restore   restoreCmd   `cmd:"" help:"Put a backup in the place of a SQLite database."`
	Config    configCmd    `cmd:"" help:"Print the effective configuration, secrets redacted."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// env is what every command gets besides its own flags.
type env struct {
	cli         *cli
	out, errOut io.Writer
}

// run parses the arguments, runs the command, and gives the exit status. Errors are one line on
// errOut that names what to do.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("recert"),
		kong.Description("Access review and recertification: who has what, is it still needed, and proof that it is gone."),
		kong.DefaultEnvars("RECERT"),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code; panic(errExit) }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		complain(errOut, oneLine(err))
		return exitFailed
	}
	kctx, code := parse(parser, args, &exited)
	if kctx == nil {
		if code != nil {
			complain(errOut, oneLine(code)+" (recert --help shows the commands)")
			return exitUsage
		}
		return exited
	}
	if err := secretFiles(reflect.ValueOf(&c).Elem()); err != nil {
		complain(errOut, oneLine(err))
		return exitUsage
	}
	err = kctx.Run(&env{cli: &c, out: out, errOut: errOut})
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errCheck):
		return exitCheck
	}
	if errors.Is(err, errUsage) {
		complain(errOut, strings.TrimPrefix(oneLine(err), errUsage.Error()+": "))
		return exitUsage
	}
	complain(errOut, oneLine(err))
	return exitFailed
}

// complain writes the one line of an error.
func complain(w io.Writer, text string) {
	fmt.Fprintln(w, "recert: "+text) //nolint:errcheck // where errors go is all there is to tell it to
}

// errUsage marks arguments that the parser takes and the command does not.
var errUsage = errors.New("wrong usage")

// errExit unwinds kong's own exits (--help, --version), so that tests can call run.
var errExit = errors.New("exit")

func parse(parser *kong.Kong, args []string, exited *int) (kctx *kong.Context, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != any(errExit) {
				panic(p)
			}
			kctx, err = nil, nil
		}
	}()
	*exited = exitDone
	kctx, err = parser.Parse(args)
	if err != nil {
		return nil, err
	}
	return kctx, nil
}

// oneLine is an error as one line, with the reason behind a safe message where there is one. What a
// live system answered stands in both, and here once.
func oneLine(err error) string {
	text := err.Error()
	if f, ok := errors.AsType[*connector.Failure](err); ok && f.Msg != "" {
		text = strings.ReplaceAll(text, f.Msg+": "+f.Msg, f.Msg)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", "; ")), " ")
}

// secretFiles reads RECERT_X_FILE for each flag tagged secret that was not given itself.
func secretFiles(rv reflect.Value) error {
	for i := range rv.NumField() {
		f, t := rv.Field(i), rv.Type().Field(i)
		switch {
		case f.Kind() == reflect.Struct:
			if err := secretFiles(f); err != nil {
				return err
			}
		case t.Tag.Get("secret") != "" && f.Kind() == reflect.String && f.String() == "":
			name := os.Getenv(t.Tag.Get("secret") + "_FILE")
			if name == "" {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				return model.Errorf(model.Invalid, "%s_FILE: %v", t.Tag.Get("secret"), err)
			}
			f.SetString(strings.TrimRight(string(b), "\r\n"))
		}
	}
	return nil
}
