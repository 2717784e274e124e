-- How many items of a reviewer needed no answer any more in an hour, less those whose answer was taken back in it: the burn-down of a run,
-- without looking at its items. A row a reviewer, so that reviewers do not wait for each other.
CREATE TABLE IF NOT EXISTS run_pace (
    run_id     INTEGER NOT NULL,
    hour       INTEGER NOT NULL, -- since 1970
    person_key INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (run_id, hour, person_key)
) WITHOUT ROWID;
-- Of the runs that exist only the answers that stand are known.
INSERT INTO run_pace (run_id, hour, person_key, n)
    SELECT run_id, hour, person_key, SUM(n) FROM (
        SELECT run_id, decided_at / 3600000000 AS hour, reviewer_key AS person_key, COUNT(*) AS n FROM items WHERE answer <> '' GROUP BY 1, 2, 3
        UNION ALL SELECT i.run_id, s.sealed_at / 3600000000, i.reviewer_key, COUNT(*) FROM items i JOIN snapshots s ON s.id = i.gone_snapshot WHERE i.outcome = 'gone' GROUP BY 1, 2, 3
    ) t GROUP BY 1, 2, 3;
