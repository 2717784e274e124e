package entra

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"recert/campaigns/connector"
)

// page is one page of a collection. A delta query's last page has a delta link, any other list's
// last page has none.
type page struct {
	Value []json.RawMessage `json:"value"`
	Next  string            `json:"@odata.nextLink"`
	Delta string            `json:"@odata.deltaLink"`
}

// get1 reads one page.
func (c *Client) get1(ctx context.Context, r request) (p page, a *answer, found bool, err error) {
	a, found, err = c.get(ctx, r, &p)
	switch {
	case err != nil || !found:
		return page{}, a, found, err
	case p.Value == nil:
		return page{}, a, true, c.fail(connector.Broken, r.what()+" is no list of Graph: it has no value", nil)
	case p.Next != "" && p.Delta != "":
		return page{}, a, true, c.fail(connector.Broken, r.what()+" claims to be the last page and to have another", nil)
	}
	for _, l := range []string{p.Next, p.Delta} {
		if err := c.checkLink(r, l); err != nil {
			return page{}, a, true, err
		}
	}
	return p, a, true, nil
}

// checkLink refuses a link that leaves Graph: our token would go with it.
func (c *Client) checkLink(r request, link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil ||
		!strings.HasPrefix(u.Path, c.base.Path+"/") || strings.Contains(u.Path, "/../") {
		return c.fail(connector.Broken, r.what()+" links to another address than graph_url for its next page; it is not followed", nil)
	}
	return nil
}

// links are the next pages of one list that were followed, by their SHA-256.
type links map[[sha256.Size]byte]bool

// again tells whether a link was followed already, and notes it.
func (l links) again(link string) bool {
	sum := sha256.Sum256([]byte(link))
	was := l[sum]
	l[sum] = true
	return was
}

// list reads a list whole; found is false where Graph has no such object.
func (c *Client) list(ctx context.Context, r request, each func(raw json.RawMessage) error) (pages int, found bool, err error) {
	seen := links{}
	for {
		p, _, found, err := c.get1(ctx, r)
		if err != nil {
			return pages, false, err
		}
		if !found {
			if pages > 0 {
				return pages, false, c.fail(connector.Broken, r.what()+" went away while it was read; read again", nil)
			}
			return 0, false, nil
		}
		pages++
		for _, raw := range p.Value {
			if err := each(raw); err != nil {
				return pages, true, err
			}
		}
		if p.Delta != "" {
			return pages, true, c.fail(connector.Broken, r.what()+" was answered as a delta query, which it is none", nil)
		}
		if p.Next == "" {
			return pages, true, nil
		}
		if seen.again(p.Next) {
			return pages, true, c.fail(connector.Broken, r.what()+" gives the same page again and again; read again later", nil)
		}
		r.link = p.Next
	}
}

// stream is one delta query: its first round gives all objects, later ones what changed.
type stream struct {
	path, fields, needs string

	each  func(raw json.RawMessage) (changed bool, err error)
	reset func() error // forgets what came, before the query begins again

	delta   string // link of the next round; "" begins
	resyncs int
}

// maxRounds bounds how often changes are followed until a round brings none.
const maxRounds = 30

// round reads one round of a delta query whole, and tells whether it changed anything.
func (r *reading) round(s *stream) (changed bool, err error) {
	req := request{path: s.path, needs: s.needs, link: s.delta}
	if s.delta == "" {
		req.query = url.Values{"$select": {s.fields}}
	}
	seen := links{}
	for {
		p, a, found, err := r.c.get1(r.ctx, req)
		if a != nil && lost(a) {
			return true, r.resync(s)
		}
		if err != nil {
			return changed, err
		}
		if !found {
			return changed, r.c.fail(connector.Broken, "GET "+s.path+" was answered 404; check graph_url", nil)
		}
		r.out.Pages++
		for _, raw := range p.Value {
			did, err := s.each(raw)
			if err != nil {
				return changed, err
			}
			changed = changed || did
		}
		switch {
		case p.Delta != "":
			s.delta = p.Delta
			return changed, nil
		case p.Next == "":
			return changed, r.c.fail(connector.Broken, "GET "+s.path+" ended early: a page has neither a next link nor a delta link; read again", nil)
		case seen.again(p.Next):
			return changed, r.c.fail(connector.Broken, "GET "+s.path+" gives the same page again and again; read again later", nil)
		}
		req.link = p.Next
	}
}

// lost tells that Graph has forgotten where the query stands.
func lost(a *answer) bool {
	switch a.code {
	case "resyncRequired", "syncStateNotFound", "SyncStateNotFound", "Directory_ExpiredPageToken", "Directory_ResyncRequired":
		return a.status >= 400 && a.status < 500
	}
	return a.status == http.StatusGone
}

// resync begins a query anew, once.
func (r *reading) resync(s *stream) error {
	if s.resyncs++; s.resyncs > 1 {
		return r.c.fail(connector.Broken, fmt.Sprintf("GET %s: Graph asked twice to begin again (410 resyncRequired); read again later", s.path), nil)
	}
	s.delta = ""
	if err := s.reset(); err != nil {
		return err
	}
	_, err := r.round(s)
	return err
}

// settle follows all queries until one pass over them changes nothing: then users, applications
// and groups are as they were at one moment.
func (r *reading) settle(streams ...*stream) error {
	for range maxRounds {
		quiet := true
		for _, s := range streams {
			changed, err := r.round(s)
			if err != nil {
				return err
			}
			quiet = quiet && !changed
		}
		if quiet {
			return nil
		}
	}
	return r.c.fail(connector.Broken, fmt.Sprintf("The directory changed in each of %d rounds of following its changes, so no state of it can be taken as one; read again when less is changed", maxRounds), nil)
}
