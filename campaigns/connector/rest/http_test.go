package rest

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	if err := Sleep(t.Context(), time.Microsecond); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); err == nil {
		t.Error("the end of the context was not seen")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": time.Second, "90": 90 * time.Second, "99999999999999999999": MaxRetry, "soon": time.Second, "-5": time.Second,
		"Thu, 01 Oct 2026 09:02:00 GMT": 2 * time.Minute, "Thu, 01 Oct 2020 09:02:00 GMT": time.Second, "Thu, 01 Oct 2036 09:02:00 GMT": MaxRetry,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q is %s, want %s", v, got, want)
		}
	}
}
