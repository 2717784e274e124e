package views_test

import (
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	xhtml "golang.org/x/net/html"

	"recert/static"
)

// draw renders a page and parses it.
func draw(t *testing.T, p page, data any) (string, *xhtml.Node) {
	t.Helper()
	var b strings.Builder
	if err := p.render(data).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := xhtml.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), doc
}

func all(n *xhtml.Node, sel string) []*xhtml.Node {
	return cascadia.QueryAll(n, cascadia.MustCompile(sel))
}

func attr(n *xhtml.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *xhtml.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == name })
}

var blocks = []string{"p", "h1", "h2", "h3", "li", "dt", "dd", "td", "th", "tr", "caption", "div", "summary", "legend", "option", "button"}

// text is what a person reads in n, with single spaces.
func text(n *xhtml.Node) string {
	var b strings.Builder
	var walk func(*xhtml.Node)
	walk = func(n *xhtml.Node) {
		if n.Type == xhtml.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == xhtml.ElementNode && slices.Contains(blocks, n.Data) {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func outline(n *xhtml.Node) string {
	var b strings.Builder
	_ = xhtml.Render(&b, n)
	return b.String()[:min(b.Len(), 160)]
}

func TestEveryPageIsSound(t *testing.T) {
	t.Parallel()
	for _, p := range pages() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			_, doc := draw(t, p, p.data())
			for _, problem := range problems(doc) {
				t.Error(problem)
			}
		})
	}
}

// A checker that finds nothing anywhere is worth nothing: each planted fault must be found.
func TestCheckerFindsFaults(t *testing.T) {
	t.Parallel()
	sound := `<!DOCTYPE html><html lang="en" data-theme="dark"><head><title>x</title></head><body><main id="main"><h1>x</h1>%s</main></body></html>`
	parse := func(body string) *xhtml.Node {
		doc, err := xhtml.Parse(strings.NewReader(fmt.Sprintf(sound, body)))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	if got := problems(parse("")); len(got) != 0 {
		t.Errorf("a sound page has problems: %q", got)
	}
	for _, body := range []string{
		`<h1>two</h1>`, `<h3>jump</h3>`, `<input name="a">`, `<label for="nobody">x</label>`, `<p id="a"></p><p id="a"></p>`,
		`<table><tr><th scope="col">a</th></tr></table>`, `<table><caption>c</caption><tr><th>a</th></tr></table>`,
		`<p style="color:red">`, `<p onclick="x">`, `<script>1</script>`, `<style></style>`, `<button>x</button>`, `<button type="submit"></button>`,
		`<a href="https://example.com">x</a>`, `<a href="/static/none.css">x</a>`, `<a href="/x"></a>`, `<img src="/static/logo.svg">`,
		`<form action="/x"></form>`, `<form method="post" action="x"></form>`, `<p aria-describedby="nobody"></p>`, `<p class="no-such-class"></p>`,
	} {
		if len(problems(parse(body))) == 0 {
			t.Errorf("not found: %s", body)
		}
	}
}

// problems are what is wrong with a page, whatever it shows.
func problems(doc *xhtml.Node) []string {
	var bad []string
	add := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	for sel, want := range map[string]int{"html[lang=en][data-theme]": 1, "main#main": 1, "h1": 1, "head title": 1, "style": 0, "[style]": 0, "script:not([src])": 0, "iframe": 0, "button:not([type=submit])": 0} {
		if got := len(all(doc, sel)); got != want {
			add("%d of %q, want %d", got, sel, want)
		}
	}
	ids := map[string]bool{}
	for _, n := range all(doc, "[id]") {
		if ids[attr(n, "id")] {
			add("id %q twice", attr(n, "id"))
		}
		ids[attr(n, "id")] = true
	}
	for _, n := range all(doc, "*") {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") {
				add("%s: script in an attribute", outline(n))
			}
			if a.Key == "for" || a.Key == "aria-describedby" || a.Key == "aria-labelledby" {
				for _, id := range strings.Fields(a.Val) {
					if !ids[id] {
						add("%s: no element has the id %q", outline(n), id)
					}
				}
			}
		}
		for _, c := range strings.Fields(attr(n, "class")) {
			if !styled[c] {
				add("class %q is not in the style sheet", c)
			}
		}
	}
	bad = append(bad, controlProblems(doc)...)
	bad = append(bad, linkProblems(doc)...)
	level := 1
	for _, n := range all(doc, "main h1, main h2, main h3, main h4") {
		l := int(n.Data[1] - '0')
		if l > level+1 {
			add("%s: heading jumps from level %d", outline(n), level)
		}
		level = l
	}
	return bad
}

func controlProblems(doc *xhtml.Node) []string {
	var bad []string
	labelled := map[string]bool{}
	for _, n := range all(doc, "label[for]") {
		labelled[attr(n, "for")] = text(n) != ""
	}
	for _, n := range all(doc, "input:not([type=hidden]), select, textarea") {
		wrapped := n.Parent.Data == "label" && text(n.Parent) != ""
		if !wrapped && !labelled[attr(n, "id")] {
			bad = append(bad, outline(n)+": no label")
		}
	}
	for _, n := range all(doc, "table") {
		if c := all(n, "caption"); len(c) != 1 || text(c[0]) == "" {
			bad = append(bad, outline(n)+": no caption")
		}
		for _, th := range all(n, "th:not([scope])") {
			bad = append(bad, outline(th)+": no scope")
		}
	}
	for _, n := range all(doc, "fieldset") {
		if len(all(n, "legend")) == 0 {
			bad = append(bad, outline(n)+": no legend")
		}
	}
	for _, n := range all(doc, "form") {
		if m := attr(n, "method"); m != "post" && m != "get" || !strings.HasPrefix(attr(n, "action"), "/") {
			bad = append(bad, outline(n)+": method or action")
		}
	}
	return bad
}

func linkProblems(doc *xhtml.Node) []string {
	var bad []string
	for _, n := range all(doc, "a, button, summary") {
		if text(n) == "" && attr(n, "aria-label") == "" {
			bad = append(bad, outline(n)+": no words")
		}
	}
	for _, n := range all(doc, "img:not([alt])") {
		bad = append(bad, outline(n)+": no alt")
	}
	for _, n := range all(doc, "[href], [src]") {
		to := attr(n, "href") + attr(n, "src")
		switch {
		case strings.HasPrefix(to, static.Prefix):
			if !slices.ContainsFunc(static.Names(), func(s string) bool { return static.URL(s) == to }) {
				bad = append(bad, outline(n)+": no such file")
			}
		case !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "#") && !strings.HasPrefix(to, "?"), strings.HasPrefix(to, "//"):
			bad = append(bad, outline(n)+": leads away")
		}
	}
	return bad
}

// styled are the classes that the style sheet knows.
var styled = func() map[string]bool {
	css, err := os.ReadFile("../static/css/app.css")
	if err != nil {
		panic(err)
	}
	m := map[string]bool{"plain": true} // the look of what has no tone
	for _, c := range regexp.MustCompile(`\.(-?[a-zA-Z][\w-]*)`).FindAllSubmatch(css, -1) {
		m[string(c[1])] = true
	}
	return m
}()

// What the style sheet styles must exist, or it is dead.
func TestNoDeadStyle(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"plain": true}
	for _, c := range []string{"js", "dirty", "busy", "at"} { // set by the script; at is for the keyboard
		used[c] = true
	}
	for _, p := range pages() {
		_, doc := draw(t, p, p.data())
		for _, n := range all(doc, "[class]") {
			for _, c := range strings.Fields(attr(n, "class")) {
				used[c] = true
			}
		}
	}
	for c := range styled {
		if !used[c] {
			t.Errorf("class %q is styled and never used", c)
		}
	}
}

// Every name given to static.URL, directly or through the layout, exists.
func TestStaticNamesExist(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.templ")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	found := 0
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:asset|static\.URL)\("([^"]+)"\)`).FindAllStringSubmatch(string(src), -1) {
			found++
			if !slices.Contains(static.Names(), m[1]) {
				t.Errorf("%s: no static file %q", f, m[1])
			}
		}
		for _, ban := range []string{"templ.Raw", "templ.SafeURL", "formaction", "<script>", "<style", "hx-"} {
			if strings.Contains(string(src), ban) {
				t.Errorf("%s contains %q", f, ban)
			}
		}
	}
	if found == 0 {
		t.Error("no static file is named: the pattern is wrong")
	}
}

const uhoh = `<em>UHOH</em>`

// hushed are fields that steer a page and are not shown; what they hold must still not break out.
var hushed = regexp.MustCompile(`\.(Tone|Theme|Kind|State|Answer|Mine|Theirs|OnNoAnswer|Close|Remove|Type|Reviewers\[\d+\]|Scope\.(Risks|Kinds)\[\d*\]|Selected|Chosen|Fallback)$`)

// In turn each text of each page becomes markup. It must come out as text, and where the page
// shows the field, it must come out at all.
func TestTextStaysText(t *testing.T) {
	t.Parallel()
	shownAs := []string{html.EscapeString(uhoh), url.PathEscape(uhoh), url.QueryEscape(uhoh), "&lt;em&gt;UHOH"}
	seen := map[string]bool{}   // fields that came out on some page
	silent := map[string]bool{} // fields that did not
	for _, p := range pages() {
		for i := 0; ; i++ {
			data := p.data()
			where, old := spoil(reflect.ValueOf(data).Elem(), i)
			if where == "" {
				break
			}
			out, _ := draw(t, p, data)
			if strings.Contains(out, "<em") || strings.Contains(out, "UHOH</") {
				t.Errorf("%s%s breaks out of its place", p.name, where)
			}
			field := fmt.Sprintf("%T%s", data, regexp.MustCompile(`\[\w+\]`).ReplaceAllString(where, "[]"))
			if slices.ContainsFunc(shownAs, func(s string) bool { return strings.Contains(out, s) }) {
				seen[field] = true
			} else if old != "" && !hushed.MatchString(where) {
				silent[field] = true
			}
		}
	}
	if len(seen) < 200 {
		t.Errorf("only %d fields came out: the walk is wrong", len(seen))
	}
	for f := range silent {
		if !seen[f] {
			t.Errorf("%s is filled and never shown", f)
		}
	}
}

// spoil sets the text number left below v to markup, and tells where it is and what it was;
// nowhere means that there are not so many texts.
func spoil(v reflect.Value, left int) (where, old string) {
	var walk func(v reflect.Value, path string) bool
	walk = func(v reflect.Value, path string) bool {
		switch v.Kind() {
		case reflect.String:
			if left == 0 {
				where, old = path, v.String()
				v.SetString(uhoh)
				return true
			}
			left--
		case reflect.Pointer:
			return !v.IsNil() && walk(v.Elem(), path)
		case reflect.Slice:
			for i := range v.Len() {
				if walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i)) {
					return true
				}
			}
		case reflect.Map:
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				if left == 0 {
					where, old = fmt.Sprintf("%s[%s]", path, k), v.MapIndex(k).String()
					v.SetMapIndex(k, reflect.ValueOf(uhoh))
					return true
				}
				left--
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() && walk(v.Field(i), path+"."+f.Name) {
					return true
				}
			}
		default:
		}
		return false
	}
	walk(v, "")
	return where, old
}
