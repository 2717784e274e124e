package webtest

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// Check looks at a part of a page.
type Check func(n *html.Node) error

// In runs checks on the one element that selector finds; none or several are an error.
func In(selector string, checks ...Check) Check {
	return func(n *html.Node) error {
		found, err := find(n, selector)
		if err != nil {
			return err
		}
		if len(found) != 1 {
			return fmt.Errorf("%s: %d elements, want 1", selector, len(found))
		}
		for _, c := range checks {
			if err := c(found[0]); err != nil {
				return fmt.Errorf("%s: %w", selector, err)
			}
		}
		return nil
	}
}

// HasText wants a text somewhere in the element, white space aside.
func HasText(want string) Check {
	return func(n *html.Node) error {
		if got := Text(n); !strings.Contains(got, want) {
			return fmt.Errorf("no text %q in %q", want, shorten(got))
		}
		return nil
	}
}

// HasNoText wants a text nowhere in the element.
func HasNoText(unwanted string) Check {
	return func(n *html.Node) error {
		if got := Text(n); strings.Contains(got, unwanted) {
			return fmt.Errorf("text %q in %q", unwanted, shorten(got))
		}
		return nil
	}
}

// Count wants so many elements.
func Count(selector string, want int) Check {
	return func(n *html.Node) error {
		found, err := find(n, selector)
		if err != nil {
			return err
		}
		if len(found) != want {
			return fmt.Errorf("%s: %d elements, want %d", selector, len(found), want)
		}
		return nil
	}
}

// HasAttr wants an attribute with a value.
func HasAttr(name, want string) Check {
	return func(n *html.Node) error {
		for _, a := range n.Attr {
			if a.Key == name {
				if a.Val != want {
					return fmt.Errorf("%s is %q, want %q", name, a.Val, want)
				}
				return nil
			}
		}
		return fmt.Errorf("no attribute %s", name)
	}
}

func find(n *html.Node, selector string) ([]*html.Node, error) {
	sel, err := cascadia.ParseGroup(selector)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", selector, err)
	}
	return cascadia.QueryAll(n, sel), nil
}

// Text is what an element says, with white space folded.
func Text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func shorten(s string) string {
	if len(s) > 600 {
		return s[:600] + "…"
	}
	return s
}

// Form is what a browser would send.
type Form struct {
	Action string
	Method string
	Values url.Values
}

// formOf reads the fields of a form as they stand: what is checked, selected or typed.
func formOf(n *html.Node) Form {
	f := Form{Action: attr(n, "action"), Method: strings.ToUpper(attr(n, "method")), Values: url.Values{}}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			name := attr(n, "name")
			switch {
			case name == "":
			case n.Data == "input":
				kind := attr(n, "type")
				if (kind != "radio" && kind != "checkbox" || has(n, "checked")) && kind != "file" {
					f.Values.Add(name, attr(n, "value"))
				}
			case n.Data == "textarea":
				f.Values.Add(name, rawText(n))
			case n.Data == "select":
				f.Values.Add(name, selected(n))
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return f
}

func selected(n *html.Node) string {
	value, first := "", true
	for o := range n.Descendants() {
		if o.Type == html.ElementNode && o.Data == "option" && (first || has(o, "selected")) {
			value, first = attr(o, "value"), false
		}
	}
	return value
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(c.Data)
	}
	return b.String()
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
