-- Until when reviewers of a run have been told what there was to tell; NULL is that nobody was told that it began. Those of the runs
-- that exist know already.
ALTER TABLE runs ADD COLUMN reminded_at INTEGER;
UPDATE runs SET reminded_at = launched_at WHERE reminded_at IS NULL;
