package web

import (
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
)

// accountNames names the accounts of a list where the names of their people do not tell its rows apart:
// one name has several accounts in a system of it, or an account goes by a name that is not the
// person's. It gives "" for all others.
func accountNames(n int, at func(i int) (source string, s *model.Subject)) []string {
	type who struct{ source, name string }
	first, several := map[who]string{}, map[who]bool{}
	for i := range n {
		source, s := at(i)
		k := who{source, store.Fold(subjectName(*s))}
		if one, ok := first[k]; ok && one != s.AccountID {
			several[k] = true
		}
		first[k] = s.AccountID
	}
	out := make([]string, n)
	for i := range n {
		source, s := at(i)
		name := subjectName(*s)
		if several[who{source, store.Fold(name)}] || s.Name != "" && !sameName(s.Name, s.DisplayName) {
			if out[i] = s.Username; out[i] == "" || out[i] == name {
				out[i] = s.AccountID
			}
		}
	}
	return out
}

// withAccount is a name with that of the account, where there is one to name.
func withAccount(name, account string) string {
	if account == "" {
		return name
	}
	return name + " (" + account + ")"
}

// sameName tells whether an account's name is a person's, which some systems write last name first; one
// without a name has no other.
func sameName(person, account string) bool {
	words := func(s string) []string {
		return slices.Sorted(strings.FieldsFuncSeq(store.Fold(s), func(r rune) bool { return r == ' ' || r == ',' }))
	}
	return strings.TrimSpace(account) == "" || slices.Equal(words(person), words(account))
}
