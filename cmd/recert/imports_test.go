package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the path of this module, moduleRoot its folder as seen from here.
const (
	modulePath = "recert"
	moduleRoot = "../.."
)

// topLevel is everything that may stand at the top of the repository.
var topLevel = []string{
	"cmd", "web", "views", "static", "model", "campaigns", "migrations", "go.mod", "go.sum", "Makefile", "README.md",
	"LICENSE", "Dockerfile", "CHANGELOG.md", "SECURITY.md", ".ci", ".golangci.yml", ".gitattributes", ".gitignore",
}

// importRule says which of our packages one package may import. A pattern that ends in /... means
// the package and everything below it. A package is held to the first rule whose pattern it matches,
// and a package without a rule is refused, so that nobody adds one without saying where it belongs.
type importRule struct {
	of  string
	may []string
}

var importRules = []importRule{
	{"model/store/storetest", []string{"model", "model/store"}},
	{"model/store", []string{"model", "migrations"}},
	{"model", nil},
	{"migrations", nil},
	{"static", nil},
	{"campaigns/diff", []string{"model"}},
	{"campaigns/connector/...", []string{"model", "campaigns/connector/..."}},
	{"campaigns/scope", []string{"model", "campaigns/diff"}},
	{"campaigns/advice", []string{"model", "campaigns/diff"}},
	{"campaigns/evidence/verify", nil},
	{"campaigns/evidence/...", []string{"model", "model/store", "campaigns/evidence/verify"}},
	{"campaigns", []string{"model", "model/store", "campaigns/diff", "campaigns/scope", "campaigns/advice", "campaigns/evidence"}},
	{"campaigns/ingest", workerImports},
	{"campaigns/remediate", workerImports},
	{"campaigns/lifecycle", workerImports},
	{"campaigns/notify", workerImports},
	{"campaigns/report", []string{"model", "model/store", "campaigns/evidence"}},
	{"views/...", []string{"model", "static", "views/ui", "views/layout"}},
	{"web/...", []string{"model", "model/store", "campaigns/...", "views/...", "static", "web/..."}},
	{"cmd/...", []string{"..."}},
}

var workerImports = []string{"model", "model/store", "campaigns/diff", "campaigns/connector", "campaigns/evidence", "campaigns"}

// forbiddenImports are imports, from outside this module, and where they are allowed all the same.
var forbiddenImports = []struct {
	imports, in string // both patterns; in is a part of this module
	except      []string
	why         string
}{
	{
		"github.com/uptrace/bun/...", "...",
		[]string{"model/store", "migrations"},
		"SQL lives in model/store alone",
	},
	{
		"net/http", "campaigns/...",
		[]string{"campaigns/connector/...", "campaigns/notify", "campaigns/evidence/anchor"},
		"the core does not speak HTTP",
	},
	{
		"testing", "...",
		testOnly,
		"code that ships does not contain tests",
	},
}

// testOnly are packages that only tests, and each other, may import.
var testOnly = []string{"model/store/storetest", "campaigns/connector/connectortest", "campaigns/connector/ticket/ticketserver", "web/webtest"}

// verifyMayImport is what the offline verifier may use beside the standard library.
const verifyMayImport = "golang.org/x/mod/..."

// listedPackage is what 'go list' says about a package, its tests left out.
type listedPackage struct {
	ImportPath string
	Imports    []string
}

// matchesPattern reports whether a path is what a pattern names.
func matchesPattern(pattern, name string) bool {
	prefix, deep := strings.CutSuffix(pattern, "...")
	if !deep {
		return name == pattern
	}
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix == "" || name == prefix || strings.HasPrefix(name, prefix+"/")
}

func matchesAnyPattern(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matchesPattern(p, name) })
}

// inModule returns a package's path inside this module.
func inModule(importPath string) (string, bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// checkImports returns every breach of the rules.
func checkImports(packages []listedPackage) []string {
	var breaches []string
	for _, p := range packages {
		name, mine := inModule(p.ImportPath)
		if !mine {
			continue
		}
		rule := slices.IndexFunc(importRules, func(r importRule) bool { return matchesPattern(r.of, name) })
		if rule < 0 {
			breaches = append(breaches, name+" has no rule: say in importRules what it may import")
			continue
		}
		for _, imported := range p.Imports {
			if breach := checkImport(importRules[rule], name, imported); breach != "" {
				breaches = append(breaches, breach)
			}
		}
	}
	return breaches
}

// checkImport judges one import; "" is allowed.
func checkImport(rule importRule, name, imported string) string {
	if target, mine := inModule(imported); mine {
		if matchesAnyPattern(testOnly, target) && !matchesAnyPattern(testOnly, name) {
			return fmt.Sprintf("%s imports %s, which only tests may", name, target)
		}
		if target != name && !matchesAnyPattern(rule.may, target) && !matchesAnyPattern(testOnly, target) {
			return fmt.Sprintf("%s must not import %s (it may import: %s)", name, target, strings.Join(rule.may, ", "))
		}
		return ""
	}
	for _, f := range forbiddenImports {
		if matchesPattern(f.imports, imported) && matchesPattern(f.in, name) && !matchesAnyPattern(f.except, name) {
			return fmt.Sprintf("%s must not import %s: %s", name, imported, f.why)
		}
	}
	fromOutside := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
	if name == "campaigns/evidence/verify" && fromOutside && !matchesPattern(verifyMayImport, imported) {
		return fmt.Sprintf("%s must not import %s: it needs nothing but the standard library and golang.org/x/mod", name, imported)
	}
	return ""
}

func TestImports(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	list.Dir = moduleRoot
	var stderr bytes.Buffer
	list.Stderr = &stderr
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listedPackage
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 3 {
		t.Fatalf("go list names %d packages only", len(packages))
	}
	for _, breach := range checkImports(packages) {
		t.Error(breach)
	}
}

// TestImportRulesCatch shows each kind of breach to the rules: what they let pass is then worth something.
func TestImportRulesCatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, of, imports string
		want              string // in the breach; "" is allowed
	}{
		{"upwards", "model", "recert/model/store", "model must not import model/store"},
		{"the core from the web", "campaigns", "recert/web", "campaigns must not import web"},
		{"a worker from the core", "campaigns", "recert/campaigns/remediate", "campaigns must not import campaigns/remediate"},
		{"a connector from a worker", "campaigns/remediate", "recert/campaigns/connector/scim", "must not import campaigns/connector/scim"},
		{"the store from a view", "views/review", "recert/model/store", "views/review must not import model/store"},
		{"another view's family", "views/review", "recert/views/person", "must not import views/person"},
		{"a package of no rule", "util", "fmt", "util has no rule"},
		{"a package below the root", "campaigns/other", "fmt", "campaigns/other has no rule"},
		{"bun in the web", "web", "github.com/uptrace/bun", "web must not import github.com/uptrace/bun"},
		{"a dialect of bun", "campaigns/ingest", "github.com/uptrace/bun/dialect/pgdialect", "SQL lives in model/store"},
		{"HTTP in the core", "campaigns/ingest", "net/http", "does not speak HTTP"},
		{"tests that ship", "web", "testing", "does not contain tests"},
		{"test helpers that ship", "web", "recert/model/store/storetest", "which only tests may"},
		{"anything in the verifier", "campaigns/evidence/verify", "github.com/google/go-cmp/cmp", "nothing but the standard library"},
		{"ours in the verifier", "campaigns/evidence/verify", "recert/model", "campaigns/evidence/verify must not import model"},

		{"the table", "campaigns/ingest", "recert/campaigns", ""},
		{"bun in its place", "model/store", "github.com/uptrace/bun/dialect/pgdialect", ""},
		{"HTTP in a connector", "campaigns/connector/scim", "net/http", ""},
		{"HTTP in the web", "web", "net/http", ""},
		{"the log in the verifier", "campaigns/evidence/verify", "golang.org/x/mod/sumdb/tlog", ""},
		{"everything in a command", "cmd/recert", "recert/campaigns/connector/scim", ""},
		{"another test helper", "web/webtest", "recert/model/store/storetest", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(checkImports([]listedPackage{{ImportPath: path.Join(modulePath, tt.of), Imports: []string{tt.imports}}}), "\n")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s imports %s: %q, want %q", tt.of, tt.imports, got, tt.want)
			}
		})
	}
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	git := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = moduleRoot
	output, err := git.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	files := strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
	if len(files) < 10 {
		t.Fatalf("git names %d files only", len(files))
	}
	seen := map[string]bool{}
	for _, file := range files {
		top := strings.SplitN(file, "/", 2)[0]
		if !slices.Contains(topLevel, top) && !seen[top] {
			t.Errorf("%s must not stand at the top: the folders are fixed", top)
		}
		seen[top] = true
	}
}

// clockFuncs read the machine's clock, and clockFiles are where that is allowed outside cmd.
var (
	clockFuncs = []string{"Now", "Since", "Until"}
	clockFiles = []string{"model/store/clock.go"}
)

// checkClock returns where a file reads the machine's clock.
func checkClock(name string, source []byte) ([]string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	local := ""
	for _, i := range file.Imports {
		if imported, err := strconv.Unquote(i.Path.Value); err == nil && imported == "time" {
			local = "time"
			if i.Name != nil {
				local = i.Name.Name
			}
		}
	}
	if local == "." {
		return []string{name + ": time must not be imported with a dot"}, nil
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && local != "" && x.Name == local && slices.Contains(clockFuncs, s.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s: take the time from Tx.Now or from an injected clock", set.Position(s.Pos()), s.Sel.Name))
			}
		}
		return true
	})
	return found, nil
}

func TestClock(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, folder := range []string{"web", "views", "static", "model", "campaigns", "migrations"} {
		files, err := goFiles(filepath.Join(moduleRoot, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for name, source := range files {
			if slices.Contains(clockFiles, name) {
				continue
			}
			found, err := checkClock(name, source)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Error(f)
			}
			checked++
		}
	}
	if checked < 3 {
		t.Fatalf("only %d files were checked", checked)
	}
}

func TestClockRuleCatches(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		`package p; import "time"; var now = time.Now`:                         1,
		`package p; import clock "time"; func f() { _ = clock.Now().UTC() }`:   1,
		`package p; import "time"; func f(t time.Time) { _ = time.Since(t) }`:  1,
		`package p; import . "time"; var now = Now()`:                          1,
		`package p; import "time"; func f(now func() time.Time) { _ = now() }`: 0,
		`package p; import "recert/time"; var x = time.Now`:                    0,
	} {
		found, err := checkClock("p.go", []byte(source))
		if err != nil || len(found) != want {
			t.Errorf("%s: %v (%v), want %d", source, found, err, want)
		}
	}
}

// goFiles reads the Go files below a folder that are not tests, by their path in the module.
func goFiles(folder string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		name, err := filepath.Rel(moduleRoot, file)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(file)
		return err
	})
	return files, err
}
