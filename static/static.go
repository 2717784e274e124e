package static

import (
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"sort"
	"strconv"
	"strings"
)

//go:embed css/*.css js/*.js icons/*.svg
var files embed.FS

// Prefix is where Handler expects to be mounted.
const Prefix = "/static/"

// types are the content types by extension: the host's own table of types is not asked, because
// it differs between machines.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

type asset struct {
	name      string // as in the views: "app.css"
	hashed    string // "app-1f2e3d4c.css"
	body      []byte
	mime      string
	etag      string
	integrity string
}

type table struct {
	byName map[string]*asset
	byHash map[string]*asset
}

// assets is built once, from what is embedded; errTable says why it could not be.
var assets, errTable = build(files)

// Check tells whether the table of files could be built. It is asked once, at start.
func Check() error { return errTable }

func build(fsys fs.FS) (table, error) {
	t := table{byName: map[string]*asset{}, byHash: map[string]*asset{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		return t.add(path.Base(p), body)
	})
	if err != nil {
		return t, fmt.Errorf("read embedded files: %w", err)
	}
	return t, nil
}

func (t table) add(name string, body []byte) error {
	ext := path.Ext(name)
	mime, ok := types[ext]
	if !ok {
		return fmt.Errorf("%s: no content type for %q", name, ext)
	}
	if t.byName[name] != nil {
		return fmt.Errorf("%s: two files have this name", name)
	}
	sum := sha256.Sum256(body)
	long := sha512.Sum384(body)
	a := &asset{
		name: name, body: body, mime: mime,
		hashed:    strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:4]) + ext,
		etag:      `"` + hex.EncodeToString(sum[:16]) + `"`,
		integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:]),
	}
	t.byName[name] = a
	t.byHash[a.hashed] = a
	return nil
}

// Names are the files that exist, sorted, as URL and Integrity take them.
func Names() []string {
	names := make([]string, 0, len(assets.byName))
	for n := range assets.byName {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// URL is the address of a file with its hash: URL("app.css") is "/static/app-1f2e3d4c.css". An
// unknown name gives the plain address, which answers 404; a test finds such a name in a view.
func URL(name string) string {
	if a := assets.byName[name]; a != nil {
		return Prefix + a.hashed
	}
	return Prefix + name
}

// Integrity is the value of the integrity attribute for a file, "" for an unknown name.
func Integrity(name string) string {
	if a := assets.byName[name]; a != nil {
		return a.integrity
	}
	return ""
}

// Handler serves the files below Prefix: an address with a hash may be kept for a year, a plain
// one is asked for again each time, anything else is 404. It answers GET and HEAD.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, Prefix)
	a, cache := assets.byHash[name], "public, max-age=31536000, immutable"
	if a == nil {
		a, cache = assets.byName[name], "no-cache"
	}
	if a == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("Content-Type", a.mime)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", a.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(a.body) // the reader went away: there is nobody left to tell
}
