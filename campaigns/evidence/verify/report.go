package verify

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Options say what the package is to be held against.
type Options struct {
	Key      string // the log's verifier key, from elsewhere than the package; "" trusts the package's own
	Previous string // an earlier package that the reader already holds; "" for none
	TempDir  string // for what does not fit into memory; "" is the system's
}

// Check is one thing that was checked.
type Check struct {
	Name   string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Report is what a verification found. Checks end with the first that failed.
type Report struct {
	Checks []Check `json:"checks"`
	Totals Totals  `json:"totals"`
	// Result is the last line: "OK", "OK (key not pinned)", or "FAILED: FILE: reason", where FILE is the
	// file of the package that is to blame, or "archive" for what belongs to no file.
	Result string `json:"result"`
}

// OK tells whether everything held.
func (r *Report) OK() bool { return strings.HasPrefix(r.Result, "OK") }

// UsageError is an option that cannot be used.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// ExitCode is 0 where all holds, 1 where the verification itself failed, 2 for wrong usage and 3
// where the package failed.
func ExitCode(r Report, err error) int {
	var usage *UsageError
	switch {
	case errors.As(err, &usage):
		return 2
	case err != nil:
		return 1
	case !r.OK():
		return 3
	}
	return 0
}

// Print writes a line for each check and the result as the last.
func Print(w io.Writer, r Report) error {
	for _, c := range r.Checks {
		word := "ok  "
		if !c.OK {
			word = "FAIL"
		}
		if _, err := fmt.Fprintf(w, "%s %-15s %s\n", word, c.Name, c.Detail); err != nil {
			return fmt.Errorf("print the report: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, r.Result); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// oneLine keeps a result on one line whatever a forged package put into it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
