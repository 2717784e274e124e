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
