package web

import (
	"recert/campaigns"
	"recert/views/campaign"
	"recert/views/ui"
)

// previewChecks says what to look at before a launch, and names it.
func previewChecks(p *campaign.PreviewPage, pv *campaigns.Preview) {
	if n := pv.Overloaded; n > 0 {
		p.Checks = append(p.Checks, ui.Count(n, "reviewer", "reviewers")+" would need more than two hours. What is too much is answered unread: split the campaign, or name another rule.")
	}
	if n := pv.WithoutManager; n > 0 {
		p.Checks = append(p.Checks, "For "+ui.Count(n, "person", "people")+" no manager can review, so the next rule is taken. They are listed below.")
	}
	if n := pv.WithoutDescription; n > 0 {
		p.Checks = append(p.Checks, ui.Count(n, "access has", "accesses have")+" no description, so that reviewers see a bare name. They are listed below.")
	}
	if n := pv.Swapped; n > 0 {
		p.Checks = append(p.Checks, ui.Count(n, "pair of people", "pairs of people")+" would review each other. They are listed below; a campaign can prevent that.")
	}
	for _, s := range pv.SwapRows {
		p.Swapped = append(p.Swapped, campaign.Named{Name: s.Name, About: s.OtherName, Items: s.Items + s.Others})
	}
	for _, e := range pv.DescriptionRows {
		p.Plain = append(p.Plain, campaign.Named{Name: e.Entitlement, About: e.Source, Items: e.Items})
	}
	for _, m := range pv.ManagerRows {
		p.Unmanaged = append(p.Unmanaged, campaign.Named{Name: m.Name, About: m.Why, Items: m.Items})
	}
	p.MorePlain, p.MoreUnman = pv.WithoutDescription-int64(len(p.Plain)), pv.WithoutManager-int64(len(p.Unmanaged))
	p.MoreSwap = pv.Swapped - int64(len(p.Swapped))
	if pv.Defaulted.Revoke > 0 {
		for i := range pv.ItemRows {
			x := &pv.ItemRows[i]
			p.Losses = append(p.Losses, campaign.Line{Person: x.Person, Account: x.Account, Access: previewAccess(x), Source: x.Source})
		}
		p.MoreLoss = pv.Defaulted.Revoke - int64(len(p.Losses))
	}
	if s := pv.Since; s != nil {
		p.Effect = append(p.Effect, ui.Pair{
			Term: "Compared with the last run", Text: ui.Num(s.New) + " new, " + ui.Num(s.Same) + " the same, " + ui.Num(s.Left) + " not any more", Href: ui.Path("campaigns", s.Run),
		})
	}
}
