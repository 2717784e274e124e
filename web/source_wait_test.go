package web

import (
	"net/http"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestSourceWaits: a source that cannot be reached says so on its page, for as long as it is so.
func TestSourceWaits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		removal := "/revocations/" + w.removal(w.launch())
		auditor := w.as("", model.Auditor)
		says := []webtest.Check{webtest.HasText("Recert waits until"), webtest.HasText("tries again by itself"), webtest.HasText("could not be reached " + uhoh)}
		src, err := w.store.Source(t.Context(), "wiki")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.PutSourceHealth(t.Context(), store.SourceHealth{SourceID: src.ID, Failures: 5, OpenUntil: tx.Now.Add(time.Minute), Reason: "The target could not be reached " + uhoh})
		}); err != nil {
			t.Fatal(err)
		}
		auditor.Get("/sources/wiki").Want(http.StatusOK, webtest.In("main", says...), webtest.Count("em", 0))
		auditor.Get(removal).Want(http.StatusOK, webtest.In("main", webtest.HasNoText("Recert waits"))) // a person does it
		w.later(2 * time.Minute)
		auditor.Get("/sources/wiki").Want(http.StatusOK, webtest.In("main", webtest.HasNoText("Recert waits")))
	})
}
