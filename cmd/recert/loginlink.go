package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

type loginLinkCmd struct {
	Email   string `required:"" help:"Whose link it is; it signs in an identity of its own, never a person's."`
	Role    string `help:"admin, campaign_manager or auditor; nothing for none."`
	BaseURL string `help:"The address that users see." default:"http://127.0.0.1:8080"`
}

// Run prints the link. Whoever holds it is signed in once, within ten minutes.
func (c *loginLinkCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		token, err := campaigns.CreateLoginLink(ctx, s, commandActor(), c.Email, model.Role(c.Role))
		if model.KindOf(err) == model.Invalid {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if err != nil {
			return err
		}
		link := strings.TrimSuffix(c.BaseURL, "/") + "/login/link?token=" + url.QueryEscape(token)
		if e.cli.JSON {
			return printJSON(e.out, map[string]string{"url": link})
		}
		_, err = fmt.Fprintln(e.out, link)
		return err
	})
}
