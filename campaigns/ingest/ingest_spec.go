package ingest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// million is the unit of shrink limits: a percent with four digits behind the point is exact.
const million = 1_000_000

// ParseShrinkLimit reads a percentage such as 20% or 12.5%, in millionths; "" is 20 %.
func ParseShrinkLimit(s string) (int64, error) {
	if s == "" {
		return million / 5, nil
	}
	number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	whole, frac, _ := strings.Cut(number, ".")
	if len(frac) <= 4 && len(whole) <= 3 && whole != "" {
		if n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", 4-len(frac)), 10, 32); err == nil && n <= million {
			return int64(n), nil //nolint:gosec // at most a million
		}
	}
	return 0, model.Errorf(model.Invalid, "shrink_limit: %q is not a percentage from 0%% to 100%%, as in 20%%", s)
}

// LayoutOf is how a source's files are read.
func LayoutOf(spec model.SourceSpec, settings model.SettingsSpec) (Layout, error) {
	l := Layout{Delimiter: spec.Delimiter, NoHeader: spec.Header != nil && !*spec.Header, Location: time.UTC}
	if len(spec.Columns) > 0 {
		l.Columns = make(map[string]Column, len(spec.Columns))
		for our, names := range spec.Columns {
			l.Columns[our] = Column{Names: names}
		}
	}
	if settings.TimeZone != "" {
		loc, err := time.LoadLocation(settings.TimeZone)
		if err != nil {
			return l, model.Errorf(model.Invalid, "settings: time_zone %q is not known", settings.TimeZone)
		}
		l.Location = loc
	}
	return l, nil
}

// jsonText is v as JSON; v is always something that JSON can say.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
