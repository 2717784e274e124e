package campaigns_test

import (
	"encoding/csv"
	"os"
	"testing"

	"recert/campaigns"
	"recert/model"
)

// outcomesFile is the table of what each strategy makes of the answers to one item.
const outcomesFile = "../../shared/design/outcomes.csv"

// TestStrategyOfOne: the rows of the table with one answer, for each strategy, on a run with one reviewer an item. What
// the table calls unsure or none is then for on_no_answer, which is keep; it stays counted as what it was.
func TestStrategyOfOne(t *testing.T) {
	t.Parallel()
	f, err := os.Open(outcomesFile)
	mustNot(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	mustNot(t, err)
	if len(rows) != 32 {
		t.Fatalf("%d rows in the table", len(rows))
	}
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		for col, strategy := range rows[0][5:] {
			run := o.launch("q-"+string(rune('a'+col)), func(s *model.CampaignSpec) {
				s.Stages[0].Strategy.Name, s.Remove = strategy, campaigns.RemoveSignOff
			})
			boss := as(o.boss, "u1")
			var want []string
			item := int64(0)
			for _, row := range rows[1:] {
				answer, single := onlyAnswer(rows[0], row)
				if !single || answer == model.Reduce { // nothing here can be lowered; TestLower does
					continue
				}
				item++
				if answer != model.OutcomeNone {
					o.mustAnswer(run, boss, item, answer, "")
				}
				out := row[5+col]
				if out == string(model.Unsure) || out == string(model.OutcomeNone) {
					out = string(model.Keep)
				}
				want = append(want, out)
			}
			o.close(run)
			for i, out := range want {
				it, err := w.store.Item(t.Context(), run.ID, int64(i+1))
				mustNot(t, err)
				if string(it.Outcome) != out || it.ByDefault != !it.Answer.Final() {
					t.Errorf("%s: item %d, answered %q, ends %q (by default: %v), want %q", strategy, it.ID, it.Answer, it.Outcome, it.ByDefault, out)
				}
			}
			w.checkCounts(run.ID)
			w.checkChains(run)
		}
	})
}

// onlyAnswer is the answer of a row of the table; single is false where it has several.
func onlyAnswer(head, row []string) (answer model.Answer, single bool) {
	n := 0
	for i, cell := range row[:5] {
		if cell == "1" {
			answer, n = model.Answer(head[i]), n+1
		}
	}
	return answer, n == 1
}
