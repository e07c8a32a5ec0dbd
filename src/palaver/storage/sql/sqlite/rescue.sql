-- The greatest key a table has ever given out.
-- name: last_key
SELECT q.seq FROM sqlite_sequence q WHERE q.name = :table
