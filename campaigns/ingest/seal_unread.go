package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"recert/model"
	"recert/model/store"
)

// A row that could not be read is not a row that is not there. Where rows of a kind were rejected,
// and known ones are missing, the missing ones may be the rejected: the source may list them still.

// maxUnreadPairs bounds how many pairs of rejected rows and missing accounts are looked at one by
// one; beyond it the snapshot is held without.
const maxUnreadPairs = 20_000_000

// unread are the sentences for which a snapshot must wait because a rejected row may be one that
// seems to be gone. Of people, accounts and entitlements that any is; a reviewer could come to
// review the own access where an account or a person drops out. Of grants it is one that names an
// account which loses a grant; the others only keep the snapshot from proving an absence.
func (j *job) unread(ctx context.Context, tx *store.Tx, ledgers []model.Ledger) ([]string, error) {
	var out []string
	for _, l := range ledgers {
		rejected := l.Rejected - l.Duplicates
		if rejected == 0 || l.Gone == 0 {
			continue
		}
		if l.Kind == model.KindGrants {
			named, err := j.namesGone(ctx, tx, rejected)
			if err != nil {
				return nil, err
			}
			if !named {
				continue
			}
		}
		out = append(out, fmt.Sprintf("%d of the %s could not be read, and %d that the previous snapshot had are missing: they may be the same. Correct the file and ingest it again.",
			rejected, l.Kind, l.Gone))
	}
	return out, nil
}

// namesGone tells whether a rejected row of grants has the id of an account that loses a grant in
// its text.
func (j *job) namesGone(ctx context.Context, tx *store.Tx, rejected int64) (bool, error) {
	accounts, err := tx.GoneGrantAccounts(ctx, j.snap.ID)
	if err != nil {
		return false, fmt.Errorf("look for rejected rows among the missing: %w", err)
	}
	if rejected*int64(len(accounts)) > maxUnreadPairs {
		return true, nil
	}
	for after := int64(0); ; {
		rs, err := tx.Rejects(ctx, j.snap.ID, after, 1000)
		if err != nil || len(rs) == 0 {
			return false, err
		}
		for _, r := range rs {
			after = r.N
			if r.Kind != model.KindGrants || strings.HasPrefix(r.Reason, duplicateReason(r.Kind)) {
				continue
			}
			if slices.ContainsFunc(accounts, func(id string) bool { return mentions(r.Raw, id) }) {
				return true, nil
			}
		}
	}
}

// mentions tells whether the raw text of a row holds id as a word of its own, as it is or as JSON
// and CSV write it: "d" is in "c,d,x" and not in "bad,x". A row cut at maxRaw and one with
// JSON's numbered escapes may hold anything.
func mentions(raw, id string) bool {
	if len(raw) >= maxRaw || strings.HasPrefix(raw, "{") && strings.Contains(raw, `\u`) {
		return true
	}
	quoted, err := json.Marshal(id)
	if err != nil {
		return true
	}
	return holdsWord(raw, id) ||
		holdsWord(raw, strings.ReplaceAll(id, `"`, `""`)) ||
		holdsWord(raw, string(quoted[1:len(quoted)-1]))
}

// holdsWord tells whether text holds word with no letter or digit directly before or after it.
func holdsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 || word == "" {
			return false
		}
		start, end := from+i, from+i+len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !isWordRune(before) && !isWordRune(after) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[start:])
		from = start + size
	}
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
