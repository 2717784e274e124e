package main

// demoRight is one entitlement of a system of the demo company.
type demoRight struct {
	id, about, kind, risk string
	privileged            bool
	lower                 string   // the weaker right that it may be lowered to
	owner                 string   // key of a seat; "" is the system's owner
	who                   string   // "SEAT=PERCENT …": a department, a team, "heads", "managers" or "*"; the last match wins
	holds                 []string // groups that are members of this one: their members hold it too
}

// demoSystemData is one system: what it is, who owns it, and its rights.
type demoSystemData struct {
	id, name, about, owner string
	live                   bool // read over SCIM; else by files
	usage                  bool // tells when a right was last used
	rights                 []demoRight
}

func demoSystemTable() []demoSystemData {
	return []demoSystemData{demoHarbour(), demoLedger(), demoAtlas(), demoCourier(), demoDepot(), demoBeacon()}
}

// demoHarbour has, besides these, one group a department and one a team (see demoOrgGroups).
func demoHarbour() demoSystemData {
	return demoSystemData{
		id: "harbour", name: "Harbour", about: "Single sign-on: which doors open after signing in", owner: demoSeatCampaigns,
		usage: true,
		rights: append(demoOrgGroups(),
			demoRight{id: "remote-access", about: "Reach the office network from anywhere", kind: "group", risk: "medium", owner: "it.sec",
				who: "*=22 eng=80 it=95 sal=70 cs.fld=90 managers=85 ops=8"},
			demoRight{id: "remote-access-suppliers", about: "Supplier staff may reach the plant network", kind: "group", risk: "high", owner: "it.sec",
				who: "sup.buy=15 ops.fac=12"},
			demoRight{id: "office-licence", about: "Documents, spreadsheets and meetings (paid seat)", kind: "licence", risk: "low", owner: "it.tools",
				who: "*=92 ops.asm=35 sup.wh=45"},
			demoRight{id: "drawing-licence", about: "Mechanical drawing program (paid seat)", kind: "licence", risk: "low", owner: "eng.hw",
				who: "eng.hw=90 prd.des=45 ops.qc=30"},
			demoRight{id: "people-records", about: "Open personnel files: contracts, pay, sick notes", kind: "group", risk: "high", owner: "hr.data",
				who: "hr=75 leg=12"},
			demoRight{id: "board-papers", about: "Read papers prepared for the board", kind: "group", risk: "high", owner: demoSeatCEO,
				who: "ceo=100 heads=90 leg=25"},
			demoRight{id: "plant-doors", about: "Open every door of the plant in Kraków", kind: "group", risk: "medium", owner: "ops.fac",
				who: "ops.fac=80 ops.asm=12 it.ops=20"},
			demoRight{id: "helpdesk", about: "Unlock accounts and reset passwords of others", kind: "role", risk: "high", privileged: true, owner: "it.ops",
				who: "it.ops=70"},
			demoRight{id: "sign-in-reader", about: "See who signed in, when and from where", kind: "role", risk: "medium", owner: "it.sec",
				who: "it.sec=90 it.idn=80 leg=12"},
			demoRight{id: "sign-in-administrator", about: "Change how everybody signs in, and take over any account", kind: "role", risk: "critical",
				privileged: true, lower: "sign-in-reader", who: "it.idn=40"},
		),
	}
}

func demoLedger() demoSystemData {
	return demoSystemData{
		id: "ledger", name: "Ledger", about: "Finance: invoices, payments and the books", owner: "fin.sys", usage: true,
		rights: []demoRight{
			{id: "AP_ENTER", about: "Enter supplier invoices and credit notes", kind: "role", risk: "medium", owner: "fin.ap",
				who: "fin.ap=100 fin.acc=25"},
			{id: "AP_APPROVE_5K", about: "Approve supplier payments up to EUR 5,000", kind: "role", risk: "medium", owner: "fin.ap",
				who: "fin.ap=30 managers=35 ops=3"},
			{id: "AP_APPROVE_50K", about: "Approve supplier payments up to EUR 50,000", kind: "role", risk: "high", lower: "AP_APPROVE_5K", owner: "fin.ap",
				who: "fin.ap=14 fin.ctl=12 heads=70"},
			{id: "AP_APPROVE_ANY", about: "Approve supplier payments of any amount", kind: "role", risk: "critical", lower: "AP_APPROVE_50K", owner: "fin",
				who: "ceo=30 fin.acc=6 fin.tax=40"},
			{id: "SUPPLIER_EDIT", about: "Change suppliers' names, addresses and bank accounts", kind: "role", risk: "high", owner: "fin.ap",
				who: "fin.ap=20 sup.buy=25"},
			{id: "SUPPLIER_VIEW", about: "Look up suppliers and what is owed to them", kind: "role", risk: "low", owner: "fin.ap",
				who: "sup.buy=80 fin.ctl=60 fin.acc=50 ops.qc=20"},
			{id: "BANK_RELEASE", about: "Release payment files to the bank", kind: "role", risk: "critical", privileged: true, owner: "fin",
				who: "fin.acc=18 fin.tax=100"},
			{id: "BOOK_POST", about: "Post entries in the books", kind: "role", risk: "high", lower: "BOOK_VIEW", owner: "fin.acc",
				who: "fin.acc=95 fin.ctl=25"},
			{id: "BOOK_VIEW", about: "Read the books of all companies", kind: "role", risk: "medium", owner: "fin.acc",
				who: "fin.ctl=90 fin.ap=12 leg=25 heads=45"},
			{id: "PERIOD_CLOSE", about: "Open and close accounting periods", kind: "role", risk: "high", privileged: true, owner: "fin.acc",
				who: "fin.acc=25"},
			{id: "ASSET_EDIT", about: "Add and write off machines and equipment", kind: "role", risk: "medium", owner: "fin.acc",
				who: "fin.acc=40 ops.fac=15"},
			{id: "BUDGET_EDIT", about: "Change the budget of one's own department", kind: "role", risk: "medium", owner: "fin.ctl",
				who: "fin.ctl=80 managers=60"},
			{id: "PAYROLL_VIEW", about: "See what everybody earns", kind: "role", risk: "critical", owner: "hr",
				who: "fin.ctl=15 hr=22"},
			{id: "ORDER_CREATE", about: "Order goods and services up to EUR 10,000", kind: "role", risk: "medium", owner: "sup.buy",
				who: "sup.buy=90 ops.fac=40 managers=25 eng.hw=15"},
			{id: "EXPENSES", about: "Hand in travel expenses", kind: "role", risk: "low",
				who: "sal=60 cs.fld=70 managers=45"},
			{id: "LEDGER_ADMIN", about: "Do anything in Ledger, including changing who may do what", kind: "role", risk: "critical", privileged: true,
				who: "fin.sys=100 it.ops=8"},
		},
	}
}

func demoAtlas() demoSystemData {
	return demoSystemData{
		id: "atlas", name: "Atlas", about: "Cloud: where the instruments' online services run", owner: demoSeatOwner, usage: true,
		rights: []demoRight{
			{id: "production/administrator", about: "Do anything in production, including deleting it", kind: "role", risk: "critical", privileged: true,
				lower: "production/operator", who: "eng.cld=28 it.ops=6 eng.platform=100"},
			{id: "production/operator", about: "Restart and deploy services in production", kind: "role", risk: "high", privileged: true,
				lower: "production/viewer", who: "eng.cld=70 it.ops=20"},
			{id: "production/viewer", about: "Look at production: settings, logs and graphs", kind: "role", risk: "medium",
				who: "eng.cld=55 eng.sw=45 it=25 eng.qa=25 cs.fld=8"},
			{id: "production/databases", about: "Read production databases with customers' names and addresses", kind: "role", risk: "critical",
				lower: "production/viewer", who: "eng.cld=30 eng.sw=10 prd.pm=12"},
			{id: "production/secrets", about: "Read passwords and keys that production uses", kind: "role", risk: "critical", privileged: true, owner: "it.sec",
				who: "eng.cld=20 it.sec=25"},
			{id: "staging/administrator", about: "Do anything in the rehearsal environment", kind: "role", risk: "medium",
				lower: "staging/viewer", who: "eng.cld=80 eng.sw=50 eng.qa=60"},
			{id: "staging/viewer", about: "Look at the rehearsal environment", kind: "role", risk: "low",
				who: "eng.sw=55 eng.fw=55 eng.qa=45 prd=40"},
			{id: "sandbox/user", about: "Try things out in a separate playground", kind: "role", risk: "low",
				who: "eng=60 it=60 eng.hw=30"},
			{id: "billing/viewer", about: "See what the cloud costs", kind: "role", risk: "low",
				who: "fin.ctl=30 managers=10 eng.cld=20"},
			{id: "billing/administrator", about: "Change contracts and payment of the cloud", kind: "role", risk: "high", lower: "billing/viewer",
				who: "eng.platform=100 fin.ctl=10"},
			{id: "network/administrator", about: "Change firewalls and connections to the plant", kind: "role", risk: "critical", privileged: true, owner: "it.sec",
				who: "it.ops=25 it.sec=25"},
			{id: "audit/reader", about: "Read the record of who did what in the cloud", kind: "role", risk: "medium", owner: "it.sec",
				who: "it.sec=85 leg.audit=100"},
			{id: "backups/restore", about: "Bring back data from backups, over what is there now", kind: "role", risk: "high", privileged: true, owner: "it.ops",
				who: "it.ops=30"},
			{id: "telemetry/reader", about: "Read what instruments at customers' sites measure", kind: "role", risk: "medium",
				who: "eng.fw=40 cs.fld=55 prd.pm=40 ops.cal=15"},
		},
	}
}

// demoCourier is read over SCIM, which carries no description: the groups' names must say it all.
func demoCourier() demoSystemData {
	return demoSystemData{
		id: "courier", name: "Courier", about: "Mailing lists and team chat", owner: "it.tools", live: true,
		rights: append(demoCourierTeams(),
			demoRight{id: "Supplier payment alerts: who was paid and how much", who: "fin.ap=45 fin.acc=20 sup.buy=12 fin.ctl=10"},
			demoRight{id: "Month-end closing chat", who: "fin.acc=90 fin.ap=15 fin.ctl=70"},
			demoRight{id: "Invoices inbox: read and answer as invoices@" + demoDomain, who: "fin.ap=45"},
			demoRight{id: "Salary round chat", who: "hr=55 heads=40 fin.ctl=8"},
			demoRight{id: "Applicants inbox: read applications and CVs", who: "hr=55 managers=18"},
			demoRight{id: "Management announcements: write to all employees", who: "ceo=75 hr=12 mkt=14"},
			demoRight{id: "Heads of department chat", who: "heads=100 ceo=50"},
			demoRight{id: "Management team papers", who: "ceo=100 leg=20", holds: []string{"Heads of department chat"}},
			demoRight{id: "Cloud on duty", who: "eng.cld=75"},
			demoRight{id: "Incident room", who: "it.sec=90 it.ops=35 eng.sw=14", holds: []string{"Cloud on duty"}},
			demoRight{id: "Security reports: leaked passwords and attacks", who: "it.sec=100 leg=14 it.idn=40"},
			demoRight{id: "Complaints inbox: customers' names and devices", who: "ops.qc=60 cs.desk=70 cs.fld=20"},
			demoRight{id: "Recalls and warnings chat", who: "ops.qc=45 leg=25 prd.pm=20", holds: []string{"Complaints inbox: customers' names and devices"}},
			demoRight{id: "Price changes before they are public", who: "sal=35 prd.pm=50 mkt=14"},
			demoRight{id: "Big deals chat", who: "sal=40 fin.ctl=12 heads=30"},
			demoRight{id: "New product plans (secret until announced)", who: "prd=75 eng=9 mkt=22"},
			demoRight{id: "Bremen office news: write", who: "ops.fac=35 ceo=25"},
			demoRight{id: "Running and cycling chat", who: "*=9"},
		),
	}
}

func demoDepot() demoSystemData {
	return demoSystemData{
		id: "depot", name: "Depot", about: "Code: programs, firmware and how they are released", owner: "eng.principal", usage: true,
		rights: []demoRight{
			{id: "firmware:read", about: "Read the firmware's code", kind: "permission", risk: "low", owner: "eng.fw", who: "eng=55 eng.fw=35 eng.qa=75 ops.cal=25 prd.pm=30"},
			{id: "firmware:write", about: "Change the firmware's code", kind: "permission", risk: "medium", lower: "firmware:read", owner: "eng.fw", who: "eng.fw=95 eng.hw=35 eng.qa=25"},
			{id: "firmware:admin", about: "Change branch rules and secrets of the firmware", kind: "permission", risk: "high", privileged: true, lower: "firmware:write", owner: "eng.fw", who: "eng.fw=18 eng.principal=100"},
			{id: "instrument-app:read", about: "Read the code of the instruments' programs", kind: "permission", risk: "low", owner: "eng.sw", who: "eng=60 prd=35 eng.sw=30 cs.fld=12"},
			{id: "instrument-app:write", about: "Change the code of the instruments' programs", kind: "permission", risk: "medium", lower: "instrument-app:read", owner: "eng.sw", who: "eng.sw=95 eng.qa=35"},
			{id: "instrument-app:admin", about: "Change branch rules and secrets of the instruments' programs", kind: "permission", risk: "high", privileged: true, lower: "instrument-app:write", owner: "eng.sw", who: "eng.sw=15"},
			{id: "cloud:read", about: "Read the code of the online services", kind: "permission", risk: "low", owner: "eng.cld", who: "eng=50 it.sec=60 it.ops=35"},
			{id: "cloud:write", about: "Change the code of the online services", kind: "permission", risk: "medium", lower: "cloud:read", owner: "eng.cld", who: "eng.cld=95 eng.sw=18"},
			{id: "cloud:admin", about: "Change branch rules and secrets of the online services", kind: "permission", risk: "high", privileged: true, lower: "cloud:write", owner: "eng.cld", who: "eng.cld=18"},
			{id: "infrastructure:write", about: "Change the recipes that build the cloud", kind: "permission", risk: "high", owner: "eng.platform", who: "eng.cld=55 it.ops=18"},
			{id: "website:write", about: "Change the public web site", kind: "permission", risk: "medium", owner: "mkt", who: "mkt=22 eng.sw=8"},
			{id: "releases:sign", about: "Sign firmware that customers' instruments will accept", kind: "permission", risk: "critical", privileged: true, owner: "eng.fw", who: "eng.fw=18 eng.principal=100"},
			{id: "packages:publish", about: "Publish packages for customers to download", kind: "permission", risk: "high", who: "eng.sw=18 eng.fw=10"},
			{id: "security-findings:read", about: "Read weaknesses that are not fixed yet", kind: "permission", risk: "high", owner: "it.sec", who: "it.sec=80 eng.qa=20 eng=5"},
			{id: "owner", about: "Do anything in Depot, including deleting code", kind: "role", risk: "critical", privileged: true, who: "eng.principal=100 it.idn=15"},
		},
	}
}

func demoBeacon() demoSystemData {
	return demoSystemData{
		id: "beacon", name: "Beacon", about: "Customers: orders, prices and service", owner: "sal.ops", usage: true,
		rights: []demoRight{
			{id: "customers.view", about: "See customers' names, addresses and orders", kind: "permission", risk: "medium", who: "sal=95 cs=95 mkt=55 fin.ctl=30 ops.qc=45 prd.pm=50"},
			{id: "customers.edit", about: "Change customers' names, addresses and contacts", kind: "permission", risk: "medium", lower: "customers.view", who: "sal=65 cs.desk=75"},
			{id: "customers.export", about: "Download the whole customer list as a file", kind: "permission", risk: "critical", lower: "customers.view", who: "sal=12 mkt=22 cs.desk=8"},
			{id: "orders.enter", about: "Enter and change orders", kind: "permission", risk: "medium", who: "sal=70 cs.desk=60 sup.wh=60"},
			{id: "prices.view", about: "See list prices and discounts", kind: "permission", risk: "low", who: "sal=80 prd.pm=60 fin.ctl=30"},
			{id: "prices.edit", about: "Change list prices", kind: "permission", risk: "high", lower: "prices.view", who: "sal.ops=100 prd.pm=12 sal=3"},
			{id: "discounts.approve", about: "Approve discounts of more than 15 %", kind: "permission", risk: "high", who: "managers=12 sal=10"},
			{id: "service.cases", about: "Read and answer customers' service cases", kind: "permission", risk: "low", who: "cs=95 ops.cal=65 ops.qc=55 eng.fw=15 eng.sw=15"},
			{id: "refunds.pay", about: "Pay money back to customers up to EUR 1,000", kind: "permission", risk: "high", who: "cs.desk=35 fin.ap=10"},
			{id: "forecast.view", about: "See the sales forecast", kind: "permission", risk: "medium", who: "sal=45 fin.ctl=40 heads=60 ops=3"},
			{id: "campaign-mails.send", about: "Send mails to all customers", kind: "permission", risk: "high", owner: demoSeatLeft, who: "mkt=40"},
			{id: "administrator", about: "Do anything in Beacon, including changing who may do what", kind: "role", risk: "critical", privileged: true, who: "sal.ops=100 it.ops=10"},
		},
	}
}
