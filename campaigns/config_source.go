package campaigns

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// sourceTypes are what this version reads, and whether it is read live.
var sourceTypes = map[string]bool{"csv": false, "scim": true}

func checkSource(s *model.SourceSpec) error {
	if s.Provides != model.ProvidesPeople && s.Provides != model.ProvidesAccess {
		return errors.New("provides must be people or access")
	}
	live, ok := sourceTypes[s.Type]
	switch {
	case !ok:
		return fmt.Errorf("type %q is not supported by this version; it reads csv (any file) and scim", s.Type)
	case live && s.URL == "":
		return fmt.Errorf("type %s needs url", s.Type)
	case live && s.Provides == model.ProvidesPeople:
		return fmt.Errorf("type %s provides access, not people", s.Type)
	case s.Token != "" && s.Username != "":
		return errors.New("give token or username and password, not both")
	}
	for name, v := range map[string]string{"token": s.Token, "password": s.Password} {
		if v != "" && !secretRefRE.MatchString(v) {
			return fmt.Errorf("%s must be a reference like ${WIKI_TOKEN}: secrets are never stored", name)
		}
	}
	if err := checkColumns(s); err != nil {
		return err
	}
	if _, err := ShrinkLimit(s.ShrinkLimit); err != nil {
		return err
	}
	switch s.Revoke.Mode {
	case "", model.ModeManual:
	case model.ModeConnector:
		if !live {
			return fmt.Errorf("revoke mode connector needs a live source; type %s has files only", s.Type)
		}
	default:
		return fmt.Errorf("revoke mode %q is not supported by this version; it knows connector and manual", s.Revoke.Mode)
	}
	if _, err := HourlyCap(s.Revoke.HourlyCap); err != nil {
		return err
	}
	if s.Timeout != "" {
		if d, err := time.ParseDuration(s.Timeout); err != nil || d <= 0 {
			return fmt.Errorf("timeout %q must be a duration like 30s", s.Timeout)
		}
	}
	return nil
}

// HourlyCap reads how many removals an hour need no second person; -1 is any number, "" is 500.
func HourlyCap(s string) (int64, error) {
	switch s {
	case "":
		return 500, nil
	case "none":
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("revoke: hourly_cap %q must be a number of removals, or none", s)
	}
	return n, nil
}

// RemovalCap reads how many removals of a run of so many items need no second person; -1 is any
// number.
func RemovalCap(s string, items int64) (int64, error) {
	if s == "" {
		return -1, nil
	}
	if share, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err == nil && v >= 0 && v <= 100 {
			return int64(v / 100 * float64(items)), nil
		}
	} else if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("removal_cap: %q must be a number of removals or a share of the items like 30%%", s)
}

// checkColumns refuses to rename what no file of the source has.
func checkColumns(s *model.SourceSpec) error {
	for _, our := range slices.Sorted(maps.Keys(s.Columns)) {
		if !slices.ContainsFunc(s.Provides.Kinds(), func(k model.Kind) bool { return slices.Contains(model.Columns(k), our) }) {
			return fmt.Errorf("columns: a source of %s has no column %q; the names on the left are Recert's, those on the right the file's", s.Provides, our)
		}
		if names := s.Columns[our]; len(names) == 0 || slices.Contains(names, "") {
			return fmt.Errorf("columns: %s names no column of the file", our)
		}
	}
	return nil
}

// ShrinkLimit reads "20%" as 0.2; "" is the default of 20 %.
func ShrinkLimit(s string) (float64, error) {
	if s == "" {
		return 0.2, nil
	}
	n, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
	if !ok || err != nil || !(v >= 0 && v <= 100) {
		return 0, fmt.Errorf("shrink_limit %q must be a share like 20%%", s)
	}
	return v / 100, nil
}

var secretRefRE = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
