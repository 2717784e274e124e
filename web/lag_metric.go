package web

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recert/campaigns/report"
	"recert/model"
	"recert/model/store"
)

const (
	// lagFor is how long figures are good for: a scraper must not make the database count all the time.
	lagFor = 30 * time.Second
	// lagTimeout is how long they may take.
	lagTimeout = 10 * time.Second
)

var (
	lagOpen = prometheus.NewDesc("recert_removals_open", "Removals that are not proven yet.", []string{"source"}, nil)
	lagOld  = prometheus.NewDesc("recert_removals_oldest_seconds", "How long the oldest removal that is not proven waits.", []string{"source"}, nil)
	lagTook = prometheus.NewDesc("recert_removal_seconds", "How long removals of the last 90 days took from when they were final until they were asked for (called), or were proven gone (proven).",
		[]string{"source", "until", "figure"}, nil)
	lagMessages = prometheus.NewDesc("recert_messages", "Messages to people by state.", []string{"state"}, nil)
)

// lagCollector gives the figures of the board to a scraper.
type lagCollector struct {
	store *store.Store
	now   func() time.Time

	mu    sync.Mutex
	until time.Time
	last  []prometheus.Metric
}

// Describe names the metrics.
func (c *lagCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagOpen, lagOld, lagTook, lagMessages} {
		ch <- d
	}
}

// Collect gives them. An error is the scraper's to see.
func (c *lagCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().After(c.until) {
		ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
		defer cancel()
		last, err := c.count(ctx)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(lagOpen, err)
			return
		}
		c.last, c.until = last, c.now().Add(lagFor)
	}
	for _, m := range c.last {
		ch <- m
	}
}

func (c *lagCollector) count(ctx context.Context) ([]prometheus.Metric, error) {
	now := model.TimeOf(c.now())
	figures, err := report.LagFigures(ctx, c.store, store.LagFilter{Since: now.Add(-lagDays * 24 * time.Hour)}, now)
	if err != nil {
		return nil, err
	}
	counts, err := c.store.MessageCounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []prometheus.Metric
	add := func(d *prometheus.Desc, v float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	for _, st := range model.MessageStates {
		add(lagMessages, float64(counts[st]), string(st))
	}
	for _, l := range figures {
		if l.Source == "" {
			continue // a scraper adds up by itself
		}
		add(lagOpen, float64(l.Open), l.Source)
		add(lagOld, l.Oldest.Seconds(), l.Source)
		for until, s := range map[string]report.Spread{"called": l.Called, "proven": l.Proven} {
			if s.N == 0 {
				continue
			}
			add(lagTook, s.Median.Seconds(), l.Source, until, "median")
			add(lagTook, s.P95.Seconds(), l.Source, until, "p95")
			add(lagTook, s.Worst.Seconds(), l.Source, until, "worst")
		}
	}
	return out, nil
}
