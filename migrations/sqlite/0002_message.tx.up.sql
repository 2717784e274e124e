-- What people are told: one row a message, kept as the record of who was told what and when.
CREATE TABLE IF NOT EXISTS messages (
    id          INTEGER PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE, -- one message an occasion, whoever asks for it and however often
    kind        TEXT NOT NULL, -- removal_notice, came_back, contested, contest_answered, task
    run_id      INTEGER,
    person_key  INTEGER, -- NULL: to an address that is nobody's
    address     TEXT NOT NULL, -- '' until it is sent: the person's address at that time
    data        TEXT NOT NULL, -- JSON of model.MessageData
    state       TEXT NOT NULL, -- queued, sending, sent, failed, cancelled
    attempts    INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER,
    next_at     INTEGER NOT NULL,
    last_error  TEXT NOT NULL, -- why it is not sent yet, or never was; '' while all is well
    subject     TEXT NOT NULL, -- as sent; '' before
    body        TEXT NOT NULL, -- the text as sent; '' before
    created_at  INTEGER NOT NULL,
    sent_at     INTEGER
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (next_at, id) WHERE state IN ('queued', 'sending');
CREATE INDEX IF NOT EXISTS messages_state ON messages (state, id);
CREATE INDEX IF NOT EXISTS messages_notice ON messages (run_id, person_key, id) WHERE kind = 'removal_notice';
-- The removals that a message tells of.
CREATE TABLE IF NOT EXISTS message_items (
    message_id     INTEGER NOT NULL REFERENCES messages (id),
    remediation_id INTEGER NOT NULL REFERENCES remediations (id),
    PRIMARY KEY (message_id, remediation_id)
);
CREATE INDEX IF NOT EXISTS message_items_removal ON message_items (remediation_id);
-- What a removal was before it came back, or before it was given back on purpose: one row each time that it was proven and that did
-- not last. Lag figures count each time by itself.
CREATE TABLE IF NOT EXISTS removal_spells (
    remediation_id INTEGER NOT NULL REFERENCES remediations (id),
    n              INTEGER NOT NULL, -- 1, 2, …
    began_at       INTEGER NOT NULL, -- when it was queued, or had come back
    called_at      INTEGER, -- when the system, or a person, was first asked after that; NULL where nobody had to be
    proven_at      INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL, -- when that was seen to be over
    PRIMARY KEY (remediation_id, n)
);
-- Who is told of what happens to a run's removals: the person that the campaign names, else who launched it.
ALTER TABLE runs ADD COLUMN owner_key INTEGER;
