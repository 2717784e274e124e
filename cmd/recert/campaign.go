package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"recert/campaigns"
	"recert/model/store"
)

type campaignCmd struct {
	Preview campaignPreviewCmd `cmd:"" help:"What a launch would ask, and of whom."`
	Launch  campaignLaunchCmd  `cmd:"" help:"Launch a run of a campaign."`
	Status  campaignStatusCmd  `cmd:"" help:"Where a run stands; without a name, all runs."`
	Close   campaignCloseCmd   `cmd:"" help:"Close a run: what nobody answered is settled as the campaign says."`
}

type campaignPreviewCmd struct {
	Name string `arg:"" help:"The campaign."`
	List bool   `help:"Add the rows."`
}

// Run previews; it changes nothing.
func (c *campaignPreviewCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		opt := campaigns.PreviewOptions{}
		if c.List {
			opt.Rows = -1
		}
		p, err := newCampaigns(s).Preview(ctx, c.Name, opt)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, p)
		}
		if err := warn(e.errOut, p.Warnings); err != nil {
			return err
		}
		return printPreview(e.out, p)
	})
}

// warn prints warnings where they disturb no output.
func warn(w io.Writer, warnings []string) error {
	for _, text := range warnings {
		if _, err := fmt.Fprintln(w, "warning:", text); err != nil {
			return err
		}
	}
	return nil
}

func printPreview(w io.Writer, p *campaigns.Preview) error {
	var t strings.Builder
	fmt.Fprintf(&t, "items\t%d\nexcluded\t%d\nwithout reviewer\t%d\nself-review avoided\t%d\nunknown, so included\t%d\n\n",
		p.Items, p.Excluded, p.WithoutReviewer, p.Avoided, p.Unknown)
	printChecks(&t, p)
	fmt.Fprintln(&t, "reviewer\tname\titems\tminutes")
	for _, r := range p.Reviewers {
		fmt.Fprintf(&t, "%s\t%s\t%d\t%d\n", r.ID, r.Name, r.Items, r.Minutes)
	}
	for _, rows := range []struct {
		title string
		rows  []campaigns.PreviewRow
	}{{"items", p.ItemRows}, {"excluded", p.ExcludedRows}, {"without reviewer", p.WithoutReviewerRows}, {"self-review avoided", p.AvoidedRows}} {
		if len(rows.rows) == 0 {
			continue
		}
		fmt.Fprintf(&t, "\n%s\nsource\taccount\tperson\tentitlement\treviewer\twhy\n", rows.title)
		for _, r := range rows.rows {
			fmt.Fprintf(&t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Source, r.Account, r.Person, r.Access(), r.Reviewer, r.Basis+r.Reason)
		}
	}
	for _, n := range p.Notices {
		fmt.Fprintf(&t, "\nnote: %s", n)
	}
	for _, b := range p.Blocked {
		fmt.Fprintf(&t, "\nnot ready: %s", b)
	}
	fmt.Fprintln(&t)
	return printTable(w, t.String())
}

// printChecks prints what to look at before a launch.
func printChecks(t *strings.Builder, p *campaigns.Preview) {
	fmt.Fprintf(t, "reviewers over two hours\t%d\nentitlements without a description\t%d\npeople without a manager\t%d\npairs who would review each other\t%d\n", p.Overloaded, p.WithoutDescription, p.WithoutManager, p.Swapped)
	fmt.Fprintf(t, "if nobody answered\t%d stay, %d removed\n", p.Defaulted.Keep, p.Defaulted.Revoke)
	if p.Since != nil {
		fmt.Fprintf(t, "since %s\t%d new, %d the same, %d not any more\n", p.Since.Run, p.Since.New, p.Since.Same, p.Since.Left)
	}
	fmt.Fprintln(t)
	for _, e := range p.DescriptionRows {
		fmt.Fprintf(t, "no description\t%s\t%s\t%d items\n", e.Source, e.Entitlement, e.Items)
	}
	for _, s := range p.SwapRows {
		fmt.Fprintf(t, "review each other\t%s\t%s\t%d and %d items\n", s.ID, s.OtherID, s.Items, s.Others)
	}
	for _, m := range p.ManagerRows {
		fmt.Fprintf(t, "no manager\t%s\t%s\t%d items: %s\n", m.ID, m.Name, m.Items, m.Why)
	}
}

type campaignLaunchCmd struct {
	Name string `arg:"" help:"The campaign."`
}

// Run launches.
func (c *campaignLaunchCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		l, err := newCampaigns(s).Launch(ctx, commandAdmin(), c.Name)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, map[string]any{"name": l.Run.Name, "items": l.Run.Items, "reviewers": len(l.Preview.Reviewers), "due": l.Run.DueAt, "warnings": l.Preview.Warnings})
		}
		if err := warn(e.errOut, l.Preview.Warnings); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "Launched %s: %d items for %d reviewers.\n", l.Run.Name, l.Run.Items, len(l.Preview.Reviewers))
		return err
	})
}

type campaignStatusCmd struct {
	Name string `arg:"" optional:"" help:"A campaign (its latest run) or a run NAME@DATE."`
}

// Run prints where runs stand.
func (c *campaignStatusCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		all, err := newCampaigns(s).Status(ctx, c.Name)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, all)
		}
		var t strings.Builder
		fmt.Fprintln(&t, "run\tstate\titems\tkept\trevoked\treduced\tunsure\tunanswered\tgone\tdue")
		for _, r := range all {
			fmt.Fprintf(&t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Name, r.State, r.Items, r.Kept, r.Revoked, r.Reduced, r.Unsure, r.Unanswered, r.Gone, r.Due)
		}
		return printTable(e.out, t.String())
	})
}

type campaignCloseCmd struct {
	Name   string `arg:"" help:"A campaign (its latest run) or a run NAME@DATE."`
	Reason string `help:"Why it is closed now; it stands in the evidence." default:"closed by hand"`
}

// Run closes a run; one that is closed already is no error.
func (c *campaignCloseCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		svc := newCampaigns(s)
		run, err := s.RunByName(ctx, c.Name)
		if err != nil {
			return err
		}
		closing, err := svc.Close(ctx, commandAdmin(), run.ID, c.Reason)
		if err != nil {
			return err
		}
		if closing.Repeated {
			_, err = fmt.Fprintf(e.out, "%s was closed already, on %s by %s: nothing was changed.\n", closing.Run.Name, closing.Run.ClosedAt, closing.Run.ClosedBy)
			return err
		}
		if closing.Escalated != "" {
			_, err = fmt.Fprintf(e.out, "%s goes on until %s. %s\n", run.Name, closing.Until, closing.Explanation)
			return err
		}
		_, err = fmt.Fprintf(e.out, "Closed %s. %s\n", run.Name, closing.Explanation)
		return err
	})
}

func newCampaigns(s *store.Store) *campaigns.Service { return &campaigns.Service{Store: s} }

// printTable aligns the tab-separated columns of text.
func printTable(w io.Writer, text string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(tw, text); err != nil {
		return err
	}
	return tw.Flush()
}
