-- What a snapshot brought and what it ended, a page at a time: without these a page would walk all that a source ever had.
-- New grants need none: their ids are in the order of the snapshots. A snapshot is of one source, so that source_id is left out: an index that
-- begins with it would be taken for the one of the live versions.
CREATE INDEX IF NOT EXISTS person_versions_first ON person_versions (first_snapshot, person_key);
CREATE INDEX IF NOT EXISTS person_versions_last ON person_versions (last_snapshot, person_key) WHERE last_snapshot IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_versions_first ON account_versions (first_snapshot, account_key);
CREATE INDEX IF NOT EXISTS account_versions_last ON account_versions (last_snapshot, account_key) WHERE last_snapshot IS NOT NULL;
CREATE INDEX IF NOT EXISTS entitlement_versions_first ON entitlement_versions (first_snapshot, entitlement_key);
CREATE INDEX IF NOT EXISTS entitlement_versions_last ON entitlement_versions (last_snapshot, entitlement_key) WHERE last_snapshot IS NOT NULL;
CREATE INDEX IF NOT EXISTS grants_ended ON grants (last_snapshot, id) WHERE last_snapshot IS NOT NULL;
CREATE INDEX IF NOT EXISTS grant_changes_last ON grant_changes (last_snapshot, grant_id);

-- As in the first migration: figures of an installation of ordinary shape, so that the planner does not guess.
DELETE FROM sqlite_stat1 WHERE idx IN ('person_versions_first', 'person_versions_last', 'account_versions_first', 'account_versions_last',
    'entitlement_versions_first', 'entitlement_versions_last', 'grants_ended', 'grant_changes_last', 'sqlite_autoindex_grant_changes_1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('person_versions', 'person_versions_first', '200000 10000 1'),
    ('person_versions', 'person_versions_last', '100000 5000 1'),
    ('account_versions', 'account_versions_first', '300000 3000 1'),
    ('account_versions', 'account_versions_last', '50000 500 1'),
    ('entitlement_versions', 'entitlement_versions_first', '20000 200 1'),
    ('entitlement_versions', 'entitlement_versions_last', '2000 20 1'),
    ('grants', 'grants_ended', '100000 1000 1'),
    ('grant_changes', 'sqlite_autoindex_grant_changes_1', '50000 5000 2 1'),
    ('grant_changes', 'grant_changes_last', '50000 500 1');
ANALYZE sqlite_schema;
