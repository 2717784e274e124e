package main

import "strings"

// The demo company: who it is and how it is built. A seat is a place in the organisation chart;
// seats with a key are referred to by the systems' data as owners.

const (
	demoCompanyName = "Fennmark Instruments"
	demoDomain      = "fennmark.example.com"
	demoSeed        = 20_417
)

// Keys of the seats that the demo's story needs by name.
const (
	demoSeatCEO       = "ceo"
	demoSeatManager   = "fin.ap"       // the manager among the actors
	demoSeatOwner     = "eng.platform" // the owner of a system
	demoSeatAdmin     = "it.governance"
	demoSeatCampaigns = "it.idn"
	demoSeatAuditor   = "leg.audit"
	demoSeatLeft      = "mkt.ev" // a manager who has left and whose team still points at them
	demoSeatOnLeave   = "sal.asia"
)

// demoDept is one department: its head, the head's own staff, and teams.
type demoDept struct {
	key, name, head, boss string // boss is the key of the head's manager's seat
	places                []string
	staff                 []demoStaff
	teams                 []demoTeam
}

// demoStaff is one seat that reports to the head of a department.
type demoStaff struct{ key, title string }

// demoTeam is a manager and the people who report to that manager.
type demoTeam struct {
	key, name, manager string
	size               int // without the manager
	titles             []string
	place              string      // "" is one of the department's
	special            []demoStaff // the first seats of the team, in place of titles
}

func demoPlain(titles ...string) []demoStaff {
	out := make([]demoStaff, len(titles))
	for i, t := range titles {
		out[i] = demoStaff{title: t}
	}
	return out
}

// demoOrg is the chart: 300 seats.
func demoOrg() []demoDept {
	hq, plant, south := "Bremen", "Kraków", "Porto"
	return []demoDept{
		{key: demoSeatCEO, name: "Executive office", head: "Chief executive", places: []string{hq},
			staff: demoPlain("Chief of staff", "Executive assistant", "Board secretary")},
		{key: "fin", name: "Finance", head: "Chief financial officer", boss: demoSeatCEO, places: []string{hq, hq, south},
			staff: []demoStaff{{"fin.sys", "Finance systems owner"}, {"fin.tax", "Tax lead"}},
			teams: []demoTeam{
				{key: "fin.ap", name: "Accounts payable", manager: "Accounts payable manager", size: 9,
					titles: []string{"Accounts payable clerk", "Accounts payable specialist", "Supplier payments analyst"}},
				{key: "fin.acc", name: "Accounting", manager: "Accounting manager", size: 8,
					titles: []string{"Accountant", "Senior accountant", "Fixed assets accountant"}},
				{key: "fin.ctl", name: "Controlling", manager: "Controlling manager", size: 7,
					titles: []string{"Controller", "Budget analyst"}},
			}},
		{key: "eng", name: "Engineering", head: "Head of engineering", boss: demoSeatCEO,
			places: []string{hq, south, hq, "Singapore"},
			staff:  []demoStaff{{demoSeatOwner, "Cloud platform owner"}, {"eng.principal", "Principal engineer"}},
			teams: []demoTeam{
				{key: "eng.fw", name: "Firmware", manager: "Firmware manager", size: 11,
					titles: []string{"Firmware engineer", "Senior firmware engineer", "Firmware engineer"}},
				{key: "eng.sw", name: "Instrument software", manager: "Instrument software manager", size: 12,
					titles: []string{"Software engineer", "Senior software engineer", "Software engineer", "Technical writer"}},
				{key: "eng.cld", name: "Cloud services", manager: "Cloud services manager", size: 11,
					titles: []string{"Cloud engineer", "Site reliability engineer", "Data engineer"}},
				{key: "eng.hw", name: "Electronics", manager: "Electronics manager", size: 10,
					titles: []string{"Electronics engineer", "Circuit board designer", "Optics engineer"}},
				{key: "eng.qa", name: "Verification", manager: "Verification manager", size: 8,
					titles: []string{"Test engineer", "Test automation engineer"}},
			}},
		{key: "prd", name: "Product and design", head: "Chief product officer", boss: demoSeatCEO, places: []string{hq, south},
			teams: []demoTeam{
				{key: "prd.pm", name: "Product management", manager: "Product management lead", size: 8,
					titles: []string{"Product manager", "Product analyst"}},
				{key: "prd.des", name: "Design", manager: "Design lead", size: 7,
					titles: []string{"Product designer", "User researcher"}},
			}},
		{key: "ops", name: "Production", head: "Chief operating officer", boss: demoSeatCEO, places: []string{plant, plant, hq},
			staff: demoPlain("Production planner"),
			teams: []demoTeam{
				{key: "ops.asm", name: "Assembly", manager: "Assembly manager", size: 12,
					titles: []string{"Assembly technician", "Line lead", "Assembly technician"}},
				{key: "ops.cal", name: "Calibration", manager: "Calibration laboratory manager", size: 11,
					titles: []string{"Calibration technician", "Metrologist"}},
				{key: "ops.qc", name: "Quality", manager: "Quality manager", size: 9,
					titles: []string{"Quality inspector", "Supplier quality engineer", "Complaints analyst"}},
				{key: "ops.fac", name: "Facilities", manager: "Facilities manager", size: 8,
					titles: []string{"Facilities technician", "Health and safety officer", "Receptionist"}},
			}},
		{key: "sup", name: "Supply chain", head: "Head of supply chain", boss: "ops", places: []string{plant, hq},
			teams: []demoTeam{
				{key: "sup.buy", name: "Purchasing", manager: "Purchasing manager", size: 8,
					titles: []string{"Buyer", "Senior buyer", "Contracts specialist"}},
				{key: "sup.wh", name: "Warehouse", manager: "Warehouse manager", size: 7,
					titles: []string{"Warehouse clerk", "Shipping coordinator"}},
			}},
		{key: "sal", name: "Sales", head: "Head of sales", boss: demoSeatCEO, places: []string{hq},
			staff: []demoStaff{{"sal.ops", "Sales operations lead"}},
			teams: []demoTeam{
				{key: "sal.eu", name: "Sales Europe", manager: "Sales manager Europe", size: 11, place: hq,
					titles: []string{"Account manager", "Sales engineer", "Inside sales representative"}},
				{key: "sal.am", name: "Sales Americas", manager: "Sales manager Americas", size: 10, place: "Austin",
					titles: []string{"Account manager", "Sales engineer"}},
				{key: demoSeatOnLeave, name: "Sales Asia", manager: "Sales manager Asia", size: 10, place: "Singapore",
					titles: []string{"Account manager", "Distributor manager", "Sales engineer"}},
			}},
		{key: "mkt", name: "Marketing", head: "Head of marketing", boss: "sal", places: []string{hq, south},
			staff: demoPlain("Brand manager", "Web editor", "Market analyst", "Press officer", "Web editor", "Photographer"),
			teams: []demoTeam{
				{key: demoSeatLeft, name: "Events and campaigns", manager: "Events and campaigns manager", size: 6,
					titles: []string{"Event planner", "Campaign specialist"}},
			}},
		{key: "cs", name: "Customer care", head: "Head of customer care", boss: demoSeatCEO,
			places: []string{south, plant, "Austin"},
			teams: []demoTeam{
				{key: "cs.desk", name: "Customer service desk", manager: "Customer service manager", size: 12,
					titles: []string{"Customer service agent", "Senior customer service agent", "Returns coordinator"}},
				{key: "cs.fld", name: "Field service", manager: "Field service manager", size: 11,
					titles: []string{"Field service engineer", "Service planner", "Field service engineer"}},
			}},
		{key: "hr", name: "People", head: "Head of people", boss: demoSeatCEO, places: []string{hq, plant, south},
			staff: append([]demoStaff{{"hr.data", "People data specialist"}},
				demoPlain("Payroll specialist", "Payroll specialist", "Recruiter", "Recruiter", "Recruiter",
					"People partner", "People partner", "People partner", "Training coordinator", "Benefits specialist")...)},
		{key: "leg", name: "Legal and audit", head: "General counsel", boss: demoSeatCEO, places: []string{hq},
			staff: append([]demoStaff{{demoSeatAuditor, "Internal auditor"}},
				demoPlain("Legal counsel", "Legal counsel", "Contracts lawyer", "Privacy officer", "Compliance analyst",
					"Internal auditor")...)},
		{key: "it", name: "IT and security", head: "Chief information officer", boss: demoSeatCEO, places: []string{hq, plant},
			teams: []demoTeam{
				{key: "it.sec", name: "Security", manager: "Security manager", size: 7,
					titles: []string{"Security analyst", "Security engineer"}},
				{key: "it.ops", name: "IT operations", manager: "IT operations manager", size: 10,
					titles:  []string{"Systems administrator", "Service desk analyst", "Network engineer"},
					special: []demoStaff{{"it.tools", "Workplace tools owner"}}},
				{key: demoSeatCampaigns, name: "Identity and access", manager: "Identity and access manager", size: 7,
					titles:  []string{"Identity engineer", "Access analyst"},
					special: []demoStaff{{demoSeatAdmin, "Access governance lead"}}},
			}},
	}
}

// demoService is an identity that is nobody: a service or an agent, with an owner.
type demoService struct{ id, name, kind, owner, about string }

func demoServices() []demoService {
	return []demoService{
		{"s01", "Nightly backup", "service", "it.ops", "Copies every database to the vault"},
		{"s02", "Release builder", "service", "eng.principal", "Builds and signs releases"},
		{"s03", "Bank file sender", "service", "fin.sys", "Sends payment files to the bank"},
		{"s04", "Order import", "service", "sal.ops", "Takes orders from the web shop"},
		{"s05", "Cloud cost report", "service", demoSeatOwner, "Reads usage and mails the cost report"},
		{"s06", "Monitoring", "service", "eng.cld", "Watches production and calls who is on duty"},
		{"s07", "Telemetry loader", "service", "eng.cld#3", "Loads readings of instruments in the field"},
		{"s08", "Directory sync", "service", demoSeatCampaigns, "Keeps people and groups in step"},
		{"a01", "Invoice reading agent", "agent", "fin.ap", "Reads scanned invoices and proposes bookings"},
		{"a02", "Reply drafting agent", "agent", "cs.desk", "Drafts replies to customers"},
		{"a03", "Code review agent", "agent", "eng.principal", "Comments on changes before people do"},
		{"a04", "Incident summary agent", "agent", "eng.cld", "Writes the timeline of an incident"},
	}
}

// demoOrgGroups are Harbour's groups: the whole company holds its departments, which hold their
// teams.
func demoOrgGroups() []demoRight {
	all := demoRight{id: "all-staff", about: "Everybody who works here: news, handbook, canteen", kind: "group", risk: "low", owner: "hr"}
	var groups []demoRight
	for _, d := range demoOrg() {
		g := demoRight{id: "department-" + d.key, about: "The department's own folders: " + d.name, kind: "group", risk: "low", owner: d.key,
			who: d.key + "=100"}
		for _, t := range d.teams {
			id := "team-" + strings.ReplaceAll(t.key, ".", "-")
			g.who += " " + t.key + "=0"
			g.holds = append(g.holds, id)
			groups = append(groups, demoRight{id: id, about: "The team's own folders: " + t.name, kind: "group", risk: "low", owner: d.key,
				who: t.key + "=100"})
		}
		all.holds = append(all.holds, g.id)
		groups = append(groups, g)
	}
	return append(groups, all)
}

// demoCourierTeams is one mailing list a department.
func demoCourierTeams() []demoRight {
	var groups []demoRight
	for _, d := range demoOrg() {
		groups = append(groups, demoRight{id: d.name + " mailing list", who: d.key + "=100"})
	}
	return groups
}
