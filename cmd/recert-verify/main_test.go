package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("..", "..", "campaigns", "evidence", "verify", "testdata", "golden.zip")
	pkg, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.zip")
	pkg[len(pkg)/2] ^= 1
	if err := os.WriteFile(broken, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	vkey, err := os.ReadFile(filepath.Join(filepath.Dir(golden), "golden.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(vkey))
	for _, c := range []struct {
		name string
		args []string
		code int
		last string // of standard output
	}{
		{"good", []string{golden}, 0, "OK (key not pinned)"},
		{"pinned", []string{golden, "--key", key}, 0, "OK"},
		{"flags first", []string{"--key", key, golden}, 0, "OK"},
		{"previous", []string{"--previous", golden, golden}, 0, "OK"},
		{"json", []string{golden, "--json"}, 0, `"result":"OK (key not pinned)"}`},
		{"broken", []string{broken}, 3, "FAILED: "},
		{"no file", nil, 2, ""},
		{"two files", []string{golden, golden}, 2, ""},
		{"unknown flag", []string{"--trust-me", golden}, 2, ""},
		{"bad key", []string{"--key", "x", golden}, 2, ""},
		{"missing", []string{golden + "x"}, 1, ""},
		{"missing previous", []string{golden, "--previous", golden + "x"}, 1, ""},
		{"directory", []string{t.TempDir()}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, &out, &errs)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			last := lines[len(lines)-1]
			if code != c.code || c.last == "" && last != "" || !strings.Contains(last, c.last) {
				t.Errorf("exit %d, last line %q, error %q; want exit %d, %q", code, last, errs.String(), c.code, c.last)
			}
			if code != 0 && code != 3 && errs.Len() == 0 {
				t.Error("a failure says nothing on standard error")
			}
		})
	}
}
