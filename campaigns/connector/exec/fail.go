package execconn

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"recert/campaigns/connector"
)

const maxRetry = 24 * time.Hour // longest wait that a program may ask for

// show makes a text of the program's fit to be shown.
func (c *Client) show(s string) string { return c.secrets.Show(s) }

// fail is a Failure whose cause repeats no secret.
func (c *Client) fail(kind connector.FailureKind, msg string, err error) error {
	return &connector.Failure{Kind: kind, Msg: msg, Err: c.secrets.Error(err)}
}

// wireError is how a program says that it could not do what it was asked for.
type wireError struct {
	Kind       connector.FailureKind `json:"kind"`
	Message    string                `json:"message"`
	RetryAfter json.RawMessage       `json:"retry_after"`
}

// failure is the Failure that the program's own error means.
func (c *Client) failure(command string, e *wireError) error {
	f := &connector.Failure{Kind: e.Kind, RetryAfter: retryAfter(e.RetryAfter)}
	says := c.show(e.Message)
	switch e.Kind {
	case connector.Denied:
		f.Msg = "The target does not accept the program's credentials for " + command + "; renew them, or give them the right"
	case connector.Refused:
		f.Msg = "The program refuses " + command + " for good"
	case connector.Unreachable:
		f.Msg = "The program could not reach the target for " + command
	case connector.Broken:
		f.Msg = "The target answered the program what it does not understand"
	default:
		return c.fail(connector.Broken, "The program answered "+command+" with an error whose kind is none of denied, refused, unreachable and broken", errors.New(c.show(string(e.Kind)+": "+e.Message)))
	}
	if says != "" {
		f.Msg += ": " + says
	}
	return f
}

// retryAfter reads seconds. Absent is 0; a wait that is not positive, or that nobody can read,
// is a second, because at once is never: the target has just refused.
func retryAfter(raw json.RawMessage) time.Duration {
	if len(raw) == 0 || string(raw) == "null" {
		return 0
	}
	s, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	switch {
	case err != nil || math.IsNaN(s) || s < 1:
		return time.Second
	case s > maxRetry.Seconds():
		return maxRetry
	}
	return time.Duration(s * float64(time.Second))
}
