package model

import (
	"fmt"
	"regexp"
	"strconv"
)

// MaxDays is about ten years.
const MaxDays = 3650

var daysRE = regexp.MustCompile(`^([0-9]{1,4})([dw])$`)

// ParseDays reads 14d or 2w, of at most ten years.
func ParseDays(s string) (int, error) {
	m := daysRE.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a number of days or weeks, as 14d or 2w is", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	if m[2] == "w" {
		n *= 7
	}
	if n > MaxDays {
		return 0, fmt.Errorf("%q is more than ten years", s)
	}
	return n, nil
}
