-- all: (system)
-- The greatest key a table has ever given out.
-- name: last_key
SELECT q.seq FROM sqlite_sequence q WHERE q.name = :table

-- name: last_message
SELECT max(m.ref) >> 32 FROM message m

-- name: last_position
SELECT max(m.ref) FROM message m WHERE m.ref BETWEEN :low AND :high
