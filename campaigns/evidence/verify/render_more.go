package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// reviewerRow is one row of reviewers.csv.
type reviewerRow struct {
	id, name, email         string
	key                     string // orders the rows and tells erased reviewers apart
	items, avoided, in, out int64
	answered, unanswered    int64
	basis                   map[string]int64
	signedAt, authTime      Time
	acr, amr                string
}

// person is the row of the reviewer that population.csv names.
func (r *renderer) person(row *Item) *reviewerRow {
	key := row.Reviewer.PersonID
	if row.ReviewerBound.Salt == "" {
		key = Erased + row.ReviewerBound.Commitment
	}
	p := r.reviewer(key)
	p.id, p.name, p.email = row.Reviewer.PersonID, row.Reviewer.Name, row.Reviewer.Email
	return p
}

// named is the row of a reviewer that an event names.
func (r *renderer) named(id, name, email string) *reviewerRow {
	p := r.reviewer(id)
	p.id = id
	if p.name == "" {
		p.name = name
	}
	if p.email == "" {
		p.email = email
	}
	return p
}

func (r *renderer) reviewer(key string) *reviewerRow {
	p := r.people[key]
	if p == nil {
		p = &reviewerRow{key: key, basis: map[string]int64{}}
		r.people[key] = p
	}
	return p
}

func (r *renderer) reviewersTable() error {
	for _, e := range r.signoffs {
		b := e.body.(*ReviewSignedOff) //nolint:errcheck,forcetypeassert // only sign-offs are kept there
		p := r.named(e.who("reviewer"), "", "")
		p.signedAt, p.acr, p.amr, p.authTime = e.At, b.ACR, b.AMR, b.AuthTime
	}
	for _, key := range slices.Sorted(maps.Keys(r.people)) {
		p := r.people[key]
		basis, err := Canonical(p.basis)
		if err != nil {
			return err
		}
		err = r.tables[fileReviewers].row(p.id, p.name, p.email, itoa(p.items), string(basis), itoa(p.avoided), itoa(p.in),
			itoa(p.out), itoa(p.answered), itoa(p.unanswered), p.signedAt.String(), p.acr, p.amr, p.authTime.String())
		if err != nil {
			return err
		}
	}
	return nil
}

// perRemoval renders remediation.csv, before_after.csv and the removals that are not proven.
func (r *renderer) perRemoval() error {
	for _, m := range r.removals {
		var last RevocationAttempted
		for _, e := range m.attempts {
			last = *attemptOf(e)
		}
		var end RevocationState
		at := m.queued.At
		if n := len(m.states); n > 0 {
			end, at = *stateOf(m.states[n-1]), m.states[n-1].At
		}
		b, first := m.body, ""
		if len(m.attempts) > 0 {
			first = attemptOf(m.attempts[0]).Before
		}
		proof := ""
		if end.Snapshot != 0 {
			proof = itoa(end.Snapshot)
		}
		err := r.tables[fileRemediation].row(itoa(m.queued.index), b.Remediation, b.Item, b.Source, m.queued.who("account"),
			m.queued.who("username"), b.Entitlement, b.Via, b.PathKind, b.Mode, itoa(b.Grant), b.GrantedAt.String(),
			m.queued.At.String(), itoa(int64(len(m.attempts))), last.IntentAt.String(), last.Outcome, first, last.After, m.state,
			at.String(), end.Reason, end.Proof, end.ReadAt.String(), proof, m.kind(), b.For, b.Cause)
		if err != nil {
			return err
		}
		if err := r.contests(m); err != nil {
			return err
		}
		if err := r.beforeAfter(m, end, at); err != nil {
			return err
		}
		if m.state == stateConfirmed {
			continue
		}
		who, why := "", end.Reason
		if n := len(m.states); n > 0 && m.declined() {
			who, why = m.states[n-1].who("actor"), why+" "+m.states[n-1].who("note")
		}
		err = r.tables[fileExceptions].row(m.exception(), RemediationObject(b.Remediation), b.Source, m.queued.who("account"),
			b.Entitlement, who, at.String(), why, itoa(m.queued.index))
		if err != nil {
			return err
		}
	}
	return nil
}

// beforeAfter renders what was seen of one access, in time: in the snapshot of the launch, by
// each attempt before and after it asked the target, and as it stands at the checkpoint.
func (r *renderer) beforeAfter(m *removal, end RevocationState, at Time) error {
	b := m.body
	row := func(index int64, step string, at Time, shown, by, version, outcome, detail string) error {
		return r.tables[fileBeforeAfter].row(itoa(index), b.Remediation, b.Item, b.Source, m.queued.who("account"), b.Entitlement, b.Via,
			step, at.String(), shown, by, version, outcome, detail)
	}
	if b.Kind == kindRotate {
		return m.reported(row) // no read shows a secret
	}
	for _, src := range r.frozen().Sources {
		if src.Source != b.Source || b.Kind == kindLower { // nobody reviewed the weaker access
			continue
		}
		if err := row(r.launched.index, "launch", src.AsOf, "present", SnapshotObject(src.Snapshot), "", "", ""); err != nil {
			return err
		}
	}
	for _, e := range m.attempts {
		t := attemptOf(e)
		step := "attempt " + itoa(t.Attempt)
		if err := row(e.index, step+" before", t.IntentAt, t.Before, "read", t.BeforeVersion, "", ""); err != nil {
			return err
		}
		if err := row(e.index, step+" after", t.ReadAt, t.After, "read", "", t.Outcome, t.Detail); err != nil {
			return err
		}
	}
	if err := m.reported(row); err != nil {
		return err
	}
	shown, by, index := "not proven absent", end.Proof, m.queued.index
	if m.gives() {
		shown = "not proven present"
	}
	if n := len(m.states); n > 0 {
		index = m.states[n-1].index
	}
	switch m.state {
	case stateConfirmed:
		if shown = presenceAbsent; m.gives() {
			shown = presencePresent
		}
	case stateSuperseded:
		shown = "granted anew"
	case stateCameBack, stateRestored:
		shown = "present"
	}
	if end.Proof == proofSnapshot {
		by = SnapshotObject(end.Snapshot)
	}
	if end.ReadAt != 0 {
		at = end.ReadAt
	}
	return row(index, "now", at, shown, by, "", "", end.Reason)
}

// heldSnapshots lists the run's snapshots that were held and then released.
func (r *renderer) heldSnapshots() error {
	ofRun := map[int64]bool{}
	for _, src := range r.frozen().Sources {
		ofRun[src.Snapshot] = true
	}
	for _, e := range r.holds {
		var id int64
		var kind, source, detail string
		switch b := e.body.(type) {
		case *SnapshotHeld:
			id, kind, source, detail = b.Snapshot, "snapshot_held", b.Source, strings.Join(b.Reasons, "; ")
		case *SnapshotReleased:
			id, kind, source, detail = b.Snapshot, "snapshot_released", b.Source, b.Reason
		}
		if !ofRun[id] {
			continue
		}
		if err := r.tables[fileExceptions].row(kind, SnapshotObject(id), source, "", "", e.who("actor"), e.At.String(), detail, itoa(e.index)); err != nil {
			return err
		}
	}
	return nil
}

// access is one row of tool/access.csv.
type access struct {
	sessions    int64
	first, last Time
}

// toolAccess lists who signed in to the tool itself, and with which roles.
func (r *renderer) toolAccess() error {
	type key struct{ user, method, iss, roles string }
	seen := map[key]*access{}
	for _, n := range r.admin {
		e, err := r.event(n)
		if err != nil {
			return err
		}
		b, ok := e.body.(*SessionStarted)
		if !ok {
			continue
		}
		k := key{e.who("user"), b.Method, b.Iss, strings.Join(b.Roles, " ")}
		a := seen[k]
		if a == nil {
			a = &access{first: e.At, last: e.At}
			seen[k] = a
		}
		a.sessions++
		a.first, a.last = min(a.first, e.At), max(a.last, e.At)
	}
	keys := slices.SortedFunc(maps.Keys(seen), func(x, y key) int {
		return slices.Compare([]string{x.user, x.method, x.iss, x.roles}, []string{y.user, y.method, y.iss, y.roles})
	})
	for _, k := range keys {
		a := seen[k]
		if err := r.tables[fileToolAccess].row(k.user, k.method, k.iss, k.roles, itoa(a.sessions), a.first.String(), a.last.String()); err != nil {
			return err
		}
	}
	return nil
}

// auditLine is one line of tool/admin-audit.jsonl.
type auditLine struct {
	LogIndex int64             `json:"log_index"`
	At       Time              `json:"at"`
	Type     string            `json:"type"`
	Object   string            `json:"object"`
	Data     any               `json:"data"`
	Personal map[string]string `json:"personal"`
}

func (r *renderer) toolAudit() error {
	for _, n := range r.admin {
		e, err := r.event(n)
		if err != nil {
			return err
		}
		err = r.tables[fileToolAudit].line(&auditLine{e.index, e.At, e.Type, e.Object, e.Data, e.personal})
		if err != nil {
			return err
		}
	}
	return nil
}

const readmeText = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>%[1]s</title></head>
<body>
<h1>Access review %[1]s</h1>
<p>Launched %[2]s. %[3]s</p>
<p>%[4]d items: %[5]d kept, %[6]d to be removed, %[7]d to be reduced, %[8]d unsure, %[9]d not answered, %[10]d gone before an answer.<br>
%[11]d removals: %[12]d proven gone, %[13]d open, %[14]d superseded, %[15]d failed, %[16]d cancelled, %[17]d restored.</p>
<h2>Check it yourself</h2>
<p>Nothing here has to be believed. The verifier needs no network and no database; it derives every table again from the signed log.</p>
<pre>recert verify PACKAGE.zip
recert verify PACKAGE.zip --key %[18]s
recert verify PACKAGE.zip --previous EARLIER-PACKAGE.zip</pre>
<p>The first finds any change of the package. The second also proves who signed it, if you have the key from elsewhere than this file. The third proves
that the log has only grown since the package that you already hold.</p>
<p>The log is %[19]s with %[20]d events at this checkpoint; %[21]d of them are in this package. %[22]d personal values have been erased since.</p>
<h2>The files</h2>
<dl>
<dt>control.json, scope.json</dt><dd>What was asked, by which rules, about which systems.</dd>
<dt>population/</dt><dd>Where the population came from, each item as the reviewer saw it, what was left out and why, the rows that could not be read, and that the counts add up.</dd>
<dt>reviewers.csv, signoff.json</dt><dd>Who was asked, why they, and what they signed.</dd>
<dt>decisions.csv, decisions.jsonl</dt><dd>Every answer, also those that were changed later.</dd>
<dt>remediation.csv, before_after.csv</dt><dd>Every removal and each attempt: what the system showed at launch, before and after each attempt, and last.</dd>
<dt>exceptions.csv</dt><dd>What an auditor will ask about.</dd>
<dt>tool/</dt><dd>Who had access to the review tool itself, and what its administrators did.</dd>
<dt>log/</dt><dd>The signed events, and the proof that they are in the log.</dd>
</dl>
</body>
</html>
`

func (r *renderer) readme() error {
	end := "It is still running."
	if r.closed != nil {
		end = "Closed " + r.closed.At.String() + "."
	}
	t := &r.totals
	_, err := fmt.Fprintf(r.tables[fileReadme].w, readmeText, escape(r.run), r.launched.At, end,
		t.Items, t.Kept, t.Revoked, t.Reduced, t.Unsure, t.Unanswered, t.Gone,
		t.Removals, t.Confirmed, t.Open, t.Superseded, t.Failed, t.Cancelled, t.Restored,
		escape(r.keys[len(r.keys)-1]), escape(r.checkpoint.Origin), r.checkpoint.Size, len(r.index), r.erased)
	return err //nolint:wrapcheck // the sink says which file
}

// escape is frozen here rather than taken from a library, whose spelling may change.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}
