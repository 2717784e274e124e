-- After how many sealed lists of people the reviewers of a run who are not there any more were replaced last.
ALTER TABLE runs ADD COLUMN IF NOT EXISTS people_lists BIGINT NOT NULL DEFAULT 0;
