package campaigns_test

import (
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestMovedSource: a source that gets another address may be another system, which shows every access
// as gone. Its removals wait until a snapshot from there was sealed.
func TestMovedSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		apply := func(name, url string) campaigns.Change {
			t.Helper()
			spec := model.SourceSpec{Provides: model.ProvidesAccess, Type: "scim", URL: url, Token: "${WIKI_TOKEN}"}
			changes, err := campaigns.Apply(t.Context(), w.store, "cli", []campaigns.Document{{Kind: model.ConfigSource, Name: name, Spec: &spec, At: "c.yaml:1"}}, false)
			mustNot(t, err)
			return changes[0]
		}
		paused := func(name string) string {
			t.Helper()
			src, err := w.store.Source(t.Context(), name)
			mustNot(t, err)
			return src.Paused
		}
		apply("new", "https://a.example.com")
		if c := apply("new", "https://b.example.com"); c.Note != "" || paused("new") != "" {
			t.Errorf("a source that was never read waits: %+v, %q", c, paused("new"))
		}
		wiki := w.source("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Type: "scim", URL: "https://a.example.com", Token: "${WIKI_TOKEN}"})
		if c := apply("wiki", "https://a.example.com"); c.Note != "" || paused("wiki") != "" {
			t.Errorf("the same address: %+v, %q", c, paused("wiki"))
		}
		if c := apply("wiki", "https://b.example.com"); c.Note == "" || paused("wiki") == "" {
			t.Fatalf("another address: %+v, %q", c, paused("wiki"))
		}
		w.sealed(wiki.seal())
		if p := paused("wiki"); p != "" {
			t.Errorf("after a snapshot from there it still waits: %s", p)
		}
		if n := w.id("SELECT COUNT(*) FROM events WHERE type = 'removals.switched'"); n != 2 {
			t.Errorf("%d events tell of it, want 2", n)
		}
		// What was paused for another reason is not let go on by a snapshot.
		w.exec("UPDATE sources SET paused = 'The credentials were refused.' WHERE name = 'wiki'")
		w.sealed(wiki.seal())
		if paused("wiki") == "" {
			t.Error("a snapshot let go on what was paused for another reason")
		}
	})
}
