-- What removals of mode ticket and webhook are in the system that they are asked of: one row from the first order on.
CREATE TABLE IF NOT EXISTS tickets (
    remediation_id INTEGER PRIMARY KEY REFERENCES remediations (id),
    system         TEXT NOT NULL, -- Jira, ServiceNow, webhook
    key            TEXT NOT NULL UNIQUE, -- ours, the same for every try of one order: by it an order is found again
    ack_hash       TEXT NOT NULL, -- hexadecimal SHA-256 of what nobody can guess of the address to report to; '' where there is none
    ref            TEXT NOT NULL, -- of the order, for people; '' while it is not known whether there is one
    handle         TEXT NOT NULL, -- of the order, for the system
    url            TEXT NOT NULL,
    status         TEXT NOT NULL, -- in the system's words
    closed_at      INTEGER, -- when it was first seen to be closed since it was last open; what is read from then on tells
    told           BOOLEAN NOT NULL, -- since it was closed, it was told there that the access is still there
    note           TEXT NOT NULL, -- what was reported with it
    looks          INTEGER NOT NULL, -- in a row that showed nothing new
    followed_at    INTEGER -- last looked at
);
CREATE INDEX IF NOT EXISTS tickets_ack ON tickets (ack_hash) WHERE ack_hash <> '';
-- Ids of reports that were taken lately: none is taken twice.
CREATE TABLE IF NOT EXISTS hook_messages (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    id        TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (source_id, id)
);
