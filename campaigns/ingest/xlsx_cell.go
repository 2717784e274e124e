package ingest

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cell is one cell as the sheet has it.
type cell struct {
	typ     string // the t attribute
	style   int
	value   []byte // of <v>, or of <is>
	has     bool   // there is a value
	formula bool
}

// cellText is what a cell says, or the reason why that is not known. The error is one of the
// spreadsheet as a whole.
func (w *workbook) cellText(c *cell, loc *time.Location) (text []byte, reason string, err error) {
	if !c.has {
		if c.formula {
			return nil, "the cell is a formula whose result is not stored: open the file in a spreadsheet program and save it", nil
		}
		return nil, "", nil
	}
	switch c.typ {
	case "s":
		text, err = w.sharedString(c.value)
		return text, "", err
	case "inlineStr", "str":
		return unescapeCell(c.value), "", nil
	case "b":
		switch string(c.value) {
		case "1":
			return []byte("true"), "", nil
		case "0":
			return []byte("false"), "", nil
		}
		return nil, "the cell is a truth that is neither 0 nor 1", nil
	case "e":
		return nil, "the cell has the error " + cleanText(c.value, 60), nil
	case "d":
		return isoCell(c.value, loc), "", nil
	case "n", "":
		if len(c.value) == 0 {
			return nil, "", nil
		}
		var f cellFormat
		if c.style > 0 && c.style < len(w.formats) || c.style == 0 && len(w.formats) > 0 {
			f = w.formats[c.style]
		}
		text, reason = numberText(string(c.value), f, w.base, loc)
		return text, reason, nil
	}
	return nil, "the cell is of a type that is not known: " + cleanText([]byte(c.typ), 20), nil
}

// numberText is what a number says under its format: a date as RFC 3339, anything else without
// an exponent.
func numberText(v string, f cellFormat, base int, loc *time.Location) (text []byte, reason string) {
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, "the cell's number " + quoted(v) + " cannot be read"
	}
	if f.date {
		return serialDate(x, base, loc)
	}
	whole := x == math.Trunc(x)
	if whole && math.Abs(x) >= 1e15 {
		return nil, "the cell's number has more than 15 digits, so the spreadsheet may have rounded it: store the column as text"
	}
	if whole {
		s := strconv.FormatInt(int64(x), 10)
		if pad := f.digits - len(s); pad > 0 && x >= 0 {
			s = strings.Repeat("0", min(pad, 32)) + s
		}
		return []byte(s), ""
	}
	// Spreadsheets show 15 digits; what stands behind them is noise of their arithmetic.
	x, err = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 15, 64), 64)
	if err != nil || math.Abs(x) < 1e-15 {
		return nil, "the cell's number " + quoted(v) + " cannot be read"
	}
	return strconv.AppendFloat(nil, x, 'f', -1, 64), ""
}

// serialDate is a count of days as a date, or with a time of day as an instant of loc's clock,
// which is the only clock a spreadsheet can mean.
func serialDate(x float64, base int, loc *time.Location) ([]byte, string) {
	if x < 0 || x > 2_958_466 { // the end of the year 9999
		return nil, "the cell's date is outside the years 1900 to 9999"
	}
	seconds := math.Round(x * 86400)
	day := int(seconds) / 86400
	rest := int(seconds) % 86400
	if day == 0 && base == 1900 {
		return []byte(time.Date(2000, 1, 1, 0, 0, rest, 0, time.UTC).Format(time.TimeOnly)), ""
	}
	var first time.Time
	switch {
	case base == 1904:
		first = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case day == 60: // the 29th of February 1900, which there never was
		return nil, "the cell's date is 1900-02-29, which there never was"
	case day < 60:
		first = time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)
	default:
		first = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	}
	d := first.AddDate(0, 0, day)
	if rest == 0 {
		return []byte(d.Format(dayLayout)), ""
	}
	t := time.Date(d.Year(), d.Month(), d.Day(), rest/3600, rest/60%60, rest%60, 0, loc)
	return []byte(t.Format(time.RFC3339)), ""
}

// isoCell is a cell of type d, whose time may lack its zone.
func isoCell(v []byte, loc *time.Location) []byte {
	s := strings.TrimSuffix(string(v), "T00:00:00")
	if t, err := time.ParseInLocation("2006-01-02T15:04:05", s, loc); err == nil {
		return []byte(t.Format(time.RFC3339))
	}
	return []byte(s)
}

// unescapeCell undoes _xHHHH_, by which XLSX writes characters that XML cannot hold.
func unescapeCell(b []byte) []byte {
	if !bytes.Contains(b, []byte("_x")) {
		return b
	}
	var out []byte
	for i := 0; i < len(b); {
		if b[i] == '_' && i+7 <= len(b) && b[i+1] == 'x' && b[i+6] == '_' {
			if n, err := strconv.ParseUint(string(b[i+2:i+6]), 16, 16); err == nil {
				out = utf8.AppendRune(out, rune(n))
				i += 7
				continue
			}
		}
		out = append(out, b[i])
		i++
	}
	return out
}

// columnIndex is the column of a cell's reference such as AB12, from 0, or -1.
func columnIndex(ref string) int {
	n := 0
	for i := range len(ref) {
		c := ref[i] | 0x20
		if c < 'a' || c > 'z' {
			if i == 0 {
				return -1
			}
			break
		}
		if n = n*26 + int(c-'a') + 1; n > maxColumns {
			return -1
		}
	}
	return n - 1
}
