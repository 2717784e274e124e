// Package ticket asks people to remove access by tickets of the system they work in: Jira (Cloud and
// Data Center) or ServiceNow. It opens a ticket, follows it and comments on it. A ticket that is
// closed proves nothing: the source is read again for that.
//
// In a source's settings, for Jira:
//
//	revoke:
//	  mode: ticket
//	  ticket:
//	    system: jira
//	    url: https://example.atlassian.net
//	    deployment: cloud            # or server, for Data Center
//	    user: recert@example.com     # with an API token; without a user the token is a personal access token
//	    token: ${JIRA_TOKEN}
//	    project: SEC
//	    issue_type: Task             # this is what it is where nothing is said
//
// The account needs the rights to browse the project, to create issues, and to read and write comments, and
// labels must be on the screen for new issues of that type: a label is how a ticket is found again
// whose answer was lost. A ticket counts as closed in a status of the category Done, or in one of
// closed_states where these are given.
//
// For ServiceNow:
//
//	system: servicenow
//	url: https://example.service-now.com
//	user: recert                 # with a password; without a user the token is an OAuth access token
//	token: ${SERVICENOW_PASSWORD}
//	table: sc_task               # incident where nothing is said
//	assignment_group: IAM
//
// The account needs to create and read records of the table, to write correlation_id, by which a
// record is found again, and to read and write work notes. A record counts as closed when it is not active
// any more, an incident also when it is resolved, or in one of closed_states (values or labels).
package ticket
