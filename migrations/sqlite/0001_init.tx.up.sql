-- Times are integers: microseconds since the Unix epoch, UTC; NULL is unknown.
-- A *_key is a small integer for a natural key, for the tables that hold millions of rows.

CREATE TABLE IF NOT EXISTS configs (
    kind       TEXT NOT NULL, -- Source, Campaign, Policy, RoleMapping, Notification, Settings
    name       TEXT NOT NULL,
    spec       TEXT NOT NULL, -- canonical JSON; secrets stay ${NAME} placeholders
    sha256     TEXT NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE TABLE IF NOT EXISTS sources (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    provides   TEXT NOT NULL, -- people, access
    type       TEXT NOT NULL,
    paused     TEXT NOT NULL, -- why removals in it are paused; '' when they are not
    moved_at   INTEGER, -- when the settings last came to name another system, as far as anybody knows
    created_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS snapshots (
    id          INTEGER PRIMARY KEY, -- later in a source is later in as_of, among the sealed
    source_id   INTEGER NOT NULL REFERENCES sources (id),
    as_of       INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    state       TEXT NOT NULL, -- loading, held, sealed, discarded
    previous_id INTEGER, -- the sealed snapshot it was compared with
    origin      TEXT NOT NULL, -- cli, upload, live
    actor       TEXT NOT NULL,
    released_by TEXT NOT NULL,
    reasons     TEXT NOT NULL, -- JSON list of sentences: why it is or was held
    extraction  TEXT NOT NULL, -- JSON
    unmatched   TEXT NOT NULL, -- JSON, reason -> accounts
    problems    TEXT NOT NULL, -- JSON: manager cycles, missing managers
    rejects     INTEGER NOT NULL,
    rejects_root TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL, -- while loading: the last sign of life of the process that loads it
    ended_at    INTEGER,
    sealed_at   INTEGER
);
CREATE INDEX IF NOT EXISTS snapshots_source ON snapshots (source_id, state, as_of);
CREATE UNIQUE INDEX IF NOT EXISTS snapshots_loading ON snapshots (source_id) WHERE state = 'loading';

-- The population ledger, a row a kind.
CREATE TABLE IF NOT EXISTS snapshot_kinds (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    kind        TEXT NOT NULL,
    given       BOOLEAN NOT NULL, -- false: carried forward from the previous snapshot
    read_rows   INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL, -- of the rejected
    new_rows    INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    unchanged   INTEGER NOT NULL,
    gone        INTEGER NOT NULL,
    previous    INTEGER NOT NULL,
    implied     INTEGER NOT NULL, -- named by grants only
    expected    INTEGER, -- the independent control total
    root        TEXT NOT NULL, -- commits to the accepted rows; '' where the kind was not given
    PRIMARY KEY (snapshot_id, kind)
);

CREATE TABLE IF NOT EXISTS snapshot_files (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (snapshot_id, kind)
);

CREATE TABLE IF NOT EXISTS rejects (
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    n           INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    file        TEXT NOT NULL,
    line        INTEGER NOT NULL,
    col         TEXT NOT NULL,
    reason      TEXT NOT NULL,
    raw         TEXT NOT NULL,
    salt        BLOB NOT NULL, -- opens commitment; empty once erased
    commitment  TEXT NOT NULL, -- of reason and raw, which may be personal; what rejects_root is made of
    PRIMARY KEY (snapshot_id, n)
);

-- From here to staging there are no foreign keys: ingest fills these tables by the million, and
-- checking each row costs as much as the row. recert doctor checks them.

-- Natural keys, and the versions of what is known of each: a version holds from first_snapshot
-- to last_snapshot, NULL while it is the current one.
CREATE TABLE IF NOT EXISTS people (
    key       INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    UNIQUE (source_id, person_id)
);
CREATE TABLE IF NOT EXISTS person_versions (
    person_key     INTEGER NOT NULL,
    first_snapshot INTEGER NOT NULL,
    last_snapshot  INTEGER,
    source_id      INTEGER NOT NULL,
    hash           BLOB NOT NULL,
    data           TEXT NOT NULL, -- canonical JSON of model.Person
    id_fold        TEXT NOT NULL,
    name_fold      TEXT NOT NULL,
    email_fold     TEXT NOT NULL,
    manager_id     TEXT NOT NULL,
    status         TEXT NOT NULL,
    PRIMARY KEY (person_key, first_snapshot)
);
CREATE UNIQUE INDEX IF NOT EXISTS person_versions_live ON person_versions (source_id, person_key) WHERE last_snapshot IS NULL;
CREATE INDEX IF NOT EXISTS person_versions_id ON person_versions (id_fold) WHERE last_snapshot IS NULL;
CREATE INDEX IF NOT EXISTS person_versions_email ON person_versions (email_fold) WHERE last_snapshot IS NULL;
CREATE INDEX IF NOT EXISTS person_versions_manager ON person_versions (manager_id) WHERE last_snapshot IS NULL;

CREATE TABLE IF NOT EXISTS accounts (
    key        INTEGER PRIMARY KEY,
    source_id  INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    UNIQUE (source_id, account_id)
);
CREATE TABLE IF NOT EXISTS account_versions (
    account_key    INTEGER NOT NULL,
    first_snapshot INTEGER NOT NULL,
    last_snapshot  INTEGER,
    source_id      INTEGER NOT NULL,
    hash           BLOB NOT NULL,
    data           TEXT NOT NULL, -- canonical JSON of model.Account, without usage
    PRIMARY KEY (account_key, first_snapshot)
);
CREATE UNIQUE INDEX IF NOT EXISTS account_versions_live ON account_versions (source_id, account_key) WHERE last_snapshot IS NULL;
CREATE TABLE IF NOT EXISTS account_usage (
    account_key   INTEGER PRIMARY KEY,
    last_login_at INTEGER NOT NULL
);

-- Which person an account belongs to, worked out anew after every snapshot; frozen in the items at launch.
CREATE TABLE IF NOT EXISTS correlations (
    account_key INTEGER PRIMARY KEY,
    source_id   INTEGER NOT NULL,
    person_key  INTEGER,
    rule        TEXT NOT NULL, -- which rule matched; '' when none
    reason      TEXT NOT NULL  -- why it is unmatched; '' when it is matched
);
CREATE INDEX IF NOT EXISTS correlations_person ON correlations (person_key) WHERE person_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS correlations_reason ON correlations (source_id, reason) WHERE person_key IS NULL;

CREATE TABLE IF NOT EXISTS entitlements (
    key            INTEGER PRIMARY KEY,
    source_id      INTEGER NOT NULL,
    entitlement_id TEXT NOT NULL,
    UNIQUE (source_id, entitlement_id)
);
CREATE TABLE IF NOT EXISTS entitlement_versions (
    entitlement_key INTEGER NOT NULL,
    first_snapshot  INTEGER NOT NULL,
    last_snapshot   INTEGER,
    source_id       INTEGER NOT NULL,
    hash            BLOB NOT NULL,
    data            TEXT NOT NULL, -- canonical JSON of model.Entitlement
    PRIMARY KEY (entitlement_key, first_snapshot)
);
CREATE UNIQUE INDEX IF NOT EXISTS entitlement_versions_live ON entitlement_versions (source_id, entitlement_key) WHERE last_snapshot IS NULL;

-- A grant is an interval: one row from the first snapshot that shows it to the last. Absence, or
-- another granted_at, closes it.
CREATE TABLE IF NOT EXISTS grants (
    source_id       INTEGER NOT NULL,
    id              INTEGER NOT NULL,
    account_key     INTEGER NOT NULL,
    entitlement_key INTEGER NOT NULL,
    via             TEXT NOT NULL,
    granted_at      INTEGER,
    hash            BLOB NOT NULL,
    data            TEXT NOT NULL, -- canonical JSON of what else the source says; '' when nothing
    first_snapshot  INTEGER NOT NULL,
    last_snapshot   INTEGER,
    PRIMARY KEY (source_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS grants_live ON grants (source_id, account_key, entitlement_key, via) WHERE last_snapshot IS NULL;
CREATE INDEX IF NOT EXISTS grants_closed ON grants (source_id, account_key, entitlement_key) WHERE last_snapshot IS NOT NULL;
CREATE INDEX IF NOT EXISTS grants_entitlement ON grants (source_id, entitlement_key);
-- What a grant said before a snapshot changed it in place.
CREATE TABLE IF NOT EXISTS grant_changes (
    source_id     INTEGER NOT NULL,
    grant_id      INTEGER NOT NULL,
    last_snapshot INTEGER NOT NULL, -- the last one that showed this
    hash          BLOB NOT NULL,
    data          TEXT NOT NULL,
    PRIMARY KEY (source_id, grant_id, last_snapshot)
);
CREATE TABLE IF NOT EXISTS grant_usage (
    source_id    INTEGER NOT NULL,
    grant_id     INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (source_id, grant_id)
) WITHOUT ROWID;

-- Staging: rows of a snapshot that is loading or held. Emptied after it is sealed or discarded.
-- Each table is kept in the order in which the snapshots are compared.
CREATE TABLE IF NOT EXISTS stage_rows (
    snapshot_id INTEGER NOT NULL,
    kind        TEXT NOT NULL, -- people, accounts, entitlements
    key         INTEGER NOT NULL, -- of people, accounts, entitlements
    hash        BLOB NOT NULL,
    data        TEXT NOT NULL,
    usage_at    INTEGER,
    id_fold     TEXT NOT NULL, -- from here on: of people, else ''
    name_fold   TEXT NOT NULL,
    email_fold  TEXT NOT NULL,
    manager_id  TEXT NOT NULL,
    status      TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stage_grants (
    snapshot_id     INTEGER NOT NULL,
    account_key     INTEGER NOT NULL,
    entitlement_key INTEGER NOT NULL,
    via             TEXT NOT NULL,
    n               INTEGER NOT NULL, -- 1, 2, … in the order of the source
    granted_at      INTEGER,
    hash            BLOB NOT NULL,
    data            TEXT NOT NULL,
    usage_at        INTEGER,
    PRIMARY KEY (snapshot_id, account_key, entitlement_key, via)
) WITHOUT ROWID;
-- Keys at which a staged snapshot and the live grants differ.
CREATE TABLE IF NOT EXISTS stage_deltas (
    snapshot_id     INTEGER NOT NULL,
    account_key     INTEGER NOT NULL,
    entitlement_key INTEGER NOT NULL,
    via             TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, account_key, entitlement_key, via)
) WITHOUT ROWID;

-- Campaigns. A definition is in configs; each launch of it is a run.
CREATE TABLE IF NOT EXISTS runs (
    id           INTEGER PRIMARY KEY,
    campaign     TEXT NOT NULL,
    name         TEXT NOT NULL UNIQUE, -- CAMPAIGN@DATE
    state        TEXT NOT NULL, -- running, closed
    spec         TEXT NOT NULL, -- canonical JSON, as launched
    time_zone    TEXT NOT NULL,
    due_at       INTEGER NOT NULL,
    launched_at  INTEGER NOT NULL,
    launched_by  TEXT NOT NULL,
    closed_at    INTEGER,
    closed_by    TEXT NOT NULL,
    items        INTEGER NOT NULL,
    items_root   TEXT NOT NULL,
    excluded     INTEGER NOT NULL,
    excluded_root TEXT NOT NULL,
    summary      TEXT NOT NULL -- JSON: the counts that launch showed
);
CREATE TABLE IF NOT EXISTS run_sources (
    run_id      INTEGER NOT NULL REFERENCES runs (id),
    source_id   INTEGER NOT NULL REFERENCES sources (id),
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    PRIMARY KEY (run_id, source_id)
);
-- One running run of a campaign, whatever two launches at once believe.
CREATE UNIQUE INDEX IF NOT EXISTS runs_running ON runs (campaign) WHERE state = 'running';
-- What the reviewer saw of the account and its person; the value and its salt can be erased, the
-- commitment stays.
CREATE TABLE IF NOT EXISTS run_subjects (
    run_id      INTEGER NOT NULL,
    account_key INTEGER NOT NULL,
    person_key  INTEGER,
    value       TEXT NOT NULL,
    salt        BLOB NOT NULL,
    commitment  TEXT NOT NULL,
    search      TEXT NOT NULL,
    PRIMARY KEY (run_id, account_key)
);
CREATE TABLE IF NOT EXISTS run_entitlements (
    run_id          INTEGER NOT NULL,
    entitlement_key INTEGER NOT NULL,
    value           TEXT NOT NULL,
    search          TEXT NOT NULL,
    PRIMARY KEY (run_id, entitlement_key)
);
-- One row a reviewer, with the counters that every page reads.
CREATE TABLE IF NOT EXISTS run_reviewers (
    run_id     INTEGER NOT NULL,
    person_key INTEGER NOT NULL,
    value      TEXT NOT NULL,
    salt       BLOB NOT NULL,
    commitment TEXT NOT NULL,
    items      INTEGER NOT NULL,
    kept       INTEGER NOT NULL,
    revoked    INTEGER NOT NULL,
    reduced    INTEGER NOT NULL,
    unsure     INTEGER NOT NULL,
    gone       INTEGER NOT NULL,
    signed_at  INTEGER,
    PRIMARY KEY (run_id, person_key)
);
-- In reviewer order, so that a reviewer's page and bulk answers touch neighbouring rows.
CREATE TABLE IF NOT EXISTS items (
    run_id          INTEGER NOT NULL,
    id              INTEGER NOT NULL,
    source_id       INTEGER NOT NULL,
    account_key     INTEGER NOT NULL,
    entitlement_key INTEGER, -- NULL: an account without any grant
    grant_id        INTEGER, -- the direct grant, else the first path
    person_key      INTEGER,
    reviewer_key    INTEGER NOT NULL,
    basis           TEXT NOT NULL,
    facts           TEXT NOT NULL, -- canonical JSON of the frozen grant facts
    text_hash       BLOB NOT NULL, -- SHA-256 of the canonical context shown
    record_hash     BLOB NOT NULL,
    answer          TEXT NOT NULL, -- '', keep, revoke, reduce, unsure
    outcome         TEXT NOT NULL, -- '' until final; keep, revoke, reduce, unsure, none, gone
    by_default      BOOLEAN NOT NULL,
    version         INTEGER NOT NULL,
    decided_at      INTEGER,
    gone_snapshot   INTEGER,
    PRIMARY KEY (run_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_reviewer ON items (run_id, reviewer_key, id);
CREATE INDEX IF NOT EXISTS items_access ON items (source_id, account_key, entitlement_key);
CREATE TABLE IF NOT EXISTS excluded (
    run_id    INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    grant_id  INTEGER, -- NULL: an account without any grant
    account_key INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    PRIMARY KEY (run_id, n)
);
-- Who an item moved to after launch, and why; where it stood at launch is in the item's record.
CREATE TABLE IF NOT EXISTS assignments (
    run_id   INTEGER NOT NULL,
    item_id  INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    from_key INTEGER NOT NULL,
    to_key   INTEGER NOT NULL,
    basis    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (run_id, item_id, n)
);
CREATE TABLE IF NOT EXISTS decisions (
    run_id       INTEGER NOT NULL,
    item_id      INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    reviewer_key INTEGER NOT NULL,
    answer       TEXT NOT NULL, -- keep, revoke, reduce, unsure, not_mine, none (undone)
    until        TEXT NOT NULL,
    lower_to     TEXT NOT NULL,
    comment      TEXT NOT NULL,
    idem_key     TEXT NOT NULL,
    event_id     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (run_id, item_id, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS decisions_idem ON decisions (run_id, item_id, idem_key);

-- The outbox: its rows are the remediation evidence.
CREATE TABLE IF NOT EXISTS remediations (
    id              INTEGER PRIMARY KEY,
    run_id          INTEGER NOT NULL,
    item_id         INTEGER NOT NULL,
    source_id       INTEGER NOT NULL REFERENCES sources (id),
    grant_id        INTEGER NOT NULL, -- 0: the whole account
    account_key     INTEGER NOT NULL,
    entitlement_key INTEGER,
    via             TEXT NOT NULL,
    mode            TEXT NOT NULL, -- connector, manual
    access          TEXT NOT NULL, -- JSON of connector.Access, frozen as reviewed
    state           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    task            TEXT NOT NULL, -- what a person has to do; '' with a connector
    assignee_key    INTEGER,
    attempts        INTEGER NOT NULL,
    fence           INTEGER NOT NULL,
    lease_until     INTEGER,
    next_at         INTEGER NOT NULL,
    called_at       INTEGER, -- when the last call began, or the last attempt after one: only a read after it proves anything
    in_doubt_since  INTEGER, -- a call without a known answer: nobody else changes the same object until it is settled
    retry_base      INTEGER, -- attempts made before a person let a failed removal go on: they count no more
    approved        TEXT NOT NULL DEFAULT '', -- the second person who let it go on, '' while nobody had to
    approved_for    TEXT NOT NULL DEFAULT '', -- the reasons that were let go on, a line each
    proof           TEXT NOT NULL, -- '', read, snapshot
    proof_snapshot  INTEGER,
    queued_at       INTEGER NOT NULL,
    closed_at       INTEGER
);
-- An answer that was undone before anything was asked leaves a cancelled row; the next one makes a new row.
CREATE UNIQUE INDEX IF NOT EXISTS remediations_once ON remediations (run_id, item_id, grant_id) WHERE state <> 'cancelled';
CREATE INDEX IF NOT EXISTS remediations_item ON remediations (run_id, item_id);
CREATE INDEX IF NOT EXISTS remediations_due ON remediations (source_id, mode, next_at, id) WHERE state IN ('queued', 'sent', 'came_back');
CREATE INDEX IF NOT EXISTS remediations_access ON remediations (source_id, account_key, entitlement_key);
-- How many were asked of a source lately: the brake on removals looks here.
CREATE INDEX IF NOT EXISTS remediations_called ON remediations (source_id, called_at) WHERE called_at IS NOT NULL;
-- The few that somebody is at: a claim looks here whether the group or the account is free.
CREATE INDEX IF NOT EXISTS remediations_busy ON remediations (source_id, entitlement_key) WHERE lease_until IS NOT NULL OR in_doubt_since IS NOT NULL;
CREATE INDEX IF NOT EXISTS remediations_busy_account ON remediations (source_id, account_key) WHERE lease_until IS NOT NULL OR in_doubt_since IS NOT NULL;
-- The switch that stops what connectors remove: one row while it is off.
CREATE TABLE IF NOT EXISTS removal_stops (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    reason TEXT NOT NULL,
    actor  TEXT NOT NULL,
    at     INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS attempts (
    remediation_id INTEGER NOT NULL REFERENCES remediations (id),
    n              INTEGER NOT NULL,
    fence          INTEGER NOT NULL,
    worker         TEXT NOT NULL,
    intent_at      INTEGER NOT NULL,
    before         TEXT NOT NULL, -- JSON of connector.Observation; '' until read
    called_at      INTEGER,
    outcome        TEXT NOT NULL,
    after          TEXT NOT NULL,
    read_at        INTEGER,
    ended_at       INTEGER,
    detail         TEXT NOT NULL,
    PRIMARY KEY (remediation_id, n)
);
CREATE INDEX IF NOT EXISTS attempts_open ON attempts (remediation_id) WHERE ended_at IS NULL;

-- Evidence. Rows of events, log and checkpoints can be neither changed nor deleted.
CREATE TABLE IF NOT EXISTS events (
    id     INTEGER PRIMARY KEY,
    type   TEXT NOT NULL,
    run    TEXT NOT NULL,
    object TEXT NOT NULL,
    leaf   BLOB NOT NULL,
    hash   BLOB NOT NULL,
    at     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS events_object ON events (object, run, id);
CREATE INDEX IF NOT EXISTS events_run ON events (run, id);
CREATE TABLE IF NOT EXISTS disclosures (
    event_id INTEGER NOT NULL REFERENCES events (id),
    field    TEXT NOT NULL,
    salt     BLOB NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (event_id, field)
);
CREATE TABLE IF NOT EXISTS log_entries (
    idx      INTEGER PRIMARY KEY,
    event_id INTEGER NOT NULL UNIQUE REFERENCES events (id)
);
CREATE TABLE IF NOT EXISTS log_nodes (
    idx  INTEGER PRIMARY KEY, -- stored hash index of x/mod sumdb/tlog
    hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    at   INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS log_keys (
    name TEXT PRIMARY KEY,
    skey TEXT NOT NULL, -- '' when the key is kept outside the database
    vkey TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER IF NOT EXISTS log_entries_no_update BEFORE UPDATE ON log_entries BEGIN SELECT RAISE(ABORT, 'log_entries is append-only'); END;
CREATE TRIGGER IF NOT EXISTS log_entries_no_delete BEFORE DELETE ON log_entries BEGIN SELECT RAISE(ABORT, 'log_entries is append-only'); END;
CREATE TRIGGER IF NOT EXISTS log_nodes_no_update BEFORE UPDATE ON log_nodes BEGIN SELECT RAISE(ABORT, 'log_nodes is append-only'); END;
CREATE TRIGGER IF NOT EXISTS log_nodes_no_delete BEFORE DELETE ON log_nodes BEGIN SELECT RAISE(ABORT, 'log_nodes is append-only'); END;
CREATE TRIGGER IF NOT EXISTS checkpoints_no_update BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER IF NOT EXISTS checkpoints_no_delete BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
CREATE TRIGGER IF NOT EXISTS decisions_no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;

-- Who may sign in.
CREATE TABLE IF NOT EXISTS users (
    id            INTEGER PRIMARY KEY,
    iss           TEXT NOT NULL, -- 'login-link' for break-glass users, who are nobody's identity
    sub           TEXT NOT NULL,
    email         TEXT NOT NULL,
    name          TEXT NOT NULL,
    person_key    INTEGER REFERENCES people (key),
    roles         TEXT NOT NULL, -- as of the last login, comma-separated
    theme         TEXT NOT NULL, -- '', light, dark
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER NOT NULL,
    UNIQUE (iss, sub)
);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash   BLOB PRIMARY KEY, -- SHA-256 of the cookie's random token
    user_id      INTEGER REFERENCES users (id), -- NULL before login
    data         TEXT NOT NULL, -- JSON: values of the session
    roles        TEXT NOT NULL,
    iss          TEXT NOT NULL,
    sub          TEXT NOT NULL,
    sid          TEXT NOT NULL,
    id_token     TEXT NOT NULL,
    acr          TEXT NOT NULL,
    amr          TEXT NOT NULL,
    auth_time    INTEGER,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_sid ON sessions (iss, sid);
CREATE INDEX IF NOT EXISTS sessions_sub ON sessions (iss, sub);
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);
CREATE TABLE IF NOT EXISTS login_links (
    token_hash BLOB PRIMARY KEY,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
);
CREATE TABLE IF NOT EXISTS logout_tokens (
    jti        TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
);

-- Credentials of connectors that were typed into a form: the value under a data key of its own, that
-- key under the master key, which is never here.
CREATE TABLE IF NOT EXISTS secrets (
    name       TEXT PRIMARY KEY,
    key_id     TEXT NOT NULL, -- of the master key
    wrapped    BLOB NOT NULL, -- the data key
    sealed     BLOB NOT NULL, -- the value
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

-- Uploads that wait for their mapping, and packages: in chunks, so that any replica can serve them.
CREATE TABLE IF NOT EXISTS blobs (
    token      TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL, -- upload, package
    owner      TEXT NOT NULL,
    meta       TEXT NOT NULL, -- JSON
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE TABLE IF NOT EXISTS blob_chunks (
    token TEXT NOT NULL REFERENCES blobs (token) ON DELETE CASCADE,
    n     INTEGER NOT NULL,
    data  BLOB NOT NULL,
    PRIMARY KEY (token, n)
);

-- SQLite's planner guesses badly without statistics: it takes a primary key that begins with
-- source_id for selective and reads a million grants to find one account's. These figures are of
-- an installation of ordinary shape; they are written down rather than measured, so that every
-- installation gets the same plans.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('grants', 'grants', '1000000 100000 1'),
    ('grants', 'grants_live', '900000 90000 4 2 1'),
    ('grants', 'grants_closed', '100000 10000 3 2'),
    ('grants', 'grants_entitlement', '1000000 100000 50'),
    ('grant_usage', 'grant_usage', '1000000 100000 1'),
    ('accounts', 'sqlite_autoindex_accounts_1', '300000 30000 1'),
    ('account_versions', 'sqlite_autoindex_account_versions_1', '300000 2 1'),
    ('account_versions', 'account_versions_live', '250000 25000 1'),
    ('entitlements', 'sqlite_autoindex_entitlements_1', '20000 2000 1'),
    ('entitlement_versions', 'sqlite_autoindex_entitlement_versions_1', '20000 2 1'),
    ('entitlement_versions', 'entitlement_versions_live', '18000 1800 1'),
    ('people', 'sqlite_autoindex_people_1', '100000 50000 1'),
    ('person_versions', 'sqlite_autoindex_person_versions_1', '200000 2 1'),
    ('person_versions', 'person_versions_live', '100000 50000 1'),
    ('person_versions', 'person_versions_id', '100000 1'),
    ('person_versions', 'person_versions_email', '100000 1'),
    ('person_versions', 'person_versions_manager', '100000 8'),
    ('correlations', 'correlations_person', '300000 3'),
    ('correlations', 'correlations_reason', '300000 30000 5000'),
    ('stage_rows', 'stage_rows', '300000 300000 150000 1'),
    ('stage_grants', 'stage_grants', '1000000 1000000 4 2 1'),
    ('stage_deltas', 'stage_deltas', '10000 10000 4 2 1'),
    ('items', 'items', '1000000 100000 1'),
    ('items', 'items_reviewer', '1000000 100000 100 1'),
    ('items', 'items_access', '1000000 100000 10 3');
ANALYZE sqlite_schema;
