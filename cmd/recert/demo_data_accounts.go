package main

// demoOtherAccount is an account that is not simply one person's: a service's, an agent's, a
// shared one, or one that nobody can be found for.
type demoOtherAccount struct {
	system, id, username, display string
	person                        string // person_id as the system has it; it may be nobody's
	email                         string
	owner                         string // key of a seat
	kind, status                  string
	privileged                    bool
	idle                          int // days since the last sign-in; -1 is unknown
	rights                        []string
}

// Seats that own something although they are no longer there: planted, so that a review has
// something to find. The first owns a right and an account of Beacon, the second the service
// identity "Telemetry loader".
const (
	demoLeftOwner        = demoSeatLeft
	demoLeftServiceOwner = "eng.cld#3"
)

func demoOtherAccounts() []demoOtherAccount {
	return []demoOtherAccount{
		{"harbour", "h-9001", "svc-directory-sync", "Directory sync", "s08", "", demoSeatCampaigns, "service", "enabled", true, 0,
			[]string{"sign-in-administrator"}},
		{"harbour", "h-9002", "emergency-1", "Emergency access 1", "", "", demoSeatCampaigns, "shared", "enabled", true, -1,
			[]string{"sign-in-administrator"}},
		{"harbour", "h-9003", "reception", "Reception desk", "", "", "ops.fac", "shared", "enabled", false, 1,
			[]string{"office-licence", "plant-doors"}},
		{"harbour", "h-0417", "t.brandmoor", "T. Brandmoor", "u0417", "", "", "human", "enabled", false, 233,
			[]string{"remote-access", "office-licence"}},

		{"ledger", "L9001", "SVC-BANK", "Bank file sender", "s03", "", "fin.sys", "service", "enabled", true, 0,
			[]string{"BANK_RELEASE"}},
		{"ledger", "L9002", "AGENT-INVOICE", "Invoice reading agent", "a01", "", "fin.ap", "agent", "enabled", false, 0,
			[]string{"AP_ENTER", "SUPPLIER_VIEW"}},
		{"ledger", "L9003", "MONTHEND", "Month-end desk", "", "", "", "shared", "enabled", false, 9,
			[]string{"BOOK_POST", "PERIOD_CLOSE"}},
		{"ledger", "L9004", "EXTAUDIT", "External auditors", "", "team7@auditors.example.org", "fin.acc", "shared", "enabled", false, 301,
			[]string{"BOOK_VIEW", "PAYROLL_VIEW"}},
		{"ledger", "L0388", "PWEATHERLOE", "P. Weatherloe", "u0388", "", "", "human", "enabled", false, 512,
			[]string{"AP_ENTER", "AP_APPROVE_5K"}},

		{"atlas", "service/backup", "svc-backup", "Nightly backup", "s01", "", "it.ops", "service", "enabled", true, 0,
			[]string{"backups/restore", "production/databases"}},
		{"atlas", "service/builder", "svc-builder", "Release builder", "s02", "", "", "service", "enabled", true, 0,
			[]string{"production/operator", "staging/administrator"}},
		{"atlas", "service/cost-report", "svc-cost-report", "Cloud cost report", "s05", "", demoSeatOwner, "service", "enabled", false, 2,
			[]string{"billing/viewer", "production/viewer"}},
		{"atlas", "service/monitoring", "svc-monitoring", "Monitoring", "s06", "", "eng.cld", "service", "enabled", false, 0,
			[]string{"production/viewer", "staging/viewer", "telemetry/reader"}},
		{"atlas", "service/telemetry", "svc-telemetry", "Telemetry loader", "s07", "", "", "service", "enabled", false, 0,
			[]string{"telemetry/reader", "production/operator"}},
		{"atlas", "service/incident-agent", "agent-incident", "Incident summary agent", "a04", "", "eng.cld", "agent", "enabled", false, 6,
			[]string{"production/viewer", "audit/reader"}},
		{"atlas", "key/legacy-upload", "key-legacy-upload", "Upload key of the old web shop", "", "", "", "service", "enabled", false, 387,
			[]string{"production/databases", "production/secrets"}},
		{"atlas", "user/test-admin", "test-admin", "Test administrator", "", "", "", "shared", "enabled", true, 411,
			[]string{"production/administrator", "staging/administrator"}},
		{"atlas", "user/m.quillon", "m.quillon", "M. Quillon (consultant)", "", "m.quillon@partner.example.org", "", "human", "enabled", false, 148,
			[]string{"staging/viewer", "sandbox/user"}},

		{"courier", "", "monitoring", "Monitoring", "", "monitoring@" + demoDomain, "", "service", "enabled", false, -1,
			[]string{"Incident room"}},
		{"courier", "", "frontdesk", "Front desk", "", "frontdesk@" + demoDomain, "", "shared", "enabled", false, -1,
			[]string{"Bremen office news: write"}},
		{"courier", "", "guest.quillon", "M. Quillon (guest)", "", "m.quillon@partner.example.org", "", "human", "enabled", false, -1,
			[]string{"Cloud on duty", "Engineering mailing list"}},

		{"depot", "release-bot", "release-bot", "Release builder", "s02", "", "eng.principal", "service", "enabled", true, 0,
			[]string{"releases:sign", "packages:publish", "firmware:read"}},
		{"depot", "review-agent", "review-agent", "Code review agent", "a03", "", "eng.principal", "agent", "enabled", false, 0,
			[]string{"firmware:read", "instrument-app:read", "cloud:read"}},
		{"depot", "nightowl-77", "nightowl-77", "nightowl-77", "", "nightowl77@mail.example.net", "", "human", "enabled", false, 64,
			[]string{"instrument-app:write", "packages:publish"}},
		{"depot", "old-build-server", "old-build-server", "Old build server", "", "", "", "service", "enabled", true, 640,
			[]string{"releases:sign"}},

		{"beacon", "B9001", "svc-order-import", "Order import", "s04", "", "sal.ops", "service", "enabled", false, 0,
			[]string{"orders.enter", "customers.view"}},
		{"beacon", "B9002", "agent-replies", "Reply drafting agent", "a02", "", "cs.desk", "agent", "enabled", false, 0,
			[]string{"service.cases", "customers.view"}},
		{"beacon", "B9003", "fair-tablet", "Trade fair tablet", "", "", demoLeftOwner, "shared", "enabled", false, 122,
			[]string{"customers.view", "customers.edit"}},
		{"beacon", "B9004", "newsletter-tool", "Newsletter tool", "", "", "", "service", "enabled", false, 31,
			[]string{"customers.export"}},
	}
}
