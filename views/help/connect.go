package help

// Example is a source that a file describes, because no form connects it.
type Example struct {
	Part string // of the address, after the #
	Name string
	Text string
	YAML string
}

// Examples are the kinds of sources that are described in a file alone.
var Examples = []Example{
	{
		"connect-sql", "Your own SQL queries",
		"They read any table of PostgreSQL, MySQL or MariaDB. Only grants is required. With check and revoke, Recert can also remove access by itself; give revoke: {mode: connector} then.",
		`apiVersion: recert/v1
kind: Source
name: orders
spec:
  provides: access
  type: sql
  url: postgres://recert@db.example.com:5432/orders
  password: ${ORDERS_DB_PASSWORD}
  sql:
    accounts: SELECT id AS account_id, login AS username, email FROM users
    entitlements: SELECT id AS entitlement_id, name FROM roles
    grants: SELECT user_id AS account_id, role_id AS entitlement_id FROM user_roles
`,
	}, {
		"connect-exec", "A program of your own",
		"It speaks JSON lines: campaigns/connector/exec/FORMAT.md in the source code says which, with an example in shell. It runs as the user that Recert runs as, and what is secret reaches it by its environment.",
		`apiVersion: recert/v1
kind: Source
name: badges
spec:
  provides: access
  type: exec
  exec:
    command: [/usr/local/bin/badge-access, --site, main]
    env: {BADGE_TOKEN: "${BADGE_TOKEN}"}
`,
	}, {
		"connect-baton", "Baton connectors",
		"Install the connector on the server first. Its secrets are variables: the flag --token of a connector is BATON_TOKEN.",
		`apiVersion: recert/v1
kind: Source
name: github
spec:
  provides: access
  type: baton
  baton:
    command: [/usr/local/bin/baton-github, --orgs, example]
    env: {BATON_TOKEN: "${GITHUB_TOKEN}"}
`,
	},
}
