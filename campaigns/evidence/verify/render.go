package verify

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Every table that is not a record of the log itself is rendered from the records, here, by the
// writer and by the verifier alike. A table cannot say anything that the log does not.

// table is one file that is being rendered.
type table struct {
	w    *bufio.Writer
	buf  []byte
	rows int64 // without the header; -1 where the file has no rows
}

func (t *table) row(cells ...string) error {
	b, err := appendRow(t.buf[:0], cells)
	if err != nil {
		return err
	}
	t.buf = b
	t.rows++
	_, err = t.w.Write(b)
	return err //nolint:wrapcheck // the sink says which file
}

func (t *table) line(v any) error {
	b, err := appendCanonical(t.buf[:0], v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	t.buf = b
	t.rows++
	_, err = t.w.Write(t.buf)
	return err //nolint:wrapcheck // the sink says which file
}

// renderer renders all tables in one pass over the items.
type renderer struct {
	*state

	ctx    context.Context //nolint:containedctx // lives for one call of render
	tables map[string]*table
	people map[string]*reviewerRow
}

var headers = map[string][]string{
	fileReconciliation: {"source", "kind", "rule", "left", "right", "balanced"},
	fileReviewers: {
		"reviewer_id", "name", "email", "items", "basis", "after_self_review_avoided", "reassigned_in", "reassigned_out",
		"answered", "not_answered", "signed_off_at", "acr", "amr", "auth_time",
	},
	fileDecisions: {
		"log_index", "log_hash", "item", "version", "at", "answer", "until", "lower_to", "counts", "late", "channel",
		"bulk_id", "bulk_size", "text_hash", "reviewer_id", "comment", "source", "account_id", "username", "person_id",
		"name", "entitlement", "entitlement_name", "risk", "privileged",
	},
	fileRemediation: {
		"log_index", "remediation", "item", "source", "account_id", "username", "entitlement", "via", "path_kind", "mode",
		"grant", "granted_at", "queued_at", "attempts", "last_intent_at", "outcome", "before", "after", "state", "state_at",
		"reason", "proof", "proof_read_at", "proof_snapshot", "kind", "for", "cause",
	},
	fileExceptions: {"kind", "object", "source", "account_id", "entitlement", "reviewer_id", "at", "detail", "log_index"},
	fileBeforeAfter: {
		"log_index", "remediation", "item", "source", "account_id", "entitlement", "via", "step", "at", "shown", "by", "version",
		"outcome", "detail",
	},
	fileToolAccess: {"user", "method", "iss", "roles", "sessions", "first_at", "last_at"},
}

// rendered are the files that render writes, in the order of the archive.
var rendered = []string{
	fileReadme, fileControl, fileScope, fileSignoff, fileExtraction, fileReconciliation, fileReviewers, fileDecisions,
	fileDecisionLines, fileRemediation, fileExceptions, fileBeforeAfter, fileToolAccess, fileToolAudit,
}

// render writes every derived file to what create gives for its name, and returns the rows.
func render(ctx context.Context, s *state, create func(name string) io.Writer) (map[string]int64, error) {
	r := renderer{state: s, ctx: ctx, tables: map[string]*table{}, people: map[string]*reviewerRow{}}
	for _, name := range rendered {
		r.tables[name] = &table{w: bufio.NewWriterSize(create(name), 1<<13), rows: -1}
		if h := headers[name]; h != nil {
			if err := r.tables[name].row(h...); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range []string{fileDecisionLines, fileToolAudit} {
		r.tables[name].rows = 0
	}
	for _, part := range []func() error{
		r.readme, r.control, r.scope, r.signoff, r.extraction, r.reconciliation, r.perItem, r.perRemoval, r.heldSnapshots,
		r.reviewersTable, r.toolAccess, r.toolAudit,
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	rows := map[string]int64{}
	for name, t := range r.tables {
		if err := t.w.Flush(); err != nil {
			return nil, err //nolint:wrapcheck // the sink says which file
		}
		rows[name] = t.rows
	}
	return rows, nil
}

// object writes a JSON file of one value, one key a line so that people can read it.
func (r *renderer) object(name string, v any) error {
	b, err := Canonical(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var pretty strings.Builder
	var top map[string]json.RawMessage
	if err := json.Unmarshal(b, &top); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	pretty.WriteString("{")
	for i, k := range slices.Sorted(maps.Keys(top)) {
		if i > 0 {
			pretty.WriteString(",")
		}
		fmt.Fprintf(&pretty, "\n%q:%s", k, top[k])
	}
	pretty.WriteString("\n}\n")
	_, err = r.tables[name].w.WriteString(pretty.String())
	return err //nolint:wrapcheck // the sink says which file
}

func (r *renderer) control() error {
	b := r.frozen()
	return r.object(fileControl, struct {
		Campaign   string          `json:"campaign"`
		Run        string          `json:"run"`
		LaunchedAt Time            `json:"launched_at"`
		LaunchedBy string          `json:"launched_by"`
		DueAt      Time            `json:"due_at"` // as launched
		Amendments []amendment     `json:"amendments,omitempty"`
		TimeZone   string          `json:"time_zone"`
		OnNoAnswer string          `json:"on_no_answer"`
		Remove     string          `json:"remove"`
		Strategy   string          `json:"strategy"`
		Spec       json.RawMessage `json:"spec"`
		SpecSHA256 string          `json:"spec_sha256"`
		LogIndex   int64           `json:"log_index"`
	}{
		b.Campaign, r.run, r.launched.At, r.launched.who("actor"), b.DueAt, r.amendments(), b.TimeZone, b.OnNoAnswer, b.Remove, b.Strategy,
		b.Spec, b.SpecSHA256, r.launched.index,
	})
}

func (r *renderer) scope() error {
	b := r.frozen()
	return r.object(fileScope, struct {
		Sources           []SourceSnapshot `json:"sources"`
		GrantsInSources   map[string]int64 `json:"grants_in_sources"`
		GrantsInItems     map[string]int64 `json:"grants_in_items"`
		GrantsExcluded    map[string]int64 `json:"grants_excluded"`
		AccountsInItems   map[string]int64 `json:"accounts_in_items"`
		Items             int64            `json:"items"`
		ItemsRoot         string           `json:"items_root"`
		Excluded          int64            `json:"excluded"`
		ExcludedRoot      string           `json:"excluded_root"`
		ExcludedBy        map[string]int64 `json:"excluded_by"`
		Unknown           int64            `json:"unknown"`
		Reviewers         int64            `json:"reviewers"`
		SelfReviewAvoided int64            `json:"self_review_avoided"`
	}{
		b.Sources, b.GrantsInSources, r.grants, r.excluded, r.accounts, b.Items, b.ItemsRoot, b.Excluded, b.ExcludedRoot,
		r.reasons, b.Unknown, b.Reviewers, b.SelfReviewAvoided,
	})
}

// signature is one sign-off in signoff.json.
type signature struct {
	ReviewSignedOff

	At       Time   `json:"at"`
	Reviewer string `json:"reviewer_id"`
	Review   string `json:"review"`
	LogIndex int64  `json:"log_index"`
	LogHash  string `json:"log_hash"`
}

func (r *renderer) signoff() error {
	list := []signature{}
	for _, e := range r.signoffs {
		b := e.body.(*ReviewSignedOff) //nolint:errcheck,forcetypeassert // only sign-offs are kept there
		list = append(list, signature{
			ReviewSignedOff: *b, At: e.At, Reviewer: e.who("reviewer"), Review: e.Object, LogIndex: e.index,
			LogHash: hex.EncodeToString(e.hash[:]),
		})
	}
	type end struct {
		At       Time   `json:"at"`
		By       string `json:"by"`
		Reason   string `json:"reason"`
		LogIndex int64  `json:"log_index"`
	}
	var closed *end
	if e := r.closed; e != nil {
		closed = &end{e.At, e.who("actor"), e.body.(*CampaignClosed).Reason, e.index} //nolint:errcheck,forcetypeassert // only a close is kept there
	}
	return r.object(fileSignoff, struct {
		Signed []signature `json:"signed_off"`
		Closed *end        `json:"closed"` // null while the run goes on
		Totals Totals      `json:"totals"`
	}{list, closed, r.totals})
}

func (r *renderer) extraction() error {
	type extraction struct {
		SnapshotSealed

		Actor    string `json:"actor"`
		LogIndex int64  `json:"log_index"`
		Held     bool   `json:"held"`
	}
	list := []extraction{}
	for _, src := range r.frozen().Sources {
		sn := r.snapshots[src.Snapshot]
		list = append(list, extraction{*sn.body, sn.event.who("actor"), sn.event.index, sn.wasHeld})
	}
	return r.object(fileExtraction, struct {
		Sources []extraction `json:"sources"`
	}{list})
}

func (r *renderer) reconciliation() error {
	for _, row := range r.ledger() {
		err := r.tables[fileReconciliation].row(row.source, row.kind, row.what, itoa(row.left), itoa(row.right),
			yesNo(row.left == row.right))
		if err != nil {
			return err
		}
	}
	return nil
}

// perItem goes through population.csv once more and renders what hangs on items.
func (r *renderer) perItem() error {
	var row Item
	return scanRows(r.ctx, r.rows.reader(), itemColumns, &row, func() error {
		it := r.items[row.Item]
		person := r.person(&row)
		person.items++
		person.basis[row.Basis]++
		current := person
		if row.Avoided {
			person.avoided++
			if err := r.exception("self_review_avoided", &row, row.Reviewer.PersonID, r.launched.At, "given to "+row.Basis, r.launched.index); err != nil {
				return err
			}
		}
		for _, n := range it.events {
			e, err := r.event(n)
			if err != nil {
				return err
			}
			if e.Type == TypeItemReassigned {
				current.out++
				current = r.named(e.who("to"), e.who("to_name"), e.who("to_email"))
				current.in++
			}
			if err := r.itemEvent(&row, it, e); err != nil {
				return err
			}
		}
		return r.itemEnd(&row, it, current)
	})
}

// itemEvent renders one event of an item.
func (r *renderer) itemEvent(row *Item, it *item, e *event) error {
	switch b := e.body.(type) {
	case *ItemDecided:
		return r.decision(row, it, e, b)
	case *ItemDefaulted:
		return r.exception("defaulted", row, "", e.At, b.Outcome+" by "+b.By, e.index)
	case *ItemReassigned:
		return r.exception("reassigned", row, e.who("to"), e.At, b.Basis+": "+e.who("reason"), e.index)
	case *ItemGone:
		return r.exception("gone", row, "", e.At, fmt.Sprintf("snapshot %d", b.Snapshot), e.index)
	}
	return nil
}

// decisionLine is one line of decisions.jsonl: the event and what it was about.
type decisionLine struct {
	ItemDecided

	LogIndex    int64    `json:"log_index"`
	LogHash     string   `json:"log_hash"`
	At          Time     `json:"at"`
	Counts      bool     `json:"counts"`
	Late        bool     `json:"late"`
	Reviewer    string   `json:"reviewer_id"`
	Comment     string   `json:"comment"`
	Source      string   `json:"source"`
	Subject     Subject  `json:"subject"`
	Entitlement string   `json:"entitlement"`
	Name        string   `json:"entitlement_name"`
	Description string   `json:"description"`
	Risk        string   `json:"risk"`
	Privileged  string   `json:"privileged"`
	Paths       []string `json:"paths"`
}

func (r *renderer) decision(row *Item, it *item, e *event, b *ItemDecided) error {
	due := r.due(e.n)
	d := decisionLine{
		ItemDecided: *b, LogIndex: e.index, LogHash: hex.EncodeToString(e.hash[:]), At: e.At,
		Counts: e.n == it.decision && !it.gone, Late: due != 0 && e.At > due,
		Reviewer: e.who("reviewer"), Comment: e.who("comment"), Source: row.Source, Subject: row.Subject,
		Entitlement: row.Entitlement, Name: row.EntitlementName, Description: row.Description, Risk: row.Risk,
		Privileged: row.Privileged, Paths: row.Paths,
	}
	if err := r.tables[fileDecisionLines].line(&d); err != nil {
		return err
	}
	err := r.tables[fileDecisions].row(itoa(d.LogIndex), d.LogHash, d.Item, itoa(d.Version), d.At.String(), d.Answer, d.Until,
		d.LowerTo, yesNo(d.Counts), yesNo(d.Late), d.Channel, d.BulkID, itoa(d.BulkSize), d.TextHash, d.Reviewer, d.Comment,
		d.Source, d.Subject.AccountID, d.Subject.Username, d.Subject.PersonID, d.Subject.Name, d.Entitlement, d.Name, d.Risk,
		d.Privileged)
	if err != nil {
		return err
	}
	if d.Counts && d.Answer != answerNone && d.Answer != answerNotMine {
		r.named(d.Reviewer, "", "").answered++
	}
	if d.Counts && d.Late {
		return r.exception("late", row, d.Reviewer, e.At, "due "+due.String(), e.index)
	}
	return nil
}

// itemEnd renders what is to be said of an item after its last event.
func (r *renderer) itemEnd(row *Item, it *item, current *reviewerRow) error {
	if it.gone {
		return nil
	}
	what := ""
	switch it.answer {
	case answerUnsure:
		what = "unsure"
	case "", answerNone, answerNotMine:
		what = "unanswered"
		current.unanswered++
	case answerRevoke, answerReduce:
		if !it.removed() {
			what = "no_removal_queued"
		}
	}
	if what == "" {
		return nil
	}
	return r.exception(what, row, current.id, 0, "", -1)
}

// exception writes one row; index -1 where no one event is to be named.
func (r *renderer) exception(kind string, row *Item, reviewer string, at Time, detail string, index int64) error {
	where := ""
	if index >= 0 {
		where = itoa(index)
	}
	return r.tables[fileExceptions].row(kind, ItemObject(row.Item), row.Source, row.Subject.AccountID, row.Entitlement,
		reviewer, at.String(), detail, where)
}
