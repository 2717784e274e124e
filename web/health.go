package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/time/rate"

	"recert/model"
)

// healthz says that the process answers; it asks nothing else, or a slow database would get a
// live process killed.
func (s *site) healthz(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok\n")
	return err
}

// readyz says that the process can serve pages.
func (s *site) readyz(w http.ResponseWriter, r *request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := s.Store.Settings(r.Context()); err != nil {
		s.Log.ErrorContext(r.Context(), "not ready", slog.String("error", err.Error()))
		w.WriteHeader(http.StatusServiceUnavailable)
		_, err = io.WriteString(w, "the database does not answer\n")
		return err
	}
	_, err := io.WriteString(w, "ready\n")
	return err
}

// metrics are counted by the route's pattern: a path can name a person.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	reports  prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "recert_http_request_seconds", Help: "Requests by route and status.",
			Buckets: []float64{.005, .025, .1, .25, 1, 5, 30},
		}, []string{"route", "status"}),
		reports: prometheus.NewCounter(prometheus.CounterOpts{Name: "recert_csp_reports_total", Help: "Reports of browsers about the content security policy."}),
	}
	m.registry.MustRegister(m.requests, m.reports, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(pattern string, status int, took time.Duration) {
	m.requests.WithLabelValues(pattern, strconv.Itoa(status)).Observe(took.Seconds())
}

// metricsPage is for this machine, or for an administrator: it tells what a stranger need not know.
func (s *site) metricsPage(w http.ResponseWriter, r *request) error {
	if !local(r.Request) {
		if err := s.identify(r); err != nil {
			return err
		}
		if !r.signed || !r.actor.Has(model.Admin) {
			return errNotFound
		}
	}
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r.Request)
	return nil
}

// local tells a request of this machine from one that a proxy on this machine passes on.
func local(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	ip := net.ParseIP(host(r.RemoteAddr))
	asked := host(r.Host)
	return ip != nil && ip.IsLoopback() && (asked == "localhost" || net.ParseIP(asked).IsLoopback())
}

func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return h
}

// cspReport takes what a browser refused to load. The report's addresses can name people, so
// only the rule and the host are kept.
func (s *site) cspReport(w http.ResponseWriter, r *request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return err
		}
		return model.Errorf(model.Invalid, "The report could not be read.")
	}
	var report struct {
		Body struct {
			Directive string `json:"violated-directive"`
			Blocked   string `json:"blocked-uri"`
		} `json:"csp-report"`
	}
	s.metrics.reports.Inc()
	if json.Unmarshal(body, &report) == nil && s.notices.allow("csp", s.Now()) {
		blocked := report.Body.Blocked
		if u, err := url.Parse(blocked); err == nil && u.Host != "" {
			blocked = u.Host
		}
		s.Log.WarnContext(r.Context(), "content security policy violated",
			slog.String("directive", cut(report.Body.Directive, 100)), slog.String("blocked", cut(blocked, 100)))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// limiter bounds how fast one client may do something. It forgets everybody when it has seen too
// many, so that its memory is bounded too.
type limiter struct {
	mu    sync.Mutex
	rate  rate.Limit
	burst int
	seen  map[string]*rate.Limiter
}

func newLimiter(perSecond rate.Limit, burst int) *limiter {
	return &limiter{rate: perSecond, burst: burst, seen: map[string]*rate.Limiter{}}
}

// allow takes the client's address, with or without its port.
func (l *limiter) allow(address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	who := host(address)
	lim := l.seen[who]
	if lim == nil {
		if len(l.seen) >= 10_000 {
			clear(l.seen)
		}
		lim = rate.NewLimiter(l.rate, l.burst)
		l.seen[who] = lim
	}
	return lim.AllowN(now, 1)
}
